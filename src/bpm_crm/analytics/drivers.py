"""Where to look when a KPI moved: what each value of a dimension contributed, the change of its rate apart from that of its weight.

A share, mean or ratio is numerator over denominator in each segment: rate r = n / d and weight w = d / D. The move is the sum over the
segments of

    rate: (r1 - r0) (w0 + w1) / 2        mix: (w1 - w0) ((r0 + r1) / 2 - (R0 + R1) / 2)

which is Kitagawa's symmetric decomposition (1955; Das Gupta 1993), exact for any change, with the weights' changes, which sum to nothing,
measured from the mean of the two totals: a segment that grew lifts the KPI only if it is better than the rest. A segment without a
denominator in one period has no rate there to have changed: it counts as mix. A count moves by the differences of its segments.
Quantiles do not decompose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from bpm_crm.analytics.dimensions import Segment

FAMILY_LEVEL = 0.95
"""The chance that no segment of a dimension without a real move stands out."""

Number = Fraction
Parts = tuple[Fraction, int]
"""Numerator and denominator of a segment in one period."""
NOTHING: Parts = (Fraction(0), 0)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a segment contributed to the move: `rate + mix`, which for a count is the difference alone.

    `error` is the standard error of the contribution, None where the numbers do not tell it; `is_noise` says that it is no farther from
    nothing than chance would take one of so many segments.
    """

    segment: Segment
    base: Parts
    now: Parts
    rate: Fraction
    mix: Fraction
    error: float | None
    is_noise: bool | None

    @property
    def total(self) -> Fraction:
        """All that it contributed."""
        return self.rate + self.mix


def count_drivers(base: Mapping[Segment, int], now: Mapping[Segment, int]) -> list[Contribution]:
    """The contributions to the move of a count, the greatest first; by chance a count varies by its root (Poisson)."""
    segments = {**base, **now}
    threshold = _threshold(len(segments))
    found = []
    for segment in segments:
        before, after = base.get(segment, 0), now.get(segment, 0)
        error = sqrt(before + after)
        noise = abs(after - before) <= threshold * error
        move = Fraction(after - before)
        found.append(Contribution(segment, (Fraction(before), before), (Fraction(after), after), move, Fraction(0), error, noise))
    return _ranked(found)


def ratio_drivers(
    base: Mapping[Segment, Parts], now: Mapping[Segment, Parts], *, is_share: bool
) -> list[Contribution] | None:
    """The contributions to the move of a ratio, the greatest first; None when there is no denominator in one of the periods.

    The error is told for shares only: for others it takes the spread of the single values.
    """
    sizes = sum(part[1] for part in base.values()), sum(part[1] for part in now.values())
    if not all(sizes):
        return None
    totals = _total(base) / sizes[0], _total(now) / sizes[1]
    middle = (totals[0] + totals[1]) / 2
    segments = {**base, **now}
    threshold = _threshold(len(segments))
    found = []
    for segment in segments:
        pair = base.get(segment, NOTHING), now.get(segment, NOTHING)
        rate, mix = _parts(pair, sizes, middle)
        error = sqrt(sum(_variance(*part, size, middle) for part, size in zip(pair, sizes, strict=True))) if is_share else None
        noise = None if error is None else abs(rate + mix) <= threshold * error
        found.append(Contribution(segment, *pair, rate, mix, error, noise))
    return _ranked(found)


def _parts(pair: tuple[Parts, Parts], sizes: tuple[int, int], middle: Fraction) -> tuple[Fraction, Fraction]:
    """Rate and mix of a segment."""
    (count0, size0), (count1, size1) = pair
    weight0, weight1 = Fraction(size0, sizes[0]), Fraction(size1, sizes[1])
    if not size0 and not size1:
        return Fraction(0), Fraction(0)
    rate0 = count0 / size0 if size0 else count1 / size1
    rate1 = count1 / size1 if size1 else rate0
    return (rate1 - rate0) * (weight0 + weight1) / 2, (weight1 - weight0) * ((rate0 + rate1) / 2 - middle)


def _variance(count: Fraction, size: int, whole: int, middle: Fraction) -> float:
    """The variance of w (r - middle) of one period: of a share of `size` cases, which are a random part of `whole`.

    One success and one failure are added, so that a handful of cases without either does not count as certain (Agresti and Coull 1998).
    """
    share = float((count + 1) / (size + 2))
    weight = (size + 1) / (whole + 2)
    return weight**2 * share * (1 - share) / (size + 2) + (share - float(middle)) ** 2 * weight * (1 - weight) / (whole + 2)


def _threshold(segments: int) -> float:
    """How many errors away the farthest of so many contributions lies by chance (Bonferroni)."""
    return NormalDist().inv_cdf(1 - (1 - FAMILY_LEVEL) / (2 * max(1, segments)))


def _total(parts: Mapping[Segment, Parts]) -> Fraction:
    return sum((part[0] for part in parts.values()), Fraction(0))


def _ranked(found: Sequence[Contribution]) -> list[Contribution]:
    """The greatest first; equal ones by segment, those without a value last."""
    by_name = sorted(found, key=lambda item: tuple((value is None, value or "") for value in item.segment))
    return sorted(by_name, key=lambda item: -abs(item.total))
