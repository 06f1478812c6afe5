"""Decides work without touching the database: from a case and what is asked of it to its next state and history rows."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from bpm_crm.engine import step as engine
from bpm_crm.engine.blockers import InputCode, InputProblem, Malformed, Refused
from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.instants import FIRST_YEAR, instant_of, moment_of
from bpm_crm.engine.migration import MigrationRefused, migrate, undo
from bpm_crm.engine.migration_obstacles import MigrationCode, MigrationObstacle
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Step
from bpm_crm.operations.commands import (
    Assign,
    Capture,
    Command,
    Exclude,
    Fire,
    Force,
    Migrate,
    Missing,
    NotAllowed,
    NothingDue,
    NotMigrated,
    NotUnderstood,
    Outcome,
    Outdated,
    Record,
    Recorded,
    Tick,
    UndoMigration,
    Work,
)
from bpm_crm.records.entries import FIRST_HASH, Circumstances, HistoryEntry, entry_of
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.instances import InstanceRecord

CLOCK_SKEW = timedelta(seconds=60)


@dataclass(slots=True)
class Decision:
    """What is to be written for one work: the case before (None: new) and after, and its history rows; or why nothing is."""

    work: Work
    before: InstanceRecord | None = None
    after: InstanceRecord | None = None
    entries: list[HistoryEntry] = field(default_factory=list)
    refusal: Outcome | None = None

    @property
    def outcome(self) -> Outcome:
        """The answer to the work, once its rows are committed."""
        if self.refusal is not None:
            return self.refusal
        if self.after is None:
            return NothingDue()
        return Recorded(self.after, tuple(self.entries))


@dataclass(frozen=True, slots=True)
class NewCase:
    """The identities of a case about to begin."""

    id: UUID
    deal_id: UUID | None
    customer_id: UUID | None
    lead_id: UUID | None


def decide(
    work: Work, record: InstanceRecord | None, process: Process, now: datetime, new: NewCase | None = None
) -> Decision:
    """Carry out the commands of a work in memory, all or none; `now` is the database's time."""
    decision = Decision(work, before=record)
    if record is not None:
        if not work.scope.covers_state(record.state, record.channel_id):
            return replace(decision, refusal=Missing())
        if work.expected_sequence not in {None, record.state.sequence}:
            return replace(decision, refusal=Outdated(record, work.expected_sequence or 0))
    for number, command in enumerate(work.commands):
        performer = work.performer(number)
        taken = _take(command, work, performer, record, process, now, new)
        if isinstance(taken, InputProblem):
            return replace(decision, entries=[], after=None, refusal=NotUnderstood((taken,), number))
        result, after, occurred_at = taken
        if isinstance(result, Malformed):
            return replace(decision, entries=[], after=None, refusal=NotUnderstood(result.problems, number))
        if isinstance(result, Refused):
            if record is None:
                raise LookupError("a refusal before the case began")
            return replace(decision, entries=[], after=None, refusal=NotAllowed(result.blockers, record, number))
        if isinstance(result, MigrationRefused) and record is not None:
            return replace(decision, entries=[], after=None, refusal=NotMigrated(result.obstacles, record))
        if not isinstance(result, Step) or after is None:
            continue
        under = command.target if isinstance(command, Migrate | UndoMigration) else process
        record = _append(decision, record, after, result, command, performer, occurred_at, under, now)
    return decision


Taken = tuple[Step | Refused | Malformed | MigrationRefused | None, InstanceRecord | None, int]


def _take(
    command: Command,
    work: Work,
    performer: Actor,
    record: InstanceRecord | None,
    process: Process,
    now: datetime,
    new: NewCase | None,
) -> Taken | InputProblem:
    if command.occurred_at is not None and command.occurred_at > now + CLOCK_SKEW:
        return InputProblem(InputCode.IN_THE_FUTURE, ("occurredAt",), command.occurred_at.isoformat())
    if command.occurred_at is not None and command.occurred_at.year < FIRST_YEAR:
        years = {"first": str(FIRST_YEAR), "last": str(now.year)}
        return InputProblem(InputCode.OUT_OF_RANGE, ("occurredAt",), command.occurred_at.isoformat(), params=years)
    if isinstance(command, Capture):
        return _begin(command, work, process, now, new)
    if record is None:
        raise LookupError("the first command of a new case is its capture")
    at = _happened_at(command, record.state, now)
    if isinstance(command, Migrate):
        return _migration(command, record, process, at), record._replace(version=command.to_version), at
    if isinstance(command, UndoMigration):
        result = undo(process, record.state, command.before, at)
        return result, record._replace(version=command.to_version), at
    return _step(command, performer, record.state, process, at), record, at


