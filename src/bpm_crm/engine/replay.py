"""Folding history: recorded steps applied again, without asking whether they were legal, give the state they led to.

What a step decided then is taken from the record: values, owner, team. What followed from it is worked out anew: visits, checkpoints,
pauses, clocks and their verdicts. The same record gives the same step wherever and whenever it is replayed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from bpm_crm.engine.draft import Draft
from bpm_crm.engine.events import ActivityRecorded, Excluded, OwnerAssigned
from bpm_crm.engine.mapping import Before, MigrationMapping
from bpm_crm.engine.migration import apply_migration, undo
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import APPROVAL, Activity, Step


class StepKind(StrEnum):
    """What a recorded step was."""

    STARTED = "started"
    TRANSITION = "transition"
    FORCED = "forced"
    ACTIVITY = "activity"
    ASSIGNMENT = "assignment"
    EXCLUSION = "exclusion"
    CLOCK = "clock"
    MIGRATION = "migration"
    MIGRATION_UNDONE = "migration_undone"


MIGRATIONS = frozenset({StepKind.MIGRATION, StepKind.MIGRATION_UNDONE})


class NotReplayable(ValueError):
    """A record that names what its version does not know, or that cannot follow the state before it."""


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """What is kept of a step. `at` is when it happened; of a passing of time, when the last thing in it fell due (microseconds).

    `owner`, `team` and `exclusion` are those after the step, `stage` is where a move led, `data` holds the values that changed
    (None: emptied), `actor` is who acted, `subject` what guards may know of the deal, given with the first step. A migration has its
    `mapping`, and what it may have changed as it was `before`; so has its undoing, which restores that.
    """

    kind: StepKind
    at: int
    owner: str | None = None
    team: str | None = None
    exclusion: str | None = None
    stage: str | None = None
    transition: str | None = None
    reason: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    activity: Activity | None = None
    actor: str | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    mapping: MigrationMapping | None = None
    before: Before | None = None


def replay(
    process: Process, state: InstanceState | None, recorded: RecordedStep, source: Process | None = None
) -> Step:
    """Apply a recorded step to the state before it (None: the case begins). `NotReplayable` where it does not fit.

    `process` is the version that the record names, `source` that of the record before it: where they differ, the step is a migration.
    """
    if (state is None) != (recorded.kind is StepKind.STARTED):
        raise NotReplayable("a case begins with its start, and only once")
    if state is not None and recorded.kind in MIGRATIONS:
        return _migrated(process, state, recorded, process if source is None else source)
    if source not in {None, process}:
        raise NotReplayable("the version changes without a migration")
    draft = Draft(process, _before(process, recorded) if state is None else state, _applied_at(recorded))
    draft.catch_up()
    match recorded.kind:
        case StepKind.STARTED:
            draft.begin(recorded.data)
        case StepKind.TRANSITION | StepKind.FORCED:
            _move(draft, recorded)
        case StepKind.ACTIVITY:
            _act(draft, recorded)
        case StepKind.ASSIGNMENT | StepKind.EXCLUSION | StepKind.CLOCK | StepKind.MIGRATION | StepKind.MIGRATION_UNDONE:
            pass
        case _:
            assert_never(recorded.kind)
    _settle(draft, recorded)
    return Step(draft.state(), tuple(draft.events))


def _migrated(process: Process, state: InstanceState, recorded: RecordedStep, source: Process) -> Step:
    if recorded.before is None or recorded.mapping is None:
        raise NotReplayable("how it was migrated is not said")
    if recorded.kind is StepKind.MIGRATION_UNDONE:
        return undo(source, state, recorded.before, recorded.at)
    return apply_migration(source, process, state, recorded.mapping, recorded.at)


def _applied_at(recorded: RecordedStep) -> int:
    """The instant the step is applied at: time passes up to it, without it, so the last thing that fell due lies just before."""
    return recorded.at + 1 if recorded.kind is StepKind.CLOCK else recorded.at


def _before(process: Process, recorded: RecordedStep) -> InstanceState:
    return InstanceState(
        stage=_stage(process, recorded),
        sequence=0,
        started_at=recorded.at,
        entered_at=recorded.at,
        owner=recorded.owner,
        team=recorded.team,
        subject=recorded.subject,
        exclusion=recorded.exclusion,
    )


def _move(draft: Draft, recorded: RecordedStep) -> None:
    target = _stage(draft.process, recorded)
    if recorded.kind is StepKind.FORCED:
        draft.force(target)
        return
    transition = draft.process.definition.transitions.get(recorded.transition or "")
    if transition is None:
        raise NotReplayable(f"its version has no transition “{recorded.transition}”")
    draft.move(transition, target, recorded.data, recorded.reason)


def _act(draft: Draft, recorded: RecordedStep) -> None:
    act = recorded.activity
    if act is None:
        raise NotReplayable("the activity is not said")
    event = ActivityRecorded(act.kind, act.direction, act.automated, act.transition)
    draft.act(event, recorded.actor if act.kind == APPROVAL else None)


def _settle(draft: Draft, recorded: RecordedStep) -> None:
    """Give the case the owner, the team and the exclusion it had after the step."""
    changed = (draft.owner, draft.team) != (recorded.owner, recorded.team)
    draft.owner, draft.team, draft.exclusion = recorded.owner, recorded.team, recorded.exclusion
    if changed or recorded.kind is StepKind.ASSIGNMENT:
        draft.events.append(OwnerAssigned(draft.owner, draft.team))
    if recorded.kind is StepKind.EXCLUSION:
        draft.events.append(Excluded(draft.exclusion))


def _stage(process: Process, recorded: RecordedStep) -> str:
    if recorded.stage is None or recorded.stage not in process.definition.stages:
        raise NotReplayable(f"its version has no stage “{recorded.stage}”")
    return recorded.stage
