"""What cells are made of: lengths of time within 1 %, days of a zone, periods covered once, questions that cells answer."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpm_crm.analytics.cells import gathering
from bpm_crm.analytics.cells.bodies import body_of, pack_columns, unpack, unpack_columns
from bpm_crm.analytics.cells.columns import Columns, distinct, joined
from bpm_crm.analytics.cells.contributions import limbs
from bpm_crm.analytics.cells.days import Days, Level, Span
from bpm_crm.analytics.cells.gathering import Gathering
from bpm_crm.analytics.cells.lengths import Lengths, Rows, Slots
from bpm_crm.analytics.cells.parts import Part, added_of, pack_parts, unpack_parts
from bpm_crm.analytics.cells.placed import Placed
from bpm_crm.analytics.cells.reading import is_rolled_up, span_of
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import WIDTH, growing_keys, grown, keys_of
from bpm_crm.analytics.cells.sums import KINDS, together
from bpm_crm.analytics.cells.survival import Survival
from bpm_crm.analytics.cells.tallies import ranked, sums, unranked
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT
from bpm_crm.engine.instants import instant_of
from bpm_crm.records.identifiers import new_id
from tests.analytics.reference_statistics import kaplan_meier, percentile

WITHIN = 0.01 + 1e-9
LENGTHS = st.one_of(st.just(0.0), st.floats(0.2, 3e8), st.floats(-3e8, -0.2))
DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def lengths_of(lengths: list[list[float]]) -> Lengths:
    """Rows of lengths."""
    pairs = [row * WIDTH + int(key) for row, some in enumerate(lengths) for key in keys_of([0] * len(some), some)]
    return Lengths(np.asarray(pairs, np.int64), np.ones(len(pairs), np.int64), len(lengths))


def growing_key(slot: int, axis: int, began: float) -> int:
    return int(growing_keys([slot], [axis], [began])[0])


@given(LENGTHS)
def test_every_length_is_within_one_percent(length: float) -> None:
    assert lengths_of([[length]]).percentiles(0.5).tolist() == [pytest.approx(length, rel=WITHIN)]


@pytest.mark.parametrize("size", [1, 2, 3, 10, 999])
def test_percentiles_are_those_of_the_lengths_within_one_percent(size: int) -> None:
    rng = random.Random(size)
    rows = [[rng.lognormvariate(9, 2) for _ in range(some)] for some in (size, 0, 2 * size, 1)]
    found = lengths_of(rows)
    for share in (0, 0.5, 0.9, 1):
        exact = [percentile(lengths, share) if lengths else float("nan") for lengths in rows]
        assert found.percentiles(share).tolist() == pytest.approx(exact, rel=WITHIN, nan_ok=True)
    assert found.totals.tolist() == [size, 0, 2 * size, 1]


def test_slots_and_segments_do_not_mix_and_what_is_taken_away_leaves_nothing() -> None:
    keys = keys_of([1, 1, 2, 2, 2], [10.0, 20.0, 7.0, 7.0, 5_000_000.0])
    places, counts = np.asarray([0, 1, 1, 1, 0]), np.asarray([1, 1, 1, -1, 1])
    lengths = Slots(2, places, keys, counts).rows(Rows({2: 0, 1: 1, 9: 2}, 3))
    assert lengths.totals.tolist() == [1, 1, 0, 0, 1, 0]
    nan = float("nan")
    assert lengths.percentiles(1).tolist() == pytest.approx([5_000_000, 10, nan, nan, 20, nan], rel=WITHIN, nan_ok=True)


@given(st.one_of(st.none(), DAYS), st.one_of(st.none(), DAYS))
def test_a_span_is_covered_by_quarters_months_and_days_that_meet_each_day_once(
    since: date | None, until: date | None
) -> None:
    if since is not None and until is not None and since >= until:
        since, until = until, since + timedelta(days=1)
    cover = Span(since, until).cover()
    day = date(2023, 11, 5)
    while day < date(2028, 2, 10):
        met = 0
        for level, first, end in cover:
            starts_on = level.start_of(day)
            met += (first is None or starts_on >= first) and (end is None or starts_on < end)
        assert met == Span(since, until).holds(day), (day, cover)
        day += timedelta(days=1)


@pytest.mark.parametrize("zone", ["Europe/Moscow", "UTC", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia"])
def test_every_instant_lies_in_the_day_that_began_last(zone: str) -> None:
    """Among them zones whose clocks change at midnight, and one that left a day out."""
    days = Days(zone)
    at = datetime(2011, 12, 27, 3, tzinfo=UTC)
    instants, ordinals = [], []
    for _ in range(30_000):
        day = days.day_of(at)
        assert days.begin(day) <= at < days.begin(day + timedelta(days=1)) or days.begin(day) == at
        instants.append(instant_of(at))
        ordinals.append(day.toordinal())
        at += timedelta(minutes=373)
    assert days.ordinals_of(np.asarray(instants)).tolist() == ordinals
    for level in Level:
        assert level.starts_of(np.asarray(ordinals)).tolist() == [
            level.start_of(date.fromordinal(ordinal)).toordinal() for ordinal in ordinals
        ]
    assert days.beginning_at(datetime(2026, 9, 1, tzinfo=ZoneInfo(zone))) == date(2026, 9, 1)
    assert days.beginning_at(datetime(2026, 9, 1, 0, 0, 1, tzinfo=ZoneInfo(zone))) is None


PROCESS_ID = "01890000-0000-7000-8000-000000000001"
SEGMENT = ("web", None, PROCESS_ID, "north", None, "Tula", "p@1", None, "north", "p@2", "won", "won", None)


def packed(parts: list[Part], evaluation: str = "x") -> bytes:
    """The parts of one case as they are stored."""
    case = new_id()
    (found,) = pack_parts(Placed([case], {case: SEGMENT}), {evaluation: added_of([(0, part) for part in parts])})
    return found


def test_missing_values_and_lengths_survive_packing() -> None:
    part = Part(739_000, SEGMENT, {"n": 3, "sum": 10**15}, [5, 5, growing_key(2, 0, 1.7e9)])
    (found,) = unpack_parts(packed([part]))["x"]
    assert found == part


def test_cases_are_found_by_their_ids() -> None:
    cases = [new_id() for _ in range(50)]
    placed = Placed(cases, dict.fromkeys(cases[::2], SEGMENT))
    asked = random.Random(1).choices(range(50), k=200)
    assert placed.places_of(b"".join(cases[place].bytes for place in asked)).tolist() == asked
    assert placed.of({UUID(PROCESS_ID)}) == cases[::2]
    assert placed.of({new_id()}) == []


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
    given_keys, ones = np.asarray(keys), np.ones(len(keys), np.int64)
    lasted = grown(given_keys, lambda slot, axis: now[slot, axis])
    slots = Slots(1, np.zeros(len(keys), np.int64), np.sort(lasted), ones)
    rows = slots.rows(Rows({1: 0, 2: 1}, 2))
    for share in (0.1, 0.5):
        exact = [percentile(some, share) for some in lengths.values()]
        assert rows.percentiles(share).tolist() == pytest.approx(exact, rel=WITHIN)
    with pytest.raises(ValueError, match="axes"):
        grown(given_keys, None)


def test_what_cannot_have_begun_so_is_refused() -> None:
    for slot, axis, began in ((1, 0, 1e12), (1, 1 << 11, 0.0), (1 << 14, 0, 0.0)):
        with pytest.raises(ValueError, match="cannot have begun"):
            growing_key(slot, axis, began)


@pytest.mark.parametrize("seed", range(12))
def test_kaplan_meier_over_buckets_is_that_of_the_lengths_within_one_percent(seed: int) -> None:
    """Within 1 % in length at a share within 1 %, on random lengths of which up to nine in ten are censored; of each row by itself."""
    rng = random.Random(seed)
    rows: list[list[tuple[float, bool]]] = []
    for size in (rng.choice((150, 600, 1_500)), 0, 3, 200):
        share_open = rng.choice((0.0, 0.1, 0.5, 0.9))
        rows.append([(rng.lognormvariate(10, 1.5), rng.random() >= share_open) for _ in range(size)])
    ended, open_ = (
        lengths_of([[length for length, is_seen in waits if is_seen is kind] for waits in rows])
        for kind in (True, False)
    )
    survival = Survival(ended, open_)
    for share in (0.5, 0.9):
        for waits, found, lower, upper in zip(rows, survival.endings(share), *survival.interval(share), strict=True):
            if not waits:
                assert np.isnan([found, lower, upper]).all()
                continue
            low, high = (kaplan_meier(waits, Fraction(share + sign).limit_denominator(100)) for sign in (-0.01, 0.01))
            if len(waits) < 100:
                low = high = kaplan_meier(waits, Fraction(share).limit_denominator(100))
            if np.isnan(found):
                assert high is None
            else:
                assert low is not None
                assert low * (1 - WITHIN) <= found
                assert high is None or found <= high * (1 + WITHIN)
                assert np.isnan(lower) or lower <= found
                assert np.isnan(upper) or found <= upper


def test_of_lengths_in_one_bucket_those_that_ended_come_first() -> None:
    """Who was seen as long as another lasted was at risk then: half is left, not nothing. One row more, so that rows are told apart."""
    lengths = lengths_of([[3_600.0], [60.0]])
    survival = Survival(lengths, lengths)
    assert survival.endings(0.5) == pytest.approx([3_600.0, 60.0], rel=0.01)
    assert np.isnan(survival.endings(0.9)).all()


def random_columns(rng: random.Random, size: int) -> list[tuple[Segment, str | int, int]]:
    """Entries, some of which take away what others add."""
    values: tuple[str | None, ...] = (None, "a", "b")
    keys: tuple[str | int, ...] = ("n", "m", "k", 5, 900, 70_000, growing_key(1, 0, 1.7e9), growing_key(9_000, 3, -5.0))
    return [
        (tuple(rng.choice(values) for _ in WHOLE), rng.choice(keys), rng.choice((-1, 1, 1, 40_000, 10**12)))
        for _ in range(size)
    ]


def as_parts(entries: list[tuple[Segment, str | int, int]]) -> tuple[Columns, Columns]:
    """What entries add, and what they take away."""
    signs: dict[bool, list[tuple[int, Part]]] = {True: [], False: []}
    for segment, key, amount in entries:
        numbers, keys = ({key: amount}, []) if isinstance(key, str) else ({}, [key] * (abs(amount) % 7))
        signs[isinstance(key, int) and amount < 0].append((0, Part(1, segment, numbers, keys)))
    return added_of(signs[False]).columns, added_of(signs[True]).taken_away().columns


def as_columns(entries: list[tuple[Segment, str | int, int]]) -> Columns:
    return joined(as_parts(entries))


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
def test_groups_of_bodies_are_their_sums(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they come as: packed or not, some at a time, and put together whenever there are many."""
    monkeypatch.setattr(gathering, "_MOST", 40)
    rng = random.Random(seed)
    names = rng.sample(WHOLE, seed % 4)
    rows = [WHOLE.index(name) for name in names]
    found_groups, expected = dict[Segment, int](), dict[Segment, dict[str | int, int]]()
    gathered = Gathering(lambda _slot, _axis: 1.7e9 + 50.0)
    for _ in range(5):
        columns = as_columns(random_columns(rng, 60))
        bodies = [body_of(columns), unpack(pack_columns(as_columns(random_columns(rng, 40))))]
        groups = []
        for body in bodies:
            kinds, places = distinct(body.columns(), rows)
            segments = [
                tuple(body.values[row][code] for row, code in zip(rows, codes, strict=True)) for codes in kinds.T
            ]
            held = np.asarray([rng.random() < 0.7 for _ in range(body.size)], np.bool_)
            numbers = [found_groups.setdefault(segment, len(found_groups)) for segment in segments]
            groups.append(np.where(held, np.asarray(numbers)[places], -1))
            some = replace(body.columns(), amounts=body.columns().amounts * held[body.columns().places])
            for (segment, key), amount in told(some).items():
                sums = expected.setdefault(tuple(segment[row] for row in rows), {})
                lasted = (
                    int(grown(np.asarray([key]), lambda _slot, _axis: 1.7e9 + 50.0)[0]) if isinstance(key, int) else key
                )
                sums[lasted] = sums.get(lasted, 0) + amount
        gathered.add(bodies, groups)
    answer = gathered.grouped(list(found_groups))
    found: dict[Segment, dict[str | int, int]] = {
        segment: {name: amount for name, amount in numbers.items()}  # noqa: C416  # keys may be names or buckets
        for segment, numbers in zip(answer.segments, answer.numbers, strict=True)
    }
    for place, key, amount in zip(*(column.tolist() for column in answer.lasted), strict=True):
        assert key not in found[answer.segments[place]]
        found[answer.segments[place]][key] = amount
    plain = {segment: {key: amount for key, amount in some.items() if amount} for segment, some in expected.items()}
    assert found == {segment: sums for segment, sums in plain.items() if any(isinstance(key, str) for key in sums)}


