"""What cells are made of: lengths of time within 1 %, days of a zone, periods covered once, questions that cells answer."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpm_crm.analytics.cells.changes import Heap
from bpm_crm.analytics.cells.columns import Columns, joined, pack_columns, unpack_columns
from bpm_crm.analytics.cells.cuts import grouped
from bpm_crm.analytics.cells.days import Days, Level, Span, month_of
from bpm_crm.analytics.cells.parts import Part, limbs, pack_parts, unpack_parts
from bpm_crm.analytics.cells.reading import is_rolled_up, span_of
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Histogram, as_arrays, growing_key, keys_of, merge, pack, unpack
from bpm_crm.analytics.cells.survival import survivals
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.frames import Question
from bpm_crm.records.identifiers import new_id
from tests.analytics.reference_statistics import kaplan_meier, percentile

WITHIN = 0.01 + 1e-9
LENGTHS = st.one_of(st.just(0.0), st.floats(0.2, 3e8), st.floats(-3e8, -0.2))
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def spread_of(lengths: list[float], slot: int = 3) -> dict[int, int]:
    found: dict[int, int] = {}
    for key in keys_of([slot] * len(lengths), lengths).tolist():
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
    assert merge(packed, as_arrays(spread_of(more))) == whole
    away = {key: -count for key, count in spread_of(more).items()}
    assert merge(whole, as_arrays(away)) == packed
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


SEGMENT = ("web", None, "p", "north", None, "Tula", "p@1", None, "north", "won", "won", None)


def test_missing_values_and_lengths_survive_packing() -> None:
    part = Part(739_000, SEGMENT, {"n": 3, "sum": 10**15}, [5, 5, growing_key(2, 0, 1.7e9)])
    (found,) = unpack_parts(pack_parts({"x": [part], "empty": []}))["x"]
    assert found == part


def test_parts_in_another_order_are_stored_alike() -> None:
    parts = [Part(739_000 + day, SEGMENT, {"n": 1}, []) for day in (1, 2, 3)]
    assert pack_parts({"x": parts}) == pack_parts({"x": parts[::-1]})
    alike = [Part(739_000, SEGMENT, numbers, []) for numbers in ({"b": 1, "a": 1}, {"a": 2, "c": 1})]
    told = [replace(part, numbers=dict(reversed(part.numbers.items()))) for part in alike]
    assert pack_parts({"x": alike}) == pack_parts({"x": told})


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=7, min_value=-(10**17), max_value=10**17)))
def test_sums_of_limbs_are_the_sums_of_the_amounts(amounts: list[Decimal]) -> None:
    sums: dict[int, int] = {}
    for amount in amounts:
        for power, limb in limbs(amount).items():
            assert abs(limb) < 10**9
            sums[power] = sums.get(power, 0) + limb
    exact = sum(Fraction(amount) for amount in amounts)
    assert sum((limb * Fraction(10) ** power for power, limb in sums.items()), Fraction(0)) == exact


@pytest.mark.parametrize("seed", range(5))
def test_growing_lengths_have_come_to_what_their_axis_has(seed: int) -> None:
    rng = random.Random(seed)
    now = {(slot, axis): rng.uniform(1e6, 2e9) for slot in (1, 2) for axis in (0, 1, 7)}
    lengths: dict[int, list[float]] = {1: [], 2: []}
    keys = []
    for _ in range(200):
        (slot, axis), length = rng.choice(list(now)), float(rng.randrange(200, 10**6))
        began = float(round(now[slot, axis] - length))
        lengths[slot].append(now[slot, axis] - began)
        keys.append(growing_key(slot, axis, began))
    histogram = Histogram([as_arrays(dict.fromkeys(keys, 1))], lambda slot, axis: now[slot, axis])
    for slot, some in lengths.items():
        assert histogram.percentiles(slot, [0.1, 0.5]) == pytest.approx(
            [percentile(some, 0.1), percentile(some, 0.5)], rel=WITHIN
        )
    with pytest.raises(ValueError, match="axes"):
        Histogram([as_arrays(dict.fromkeys(keys, 1))])


@pytest.mark.parametrize("seed", range(12))
def test_kaplan_meier_over_buckets_is_that_of_the_lengths_within_one_percent(seed: int) -> None:
    """Within 1 % in length at a share within 1 %, on random lengths of which up to nine in ten are censored."""
    rng = random.Random(seed)
    size, share_open = rng.choice((150, 600, 1_500)), rng.choice((0.0, 0.1, 0.5, 0.9))
    waits = [(rng.lognormvariate(10, 1.5), rng.random() >= share_open) for _ in range(size)]
    ended, open_ = (
        Histogram([as_arrays(spread_of([length for length, is_seen in waits if is_seen is kind]))]).row(3)
        for kind in (True, False)
    )
    for share, found in zip((0.5, 0.9), survivals(ended[None], open_[None], (0.5, 0.9))[0], strict=True):
        low, high = (kaplan_meier(waits, Fraction(share + sign).limit_denominator(100)) for sign in (-0.01, 0.01))
        if found.seconds is None:
            assert high is None
        else:
            assert low is not None
            assert low * (1 - WITHIN) <= found.seconds
            assert high is None or found.seconds <= high * (1 + WITHIN)


def random_columns(rng: random.Random, size: int) -> list[tuple[Segment, str | int, int]]:
    """Entries, some of which take away what others add."""
    values: tuple[str | None, ...] = (None, "a", "b")
    keys: tuple[str | int, ...] = ("n", "m", "k", 5, 900, 70_000, growing_key(1, 0, 1.7e9), growing_key(2, 3, -5.0))
    return [
        (tuple(rng.choice(values) for _ in WHOLE), rng.choice(keys), rng.choice((-1, 1, 1, 40_000, 10**12)))
        for _ in range(size)
    ]


def as_columns(entries: list[tuple[Segment, str | int, int]]) -> Columns:
    heap = Heap()
    for segment, key, amount in entries:
        times, sign = (1, 1) if isinstance(key, str) else (abs(amount) % 7, 1 if amount > 0 else -1)
        for _ in range(times):
            heap.add(
                Part(1, segment, {key: amount} if isinstance(key, str) else {}, [] if isinstance(key, str) else [key]),
                sign,
            )
    return heap.columns()


def told(columns: Columns) -> dict[tuple[Segment, str | int], int]:
    """What columns say, plainly."""
    found: dict[tuple[Segment, str | int], int] = {}
    for place, key, amount in zip(
        columns.places.tolist(), columns.keys.tolist(), columns.amounts.tolist(), strict=True
    ):
        segment = tuple(
            known[code] for known, code in zip(columns.values, columns.codes[:, place].tolist(), strict=True)
        )
        name = columns.names[-1 - key] if key < 0 else key
        found[segment, name] = found.get((segment, name), 0) + amount
    return {cell: amount for cell, amount in found.items() if amount}


@pytest.mark.parametrize("seed", range(6))
def test_columns_say_the_same_packed_joined_and_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    entries = random_columns(rng, rng.choice((0, 1, 30, 300)))
    whole = as_columns(entries)
    middle = len(entries) // 2
    packed = [pack_columns(as_columns(some)) for some in (entries[:middle], entries[middle:])]
    apart = joined(map(unpack_columns, packed))
    assert told(unpack_columns(pack_columns(whole))) == told(whole) == told(apart)
    rng.shuffle(entries)
    assert pack_columns(apart) == pack_columns(whole) == pack_columns(as_columns(entries))


@pytest.mark.parametrize("seed", range(6))
def test_groups_of_columns_are_their_sums(seed: int) -> None:
    rng = random.Random(seed)
    columns = as_columns(random_columns(rng, 200))
    held = np.asarray([rng.random() < 0.7 for _ in range(columns.codes.shape[1])], np.int64)
    names = rng.sample(WHOLE, seed % 4)
    expected: dict[Segment, dict[str | int, int]] = {}
    some = replace(columns, amounts=columns.amounts * held[columns.places])
    for (segment, key), amount in told(some).items():
        sums = expected.setdefault(tuple(segment[WHOLE.index(name)] for name in names), {})
        sums[key] = sums.get(key, 0) + amount
    found = {
        segment: {**answer.numbers, **dict(zip(*(part.tolist() for part in answer.spreads[0]), strict=True))}
        for segment, answer in grouped(columns, names, held).items()
    }
    plain = {segment: {key: amount for key, amount in sums.items() if amount} for segment, sums in expected.items()}
    assert found == {segment: sums for segment, sums in plain.items() if sums}


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
