"""The laws of business time on random calendars in many zones, at any microsecond."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpm_crm.engine.calendar import ALWAYS, BusinessCalendar, CalendarSpec
from bpm_crm.engine.instants import DAY, SECOND, instant_of
from bpm_crm.engine.timeline import CHANGING, integers
from bpm_crm.engine.weekly_hours import Hours

ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kolkata",
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
    "UTC",
)
FIRST, LAST = date(1993, 1, 1), date(2030, 1, 1)
MONTH = 30 * DAY

EVERY_HOUR = BusinessCalendar(ALWAYS.spec)

in_every_zone = pytest.mark.parametrize("zone", ZONES)
randomly = settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
often = settings(randomly, max_examples=200)
instants = st.integers(*(instant_of(datetime(day.year, 1, 1, tzinfo=UTC)) for day in (FIRST, LAST)))
gaps = st.integers(0, 6 * MONTH)
budgets = st.one_of(st.integers(1, 10 * DAY), st.integers(1, 1000).map(lambda minutes: minutes * 60 * SECOND))
seconds = st.integers(0, 86_399)
spans = st.tuples(seconds, st.integers(3600, 86_400)).map(lambda pair: (pair[0], sum(pair)))
some_hours: st.SearchStrategy[Hours] = st.lists(spans, min_size=1, max_size=3).map(tuple)
any_hours: st.SearchStrategy[Hours] = st.lists(spans, max_size=3).map(tuple)
weeks = st.dictionaries(st.integers(0, 6), some_hours, min_size=3)
exceptions = st.dictionaries(st.dates(FIRST, LAST), any_hours, max_size=6)
closures = st.lists(st.tuples(instants, st.integers(1, MONTH)).map(lambda pair: (pair[0], sum(pair))), max_size=3).map(
    tuple
)
specs = st.builds(CalendarSpec, st.just("Asia/Kolkata"), weeks, exceptions, closures)


@in_every_zone
@randomly
@given(spec=specs, at=instants, budget=budgets, more=budgets, sign=st.sampled_from([1, -1]))
def test_what_is_worked_until_something_is_due_is_its_budget_and_budgets_add_up(
    zone: str, spec: CalendarSpec, at: int, budget: int, more: int, sign: int
) -> None:
    calendar = BusinessCalendar(replace(spec, zone=zone))
    budget, more = sign * budget, sign * more

    due = calendar.add(at, budget)

    assert calendar.between(at, due) == budget
    assert calendar.add(due, more) == calendar.add(at, budget + more)
    assert calendar.add(due, 0) == due
    assert calendar.add(calendar.add(at, 0), budget) == due
    assert abs(due - at) >= abs(budget)
    assert calendar.between(due, calendar.add(due, -budget)) == -budget


@in_every_zone
@randomly
@given(spec=specs, at=instants, gaps=st.tuples(gaps, gaps), budget=budgets)
def test_working_time_is_additive_and_monotone(
    zone: str, spec: CalendarSpec, at: int, gaps: tuple[int, int], budget: int
) -> None:
    calendar = BusinessCalendar(replace(spec, zone=zone))
    first, second, third = at, at + gaps[0], at + sum(gaps)
    open_spans = calendar.open_spans(first, third)

    assert calendar.between(first, second) + calendar.between(second, third) == calendar.between(first, third)
    assert calendar.between(third, first) == -calendar.between(first, third)
    assert 0 <= calendar.between(first, second) <= second - first
    assert calendar.add(first, budget) <= calendar.add(second, budget) <= calendar.add(second, budget + 1)
    assert sum(closes - opens for opens, closes in open_spans) == calendar.between(first, third)
    assert all(opens < closes for opens, closes in open_spans)
    assert all(closes < opens for (_, closes), (opens, _) in pairwise(open_spans))


@in_every_zone
@randomly
@given(spec=specs, at=instants, budget=budgets)
def test_outside_hours_counting_starts_at_the_next_opening(zone: str, spec: CalendarSpec, at: int, budget: int) -> None:
    calendar = BusinessCalendar(replace(spec, zone=zone))
    opening, closing = calendar.next_open(at), calendar.previous_open(at)

    assert closing <= at <= opening
    assert calendar.between(closing, opening) == 0
    assert calendar.is_open(opening)
    assert calendar.is_open(closing - 1)
    assert calendar.is_open(at) == (at == opening)
    assert calendar.next_open(opening) == opening
    assert calendar.previous_open(closing) == closing
    assert calendar.add(at, budget) == calendar.add(opening, budget)
    assert calendar.add(at, -budget) == calendar.add(closing, -budget)


@in_every_zone
@randomly
@given(spec=specs, at=instants, days=st.integers(1, 40))
def test_business_days_end_within_hours_and_each_further_day_is_later(
    zone: str, spec: CalendarSpec, at: int, days: int
) -> None:
    calendar = BusinessCalendar(replace(spec, zone=zone))

    due = calendar.add_days(at, days)
    back = calendar.add_days(at, -days)

    for found in (due, back):
        assert calendar.is_open(found) or calendar.previous_open(found) == found
    assert back < at < due
    assert due <= calendar.add_days(at, days + 1)
    assert calendar.between(at, due) > 0
    assert calendar.add_days(calendar.next_open(at), days) == due


@often
@given(spec=specs, points=st.tuples(instants, st.integers(0, MONTH)), days=st.integers(1, 10))
def test_without_changes_of_clocks_whoever_starts_later_is_not_due_earlier(
    spec: CalendarSpec, points: tuple[int, int], days: int
) -> None:
    calendar = BusinessCalendar(spec)

    assert calendar.add_days(points[0], days) <= calendar.add_days(sum(points), days)
    assert calendar.add_days(points[0], -days) <= calendar.add_days(sum(points), -days)


@often
@given(
    hours=st.lists(st.tuples(seconds, seconds).filter(lambda span: span[0] < span[1]), min_size=1, max_size=3).map(
        tuple
    ),
    open_on=st.sets(st.integers(0, 6), min_size=1),
    closed=st.dictionaries(st.dates(FIRST, LAST), st.just(()), max_size=30),
    at=instants,
    days=st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_where_every_working_day_has_the_same_hours_business_days_add_up_and_keep_the_wall_time(
    hours: Hours, open_on: set[int], closed: dict[date, Hours], at: int, days: tuple[int, int]
) -> None:
    calendar = BusinessCalendar(CalendarSpec("Asia/Kolkata", dict.fromkeys(open_on, hours), closed))
    start = calendar.next_open(at)

    due = calendar.add_days(start, sum(days))

    assert (due - start) % DAY == 0
    assert calendar.add_days(calendar.add_days(start, days[0]), days[1]) == due
    assert calendar.add_days(due, -sum(days)) == start
    assert due == wall_time_after(start, sum(days), open_on, closed)


@often
@given(start=instants, gap=gaps, budget=st.integers(-MONTH, MONTH), days=st.integers(-400, 400))
def test_the_always_open_calendar_answers_as_a_calendar_with_all_hours_does(
    start: int, gap: int, budget: int, days: int
) -> None:
    calendar, end = EVERY_HOUR, start + gap

    assert ALWAYS.add(start, budget) == calendar.add(start, budget)
    assert ALWAYS.between(start, end) == calendar.between(start, end)
    assert ALWAYS.is_open(start) is calendar.is_open(start)
    assert ALWAYS.next_open(start) == calendar.next_open(start)
    assert ALWAYS.previous_open(start) == calendar.previous_open(start)
    assert ALWAYS.open_spans(start, end) == calendar.open_spans(start, end)
    assert ALWAYS.add_days(start, days) == calendar.add_days(start, days)


@pytest.mark.parametrize("server_zone", ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"])
def test_nothing_depends_on_the_zone_of_the_server(server_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = CalendarSpec("Europe/Berlin", dict.fromkeys(range(5), ((9 * 3600, 18 * 3600),)))
    at = datetime(2025, 3, 28, 16, 30, tzinfo=UTC)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", server_zone)
        time.tzset()
        calendar = BusinessCalendar(spec)
        due = calendar.due(at, timedelta(hours=1))
        days = calendar.add_days(instant_of(at), 2)
    time.tzset()

    assert due == datetime(2025, 3, 31, 7, 30, tzinfo=UTC)
    assert days == instant_of(datetime(2025, 4, 1, 15, 30, tzinfo=UTC))


def wall_time_after(start: int, days: int, open_on: set[int], closed: dict[date, Hours]) -> int:
    """Date by date; Kolkata is five and a half hours ahead of UTC all year."""
    at = datetime(1970, 1, 1, 5, 30, tzinfo=UTC) + timedelta(microseconds=start)
    left = days
    while left:
        at += timedelta(days=1)
        left -= at.weekday() in open_on and at.date() not in closed
    return instant_of(at - timedelta(hours=5, minutes=30))


@in_every_zone
@randomly
@given(spec=specs, at=instants, days=st.integers(-40, 40))
def test_business_days_over_steady_clocks_are_counted_as_the_clocks_of_the_zone_say(
    zone: str, spec: CalendarSpec, at: int, days: int
) -> None:
    calendar = BusinessCalendar(replace(spec, zone=zone))
    expected = calendar.add_days(at, days)
    line = calendar._years.line

    calendar._years.line = replace(line, day_offsets=integers([CHANGING] * len(line.days)))

    assert calendar.add_days(at, days) == expected
