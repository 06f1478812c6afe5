"""How long each process works in a period, by its business calendar."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.analytics.frames import FIRST_INSTANT, Frame, Question, Version
from bpm_crm.analytics.version_cache import VersionCache, VersionKey
from bpm_crm.analytics.version_definitions import load_definitions
from bpm_crm.engine.calendar import BusinessCalendar
from bpm_crm.engine.instants import instant_of
from bpm_crm.records.database import Connection

_HOUR = 3_600_000_000


async def hours_worked(
    connection: Connection, frame: Frame, question: Question, versions: Sequence[Version]
) -> dict[UUID, Decimal | None]:
    """The hours that each process worked in the period up to `as_of` by the calendar of its newest version; None for a period without a
    beginning."""
    newest = {version.definition_id: version.number for version in versions}
    calendars = await _CALENDARS.read(connection, question.tenant_id, list(newest.items()))
    since, until = question.since, min(question.until, frame.as_of)
    if since == FIRST_INSTANT:
        return dict.fromkeys(newest)
    first, end = instant_of(since), instant_of(max(since, until))
    return {
        definition: Decimal(calendar.between(first, end)) / _HOUR
        for definition, calendar in zip(newest, calendars, strict=True)
    }


async def working_hours(
    connection: Connection, frame: Frame, question: Question, versions: Sequence[Version]
) -> dict[str, list[Any]]:
    """The same as named values."""
    found = await hours_worked(connection, frame, question, versions)
    return {"hours_definitions": list(found), "hours_hours": list(found.values())}


async def _load(
    connection: Connection, tenant_id: UUID, keys: Sequence[VersionKey]
) -> dict[VersionKey, BusinessCalendar]:
    definitions = await load_definitions(connection, tenant_id, keys)
    return {key: BusinessCalendar(definition.calendar) for key, definition in definitions.items()}


_CALENDARS = VersionCache(1_024, _load)
