"""Where to look when a KPI moved: what each value of a dimension contributed, the change of its rate apart from that of its weight.

A share, mean or ratio is numerator over denominator in each segment: rate r = n / d and weight w = d / D. The move is the sum over the
segments of

    rate: (r1 - r0) (w0 + w1) / 2        mix: (w1 - w0) ((r0 + r1) / 2 - (R0 + R1) / 2)

which is Kitagawa's symmetric decomposition (1955; Das Gupta 1993), exact for any change, with the weights' changes, which sum to nothing,
measured from the mean of the two totals R: a segment that grew lifts the KPI only if it is better than the rest. A segment without a
denominator in one period has no rate there to have changed: it counts as mix. A count or sum moves by the differences of its segments.
Quantiles do not decompose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from bpm_crm.analytics.dimensions import Segment

FAMILY_LEVEL = 0.95
"""The chance that, without a real move, no segment of a dimension stands out."""

Parts = tuple[Fraction, Fraction]
"""Numerator and denominator of a segment in one period."""
NOTHING: Parts = (Fraction(0), Fraction(0))


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a segment contributed to the move: `rate + mix`, which for a count or sum is its difference, all of it `rate`.

    `error` is the standard error of the contribution, None where the numbers do not tell it; `is_noise` says that it is no farther from
    nothing than chance takes the farthest of so many segments.
    """

    segment: Segment
    base: Parts
    now: Parts
    rate: Fraction
    mix: Fraction = Fraction(0)
    error: float | None = None
    is_noise: bool | None = None

    @property
    def total(self) -> Fraction:
        """All that it contributed."""
        return self.rate + self.mix


def count_drivers(base: Mapping[Segment, int], now: Mapping[Segment, int]) -> list[Contribution]:
    """The contributions to the move of a count, the greatest first; by chance a count varies by its root (Poisson)."""
    segments = {**base, **now}
    farthest = farthest_by_chance(len(segments))
    found = []
    for segment in segments:
        before, after = base.get(segment, 0), now.get(segment, 0)
        error = sqrt(before + after)
        sides = _alone(Fraction(before)), _alone(Fraction(after))
        noise = abs(after - before) <= farthest * error
        found.append(Contribution(segment, *sides, Fraction(after - before), error=error, is_noise=noise))
    return _ranked(found)


def additive_drivers(base: Mapping[Segment, Fraction], now: Mapping[Segment, Fraction]) -> list[Contribution]:
    """The contributions to the move of a sum, the greatest first. How much of it is chance, the sums alone do not tell."""
    pairs = {segment: (base.get(segment, Fraction(0)), now.get(segment, Fraction(0))) for segment in {**base, **now}}
    return _ranked(
        [
            Contribution(segment, _alone(before), _alone(after), after - before)
            for segment, (before, after) in pairs.items()
        ]
    )


def ratio_drivers(
    base: Mapping[Segment, Parts], now: Mapping[Segment, Parts], *, is_share: bool
) -> list[Contribution] | None:
    """The contributions to the move of a ratio, the greatest first; None when there is no denominator in one of the periods.

    The error is told for shares only: for others it takes the spread of the single values.
    """
    sizes = _whole(base, 1), _whole(now, 1)
    if not all(sizes):
        return None
    middle = (_whole(base, 0) / sizes[0] + _whole(now, 0) / sizes[1]) / 2
    segments = {**base, **now}
    farthest = farthest_by_chance(len(segments))
    found = []
    for segment in segments:
        pair = base.get(segment, NOTHING), now.get(segment, NOTHING)
        rate, mix = _rate_and_mix(pair, sizes, middle)
        error = _share_error(pair, sizes, middle) if is_share else None
        noise = None if error is None else abs(rate + mix) <= farthest * error
        found.append(Contribution(segment, *pair, rate, mix, error, noise))
    return _ranked(found)


def farthest_by_chance(segments: int) -> float:
    """How many errors away the farthest of so many contributions lies by chance (Bonferroni)."""
    return NormalDist().inv_cdf(1 - (1 - FAMILY_LEVEL) / (2 * max(1, segments)))


def _rate_and_mix(
    pair: tuple[Parts, Parts], sizes: tuple[Fraction, Fraction], middle: Fraction
) -> tuple[Fraction, Fraction]:
    (count0, size0), (count1, size1) = pair
    weight0, weight1 = size0 / sizes[0], size1 / sizes[1]
    both = count1 / sizes[1] - count0 / sizes[0] - (weight1 - weight0) * middle
    if not (size0 and size1):
        return Fraction(0), both
    rate = (count1 / size1 - count0 / size0) * (weight0 + weight1) / 2
    return rate, both - rate


def _share_error(pair: tuple[Parts, Parts], sizes: tuple[Fraction, Fraction], middle: Fraction) -> float:
    """The standard error of w1 (r1 - R) - w0 (r0 - R), which the contribution is."""
    variances = (
        _variance(float(part[0]), float(part[1]), float(size), float(middle))
        for part, size in zip(pair, sizes, strict=True)
    )
    return sqrt(sum(variances))


def _variance(count: float, size: float, whole: float, middle: float) -> float:
    """The variance of w (r - R) for a share of `size` cases, which are a random part of `whole`.

    Two successes and two failures are added, so that a handful of cases without either does not count as certain (Agresti and Coull 1998).
    """
    share = (count + 2) / (size + 4)
    weight = (size + 2) / (whole + 4)
    return weight**2 * share * (1 - share) / (size + 4) + (share - middle) ** 2 * weight * (1 - weight) / (whole + 4)


def _alone(value: Fraction) -> Parts:
    """A count or sum: a numerator over one."""
    return value, Fraction(1)


def _whole(parts: Mapping[Segment, Parts], place: int) -> Fraction:
    return sum((part[place] for part in parts.values()), Fraction(0))


def _ranked(found: Sequence[Contribution]) -> list[Contribution]:
    """The greatest first; equal ones by segment, those without a value last."""
    by_name = sorted(found, key=lambda item: tuple((value is None, value or "") for value in item.segment))
    return sorted(by_name, key=lambda item: -abs(item.total))
