"""Business time by example: hours, exceptions, changes of clocks, and how years are laid out."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import (
    ALWAYS,
    BusinessCalendar,
    CalendarSpec,
    Hours,
)
from bpm_crm.engine.instants import (
    DAY,
    EARLIEST,
    LATEST,
    SECOND,
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


def test_the_thirty_minutes_of_lord_howe_are_neither_lost_nor_won() -> None:
    calendar = BusinessCalendar(CalendarSpec("Australia/Lord_Howe", daily(("00:00", "24:00"))))

    assert calendar.between(at("2024-10-06", "Australia/Lord_Howe"), at("2024-10-07", "Australia/Lord_Howe")) == (
        23 * HOUR + HOUR // 2
    )
    assert calendar.between(at("2024-04-07", "Australia/Lord_Howe"), at("2024-04-08", "Australia/Lord_Howe")) == (
        24 * HOUR + HOUR // 2
    )


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_hours_that_open_in_the_old_year_and_last_two_days_are_known_in_the_new_one(zone: str) -> None:
    spec = CalendarSpec(zone, {}, {date(2024, 12, 30): ((43_200, 172_800),), date(2025, 1, 1): ((3600, 7200),)})
    new_year = at("2025-01-01", zone)

    assert BusinessCalendar(spec).is_open(new_year - SECOND)
    assert not BusinessCalendar(spec).is_open(new_year)
    assert BusinessCalendar(spec).is_open(new_year + HOUR)


def test_due_and_worked_take_datetimes_of_any_zone_and_answer_in_utc() -> None:
    calendar = BusinessCalendar(CalendarSpec("Europe/Moscow", OFFICE))
    start = datetime(2024, 5, 6, 16, 0, tzinfo=timezone(timedelta(hours=5)))

    due = calendar.due(start, timedelta(hours=4))

    assert (due, due.tzinfo) == (datetime(2024, 5, 6, 15, tzinfo=UTC), UTC)
    assert calendar.worked(start, due) == timedelta(hours=4)
    assert calendar.worked(due, start) == -timedelta(hours=4)
    assert ALWAYS.due(start, timedelta(days=1)) == datetime(2024, 5, 7, 11, tzinfo=UTC)


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
