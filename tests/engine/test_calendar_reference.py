"""Random calendars against two slow readings of the rules, written without the product: minute by minute, and swept over years.

The last tests plant faults in the slow reading: a property that does not notice them proves nothing.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from bpm_crm.engine.calendar import BusinessCalendar, CalendarSpec, Hours
from bpm_crm.engine.calendar_spec import problems_of

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Easter",
    "Pacific/Kiritimati",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MARGIN = 2

MINUTE, QUARTER = 60, 900
"""Steps of a reading, in seconds."""

slowly = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
caught = settings(slowly, max_examples=3000, derandomize=True, database=None, phases=[Phase.generate])


class StepByStep:
    """What the clocks show at every step of some days, and which steps are therefore open."""

    def __init__(self, spec: CalendarSpec, since: datetime, days: int, step: timedelta) -> None:
        self.spec = spec
        self.since = since
        self.step = step
        zone = ZoneInfo(spec.zone)
        instants = [since + number * step for number in range(days * DAY // step)]
        self.shown = [instant.astimezone(zone).replace(tzinfo=None) for instant in instants]
        self.open = [False] * len(instants)
        for day in self.days():
            for opens, closes in (span for span in self.hours(day) if span[0] < span[1]):
                for number in self.steps(
                    midnight(day) + timedelta(seconds=opens), midnight(day) + timedelta(seconds=closes)
                ):
                    self.open[number] = True

    def days(self) -> list[date]:
        first, last = self.shown[0].date() - 2 * DAY, self.shown[-1].date()
        return [first + number * DAY for number in range((last - first).days + 1)]

    def hours(self, day: date) -> Hours:
        return self.spec.exceptions.get(day, self.spec.week.get(day.weekday(), ()))

    def steps(self, opens: datetime, closes: datetime) -> Sequence[int]:
        """From the first step that shows the opening or later, to the last that shows the closing or earlier."""
        first = next((number for number, shown in enumerate(self.shown) if shown >= opens), len(self.shown))
        last = next((number for number in reversed(range(len(self.shown))) if self.shown[number] <= closes), -1)
        return range(first, last if last >= 0 and self.shown[last] == closes else last + 1)

    def worked(self, start: int, end: int) -> int:
        return sum(self.open[start:end])

    def due(self, at: int, budget: int) -> int | None:
        """The step by which `budget` open steps have passed, forwards or backwards; None if the days do not last so long."""
        left = abs(budget)
        while left:
            passed = at if budget > 0 else at - 1
            if not 0 <= passed < len(self.open):
                return None
            left -= self.open[passed]
            at += 1 if budget > 0 else -1
        return at

    def spans(self, start: int, end: int) -> list[tuple[int, int]]:
        runs = [
            (is_open, list(run)) for is_open, run in groupby(range(start, end), key=lambda number: self.open[number])
        ]
        return [(run[0], run[-1] + 1) for is_open, run in runs if is_open]

    def instant(self, number: int) -> int:
        return microseconds(self.since + number * self.step)


class ByLabel(StepByStep):
    """Wrong: takes the shown time at its word, so that a repeated opening closes again."""

    def steps(self, opens: datetime, closes: datetime) -> Sequence[int]:
        return [number for number, label in enumerate(self.shown) if opens <= label < closes]


class ClosedInclusive(StepByStep):
    """Wrong: the closing itself is still open."""

    def steps(self, opens: datetime, closes: datetime) -> Sequence[int]:
        steps = super().steps(opens, closes)
        return [*steps, min(steps[-1] + 1, len(self.open) - 1)] if steps else steps


class ExceptionOfDay(StepByStep):
    """Wrong: an exception also cuts the tail of the night shift of the day before."""

    def hours(self, day: date) -> Hours:
        hours = super().hours(day)
        if day + DAY in self.spec.exceptions:
            return tuple((opens, min(closes, 86_400)) for opens, closes in hours)
        return hours


class ServerInUtc(StepByStep):
    """Wrong: counts in UTC whatever the zone."""

    def __init__(self, spec: CalendarSpec, since: datetime, days: int, step: timedelta) -> None:
        super().__init__(CalendarSpec("UTC", spec.week, spec.exceptions), since, days, step)


@dataclass(frozen=True)
class Case:
    spec: CalendarSpec
    since: datetime
    days: int
    at: int
    end: int
    budget: int


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001


def microseconds(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


@cache
def changes(zone: str, unit: int) -> list[date]:
    """The days of 1985 to 2040 on which the clocks of a zone are changed, at a multiple of `unit` seconds: some were a minute after midnight."""
    days = [datetime(1985, 1, 1, tzinfo=UTC) + number * DAY for number in range(55 * 365)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    found = [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]
    return [day.date() for day in found if changed_at(ZoneInfo(zone), day) % unit == 0]


def changed_at(zone: ZoneInfo, day: datetime) -> int:
    """The second of a day at which the clocks are changed."""
    before = day.astimezone(zone).utcoffset()
    return bisect_left(
        range(86_400), True, key=lambda second: (day + timedelta(seconds=second)).astimezone(zone).utcoffset() != before
    )


def hours(unit: int) -> st.SearchStrategy[Hours]:
    """Any spans of a day, overlapping and empty ones too, in whole `unit` seconds, with a liking for the small hours."""
    most = 86_400 // unit
    opens = st.one_of(st.integers(0, most // 6), st.integers(0, most - 1))
    lasts = st.one_of(st.integers(0, most // 12), st.integers(0, most))
    span = st.tuples(opens, lasts).map(lambda pair: (pair[0] * unit, (pair[0] + pair[1]) * unit))
    return st.lists(span, max_size=3).map(tuple)


@st.composite
def cases(draw: st.DrawFn, unit: int, days: int) -> Case:
    """A calendar and a question round a change of its clocks; the days asked about keep clear of the ends of those looked at."""
    zone = draw(st.sampled_from(ZONES))
    middle = draw(st.sampled_from(changes(zone, unit)))
    first = middle - (MARGIN + draw(st.integers(0, days - 1))) * DAY
    near = st.integers(0, 2 * MARGIN + days).map(lambda number: first + number * DAY)
    spec = CalendarSpec(
        zone,
        draw(st.dictionaries(st.integers(0, 6), hours(unit), min_size=3)),
        draw(st.dictionaries(near, hours(unit), max_size=4)),
    )
    assume(not problems_of(spec))
    steps = 86_400 // unit
    inside = st.integers(MARGIN * steps, (MARGIN + days) * steps)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return Case(spec, since, 2 * MARGIN + days, draw(inside), draw(inside), draw(st.integers(-2 * steps, 2 * steps)))


def assert_agreement(case: Case, reference: StepByStep) -> None:
    """The calendar answers every question as the reference does."""
    calendar = BusinessCalendar(case.spec)
    unit = reference.step // timedelta(microseconds=1)
    at, end = reference.instant(case.at), reference.instant(case.end)
    due = reference.due(case.at, case.budget)

    assert calendar.is_open(at) == reference.open[case.at]
    assert calendar.between(at, end) == unit * (
        reference.worked(case.at, case.end) - reference.worked(case.end, case.at)
    )
    if due is not None:
        assert calendar.add(at, case.budget * unit) == reference.instant(due)
    assert calendar.open_spans(at, end) == [
        (reference.instant(opens), reference.instant(closes)) for opens, closes in reference.spans(case.at, case.end)
    ]
    if any(reference.open[case.at :]):
        assert calendar.next_open(at) == reference.instant(reference.open.index(True, case.at))
    before = reference.due(case.at, -1)
    if before is not None:
        assert calendar.previous_open(at) == reference.instant(before + 1)


def agreement(reading: type[StepByStep], unit: int, days: int, chosen: settings) -> Callable[[], None]:
    """The property that a calendar agrees with a reading of the rules."""

    @chosen
    @given(case=cases(unit, days))
    def agrees(case: Case) -> None:
        assert_agreement(case, reading(case.spec, case.since, case.days, timedelta(seconds=unit)))

    return agrees


def test_a_calendar_agrees_with_the_rules_read_quarter_by_quarter_round_every_change_of_clocks() -> None:
    agreement(StepByStep, QUARTER, 3, settings(slowly, max_examples=100))()


def test_a_calendar_agrees_with_the_rules_read_minute_by_minute_round_every_change_of_clocks() -> None:
    agreement(StepByStep, MINUTE, 3, slowly)()


def test_a_calendar_agrees_with_the_rules_read_second_by_second() -> None:
    agreement(StepByStep, 1, 1, settings(slowly, max_examples=3))()


@pytest.mark.slow
def test_very_many_calendars_agree_with_the_rules() -> None:
    agreement(StepByStep, QUARTER, 3, settings(slowly, max_examples=5000))()
    agreement(StepByStep, MINUTE, 3, settings(slowly, max_examples=1000))()


@pytest.mark.parametrize("reading", [ByLabel, ClosedInclusive, ExceptionOfDay, ServerInUtc])
def test_a_wrong_reading_of_the_rules_is_caught(reading: type[StepByStep]) -> None:
    with pytest.raises(AssertionError):
        agreement(reading, QUARTER, 3, caught)()
