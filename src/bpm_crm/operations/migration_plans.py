"""Plans of migrations: proposed, edited, stored as numbered revisions, read back as they were stored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.migration_plan import MigrationPlan, plan_problems, propose
from bpm_crm.engine.migration_proposal import Because, Proposal
from bpm_crm.engine.process import Process
from bpm_crm.operations.commands import KeyReused, NotUnderstood
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.requests import digest_of
from bpm_crm.records.case_migrations import PlanRecord, insert_plan, lock_plans, newest_plan, plan_of_key
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.definitions import load_versions
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reference import DefinitionRecord
from bpm_crm.records.states import pack_mapping


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A plan that somebody asks for: between which versions, what of it is given, and which revision they had seen (None: any)."""

    definition: DefinitionRecord
    from_version: int
    to_version: int
    given: MigrationMapping
    by: UUID
    at: datetime
    expected_revision: int | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A stored revision, and whether it was stored before."""

    record: PlanRecord
    is_repeated: bool


@dataclass(frozen=True, slots=True)
class PlanOutdated:
    """Somebody else has stored a newer revision."""

    current: int
    expected: int


async def plan_migration(
    database: Database, processes: ProcessCache, tenant_id: UUID, asked: PlanRequest
) -> Planned | PlanOutdated | NotUnderstood | KeyReused:
    """Store the next revision of a plan: what was given, and proposals for the rest. One that says what the newest says is that one.

    Proposals are made in a thread, before anything is locked: between large versions they take long.
    """
    fingerprint = digest_of(
        [asked.definition.key, asked.from_version, asked.to_version, pack_mapping(asked.given), asked.expected_revision]
    )
    async with database.reader(tenant_id) as connection:
        if (answer := await _first_answer(connection, tenant_id, asked, fingerprint)) is not None:
            return answer
        pair = await _versions(connection, processes, tenant_id, asked)
    if isinstance(pair, NotUnderstood):
        return pair
    document = await asyncio.to_thread(_proposed, *pair, asked.given)
    if isinstance(document, NotUnderstood):
        return document
    async with database.transaction(tenant_id) as connection:
        await lock_plans(connection, tenant_id, asked.definition.id)
        answer = await _first_answer(connection, tenant_id, asked, fingerprint)
        return answer or await _stored(connection, tenant_id, asked, document, fingerprint)


async def _first_answer(
    connection: Connection, tenant_id: UUID, asked: PlanRequest, fingerprint: bytes
) -> Planned | KeyReused | None:
    if asked.idempotency_key is None:
        return None
    known = await plan_of_key(connection, tenant_id, asked.by, asked.idempotency_key)
    if known is None:
        return None
    return Planned(known, is_repeated=True) if known.fingerprint == fingerprint else KeyReused(asked.idempotency_key)


def _proposed(source: Process, target: Process, given: MigrationMapping) -> dict[str, Any] | NotUnderstood:
    problems = plan_problems(source.definition, target.definition, given)
    return NotUnderstood(problems) if problems else pack_plan(propose(source.definition, target.definition, given))


async def _stored(
    connection: Connection, tenant_id: UUID, asked: PlanRequest, document: Mapping[str, Any], fingerprint: bytes
) -> Planned | PlanOutdated:
    newest = await newest_plan(connection, tenant_id, asked.definition.id, asked.from_version, asked.to_version)
    current = 0 if newest is None else newest.revision
    if asked.expected_revision not in {None, current}:
        return PlanOutdated(current, asked.expected_revision or 0)
    if newest is not None and newest.document == document and asked.idempotency_key is None:
        return Planned(newest, is_repeated=False)
    record = PlanRecord(
        id=new_id(),
        definition_id=asked.definition.id,
        from_version=asked.from_version,
        to_version=asked.to_version,
        revision=current + 1,
        document=document,
        created_at=asked.at,
        created_by=asked.by,
        fingerprint=fingerprint,
    )
    await insert_plan(connection, tenant_id, record, asked.idempotency_key)
    return Planned(record, is_repeated=False)


def pack_plan(plan: MigrationPlan) -> dict[str, Any]:
    """A plan as JSON."""
    parts = {"stages": plan.stages, "clocks": plan.clocks, "checkpoints": plan.checkpoints}
    return {
        **{part: [_pack(item) for item in proposals] for part, proposals in parts.items()},
        "waived_clocks": sorted(plan.waived_clocks),
        "waived_fields": sorted(plan.waived_fields),
        "started_clocks": sorted(plan.started_clocks),
    }


def unpack_plan(packed: Mapping[str, Any]) -> MigrationPlan:
    """The plan that `pack_plan` packed."""
    parts = {part: tuple(map(_unpack, packed[part])) for part in ("stages", "clocks", "checkpoints")}
    return MigrationPlan(
        **parts,
        waived_clocks=frozenset(packed["waived_clocks"]),
        waived_fields=frozenset(packed["waived_fields"]),
        started_clocks=frozenset(packed["started_clocks"]),
    )


def _pack(item: Proposal) -> list[Any]:
    return [item.key, item.to, item.confidence, [reason.value for reason in item.because]]


def _unpack(packed: list[Any]) -> Proposal:
    key, to, confidence, because = packed
    return Proposal(key, to, confidence, tuple(map(Because, because)))


async def _versions(
    connection: Connection, processes: ProcessCache, tenant_id: UUID, asked: PlanRequest
) -> tuple[Process, Process] | NotUnderstood:
    rows = await load_versions(connection, tenant_id, [asked.definition.id])
    known = tuple(str(row["version"]) for row in reversed(rows))
    wanted = {"fromVersion": asked.from_version, "toVersion": asked.to_version}
    problems = [
        InputProblem(InputCode.UNKNOWN_VERSION, (name,), str(version), known)
        for name, version in wanted.items()
        if str(version) not in known
    ]
    if not problems and asked.from_version == asked.to_version:
        problems = [InputProblem(InputCode.SAME_VERSION, ("toVersion",), str(asked.to_version))]
    if problems:
        return NotUnderstood(tuple(problems))
    source = await processes.get(connection, tenant_id, asked.definition.id, asked.from_version)
    return source, await processes.get(connection, tenant_id, asked.definition.id, asked.to_version)
