"""Cases are migrated, and migrations undone, some at a time and by the one write path: one verdict for each case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bpm_crm.engine.migration_obstacles import MigrationCode, MigrationObstacle, obstacle_cure, obstacle_message
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor
from bpm_crm.engine.wording import LANGUAGES
from bpm_crm.operations.access import Scope
from bpm_crm.operations.commands import (
    Migrate,
    NotMigrated,
    Outcome,
    Outdated,
    Recorded,
    Tick,
    UndoMigration,
    Work,
)
from bpm_crm.operations.migration_plans import unpack_plan
from bpm_crm.operations.writer import Writer
from bpm_crm.records.case_migrations import CaseVerdict, PlanRecord, migrated_by, steps_since
from bpm_crm.records.history import HistoryRecord, load_entries
from bpm_crm.records.states import unpack_before

WAITING, MIGRATED, REFUSED, UNDONE = "waiting", "migrated", "refused", "undone"
"""The verdicts. In a dry run `migrated` means that the case would be."""

_NOT_MOVES = {"clock"}
_GONE = MigrationObstacle(MigrationCode.OUT_OF_REACH)


@dataclass(frozen=True, slots=True)
class Hand:
    """In whose name and under which request cases are migrated; a dry run decides and writes nothing."""

    tenant_id: UUID
    actor: Actor
    scope: Scope
    request_id: str
    dry_run: bool = False


async def migrate_cases(
    writer: Writer, hand: Hand, plan: PlanRecord, cases: Sequence[CaseVerdict]
) -> list[CaseVerdict]:
    """Migrate cases by a plan. One that an interrupted run of the same request has migrated is found, not migrated again."""
    command = await _command(writer, hand, plan)
    works = [_work(hand, case, Tick(), command) for case in cases]
    outcomes = await writer.submit_all(works)
    judged = [_judged(case, outcome, MIGRATED) for case, outcome in zip(cases, outcomes, strict=True)]
    elsewhere = [case.instance_id for case in judged if _has(case, MigrationCode.OTHER_VERSION)]
    if not elsewhere or hand.dry_run:
        return judged
    async with writer.database.reader(hand.tenant_id) as connection:
        done = await migrated_by(connection, hand.tenant_id, elsewhere, hand.request_id)
    return [
        CaseVerdict(case.row, case.instance_id, MIGRATED, done[case.instance_id]) if case.instance_id in done else case
        for case in judged
    ]


async def undo_cases(
    writer: Writer, hand: Hand, definition_id: UUID, cases: Sequence[CaseVerdict]
) -> list[CaseVerdict]:
    """Take cases back to what they were before the steps that migrated them (`sequence`), unless anything happened to them since."""
    steps = [(case.instance_id, case.sequence or 0) for case in cases]
    async with writer.database.reader(hand.tenant_id) as connection:
        records = {entry.instance_id: entry for entry in await load_entries(connection, hand.tenant_id, steps)}
        versions = {(entry.migration or {})["from"] for entry in records.values()}
        targets = {
            version: await writer.processes.get(connection, hand.tenant_id, definition_id, version)
            for version in versions
        }
    works = [
        _work(hand, case, _undoing(records[case.instance_id], targets), expected_sequence=case.sequence)
        for case in cases
    ]
    outcomes = await writer.submit_all(works)
    late = [step for step, outcome in zip(steps, outcomes, strict=True) if isinstance(outcome, Outdated)]
    async with writer.database.reader(hand.tenant_id) as connection:
        since = await steps_since(connection, hand.tenant_id, late) if late else {}
    return [
        _moved_on(case, since.get(case.instance_id, ()), hand)
        if isinstance(outcome, Outdated)
        else _judged(case, outcome, UNDONE)
        for case, outcome in zip(cases, outcomes, strict=True)
    ]


async def _command(writer: Writer, hand: Hand, plan: PlanRecord) -> Migrate:
    """The command of every case; both versions are made ready to run."""
    versions = (plan.from_version, plan.to_version)
    async with writer.database.reader(hand.tenant_id) as connection:
        _, target = [
            await writer.processes.get(connection, hand.tenant_id, plan.definition_id, number) for number in versions
        ]
    return Migrate(plan.from_version, plan.to_version, target, unpack_plan(plan.document).mapping)


def _work(hand: Hand, case: CaseVerdict, *commands: Any, expected_sequence: int | None = None) -> Work:
    return Work(
        hand.tenant_id,
        commands,
        hand.actor,
        instance_id=case.instance_id,
        scope=hand.scope,
        expected_sequence=expected_sequence,
        request_id=hand.request_id,
        dry_run=hand.dry_run,
    )


def _undoing(entry: HistoryRecord, targets: Mapping[int, Process]) -> UndoMigration:
    packed = entry.migration or {}
    return UndoMigration(packed["from"], targets[packed["from"]], unpack_before(packed))


def _judged(case: CaseVerdict, outcome: Outcome, verdict: str) -> CaseVerdict:
    if isinstance(outcome, Recorded):
        return CaseVerdict(case.row, case.instance_id, verdict, outcome.instance.state.sequence)
    obstacles = outcome.obstacles if isinstance(outcome, NotMigrated) else (_GONE,)
    return _refused(case, *obstacles)


def _moved_on(case: CaseVerdict, steps: Sequence[Any], hand: Hand) -> CaseVerdict:
    """Why a case is not taken back; or that an interrupted run of the same request did so."""
    first = steps[0] if steps else None
    if first is not None and (first["kind"], first["request_id"]) == ("migration_undone", hand.request_id):
        return CaseVerdict(case.row, case.instance_id, UNDONE, first["sequence"])
    is_worked_on = any(step["kind"] not in _NOT_MOVES for step in steps)
    return _refused(case, MigrationObstacle(MigrationCode.MOVED_ON if is_worked_on else MigrationCode.CLOCKS_WENT_ON))


def _refused(case: CaseVerdict, *obstacles: MigrationObstacle) -> CaseVerdict:
    return CaseVerdict(case.row, case.instance_id, REFUSED, None, [_as_json(item) for item in obstacles])


def _as_json(obstacle: MigrationObstacle) -> dict[str, Any]:
    """An obstacle as it is stored, in both languages."""
    return {
        "code": obstacle.code.value,
        "params": dict(obstacle.params),
        "message": {language: obstacle_message(obstacle, language) for language in LANGUAGES},
        "cure": {language: obstacle_cure(obstacle, language) for language in LANGUAGES},
    }


def _has(case: CaseVerdict, code: MigrationCode) -> bool:
    return any(obstacle["code"] == code.value for obstacle in case.obstacles or ())