def _migration(command: Migrate, record: InstanceRecord, process: Process, at: int) -> Step | MigrationRefused:
    if record.version != command.from_version:
        obstacle = MigrationObstacle(MigrationCode.OTHER_VERSION, {"version": str(record.version)})
        return MigrationRefused((obstacle,))
    return migrate(process, command.target, record.state, command.mapping, at)


def _begin(command: Capture, work: Work, process: Process, now: datetime, new: NewCase | None) -> Taken:
    if new is None:
        raise LookupError("a capture needs the identities of its case")
    at = instant_of(now if command.occurred_at is None else min(command.occurred_at, now))
    result = engine.start(
        process,
        data=command.data,
        owner=None if command.owner_id is None else str(command.owner_id),
        team=None if command.team_id is None else str(command.team_id),
        subject={"channel": command.channel_key, "region": command.region or ""},
        exclusion=command.exclusion,
        at=at,
    )
    if isinstance(result, Malformed):
        return result, None, at
    return result, _first_record(command, work, result.state, now, new), at


def _first_record(command: Capture, work: Work, state: InstanceState, now: datetime, new: NewCase) -> InstanceRecord:
    return InstanceRecord(
        tenant_id=work.tenant_id,
        id=new.id,
        definition_id=command.definition_id,
        version=command.version,
        deal_id=new.deal_id,
        customer_id=new.customer_id,
        channel_id=command.channel_id,
        campaign_id=command.campaign_id,
        region=command.region,
        external_id=command.external_id,
        fingerprint=command.fingerprint,
        state=state,
        outcome=None,
        recorded_at=now,
        head=FIRST_HASH,
        lead_id=new.lead_id,
    )


def _step(
    command: Fire | Force | Record | Assign | Exclude | Tick,
    performer: Actor,
    state: InstanceState,
    process: Process,
    at: int,
) -> Step | Refused | Malformed | None:
    match command:
        case Fire(trigger, data, reason):
            return engine.fire(process, state, trigger, data, reason, performer, at)
        case Force(stage):
            return engine.force(process, state, stage, at)
        case Record(activity):
            return engine.record(process, state, activity, performer, at)
        case Assign(owner_id, team_id, keep_owner=keep_owner):
            owner = state.owner if keep_owner else None if owner_id is None else str(owner_id)
            return engine.assign(process, state, owner, state.team if team_id is None else str(team_id), at)
        case Exclude(exclusion):
            return engine.exclude(process, state, exclusion, at)
        case Tick():
            return engine.tick(process, state, at)
        case _:
            assert_never(command)


def _happened_at(command: Command, state: InstanceState, now: datetime) -> int:
    """When the command happened: as stated (at most now), else now, which never lies before what the case knows already."""
    if command.occurred_at is not None:
        return instant_of(min(command.occurred_at, now))
    return max(instant_of(now), state.entered_at)


def _append(
    decision: Decision,
    before: InstanceRecord | None,
    base: InstanceRecord,
    result: Step,
    command: Command,
    performer: Actor,
    occurred_at: int,
    process: Process,
    now: datetime,
) -> InstanceRecord:
    """Add one step to a decision: the next record of the case and its history row."""
    state = result.state
    kind = process.definition.stages[state.stage].kind
    recorded_at = now if before is None else max(now, before.recorded_at)
    after = base._replace(
        state=state, outcome=kind.value if state.ended_at is not None else None, recorded_at=recorded_at
    )
    if isinstance(command, Tick):
        occurred_at = max(event.at for event in result.events if isinstance(event, ClockEvent))
    circumstances = Circumstances(
        occurred_at=moment_of(occurred_at),
        recorded_at=recorded_at,
        actor_id=None if performer.id is None else as_uuid(performer.id),
        actor_kind=performer.kind,
        request_id=decision.work.request_id,
        comment=command.comment,
    )
    entry = entry_of(before, after, result.events, circumstances, process.personal_fields)
    after = after._replace(head=entry.hash)
    decision.entries.append(entry)
    decision.after = after
    return after
