"""Rollouts: a version takes a share of the new cases of each channel beside the one before, until it is stopped or takes them all."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.leads import unknown_version
from bpm_crm.operations.process_journal import ProcessChangeKind, Repeated, author_of, first_answer, write_down
from bpm_crm.operations.requests import Request
from bpm_crm.records.database import Connection, Database, Row
from bpm_crm.records.definitions import load_version, lock_definition, set_current
from bpm_crm.records.identifiers import as_uuid, new_id
from bpm_crm.records.notices import announce_reference
from bpm_crm.records.rollouts import FINISHED, RUNNING, RolloutRecord, load_rollouts, running_rollout, save_rollout

LEAST_SHARE, MOST_SHARE = 1, 99
CHECK_EVERY = timedelta(minutes=5)


class RolloutStatus(StrEnum):
    """How a rollout stands."""

    RUNNING = RUNNING
    STOPPED = "stopped"
    TRIPPED = "tripped"
    FINISHED = FINISHED


@dataclass(frozen=True, slots=True)
class RolloutRuns:
    """The process is being rolled out: what new cases take is settled by that. Nothing was written."""

    process: str
    version_b: int


@dataclass(frozen=True, slots=True)
class GuardRail:
    """Stop when the attainment of a clock is lower under B than under A by more than `drop` (0.05: five points), beyond doubt."""

    clock: str
    drop: Decimal


@dataclass(frozen=True, slots=True)
class AskedRollout:
    """Which version (B) takes how many per cent of the new cases."""

    process: str
    version: int
    share: int
    guard: GuardRail | None = None


@dataclass(frozen=True, slots=True)
class RolloutSaved:
    """The rollout is so now, or was made so by the first request with this idempotency key."""

    process: str
    rollout: RolloutRecord
    is_repeated: bool = False


RolloutRefusal = KeyReused | Missing | NotUnderstood | RolloutRuns


async def start_rollout(database: Database, request: Request, asked: AskedRollout) -> RolloutSaved | RolloutRefusal:
    """Send a share of the new cases of each channel to a version; the others go on as they are."""
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await _repeated(connection, request)) is not None:
            return answer
        definition = await lock_definition(connection, request.tenant_id, asked.process)
        if definition is None:
            return Missing()
        running = await running_rollout(connection, request.tenant_id, definition["id"])
        if running is not None:
            return RolloutRuns(asked.process, running.version_b)
        problems = await _problems(connection, request, asked, definition)
        if problems:
            return NotUnderstood(tuple(problems))
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        rollout = RolloutRecord(
            id=new_id(),
            definition_id=definition["id"],
            version_a=_taken(definition),
            version_b=asked.version,
            share=asked.share,
            guard_clock=None if asked.guard is None else asked.guard.clock,
            guard_drop=None if asked.guard is None else asked.guard.drop,
            status=RolloutStatus.RUNNING.value,
            started_at=now,
            started_by=author_of(request),
            ended_at=None,
            check_at=None if asked.guard is None else now + CHECK_EVERY,
            revision=1,
            figures=None,
        )
        await set_current(connection, request.tenant_id, definition["id"], rollout.version_a)
        await _save(connection, request, asked.process, ProcessChangeKind.ROLLOUT_STARTED, rollout, now)
    return RolloutSaved(asked.process, rollout)


async def change_rollout(
    database: Database, request: Request, process: str, share: int
) -> RolloutSaved | RolloutRefusal:
    """Send another share of the new cases to the version that is being rolled out."""
    if problems := _share_problems(share):
        return NotUnderstood(tuple(problems))
    return await _change(database, request, process, ProcessChangeKind.ROLLOUT_CHANGED, share)


async def stop_rollout(database: Database, request: Request, process: str) -> RolloutSaved | RolloutRefusal:
    """Send all new cases to the version before again; those under way stay where they are."""
    return await _change(database, request, process, ProcessChangeKind.ROLLOUT_STOPPED)


async def finish_rollout(database: Database, request: Request, process: str) -> RolloutSaved | RolloutRefusal:
    """Send all new cases to the version that was rolled out."""
    return await _change(database, request, process, ProcessChangeKind.ROLLOUT_FINISHED)


async def end(
    connection: Connection, request: Request, definition: Row, kind: ProcessChangeKind, rollout: RolloutRecord
) -> RolloutRecord:
    """End a locked rollout: finished, new cases take version B; stopped or tripped, version A."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    status = _ENDS[kind]
    taken = rollout.version_b if status is RolloutStatus.FINISHED else rollout.version_a
    await set_current(
        connection, request.tenant_id, rollout.definition_id, None if taken == definition["latest_version"] else taken
    )
    ended = replace(rollout, status=status.value, ended_at=now, check_at=None)
    await _save(connection, request, definition["key"], kind, ended, now)
    return ended


