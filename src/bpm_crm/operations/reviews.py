"""How often processes are reviewed: setting the rhythm, and stopping."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.texts import shown
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.freezing import period_of
from bpm_crm.operations.requests import Request
from bpm_crm.operations.review_journal import ReviewChangeKind, Saved, first_answer, write_down
from bpm_crm.operations.review_periods import LAST_MONTHLY_DAY, ReviewRhythm, following
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reference import Reference
from bpm_crm.records.reviews import ScheduleRecord, last_review_end, lock_schedule_of, save_schedule

MOST_PAST = 120
"""So many periods that have ended already may be frozen when a rhythm is set."""
FARTHEST = timedelta(days=366)
"""How far ahead the first period may begin."""


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """What is asked for: reviews of a process, from a first day on; without an owner the caller is."""

    process: str
    rhythm: ReviewRhythm
    starts_on: date
    owner_id: UUID


async def set_review_period(
    database: Database, known: Reference, request: Request, asked: ScheduleDraft
) -> Saved | KeyReused | NotUnderstood:
    """Review a process in this rhythm from a day on: at or after the end of its last review, if it had one."""
    definition = known.definition(asked.process)
    if definition is None:
        return NotUnderstood((unknown_process(known, asked.process),))
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await first_answer(connection, request)) is not None:
            return answer
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        today = now.astimezone(ZoneInfo(known.tenant.zone)).date()
        before = await lock_schedule_of(connection, request.tenant_id, definition.id)
        earliest = await _earliest(connection, request.tenant_id, definition.id, known.tenant.zone)
        if problems := _problems(known, asked, today, earliest):
            return NotUnderstood(problems)
        schedule = ScheduleRecord(
            id=new_id() if before is None else before.id,
            definition_id=definition.id,
            rhythm=asked.rhythm.value,
            starts_on=asked.starts_on,
            owner_id=asked.owner_id,
            set_at=now,
            next_from=asked.starts_on,
            due_at=None,
            revision=1 if before is None else before.revision + 1,
        )
        after = replace(schedule, due_at=period_of(schedule, known.tenant.zone).due_at)
        await save_schedule(connection, request.tenant_id, after)
        kind = ReviewChangeKind.ADDED if before is None else ReviewChangeKind.CHANGED
        await write_down(connection, request, kind, before, after, now)
    return Saved(after.id)


async def stop_reviews(
    database: Database, known: Reference, request: Request, process: str
) -> Saved | KeyReused | NotUnderstood | Missing:
    """Review a process no more; what was frozen stays."""
    definition = known.definition(process)
    if definition is None:
        return NotUnderstood((unknown_process(known, process),))
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await first_answer(connection, request)) is not None:
            return answer
        before = await lock_schedule_of(connection, request.tenant_id, definition.id)
        if before is None or before.due_at is None:
            return Missing()
        after = replace(before, due_at=None, revision=before.revision + 1)
        await save_schedule(connection, request.tenant_id, after)
        now = await connection.fetchval("SELECT clock_timestamp()")
        await write_down(connection, request, ReviewChangeKind.STOPPED, before, after, now)
    return Saved(after.id)


def unknown_process(known: Reference, process: str) -> InputProblem:
    """The problem of a process that there is not."""
    keys = tuple(sorted(item.key for item in known.definitions.values()))
    return InputProblem(InputCode.UNKNOWN_PROCESS, ("process",), shown(process), keys)


async def _earliest(connection: Connection, tenant_id: UUID, definition_id: UUID, zone: str) -> date | None:
    """The first day that no review covers."""
    end = await last_review_end(connection, tenant_id, definition_id)
    return None if end is None else end.astimezone(ZoneInfo(zone)).date()


def _problems(known: Reference, asked: ScheduleDraft, today: date, earliest: date | None) -> tuple[InputProblem, ...]:
    found = []
    owner = known.users.get(asked.owner_id)
    if owner is None or not owner.is_active:
        found.append(InputProblem(InputCode.UNKNOWN_USER, ("owner",)))
    day, path = asked.starts_on, ("startsOn",)
    if asked.rhythm is not ReviewRhythm.WEEKLY and day.day > LAST_MONTHLY_DAY:
        limit = {"limit": str(LAST_MONTHLY_DAY)}
        return (*found, InputProblem(InputCode.NOT_EVERY_MONTH, path, str(day.day), params=limit))
    first = max(filter(None, (earliest, _longest_ago(asked.rhythm, today))))
    if day < first:
        found.append(InputProblem(InputCode.TOO_EARLY, path, day.isoformat(), params={"limit": first.isoformat()}))
    if day > today + FARTHEST:
        last = {"limit": (today + FARTHEST).isoformat()}
        found.append(InputProblem(InputCode.TOO_LATE, path, day.isoformat(), params=last))
    return tuple(found)


def _longest_ago(rhythm: ReviewRhythm, today: date) -> date:
    """The first day from which no more than `MOST_PAST` periods have ended."""
    if rhythm is ReviewRhythm.WEEKLY:
        return today - timedelta(days=7 * MOST_PAST)
    step = (following(date(2000, 1, 1), rhythm).month - 1) * MOST_PAST
    months = today.year * 12 + today.month - 1 - step
    return date(months // 12, months % 12 + 1, 1)
