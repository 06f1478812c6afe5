"""The period before, the parts of a period, and differences of measurements."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from math import inf
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.analytics.comparisons import difference, poisson
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.formulas import Measurement
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.periods import before, buckets

ZONE = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)


@pytest.mark.parametrize(
    ("since", "until", "begins"),
    [
        ("2026-03-01", "2026-04-01", "2026-02-01"),
        ("2026-01-01", "2026-04-01", "2025-10-01"),
        ("2026-01-01", "2027-01-01", "2025-01-01"),
        ("2026-04-02", "2026-04-09", "2026-03-26"),
        ("2026-03-30", "2026-03-31", "2026-03-29"),
        ("2026-05-04T09:00", "2026-05-04T11:00", "2026-05-04T07:00"),
    ],
)
def test_the_period_before_is_as_many_months_days_or_hours_long(since: str, until: str, begins: str) -> None:
    asked = Question(UUID(int=1), since=at(since), until=at(until))
    assert before(asked, ZONE) == replace(asked, since=at(begins), until=at(since))


def test_a_month_that_begins_without_a_midnight_has_a_month_before_it() -> None:
    """On 2023-10-01 clocks in Paraguay went from midnight to one o'clock."""
    zone = ZoneInfo("America/Asuncion")
    first, second, third = (datetime(2023, month, 1, tzinfo=zone).astimezone(UTC) for month in (9, 10, 11))
    asked = Question(UUID(int=1), since=second, until=third)
    assert before(asked, zone.key) == replace(asked, since=first, until=second)


def test_nothing_is_before_an_open_period() -> None:
    asked = Question(UUID(int=1))
    assert [before(item, ZONE) for item in (asked, replace(asked, since=at("2026-03-01")))] == [None, None]


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        (Dimension.MONTH, ["2026-03", "2026-04"]),
        (Dimension.WEEK, ["2026-W13", "2026-W14", "2026-W15"]),
        (Dimension.QUARTER, ["2026-Q1", "2026-Q2"]),
        (Dimension.YEAR, ["2026"]),
        (Dimension.DAY, [*(f"2026-03-{day}" for day in range(28, 32)), *(f"2026-04-0{day}" for day in range(1, 8))]),
    ],
)
def test_the_parts_of_a_period_cover_it_without_gap(part: Dimension, keys: list[str]) -> None:
    since, until = at("2026-03-28T12:00"), at("2026-04-07T12:00")
    found = list(buckets(since, until, part, ZONE))
    assert [bucket.key for bucket in found] == keys
    assert (found[0].since, found[-1].until) == (since, until)
    for one, other in pairwise(found):
        assert one.until == other.since
        assert other.since.astimezone(ZoneInfo(ZONE)).hour == 0


def test_the_week_of_a_new_year_is_that_of_iso_8601() -> None:
    keys = [bucket.key for bucket in buckets(at("2026-12-28"), at("2027-01-05"), Dimension.WEEK, ZONE)]
    assert keys == ["2026-W53", "2027-W01"]


def share(part: int, whole: int, interval: tuple[float, float]) -> Measurement:
    return Measurement(None, Fraction(part, whole), Fraction(part), Fraction(whole), interval)


def test_a_difference_of_shares_is_that_of_newcombe() -> None:
    """The example of Newcombe (1998), method 10: 56/70 - 48/80 has the interval 0.0524 to 0.3339."""
    one, two = share(56, 70, (0.6918, 0.8778)), share(48, 80, (0.4904, 0.7005))
    found = difference(CATALOGUE["lead_to_sale"], one, two)
    assert found.value == Fraction(1, 5)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=2e-3)
    assert found.is_clear is True


def test_counts_take_the_interval_of_byar() -> None:
    """Breslow and Day's table: of 10 events 4.80 to 18.39 exactly."""
    assert poisson(10) == pytest.approx((4.80, 18.39), abs=0.02)
    assert poisson(0)[0] == 0
    found = difference(CATALOGUE["sales"], Measurement(None, Fraction(10)), Measurement(None, Fraction(8)))
    assert found.value == 2
    assert found.is_clear is False


def test_without_intervals_nothing_is_said_about_chance() -> None:
    kpi = CATALOGUE["leads_per_sale"]
    assert difference(kpi, Measurement(None, 3.0), Measurement(None, 2.0)).is_clear is None
    assert difference(kpi, Measurement(None, 3.0), Measurement(None, None)).value is None
    time = CATALOGUE["cycle_time"]
    unseen = difference(time, Measurement(None, 5.0, interval=(4.0, inf)), Measurement(None, 2.0, interval=(1.0, 3.0)))
    assert unseen.interval == (pytest.approx(5 - 2 - (1 + 1) ** 0.5), inf)
    assert unseen.is_clear is True
