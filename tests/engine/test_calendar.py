"""Business time by example: hours, exceptions, changes of clocks, business days, and what is refused."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import (
    ALWAYS,
    BusinessCalendar,
    CalendarFault,
    CalendarInvalid,
    CalendarSpec,
    Hours,
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
NIGHTS = dict.fromkeys(range(7), parse_hours([["22:00", "06:00"]]))
EVERY_DAY = range(7)


def daily(*pairs: tuple[str, str]) -> dict[int, Hours]:
    return dict.fromkeys(EVERY_DAY, parse_hours(pairs))


def spans(spec: CalendarSpec, since: str, until: str) -> list[str]:
    """The open spans between two local midnights, as UTC."""
    zone = ZoneInfo(spec.zone)
    start, end = (instant_of(datetime.fromisoformat(text).replace(tzinfo=zone)) for text in (since, until))
    found = BusinessCalendar(spec).open_spans(start, end)
    return [f"{moment_of(opens):%d %H:%M}–{moment_of(closes):%d %H:%M}" for opens, closes in found]


def at(text: str, zone: str = "UTC") -> int:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def local(instant: int, zone: str = "UTC") -> str:
    return f"{moment_of(instant).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def test_overlapping_and_touching_hours_unite_also_across_midnight() -> None:
    week = {
        0: ((9 * 3600, 12 * 3600), (11 * 3600, 13 * 3600), (13 * 3600, 14 * 3600), (20 * 3600, 30 * 3600)),
        1: parse_hours([["05:00", "07:00"]]),
    }

    assert spans(CalendarSpec("UTC", week), "2024-01-01", "2024-01-03") == ["01 09:00–01 14:00", "01 20:00–02 07:00"]


def test_hours_that_end_at_midnight_run_into_those_that_begin_there() -> None:
    assert spans(CalendarSpec("UTC", {0: ((0, 86_400),), 1: ((0, 3600),)}), "2024-01-01", "2024-01-03") == [
        "01 00:00–02 01:00"
    ]


def test_an_exception_replaces_what_opens_on_its_day_and_leaves_the_tail_of_the_night_before() -> None:
    closed = CalendarSpec("UTC", NIGHTS, {date(2024, 1, 2): ()})
    other = CalendarSpec("UTC", NIGHTS, {date(2024, 1, 2): parse_hours([["03:00", "04:00"], ["08:00", "09:00"]])})

    assert spans(closed, "2024-01-01", "2024-01-04") == ["01 00:00–01 06:00", "01 22:00–02 06:00", "03 22:00–04 00:00"]
    assert spans(other, "2024-01-02", "2024-01-04") == ["02 00:00–02 06:00", "02 08:00–02 09:00", "03 22:00–04 00:00"]


def test_closures_are_closed_in_any_case() -> None:
    shut = ((at("2024-01-01T10:00"), at("2024-01-01T11:00")), (at("2024-01-01T10:30"), at("2024-01-01T11:30")))
    spec = CalendarSpec("UTC", OFFICE, closures=((at("2024-01-01T17:00"), at("2024-01-02T17:00")), *shut))

    assert spans(spec, "2024-01-01", "2024-01-03") == [
        "01 09:00–01 10:00",
        "01 11:30–01 17:00",
        "02 17:00–02 18:00",
    ]


@pytest.mark.parametrize(
    ("zone", "pairs", "day", "expected"),
    [
        ("Europe/Berlin", [("02:30", "05:00")], "2024-03-31", ["31 01:00–31 03:00"]),
        ("Europe/Berlin", [("01:00", "02:30")], "2024-03-31", ["31 00:00–31 01:00"]),
        ("Europe/Berlin", [("02:10", "02:50")], "2024-03-31", []),
        ("Europe/Berlin", [("02:30", "05:00")], "2024-10-27", ["27 00:30–27 04:00"]),
        ("Europe/Berlin", [("01:00", "02:30")], "2024-10-27", ["26 23:00–27 01:30"]),
        ("Europe/Berlin", [("02:10", "02:50")], "2024-10-27", ["27 00:10–27 01:50"]),
        ("Europe/Berlin", [("02:00", "03:00")], "2024-10-27", ["27 00:00–27 02:00"]),
        ("Australia/Lord_Howe", [("02:10", "04:00")], "2024-10-06", ["05 15:30–05 17:00"]),
        ("Australia/Lord_Howe", [("01:45", "04:00")], "2024-04-07", ["06 14:45–06 17:30"]),
        ("America/St_Johns", [("00:00", "00:30")], "2010-11-07", ["07 02:30–07 04:00"]),
        ("America/Sao_Paulo", [("00:00", "01:30")], "2018-11-04", ["04 03:00–04 03:30"]),
        ("Antarctica/Troll", [("01:30", "04:00")], "2024-03-31", ["31 01:00–31 02:00"]),
        ("America/Nuuk", [("23:30", "23:20")], "2024-03-29", ["30 01:30–31 01:00"]),
        ("Africa/Casablanca", [("02:30", "04:00")], "2024-04-14", ["14 02:00–14 03:00"]),
    ],
)
def test_where_the_clocks_are_changed_openings_come_first_and_closings_last(
    zone: str, pairs: list[tuple[str, str]], day: str, expected: list[str]
) -> None:
    spec = CalendarSpec(zone, {}, {date.fromisoformat(day): parse_hours(pairs)})

    assert spans(spec, day, f"{date.fromisoformat(day) + timedelta(days=3)}") == expected


@pytest.mark.parametrize(("zone", "skipped"), [("Pacific/Apia", "2011-12-30"), ("Pacific/Kiritimati", "1994-12-31")])
def test_a_date_the_zone_skipped_has_no_hours_and_is_no_working_day(zone: str, skipped: str) -> None:
    day = date.fromisoformat(skipped)
    before, after = (f"{day + timedelta(days=shift)}T10:00" for shift in (-1, 1))
    calendar = BusinessCalendar(CalendarSpec(zone, daily(("09:00", "17:00"))))

    assert calendar.between(at(before, zone), at(after, zone)) == 8 * HOUR
    assert local(calendar.add_days(at(before, zone), 1), zone) == after
    assert local(calendar.add_days(at(after, zone), -1), zone) == before


def test_the_night_shift_of_a_skipped_date_opens_at_its_end_and_gives_way_to_the_day_it_runs_into() -> None:
    calendar = BusinessCalendar(CalendarSpec("Pacific/Apia", daily(("00:00", "04:00"), ("22:00", "06:00"))))
    before = at("2011-12-29T22:30", "Pacific/Apia")

    assert calendar.between(at("2011-12-29T21:00", "Pacific/Apia"), at("2011-12-31T12:00", "Pacific/Apia")) == 8 * HOUR
    assert local(calendar.add_days(before, 1), "Pacific/Apia") == "2011-12-31T22:30"


def test_the_thirty_minutes_of_lord_howe_are_neither_lost_nor_won() -> None:
    calendar = BusinessCalendar(CalendarSpec("Australia/Lord_Howe", daily(("00:00", "24:00"))))

    assert calendar.between(at("2024-10-06", "Australia/Lord_Howe"), at("2024-10-07", "Australia/Lord_Howe")) == (
        23 * HOUR + HOUR // 2
    )
    assert calendar.between(at("2024-04-07", "Australia/Lord_Howe"), at("2024-04-08", "Australia/Lord_Howe")) == (
        24 * HOUR + HOUR // 2
    )


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2024-05-06T10:15", 2, "2024-05-08T10:15"),
        ("2024-05-09T10:15", 2, "2024-05-13T10:15"),
        ("2024-05-10T10:15", -5, "2024-05-03T10:15"),
        ("2024-05-06T00:00", 0, "2024-05-06T00:00"),
        ("2024-05-04T13:00", 1, "2024-05-07T09:00"),
        ("2024-05-03T20:00", 1, "2024-05-07T09:00"),
        ("2024-05-06T08:00", 1, "2024-05-07T09:00"),
        ("2024-05-06T18:00", 1, "2024-05-07T18:00"),
        ("2024-05-04T13:00", -1, "2024-05-02T18:00"),
        ("2024-05-13T17:00", 1, "2024-05-14T15:00"),
        ("2024-05-13T09:30", 1, "2024-05-14T11:00"),
        ("2024-05-13T13:30", 1, "2024-05-14T13:00"),
        ("2024-05-13T14:00", 1, "2024-05-14T14:00"),
        ("2024-05-14T15:00", 1, "2024-05-15T15:00"),
    ],
)
def test_business_days_keep_the_wall_time_within_the_hours_of_the_day(start: str, days: int, expected: str) -> None:
    shorter = {date(2024, 5, 14): parse_hours([["11:00", "13:00"], ["14:00", "15:00"]])}
    calendar = BusinessCalendar(CalendarSpec("Europe/Berlin", OFFICE, shorter))

    assert local(calendar.add_days(at(start, "Europe/Berlin"), days), "Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2024-05-06T23:00", 1, "2024-05-07T23:00"),
        ("2024-05-07T02:00", 1, "2024-05-08T02:00"),
        ("2024-05-11T02:00", 1, "2024-05-14T02:00"),
        ("2024-05-11T02:00", 2, "2024-05-15T02:00"),
        ("2024-05-11T07:00", 1, "2024-05-14T22:00"),
    ],
)
def test_a_night_shift_belongs_to_the_day_it_opens_on(start: str, days: int, expected: str) -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Berlin", {day: NIGHTS[day] for day in range(5)}))

    assert local(calendar.add_days(at(start, "Europe/Berlin"), days), "Europe/Berlin") == expected


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "UTC"])
@pytest.mark.parametrize("start", ["2024-12-31T10:00", "2024-12-31T15:00", "2025-01-01T10:00", "2025-01-01T15:00"])
def test_a_business_day_over_the_turn_of_the_year_is_one_like_any_other(zone: str, start: str) -> None:
    calendar = BusinessCalendar(CalendarSpec(zone, daily(("09:00", "17:00"))))
    day = datetime.fromisoformat(start)

    assert local(calendar.add_days(at(start, zone), 1), zone) == f"{day + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert local(calendar.add_days(at(start, zone), -1), zone) == f"{day - timedelta(days=1):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_hours_that_open_in_the_old_year_and_last_two_days_are_known_in_the_new_one(zone: str) -> None:
    spec = CalendarSpec(zone, {}, {date(2024, 12, 30): ((43_200, 172_800),), date(2025, 1, 1): ((3600, 7200),)})
    new_year = at("2025-01-01", zone)

    assert BusinessCalendar(spec).is_open(new_year - SECOND)
    assert not BusinessCalendar(spec).is_open(new_year)
    assert BusinessCalendar(spec).is_open(new_year + HOUR)


def test_a_working_day_ends_where_the_next_one_opens() -> None:
    week = {0: ((9 * 3600, 40 * 3600),), 1: parse_hours([["04:00", "18:00"]]), 3: NIGHTS[3]}
    calendar = BusinessCalendar(CalendarSpec("UTC", week))

    assert local(calendar.add_days(at("2024-05-10T03:00"), 1)) == "2024-05-14T03:00"
    assert local(calendar.add_days(at("2024-05-10T05:00"), 1)) == "2024-05-14T04:00"
    assert local(calendar.add_days(at("2024-05-14T05:00"), -1)) == "2024-05-13T09:00"


def test_a_wall_time_past_the_hours_of_its_day_is_clipped_also_where_the_next_day_is_open() -> None:
    week = {0: NIGHTS[0], 1: OFFICE[1], 2: parse_hours([["04:00", "12:00"]])}
    calendar = BusinessCalendar(CalendarSpec("UTC", week))

    assert local(calendar.add_days(at("2024-05-07T05:00"), 1)) == "2024-05-07T18:00"
    assert local(calendar.add_days(at("2024-05-07T05:00"), 2)) == "2024-05-08T12:00"


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        ("2024-03-30T02:30", 1, "2024-03-31T03:00"),
        ("2024-10-26T02:30", 1, "2024-10-27T02:30"),
        ("2024-03-29T17:00", 2, "2024-03-31T17:00"),
    ],
)
def test_a_business_day_over_a_change_of_clocks_keeps_what_the_clocks_show(
    start: str, days: int, expected: str
) -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Berlin", daily(("00:00", "24:00"))))

    assert local(calendar.add_days(at(start, "Europe/Berlin"), days), "Europe/Berlin") == expected


def test_due_and_worked_take_datetimes_of_any_zone_and_answer_in_utc() -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Moscow", OFFICE))
    start = datetime(2024, 5, 6, 16, 0, tzinfo=timezone(timedelta(hours=5)))

    due = calendar.due(start, timedelta(hours=4))

    assert (due, due.tzinfo) == (datetime(2024, 5, 6, 15, tzinfo=UTC), UTC)
    assert calendar.worked(start, due) == timedelta(hours=4)
    assert calendar.worked(due, start) == -timedelta(hours=4)
    assert ALWAYS.due(start, timedelta(days=1)) == datetime(2024, 5, 7, 11, tzinfo=UTC)


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


def test_the_computed_years_can_be_used_up_to_their_ends() -> None:
    calendar = BusinessCalendar(CalendarSpec("Asia/Kolkata", daily(("00:00", "24:00"))))

    assert calendar.add(EARLIEST, LATEST - EARLIEST) == LATEST
    assert calendar.between(EARLIEST, LATEST - 1) == LATEST - 1 - EARLIEST
    assert calendar.open_spans(EARLIEST, LATEST - 1) == [(EARLIEST, LATEST - 1)]


def test_changing_the_data_a_calendar_was_made_from_does_not_change_the_calendar() -> None:
    week, exceptions = dict(OFFICE), {date(2024, 5, 7): parse_hours([["10:00", "11:00"]])}
    calendar = BusinessCalendar(CalendarSpec("UTC", week, exceptions))
    week.clear()
    exceptions.clear()

    assert calendar.between(at("2024-05-06"), at("2024-05-08")) == 10 * HOUR


def test_an_empty_or_reversed_stretch_has_no_open_spans() -> None:
    calendar = BusinessCalendar(CalendarSpec("UTC", OFFICE))
    noon = at("2024-05-06T12:00")

    assert calendar.open_spans(noon, noon) == []
    assert calendar.open_spans(noon, noon - HOUR) == []
    assert ALWAYS.open_spans(noon, noon - HOUR) == []


@pytest.mark.parametrize("order", [(2010, 2016, 2022), (2022, 2016, 2010), (2016, 2010, 2022), (2022, 2010, 2016)])
def test_the_order_in_which_years_are_asked_for_does_not_matter(order: tuple[int, ...]) -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Berlin", OFFICE))
    for year in order:
        assert calendar.between(at(f"{year}-01-01"), at(f"{year}-01-15")) == 90 * HOUR

    weeks = (at("2022-01-03") - at("2010-01-04")) // (7 * DAY)
    assert calendar.between(at("2010-01-04"), at("2022-01-03")) == weeks * 45 * HOUR
    assert calendar.add(at("2010-01-04"), weeks * 45 * HOUR) == at("2021-12-31T17:00")
    assert calendar.add(at("2022-01-03"), -weeks * 45 * HOUR) == at("2010-01-04T08:00")


def test_threads_that_lay_out_the_same_calendar_at_once_get_the_same_answers() -> None:
    spec = CalendarSpec("Europe/Berlin", OFFICE)
    starts = [at(f"{year}-11-01") for year in (2004, 1990, 2010, 1997, 2007, 1993, 2000, 2012)]
    alone = BusinessCalendar(spec)
    expected = [(alone.add(start, 900 * HOUR), alone.between(start, starts[0])) for start in starts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):
            assert asked_at_once(BusinessCalendar(spec), starts) == expected
    finally:
        sys.setswitchinterval(interval)


def asked_at_once(calendar: BusinessCalendar, starts: list[int]) -> list[tuple[int, int]]:
    """The answers of one thread for each start; all of them begin together."""
    together = Barrier(len(starts))

    def ask(start: int) -> tuple[int, int]:
        together.wait()
        return calendar.add(start, 900 * HOUR), calendar.between(start, starts[0])

    with ThreadPoolExecutor(len(starts)) as pool:
        return list(pool.map(ask, starts))


def test_instants_are_exact_to_the_microsecond() -> None:
    moment = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))

    assert instant_of(moment) == 1_709_263_799_999_999
    assert moment_of(instant_of(moment)) == moment
