"""How long before its due instant a cycle of a clock can have been given it: what keeps a question about a period from all of history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from bpm_crm.analytics.frames import FIRST_INSTANT, Question, Version
from bpm_crm.analytics.version_cache import VersionCache, VersionKey
from bpm_crm.analytics.version_definitions import load_definitions
from bpm_crm.engine.calendar import AlwaysOpen, BusinessCalendar
from bpm_crm.engine.calendar_spec import CalendarSpec
from bpm_crm.engine.definition import ProcessDefinition, Span
from bpm_crm.engine.duration import WorkingTime
from bpm_crm.engine.instants import InstantOutOfRange, instant_of, moment_of
from bpm_crm.engine.years import NoWorkingTime
from bpm_crm.records.database import Connection

_MARGIN = timedelta(days=1)
"""What is due at an opening may have been given that instant at the closing before."""
_HOUR = 3_600
_MICROSECONDS = 1_000_000


class Reach(NamedTuple):
    """The longest target of a version on one calendar, in microseconds of its working time."""

    calendar: BusinessCalendar
    longest: int


async def targets_set_since(connection: Connection, question: Question, versions: Sequence[Version]) -> datetime:
    """From when on every cycle that is due in the period of a question has been given that due instant, at its start or when it went on."""
    since = question.since
    if since == FIRST_INSTANT:
        return since
    keys = [(version.definition_id, version.number) for version in versions]
    reaches = await _REACHES.read(connection, question.tenant_id, keys)
    at = instant_of(since)
    try:
        earliest = min((reach.calendar.add(at, -reach.longest) for some in reaches for reach in some), default=at)
    except (InstantOutOfRange, NoWorkingTime):
        return FIRST_INSTANT
    return moment_of(earliest) - _MARGIN


def _reaches(definition: ProcessDefinition) -> tuple[Reach, ...]:
    """The reach on the business calendar of a process, and on that of its clocks that never stand still."""
    found = []
    for always_open in (False, True):
        calendar = AlwaysOpen() if always_open else BusinessCalendar(definition.calendar)
        spans = [
            span
            for policy in definition.policies.values()
            if policy.always_open is always_open
            for span in policy.targets.values()
        ]
        if spans:
            found.append(Reach(calendar, max(_working_time(span, calendar.spec) for span in spans)))
    return tuple(found)


def _working_time(span: Span, spec: CalendarSpec) -> int:
    """A target in working time; one of business days as if each of them, and the one it starts in, were the longest there is.

    A clock that goes on after a pause has so much working time left at most, on days that may be shorter.
    """
    if isinstance(span, WorkingTime):
        return span.microseconds
    days = (*spec.week.values(), *spec.exceptions.values())
    longest = max(sum(closes - opens for opens, closes in hours) for hours in days)
    return (span.days + 1) * (longest + _HOUR) * _MICROSECONDS


async def _load(
    connection: Connection, tenant_id: UUID, keys: Sequence[VersionKey]
) -> dict[VersionKey, tuple[Reach, ...]]:
    definitions = await load_definitions(connection, tenant_id, keys)
    return {key: _reaches(definition) for key, definition in definitions.items()}


_REACHES = VersionCache(1_024, _load)
