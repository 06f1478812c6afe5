"""Contributions to the move of a KPI: worked by hand, adding up exactly at random, noise told from moves."""

import random
from fractions import Fraction

import numpy as np
import pytest

from bpm_crm.analytics.drivers import (
    Contribution,
    additive_drivers,
    count_drivers,
    farthest_by_chance,
    ratio_drivers,
)

A, B, C, NONE = ("a",), ("b",), ("c",), (None,)
Parts = dict[tuple[str | None, ...], tuple[Fraction, Fraction]]


def parts(**cells: tuple[int, int]) -> Parts:
    return {(key,): (Fraction(count), Fraction(size)) for key, (count, size) in cells.items()}


def by_segment(found: list[Contribution] | None) -> dict[tuple[str | None, ...], tuple[Fraction, Fraction]]:
    assert found is not None
    return {item.segment: (item.rate, item.mix) for item in found}


def total(cells: Parts) -> Fraction:
    return sum((count for count, _ in cells.values()), Fraction(0)) / sum(
        (size for _, size in cells.values()), Fraction(0)
    )


def test_a_rate_that_changed_in_one_segment_is_all_of_the_move() -> None:
    """40 of 100 and 10 of 100 become 60 and 10: 0.25 → 0.35; a has half of the weight and went from 0.4 to 0.6."""
    found = ratio_drivers(parts(a=(40, 100), b=(10, 100)), parts(a=(60, 100), b=(10, 100)), is_share=True)
    assert by_segment(found) == {A: (Fraction(1, 10), Fraction(0)), B: (Fraction(0), Fraction(0))}


def test_a_mix_that_changed_under_the_same_rates_is_mix_alone() -> None:
    """Rates 0.4 and 0.1 stay; weights 1/2 and 1/2 become 1/4 and 3/4: 0.25 → 0.175, the middle is 0.2125.

    a: (-1/4) (0.4 - 0.2125) = -0.046875; b: (+1/4) (0.1 - 0.2125) = -0.028125.
    """
    found = ratio_drivers(parts(a=(40, 100), b=(10, 100)), parts(a=(20, 50), b=(15, 150)), is_share=True)
    assert by_segment(found) == {A: (Fraction(0), Fraction(-3, 64)), B: (Fraction(0), Fraction(-9, 320))}


def test_simpson_every_segment_got_better_and_the_whole_worse() -> None:
    """Rates 0.5 → 0.6 and 0.1 → 0.2, weights 0.8, 0.2 → 0.2, 0.8: 0.42 → 0.28."""
    base, now = parts(a=(40, 80), b=(2, 20)), parts(a=(12, 20), b=(16, 80))
    found = by_segment(ratio_drivers(base, now, is_share=True))
    assert sum(rate for rate, _ in found.values()) == Fraction(1, 10)
    assert sum(mix for _, mix in found.values()) == Fraction(-24, 100)
    assert found[A] == (Fraction(1, 20), Fraction(-12, 100))
    assert found[B] == (Fraction(1, 20), Fraction(-12, 100))


def test_a_segment_that_is_new_or_gone_counts_as_mix() -> None:
    """Alone b: 10 of 100. Then c is new with 30 of 100, and b as before: 0.1 → 0.2, the middle 0.15."""
    found = ratio_drivers(parts(b=(10, 100)), parts(b=(10, 100), c=(30, 100)), is_share=True)
    assert by_segment(found) == {B: (Fraction(0), Fraction(1, 40)), C: (Fraction(0), Fraction(3, 40))}
    gone = ratio_drivers(parts(b=(10, 100), c=(30, 100)), parts(b=(10, 100)), is_share=True)
    assert by_segment(gone) == {B: (Fraction(0), Fraction(-1, 40)), C: (Fraction(0), Fraction(-3, 40))}


def test_a_numerator_without_a_denominator_still_counts() -> None:
    """Leads per sale: a channel with leads and no sale. 10/5 and 4/0 → 10/5 and 2/0: 2.8 → 2.4."""
    base, now = parts(a=(10, 5), b=(4, 0)), parts(a=(10, 5), b=(2, 0))
    assert by_segment(ratio_drivers(base, now, is_share=False)) == {
        B: (Fraction(0), Fraction(-2, 5)),
        A: (Fraction(0), Fraction(0)),
    }


