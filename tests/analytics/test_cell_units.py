"""What cells are made of: lengths of time within 1 %, days of a zone, periods covered once, questions that cells answer."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpm_crm.analytics.cells.days import Days, Level, Span, month_of
from bpm_crm.analytics.cells.parts import Part, Sums, pack_parts, unpack_parts
from bpm_crm.analytics.cells.reading import is_rolled_up, span_of
from bpm_crm.analytics.cells.spreads import Histogram, as_arrays, key_of, merge, pack, unpack
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Question
from bpm_crm.records.identifiers import new_id
from tests.analytics.reference_statistics import percentile

WITHIN = 0.01 + 1e-9
LENGTHS = st.one_of(st.just(0.0), st.floats(0.2, 3e8), st.floats(-3e8, -0.2))
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def spread_of(lengths: list[float], slot: int = 3) -> dict[int, int]:
    found: dict[int, int] = {}
    for length in lengths:
        key = key_of(slot, length)
        found[key] = found.get(key, 0) + 1
    return found


@given(LENGTHS)
def test_every_length_is_within_one_percent(length: float) -> None:
    (found,) = Histogram([as_arrays(spread_of([length]))]).percentiles(3, [0.5])
    assert found == pytest.approx(length, rel=WITHIN)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 999])
def test_percentiles_are_those_of_the_lengths_within_one_percent(size: int) -> None:
    rng = random.Random(size)
    lengths = [rng.lognormvariate(9, 2) for _ in range(size)]
    found = Histogram([as_arrays(spread_of(lengths))]).percentiles(3, [0, 0.5, 0.9, 1])
    exact = [percentile(lengths, share) for share in (0, 0.5, 0.9, 1)]
    assert found == pytest.approx(exact, rel=WITHIN)


def test_slots_do_not_mix() -> None:
    both = [as_arrays(spread_of([10.0], 1)), as_arrays(spread_of([5_000_000.0], 2))]
    histogram = Histogram(both)
    assert list(histogram.slots) == [1, 2]
    assert histogram.percentiles(1, [1]) == pytest.approx([10], rel=WITHIN)
    assert histogram.percentiles(2, [0]) == pytest.approx([5_000_000], rel=WITHIN)
    assert list(Histogram([]).slots) == []


@given(st.lists(LENGTHS, max_size=30), st.lists(LENGTHS, max_size=30))
def test_merging_is_adding_and_what_is_taken_away_again_leaves_nothing(first: list[float], more: list[float]) -> None:
    whole, packed = pack(spread_of(first + more)), pack(spread_of(first))
    assert merge(packed, spread_of(more)) == whole
    away = {key: -count for key, count in spread_of(more).items()}
    assert merge(whole, away) == packed
    keys, counts = unpack(whole)
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == spread_of(first + more)
    assert np.all(keys[1:] > keys[:-1])


@given(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS))
def test_a_span_is_covered_by_months_and_days_that_meet_each_day_once(since: date | None, until: date | None) -> None:
    if since is not None and until is not None and since >= until:
        since, until = until, since + timedelta(days=1)
    cover = Span(since, until).cover()
    day = date(2023, 11, 5)
    while day < date(2028, 2, 10):
        met = 0
        for level, first, end in cover:
            starts_on = day if level is Level.DAY else month_of(day)
            met += (first is None or starts_on >= first) and (end is None or starts_on < end)
        assert met == Span(since, until).holds(day), (day, cover)
        day += timedelta(days=1)


@pytest.mark.parametrize("zone", ["Europe/Moscow", "UTC", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"])
def test_every_instant_lies_in_the_day_that_began_last(zone: str) -> None:
    """Among them zones whose clocks change at midnight, and one that left a day out."""
    days = Days(zone)
    at = datetime(2011, 12, 27, 3, tzinfo=UTC)
    for _ in range(30_000):
        day = days.day_of(at)
        assert days.begin(day) <= at < days.begin(day + timedelta(days=1)) or days.begin(day) == at
        at += timedelta(minutes=373)
    assert days.beginning_at(datetime(2026, 9, 1, tzinfo=ZoneInfo(zone))) == date(2026, 9, 1)
    assert days.beginning_at(datetime(2026, 9, 1, 0, 0, 1, tzinfo=ZoneInfo(zone))) is None


def test_money_and_missing_values_survive_packing() -> None:
    part = Part(date(2026, 9, 1), ("a", None, "b", None), {"n": 3, "money": Decimal("0.100")}, [5, 5, 9])
    (found,) = unpack_parts(pack_parts({"x": [part], "empty": []}))["x"]
    assert found == replace(part, numbers={"n": 3, "money": Decimal("0.1")})
    sums = Sums()
    sums.add(found, 1)
    sums.add(part, -1)
    assert not any(sums.numbers.values())
    assert not any(sums.lengths.values())


def test_parts_in_another_order_are_stored_alike() -> None:
    parts = [Part(date(2026, 9, day), (str(day),), {"n": 1}, []) for day in (1, 2, 3)]
    assert pack_parts({"x": parts}) == pack_parts({"x": parts[::-1]})


@pytest.mark.parametrize(
    ("dimensions", "basis", "expected"),
    [
        ((), OwnerBasis.ACTOR, True),
        ((Dimension.OWNER,), OwnerBasis.AT_ENTRY, True),
        ((Dimension.OWNER,), OwnerBasis.CURRENT, False),
        ((Dimension.TEAM,), OwnerBasis.ACTOR, False),
        ((Dimension.CHANNEL,), OwnerBasis.CURRENT, True),
        ((Dimension.REGION,), OwnerBasis.AT_ENTRY, False),
        ((Dimension.CHANNEL, Dimension.OWNER), OwnerBasis.AT_ENTRY, False),
    ],
)
def test_only_what_is_rolled_up_is_read_from_cells(
    dimensions: tuple[Dimension, ...], basis: OwnerBasis, expected: bool
) -> None:
    assert is_rolled_up(Grouping(dimensions, basis)) is expected


def test_only_whole_days_of_the_zone_are_read_from_cells() -> None:
    days = Days("Europe/Moscow")
    midnight, later = datetime(2026, 8, 31, 21, tzinfo=UTC), datetime(2026, 9, 30, 21, tzinfo=UTC)
    tenant = new_id()
    assert span_of(Question(tenant), days) == Span(None, None)
    assert span_of(Question(tenant, since=midnight), days) == Span(date(2026, 9, 1), None)
    assert span_of(Question(tenant, since=midnight, until=later), days) == Span(date(2026, 9, 1), date(2026, 10, 1))
    second = timedelta(seconds=1)
    assert span_of(Question(tenant, since=midnight + second), days) is None
    assert span_of(Question(tenant, until=later - second), days) is None
