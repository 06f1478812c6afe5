"""A KPI week by week around the day on which something began, each week seen at the same age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.kpi_catalogue import Kpi, KpiUnit, PeriodBasis
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.statements import report, statement
from bpm_crm.records.database import Connection

_CONCERNED: Final = report("concerned")
_BEGUN: Final = report("concerned_begun")
WEEK = timedelta(days=7)
MOST_WEEKS = 52
"""How many weeks before the start, and how many after it, are looked at."""
COHORT_AGE = timedelta(days=28)
"""How long a week of cases that began in it is followed unless stated otherwise; other KPIs are complete when the week ends."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a series: `place` 0 is the first after the start. Its days begin in the zone of the company."""

    place: int
    since: datetime
    until: datetime


def age_of(kpi: Kpi) -> timedelta:
    """How long after its end a week of a KPI is looked at, unless stated otherwise."""
    return COHORT_AGE if kpi.period is PeriodBasis.BEGUN else timedelta(0)


def bounds_of(kpi: Kpi) -> tuple[float | None, float | None]:
    """What a KPI cannot pass: a share neither nothing nor all, money neither."""
    if kpi.unit in {KpiUnit.MONEY, KpiUnit.MONEY_PER_DAY}:
        return None, None
    return 0.0, 1.0 if kpi.unit is KpiUnit.SHARE else None


def weeks_around(start: date, zone: str, *, end: date | None, age: timedelta, as_of: datetime) -> list[Week]:
    """The weeks around a start, up to an end where there is one, that are of age at `as_of`."""
    weeks = []
    for place in range(-MOST_WEEKS, MOST_WEEKS):
        first = start + place * WEEK
        last = first + WEEK
        week = Week(place, _begin(first, zone), _begin(last, zone))
        if week.until + age <= as_of and (end is None or place < 0 or last <= end):
            weeks.append(week)
    return weeks


async def read_weeks(
    connection: Connection, kpi: Kpi, frame: Frame, question: Question, weeks: Sequence[Week], age: timedelta
) -> dict[int, Measured]:
    """The KPI of each week, as of `age` after its end by what is known in the frame; without the empty weeks it begins with.

    All weeks being of one age, none of them had longer than another for its cases to be won, lost or answered. All of history is looked
    through but once, for the cases that each week may concern.
    """
    given = await _concerned(connection, kpi, frame, question.tenant_id, weeks)
    found: dict[int, Measured] = {}
    for week in weeks:
        seen = replace(frame, as_of=week.until + age)
        asked = replace(question, since=week.since, until=week.until)
        measured = await measure(connection, kpi, seen, asked, given.get(week.place, []))
        if found or measured.total.numerator or measured.total.denominator:
            found[week.place] = measured
    return found


async def _concerned(
    connection: Connection, kpi: Kpi, frame: Frame, tenant_id: UUID, weeks: Sequence[Week]
) -> dict[int, list[UUID]]:
    """The cases that each week may concern."""
    values = {
        "definitions": list(dict.fromkeys(version.definition_id for version in frame.of(kpi.process))),
        "known_at": frame.known_at,
        "places": [week.place for week in weeks],
        "begins": [week.since for week in weeks],
        "ends": [week.until for week in weeks],
        "of_clocks": bool(kpi.clock),
        "while_open": kpi.is_snapshot,
    }
    found = statement(_BEGUN if kpi.period is PeriodBasis.BEGUN else _CONCERNED, tenant_id, values)
    return {row["place"]: row["cases"] for row in await connection.fetch(found.text, *found.values)}


def values_of(weeks: Mapping[int, Measured]) -> dict[int, float]:
    """The values of the weeks that have one."""
    values = {place: measured.total.value for place, measured in weeks.items()}
    return {place: float(value) for place, value in values.items() if value is not None}


def _begin(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
