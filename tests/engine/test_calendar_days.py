"""Business days by example: the same wall time on a later working day."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import (
    BusinessCalendar,
    CalendarSpec,
    Hours,
)
from bpm_crm.engine.instants import (
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


def at(text: str, zone: str = "UTC") -> int:
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


def local(instant: int, zone: str = "UTC") -> str:
    return f"{moment_of(instant).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


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
        ("2024-05-06T17:59", 1, "2024-05-07T17:59"),
        ("2024-05-06T18:00", 1, "2024-05-08T09:00"),
        ("2024-05-07T18:00", -1, "2024-05-06T18:00"),
        ("2024-05-07T09:00", -1, "2024-05-06T09:00"),
        ("2024-05-04T13:00", -1, "2024-05-02T18:00"),
        ("2024-05-13T17:00", 1, "2024-05-14T15:00"),
        ("2024-05-13T09:30", 1, "2024-05-14T11:00"),
        ("2024-05-13T13:30", 1, "2024-05-14T13:00"),
        ("2024-05-13T14:00", 1, "2024-05-14T14:00"),
        ("2024-05-14T15:00", 1, "2024-05-16T09:00"),
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