def test_without_a_denominator_there_is_no_move() -> None:
    assert ratio_drivers(parts(a=(0, 0)), parts(a=(1, 2)), is_share=True) is None
    assert ratio_drivers({}, parts(a=(1, 2)), is_share=True) is None


def test_a_count_moves_by_its_differences_the_greatest_first_and_no_value_last_of_equals() -> None:
    found = count_drivers({A: 10, B: 5, NONE: 3}, {A: 2, C: 5, NONE: 8})
    assert [(item.segment, item.total) for item in found] == [(A, -8), (B, -5), (C, 5), (NONE, 5)]


def test_a_sum_moves_by_its_differences_and_says_nothing_of_noise() -> None:
    found = additive_drivers({A: Fraction(7, 2)}, {A: Fraction(1, 2), B: Fraction(1)})
    assert [(item.segment, item.total, item.is_noise) for item in found] == [
        (A, Fraction(-3), None),
        (B, Fraction(1), None),
    ]


@pytest.mark.parametrize("seed", range(300))
def test_contributions_add_up_to_the_move_exactly(seed: int) -> None:
    rng = random.Random(seed)
    segments = [(str(number),) for number in range(rng.randint(1, 12))]

    def cells() -> Parts:
        chosen = rng.sample(segments, rng.randint(1, len(segments)))
        sizes = {segment: rng.choice((0, rng.randint(1, 5), rng.randint(1, 10_000))) for segment in chosen}
        return {
            segment: (Fraction(rng.randint(0, size or 3), rng.randint(1, 7)), Fraction(size))
            for segment, size in sizes.items()
        }

    base, now = cells(), cells()
    found = ratio_drivers(base, now, is_share=False)
    if not all(sum(size for _, size in side.values()) for side in (base, now)):
        assert found is None
        return
    assert found is not None
    assert sum(item.total for item in found) == total(now) - total(base)
    assert {item.segment for item in found} == {*base, *now}
    sizes = [abs(item.total) for item in found]
    assert sizes == sorted(sizes, reverse=True)
    swapped = by_segment(ratio_drivers(now, base, is_share=False))
    assert all(swapped[item.segment] == (-item.rate, -item.mix) for item in found), "symmetric: back is forth, negated"


def test_the_farthest_of_one_is_the_usual_two_errors() -> None:
    assert farthest_by_chance(1) == pytest.approx(1.959964, abs=1e-6)
    assert farthest_by_chance(20) == pytest.approx(3.023341, abs=1e-6)


def standing_out(seed: int, times: int, lift: float = 0.0) -> float:
    """In how many pairs of periods a segment stands out; with `lift` the first one's rate does change."""
    rng = np.random.default_rng(seed)
    weights, rates = np.array([0.4, 0.3, 0.15, 0.1, 0.05]), np.array([0.2, 0.35, 0.5, 0.1, 0.3])
    count = 0
    for _ in range(times):
        sides: list[Parts] = []
        for shift in (0.0, lift):
            sizes = rng.multinomial(rng.poisson(400), weights)
            met = rng.binomial(sizes, rates + np.array([shift, 0, 0, 0, 0]))
            sides.append({(str(n),): (Fraction(int(met[n])), Fraction(int(sizes[n]))) for n in range(len(sizes))})
        found = ratio_drivers(*sides, is_share=True)
        assert found is not None
        count += any(item.is_noise is False for item in found if lift == 0 or item.segment == ("0",))
    return count / times


def test_without_a_move_a_segment_stands_out_in_at_most_one_of_twenty_comparisons() -> None:
    assert standing_out(seed=5, times=1_000) <= 0.05


def test_a_real_move_stands_out() -> None:
    assert standing_out(seed=6, times=200, lift=0.2) >= 0.9


def test_counts_stand_out_in_at_most_one_of_twenty_comparisons_without_a_move() -> None:
    rng = np.random.default_rng(7)
    out = 0
    for _ in range(1_000):
        sides = [{(str(n),): int(k) for n, k in enumerate(rng.poisson([30, 50, 5, 12]))} for _ in range(2)]
        out += any(item.is_noise is False for item in count_drivers(*sides))
    assert out / 1_000 <= 0.05
