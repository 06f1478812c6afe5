"""What business time costs, as ratios inside one run and as memory; a calendar that walks day by day must not pass."""

import random
import tracemalloc
from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from time import perf_counter_ns

from bpm_crm.engine.calendar import ALWAYS, BusinessCalendar, CalendarSpec
from bpm_crm.engine.instants import DAY, SECOND, instant_of
from bpm_crm.engine.weekly_hours import parse_hours

SPEC = CalendarSpec("Europe/Berlin", dict.fromkeys(range(5), parse_hours([["09:00", "13:00"], ["14:00", "18:00"]])))
HOUR = 3600 * SECOND
TEN_YEARS = 10 * 260 * 8 * HOUR
SINCE, UNTIL = (instant_of(datetime(year, 1, 1, tzinfo=UTC)) for year in (2010, 2012))
CHANCE = random.Random(7)
STARTS = [CHANCE.randrange(SINCE, UNTIL) for _ in range(1000)]
ROUNDS = 41


def laid_out() -> BusinessCalendar:
    calendar = BusinessCalendar(SPEC)
    calendar.between(SINCE, instant_of(datetime(2025, 1, 1, tzinfo=UTC)))
    return calendar


def compared(*questions: Callable[[int], object]) -> list[float]:
    """The cost of each question in units of the first: the median over rounds in which all of them take turns."""
    ratios: list[list[float]] = [[] for _ in questions]
    for _ in range(ROUNDS):
        costs = [measured(question) for question in questions]
        for found, cost in zip(ratios, costs, strict=True):
            found.append(cost / costs[0])
    return [median(found) for found in ratios]


def measured(question: Callable[[int], object]) -> int:
    begun = perf_counter_ns()
    for start in STARTS:
        question(start)
    return perf_counter_ns() - begun


def walked(calendar: BusinessCalendar, at: int, budget: int) -> int:
    """The wrong way: opening after opening."""
    while budget:
        at = calendar.next_open(at)
        step = min(budget, calendar.between(at, at + DAY // 4))
        at, budget = calendar.add(at, step), budget - step
    return at


def test_an_addition_costs_a_few_bisections_however_long_its_budget() -> None:
    calendar = laid_out()
    openings = list(calendar._years.line.starts)

    _, hour, ten_years, between = compared(
        lambda start: bisect_right(openings, start),
        lambda start: calendar.add(start, HOUR),
        lambda start: calendar.add(start, TEN_YEARS),
        lambda start: calendar.between(start, UNTIL),
    )

    assert hour < 8
    assert ten_years < 1.7 * hour
    assert between < 10


def test_a_walk_from_opening_to_opening_would_be_noticed() -> None:
    calendar = laid_out()

    _, hour, month = compared(
        lambda start: start,
        lambda start: walked(calendar, start, 8 * HOUR),
        lambda start: walked(calendar, start, 40 * HOUR),
    )

    assert month > 1.7 * hour


def test_the_always_open_calendar_is_cheaper_than_any_other() -> None:
    calendar = BusinessCalendar(ALWAYS.spec)

    always, ordinary = compared(lambda start: ALWAYS.add(start, HOUR), lambda start: calendar.add(start, HOUR))

    assert always < ordinary / 1.5


def test_a_year_of_office_hours_takes_less_than_twenty_kilobytes() -> None:
    calendar = BusinessCalendar(SPEC)
    calendar.between(SINCE, SINCE)
    tracemalloc.start()
    try:
        calendar.between(SINCE, instant_of(datetime(2049, 6, 1, tzinfo=UTC)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken / 39 < 20_000
