"""How long before its due instant a cycle of a clock can have been given it: what keeps a question about a period from all of history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from bpm_crm.analytics.frames import FIRST_INSTANT, Question, Version
from bpm_crm.analytics.statements import report, statement
from bpm_crm.analytics.version_cache import VersionCache, VersionKey
from bpm_crm.engine.calendar import AlwaysOpen, BusinessCalendar
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.duration import WorkingTime
from bpm_crm.engine.instants import InstantOutOfRange, instant_of, moment_of
from bpm_crm.engine.years import NoWorkingTime
from bpm_crm.processes.definitions import restore
from bpm_crm.records.database import Connection

_DOCUMENTS = report("documents")
_MARGIN = timedelta(days=8)
"""For what is left of a target in days when a clock goes on, which is counted by hours."""


class Reach(NamedTuple):
    """The longest targets of a version, on one calendar: working time in microseconds, and business days."""

    calendar: BusinessCalendar
    working: int
    days: int


async def targets_set_since(connection: Connection, question: Question, versions: Sequence[Version]) -> datetime:
    """From when on every cycle that is due in the period of a question has been given that due instant, at its start or when it went on."""
    since = question.since
    if since == FIRST_INSTANT:
        return since
    keys = [(version.definition_id, version.number) for version in versions]
    reaches = await _REACHES.read(connection, question.tenant_id, keys)
    at = instant_of(since)
    try:
        earliest = min((_earliest(reach, at) for some in reaches for reach in some), default=at)
    except (InstantOutOfRange, NoWorkingTime):
        return FIRST_INSTANT
    return moment_of(earliest) - _MARGIN


def _earliest(reach: Reach, at: int) -> int:
    return min(reach.calendar.add(at, -reach.working), reach.calendar.add_days(at, -reach.days))


def _reaches(definition: ProcessDefinition) -> tuple[Reach, ...]:
    """By calendar: the business calendar of the process, and that of clocks that never stand still."""
    found = []
    for always_open in (False, True):
        spans = [
            span
            for policy in definition.policies.values()
            if policy.always_open is always_open
            for span in policy.targets.values()
        ]
        if spans:
            calendar = AlwaysOpen() if always_open else BusinessCalendar(definition.calendar)
            working = max((span.microseconds for span in spans if isinstance(span, WorkingTime)), default=0)
            days = max((span.days for span in spans if not isinstance(span, WorkingTime)), default=0)
            found.append(Reach(calendar, working, days))
    return tuple(found)


async def _load(
    connection: Connection, tenant_id: UUID, keys: Sequence[VersionKey]
) -> dict[VersionKey, tuple[Reach, ...]]:
    values = {"definitions": [key[0] for key in keys], "versions": [key[1] for key in keys]}
    found = statement(_DOCUMENTS, tenant_id, values)
    rows = await connection.fetch(found.text, *found.values)
    return {(row["definition_id"], row["version"]): _reaches(restore(row["document"])) for row in rows}


_REACHES = VersionCache(1_024, _load)
