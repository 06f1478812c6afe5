"""How long each process works in a period, by its business calendar."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import FIRST_INSTANT, Frame, Question, Version
from bpm_crm.analytics.statements import report, statement
from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.calendar_spec import CalendarSpec
from bpm_crm.engine.instants import instant_of
from bpm_crm.processes.document import CalendarPart
from bpm_crm.processes.hours import exceptions_of, week_of
from bpm_crm.records.database import Connection

_CALENDARS = report("calendars")
_HOUR = 3_600_000_000


async def hours_worked(
    connection: Connection, frame: Frame, question: Question, versions: Sequence[Version]
) -> dict[UUID, Decimal | None]:
    """The hours that each process worked in the period up to `as_of`, by its definition; None for a period without a beginning."""
    values = {
        "definitions": [version.definition_id for version in versions],
        "versions": [version.number for version in versions],
    }
    found = statement(_CALENDARS, question.tenant_id, values)
    rows = await connection.fetch(found.text, *found.values)
    since, until = question.since, min(question.until, frame.as_of)
    return {
        row["definition_id"]: None
        if since == FIRST_INSTANT
        else _hours(row["calendar"], instant_of(since), instant_of(max(since, until)))
        for row in rows
    }


async def working_hours(
    connection: Connection, frame: Frame, question: Question, versions: Sequence[Version]
) -> dict[str, list[Any]]:
    """The same as named values."""
    found = await hours_worked(connection, frame, question, versions)
    return {"hours_definitions": list(found), "hours_hours": list(found.values())}


def _hours(calendar: Any, since: int, until: int) -> Decimal:
    part = CalendarPart.model_validate(calendar)
    spec = CalendarSpec(part.zone, week_of(part), exceptions_of(part))
    return Decimal(BusinessCalendar(spec).between(since, until)) / _HOUR
