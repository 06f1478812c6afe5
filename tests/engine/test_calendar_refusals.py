"""What business time refuses, with place and cure: calendars, instants, and more time than there is."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import (
    ALWAYS,
    BusinessCalendar,
    CalendarFault,
    CalendarInvalid,
    CalendarSpec,
    NoWorkingTime,
)
from bpm_crm.engine.instants import (
    DAY,
    EARLIEST,
    LATEST,
    SECOND,
    InstantNaive,
    InstantOutOfRange,
    instant_of,
    moment_of,
)
from bpm_crm.engine.weekly_hours import parse_hours

HOUR = 3600 * SECOND
OFFICE = dict.fromkeys(range(5), parse_hours([["09:00", "18:00"]]))


def at(text: str, zone: str = "UTC") -> int:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def local(instant: int, zone: str = "UTC") -> str:
    return f"{moment_of(instant).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def test_a_datetime_without_a_zone_is_refused() -> None:
    calendar = BusinessCalendar(CalendarSpec("UTC", OFFICE))
    naive = datetime(2024, 5, 6)  # noqa: DTZ001

    with pytest.raises(InstantNaive, match="has no zone"):
        calendar.due(naive, timedelta(hours=1))
    with pytest.raises(InstantNaive, match="has no zone"):
        calendar.worked(datetime(2024, 5, 6, tzinfo=UTC), naive)


@pytest.mark.parametrize(
    ("spec", "code", "path", "cure"),
    [
        (CalendarSpec("Europe/Moskow", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "Europe/Moscow"),
        (CalendarSpec("localtime", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "UTC"),
        (CalendarSpec("right/UTC", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "UTC"),
        (CalendarSpec("../UTC", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "UTC"),
        (CalendarSpec("Europe", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "name one"),
        (CalendarSpec("", OFFICE), CalendarFault.UNKNOWN_ZONE, ("zone",), "Europe/Moscow"),
        (CalendarSpec("UTC", {7: ((0, 1),)}), CalendarFault.UNKNOWN_WEEKDAY, ("week", "7"), "0 is Monday"),
        (CalendarSpec("UTC", {}), CalendarFault.NO_WORKING_TIME, ("week",), "open at least one"),
        (CalendarSpec("UTC", {0: ((9, 9),)}, {date(2024, 1, 1): ()}), CalendarFault.NO_WORKING_TIME, ("week",), "open"),
        (
            CalendarSpec("UTC", {0: ((86_400, 86_401),)}),
            CalendarFault.SPAN_OPENS_OUTSIDE_DAY,
            ("week", "0", "0"),
            "86,399",
        ),
        (
            CalendarSpec("UTC", OFFICE, {date(2024, 1, 1): ((0, 1), (-1, 1))}),
            CalendarFault.SPAN_OPENS_OUTSIDE_DAY,
            ("exceptions", "2024-01-01", "1"),
            "86,399",
        ),
        (
            CalendarSpec("UTC", {0: ((0, 172_801),)}),
            CalendarFault.SPAN_CLOSES_OUTSIDE_DAY,
            ("week", "0", "0"),
            "172,800",
        ),
        (CalendarSpec("UTC", {0: ((0, 1),) * 25}), CalendarFault.TOO_MANY_SPANS, ("week", "0"), "at most 24"),
        (CalendarSpec("UTC", OFFICE, {}, ((5, 5),)), CalendarFault.CLOSURE_REVERSED, ("closures", "0"), "before"),
    ],
)
def test_a_calendar_that_cannot_be_counted_with_is_refused_with_place_and_cure(
    spec: CalendarSpec, code: CalendarFault, path: tuple[str, ...], cure: str
) -> None:
    with pytest.raises(CalendarInvalid) as caught:
        BusinessCalendar(spec)

    assert [(problem.code, problem.path) for problem in caught.value.problems] == [(code, path)]
    assert cure in str(caught.value)


def test_all_faults_of_a_calendar_are_named_at_once() -> None:
    spec = CalendarSpec("Mars/Olympus", {7: ((-1, 0),)}, {}, ((2, 1),))

    with pytest.raises(CalendarInvalid) as caught:
        BusinessCalendar(spec)

    assert [problem.code for problem in caught.value.problems] == [
        CalendarFault.UNKNOWN_ZONE,
        CalendarFault.UNKNOWN_WEEKDAY,
        CalendarFault.SPAN_OPENS_OUTSIDE_DAY,
        CalendarFault.CLOSURE_REVERSED,
    ]


def test_a_calendar_of_dated_exceptions_only_counts_until_they_end() -> None:
    calendar = BusinessCalendar(CalendarSpec("UTC", {}, {date(2024, 1, 10): ((0, 3600),)}))
    early, late = at("2020-06-01"), at("2030-06-01")

    assert calendar.between(early, late) == HOUR
    assert local(calendar.add(early, HOUR)) == "2024-01-10T01:00"
    assert local(calendar.add(late, -HOUR)) == "2024-01-10T00:00"
    for beyond in calls_without_working_time(calendar, early, late):
        with pytest.raises(NoWorkingTime, match="not enough working time"):
            beyond()


def calls_without_working_time(calendar: BusinessCalendar, early: int, late: int) -> Iterator[Callable[[], object]]:
    yield lambda: calendar.add(early, HOUR + 1)
    yield lambda: calendar.add(late, 1)
    yield lambda: calendar.add(late, -HOUR - 1)
    yield lambda: calendar.add(early, -1)
    yield lambda: calendar.next_open(late)
    yield lambda: calendar.previous_open(early)
    yield lambda: calendar.add_days(early, 2)
    yield lambda: calendar.add_days(late, 1)
    yield lambda: calendar.add_days(late, -2)


def test_a_calendar_closed_for_good_has_no_working_time_left() -> None:
    start = at("2024-01-05T17:00")
    calendar = BusinessCalendar(CalendarSpec("UTC", OFFICE, closures=((start, LATEST * 2),)))

    assert local(calendar.add(start, -HOUR)) == "2024-01-05T16:00"
    with pytest.raises(NoWorkingTime):
        calendar.add(start, 1)


@pytest.mark.parametrize("year", [1, 1600, 1899, 2200, 9000])
def test_instants_far_outside_the_computed_years_are_refused(year: int) -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Berlin", OFFICE))
    far, near = instant_of(datetime(year, 6, 1, tzinfo=UTC)), at("2024-01-01")

    for beyond in (
        lambda: calendar.add(far, HOUR),
        lambda: calendar.add(far, -HOUR),
        lambda: calendar.between(near, far),
        lambda: calendar.between(far, near),
        lambda: calendar.is_open(far),
        lambda: calendar.next_open(far),
        lambda: calendar.previous_open(far),
        lambda: calendar.open_spans(*sorted((near, far))),
        lambda: calendar.add_days(far, 1),
        lambda: ALWAYS.add(far, HOUR),
        lambda: ALWAYS.add_days(far, 1),
        lambda: moment_of(far),
    ):
        with pytest.raises(InstantOutOfRange, match="1900 to 2199"):
            beyond()


@pytest.mark.parametrize("budget", [10**18, -(10**18), LATEST - EARLIEST])
def test_a_budget_longer_than_the_computed_years_is_refused_without_laying_them_out(budget: int) -> None:
    calendar = BusinessCalendar(CalendarSpec("UTC", OFFICE))

    with pytest.raises(NoWorkingTime):
        calendar.add(at("2024-01-01"), budget)

    assert calendar._years.line.until - calendar._years.line.since == 366 * DAY