_ENDS = {
    ProcessChangeKind.ROLLOUT_STOPPED: RolloutStatus.STOPPED,
    ProcessChangeKind.ROLLOUT_TRIPPED: RolloutStatus.TRIPPED,
    ProcessChangeKind.ROLLOUT_FINISHED: RolloutStatus.FINISHED,
}


async def _change(
    database: Database, request: Request, process: str, kind: ProcessChangeKind, share: int | None = None
) -> RolloutSaved | RolloutRefusal:
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await _repeated(connection, request)) is not None:
            return answer
        definition = await lock_definition(connection, request.tenant_id, process)
        rollout = None if definition is None else await running_rollout(connection, request.tenant_id, definition["id"])
        if definition is None or rollout is None:
            return Missing()
        if share is None:
            return RolloutSaved(process, await end(connection, request, definition, kind, rollout))
        now = await connection.fetchval("SELECT clock_timestamp()")
        rollout = replace(rollout, share=share, revision=rollout.revision + 1)
        await _save(connection, request, process, kind, rollout, now)
    return RolloutSaved(process, rollout)


async def _repeated(connection: Connection, request: Request) -> RolloutSaved | KeyReused | None:
    answer = await first_answer(connection, request)
    if not isinstance(answer, Repeated):
        return answer
    rollout_id = as_uuid(answer.values["rollout"])
    found = await load_rollouts(connection, request.tenant_id, [rollout_id])
    return RolloutSaved(answer.process, found[rollout_id], is_repeated=True)


async def _save(
    connection: Connection,
    request: Request,
    process: str,
    kind: ProcessChangeKind,
    rollout: RolloutRecord,
    at: datetime,
) -> None:
    await save_rollout(connection, request.tenant_id, rollout)
    values = {
        "rollout": str(rollout.id),
        "version_a": rollout.version_a,
        "version_b": rollout.version_b,
        "share": rollout.share,
        "guard_clock": rollout.guard_clock,
        "guard_drop": None if rollout.guard_drop is None else str(rollout.guard_drop),
        "figures": rollout.figures,
    }
    known = {name: value for name, value in values.items() if value is not None}
    await write_down(connection, request, kind, process, at, known)
    await announce_reference(connection, request.tenant_id)


async def _problems(
    connection: Connection, request: Request, asked: AskedRollout, definition: Row
) -> list[InputProblem]:
    latest, taken = definition["latest_version"], _taken(definition)
    found = _share_problems(asked.share)
    if definition["retired_at"] is not None:
        found.append(InputProblem(InputCode.PROCESS_RETIRED, ("process",), asked.process))
    if not 1 <= asked.version <= latest:
        return [*found, unknown_version(asked.version, latest, ("version",))]
    if asked.version == taken:
        others = tuple(str(number) for number in range(max(1, latest - 19), latest + 1) if number != taken)
        return [*found, InputProblem(InputCode.SAME_VERSION, ("version",), str(taken), others)]
    if asked.guard is None:
        return found
    clocks = [
        (row or {"document": {}})["document"].get("clocks", {})
        for number in (taken, asked.version)
        for row in [await load_version(connection, request.tenant_id, definition["id"], number)]
    ]
    common = tuple(key for key in clocks[0] if key in clocks[1])
    if asked.guard.clock not in common:
        found.append(InputProblem(InputCode.UNKNOWN_CLOCK, ("guardRail", "clock"), shown(asked.guard.clock), common))
    found += _bounds(asked.guard.drop, Decimal("0.001"), Decimal(1), ("guardRail", "drop"))
    return found


def _share_problems(share: int) -> list[InputProblem]:
    return _bounds(share, LEAST_SHARE, MOST_SHARE, ("share",))


def _bounds(
    value: Decimal | int, least: Decimal | int, most: Decimal | int, path: tuple[str, ...]
) -> list[InputProblem]:
    if value < least:
        return [InputProblem(InputCode.TOO_SMALL, path, str(value), params={"limit": str(least)})]
    if value > most:
        return [InputProblem(InputCode.TOO_LARGE, path, str(value), params={"limit": str(most)})]
    return []


def _taken(definition: Row) -> int:
    version: int = definition["current_version"] or definition["latest_version"]
    return version