CODES = st.one_of(st.integers(-50, 50), st.integers(-(2**20), 2**40), st.integers(0, 2**61))
AMOUNTS = st.one_of(st.integers(-1, 1), st.integers(-(2**40), 2**40), st.integers(-(2**45), 2**45))


@given(st.lists(st.tuples(CODES, AMOUNTS), max_size=60), st.integers(0, 2))
def test_sums_are_those_of_a_dictionary(entries: list[tuple[int, int]], many: int) -> None:
    """However far apart codes lie, and however large amounts are."""
    entries = entries * 60**many if len(entries) < 10 else entries
    expected: dict[int, int] = {}
    for code, amount in entries:
        expected[code] = expected.get(code, 0) + amount
    codes, amounts = (np.asarray([entry[row] for entry in entries], np.int64) for row in (0, 1))
    found = sums(codes, amounts)
    assert list(zip(*(column.tolist() for column in found), strict=True)) == sorted(
        (code, amount) for code, amount in expected.items() if amount
    )
    ranks, known = ranked(codes)
    assert unranked(ranks, known).tolist() == codes.tolist()
    assert np.array_equal(np.argsort(ranks, kind="stable"), np.argsort(codes, kind="stable"))


@pytest.mark.parametrize("seed", range(4))
def test_cells_by_dimensions_are_sums_of_the_days(seed: int) -> None:
    rng = random.Random(seed)
    parts = [
        (number % 7, Part(739_000 + rng.randrange(70), segment, {"n": 1, "m": amount}, [rng.choice((5, 900, 2**40))]))
        for number, (segment, _, amount) in enumerate(random_columns(rng, 120))
    ]
    added = together([added_of(parts[:50]), added_of(parts[50:]), added_of(parts[:9]).taken_away()])
    for dimensions, level in ((dimensions, level) for dimensions, levels in KINDS.items() for level in levels):
        expected: dict[date, dict[tuple[Segment, str | int], int]] = {}
        for _, part in parts[9:]:
            sums = expected.setdefault(level.start_of(date.fromordinal(part.on)), {})
            segment = tuple(part.segment[WHOLE.index(name)] for name in dimensions)
            entries: list[tuple[str | int, int]] = [*part.numbers.items(), *((key, 1) for key in part.keys)]
            for key, amount in entries:
                sums[segment, key] = sums.get((segment, key), 0) + amount
        cells = added.in_order().by(dimensions, KINDS[dimensions])
        found = {start: told(unpack_columns(body)) for of, start, body in cells if of is level}
        assert found == {
            start: {cell: amount for cell, amount in sums.items() if amount} for start, sums in expected.items()
        }


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
        ((Dimension.PROCESS, Dimension.OWNER), OwnerBasis.AT_ENTRY, True),
    ],
)
def test_only_what_is_rolled_up_is_read_from_cells(
    dimensions: tuple[Dimension, ...], basis: OwnerBasis, expected: bool
) -> None:
    assert is_rolled_up(Grouping(dimensions, basis)) is expected


def test_only_whole_days_of_the_zone_are_read_from_cells() -> None:
    days = Days("Europe/Moscow")
    midnight, later = datetime(2026, 8, 31, 21, tzinfo=UTC), datetime(2026, 9, 30, 21, tzinfo=UTC)
    assert span_of((FIRST_INSTANT, LAST_INSTANT), days) == Span(None, None)
    assert span_of((midnight, LAST_INSTANT), days) == Span(date(2026, 9, 1), None)
    assert span_of((midnight, later), days) == Span(date(2026, 9, 1), date(2026, 10, 1))
    second = timedelta(seconds=1)
    assert span_of((midnight + second, LAST_INSTANT), days) is None
    assert span_of((FIRST_INSTANT, later - second), days) is None
