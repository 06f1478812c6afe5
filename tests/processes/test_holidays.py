"""Public holidays as exceptions of a calendar; the transfers of Russia by the decrees of its government."""

from datetime import UTC, date, datetime, timedelta

import pytest

from bpm_crm.engine.calendar import BusinessCalendar, CalendarSpec
from bpm_crm.engine.weekly_hours import CLOSED, Hours, parse_hours
from bpm_crm.processes.holidays import HolidaysUnknown, public_holidays

LONG, SHORT = parse_hours([["09:00", "18:00"]]), parse_hours([["09:00", "16:45"]])
WEEK: dict[int, Hours] = {0: LONG, 1: LONG, 2: LONG, 3: LONG, 4: SHORT}

DECREES = {
    2024: "of 10.08.2023 № 1314",
    2025: "of 04.10.2024 № 1335",
    2026: "of 24.09.2025",
}
"""Decrees of the government of Russia that transfer days off in a year; they are the source of the next three tables."""

DAYS_OFF = {
    2024: ["2024-04-29", "2024-04-30", "2024-05-10", "2024-12-30", "2024-12-31"],
    2025: ["2025-05-02", "2025-05-08", "2025-06-13", "2025-11-03", "2025-12-31"],
    2026: ["2026-01-09", "2026-12-31"],
}
WORKING_SATURDAYS = {2024: ["2024-04-27", "2024-11-02", "2024-12-28"], 2025: ["2025-11-01"], 2026: []}
WORKING_DAYS = {2024: 248, 2025: 247, 2026: 247}
"""Of a week of five days, by the production calendar."""

HOLIDAYS_ON_WEEKDAYS = {
    2024: ["01-01", "01-02", "01-03", "01-04", "01-05", "01-08", "02-23", "03-08", "05-01", "05-09", "06-12", "11-04"],
    2025: ["01-01", "01-02", "01-03", "01-06", "01-07", "01-08", "05-01", "05-09", "06-12", "11-04"],
    2026: ["01-01", "01-02", "01-05", "01-06", "01-07", "01-08", "02-23", "03-09", "05-01", "05-11", "06-12", "11-04"],
}
"""By article 112 of the labour code, which also moves a holiday from a weekend to the next working day."""


@pytest.mark.parametrize("year", DECREES)
def test_russia_closes_on_holidays_and_transferred_days_and_on_no_other_weekday(year: int) -> None:
    exceptions = public_holidays("RU", None, range(year, year + 1), WEEK)
    closed = {day for day, hours in exceptions.items() if hours == CLOSED and day.weekday() < 5}
    holidays = [f"{year}-{day}" for day in HOLIDAYS_ON_WEEKDAYS[year]]

    assert closed == set(dates(DAYS_OFF[year] + holidays))


@pytest.mark.parametrize("year", DECREES)
def test_russia_works_on_transferred_saturdays_with_the_hours_of_the_friday_before(year: int) -> None:
    exceptions = public_holidays("RU", None, range(year, year + 1), WEEK)

    assert {day: hours for day, hours in exceptions.items() if hours} == dict.fromkeys(
        dates(WORKING_SATURDAYS[year]), SHORT
    )


@pytest.mark.parametrize("year", DECREES)
def test_the_working_days_of_russia_are_those_of_its_production_calendar(year: int) -> None:
    spec = CalendarSpec("Europe/Moscow", WEEK, public_holidays("RU", None, range(year, year + 1), WEEK))
    since, until = (datetime(start, 1, 1, tzinfo=UTC) for start in (year, year + 1))
    calendar = BusinessCalendar(spec)
    days = [since + timedelta(days=number) for number in range((until - since).days)]

    assert sum(calendar.worked(day, day + timedelta(days=1)) > timedelta() for day in days) == WORKING_DAYS[year]


def test_a_working_saturday_borrows_from_the_nearest_weekday_with_hours() -> None:
    four_days = {0: LONG, 1: LONG, 2: LONG, 3: SHORT, 4: CLOSED}
    saturday = date(2024, 4, 27)

    assert public_holidays("RU", None, range(2024, 2025), four_days)[saturday] == SHORT
    assert public_holidays("RU", None, range(2024, 2025), {6: LONG})[saturday] == LONG
    assert public_holidays("RU", None, range(2024, 2025), {})[saturday] == CLOSED


def test_a_working_saturday_of_a_business_open_on_saturdays_is_an_ordinary_one() -> None:
    assert date(2024, 4, 27) not in public_holidays("RU", None, range(2024, 2025), WEEK | {5: SHORT})


def test_exceptions_are_in_order_and_of_the_years_asked_for_alone() -> None:
    exceptions = public_holidays("RU", None, range(2024, 2027), WEEK)

    assert list(exceptions) == sorted(exceptions)
    assert {day.year for day in exceptions} == {2024, 2025, 2026}
    assert public_holidays("RU", None, range(2024, 2026), WEEK) == {
        day: hours for day, hours in exceptions.items() if day.year < 2026
    }
    assert public_holidays("RU", None, range(2024, 2024), WEEK) == {}


def test_subdivisions_have_their_own_holidays() -> None:
    epiphany = date(2025, 1, 6)

    assert epiphany in public_holidays("DE", "BY", range(2025, 2026), WEEK)
    assert epiphany not in public_holidays("DE", "BE", range(2025, 2026), WEEK)
    assert epiphany not in public_holidays("DE", None, range(2025, 2026), WEEK)


@pytest.mark.parametrize(
    ("country", "subdivision", "years", "code", "known"),
    [
        ("Russia", None, range(2024, 2025), "UNKNOWN_COUNTRY", "RU"),
        ("ru", None, range(2024, 2025), "UNKNOWN_COUNTRY", "RU"),
        ("Germny", None, range(2024, 2025), "UNKNOWN_COUNTRY", "DE"),
        ("XX", None, range(2024, 2025), "UNKNOWN_COUNTRY", "RU"),
        ("", None, range(2024, 2025), "UNKNOWN_COUNTRY", "RU"),
        ("HolidayBase", None, range(2024, 2025), "UNKNOWN_COUNTRY", "RU"),
        ("DE", "Bavaria", range(2024, 2025), "UNKNOWN_SUBDIVISION", "BY"),
        ("RU", "MOW", range(2024, 2025), "UNKNOWN_SUBDIVISION", "no subdivision"),
        ("RU", None, range(1980, 1995), "UNKNOWN_YEARS", "1991–2100"),
        ("RU", None, range(2099, 2102), "UNKNOWN_YEARS", "1991–2100"),
    ],
)
def test_holidays_that_are_not_known_are_refused_with_what_comes_close(
    country: str, subdivision: str | None, years: range, code: str, known: str
) -> None:
    with pytest.raises(HolidaysUnknown) as caught:
        public_holidays(country, subdivision, years, WEEK)

    assert caught.value.code == code
    assert known in caught.value.known
    assert known in str(caught.value)


def dates(texts: list[str]) -> list[date]:
    return [date.fromisoformat(text) for text in texts]
