"""Two shares compared stratum by stratum, by the exact conditional test; and a family of such tests held to one error rate.

Under the hypothesis that in every stratum (channel) one manager's cases convert as everybody's do, the number of conversions is a sum
of hypergeometric numbers given the margins: the exact form of the test of Cochran, Mantel and Haenszel (Mehta, Patel and Gray 1985;
Agresti, Categorical Data Analysis, 6.4). Its level holds for any number of cases, however few.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, lgamma, sqrt
from typing import TypeVar

FEWEST_CASES = 20
"""With fewer cases to compare, on either side, nothing is judged."""
FAMILY_ERROR = 0.05
"""How often a family of comparisons of equals may have any that is judged to differ."""

_CERTAIN = 0.2
"""A normal approximation above this is not significant in any family; only below it the exact value is worked out."""
_MOST_EXACT = 1_000
"""Beyond so many possible numbers of conversions the normal approximation is used: its error is then far below its value."""


Key = TypeVar("Key", bound=Hashable)
Pair = tuple[int, int]
"""Cases, and of these converted ones."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum: cases and conversions of one manager, and of all others."""

    cases: int
    converted: int
    other_cases: int
    other_converted: int

    @property
    def share(self) -> float:
        """The share converted of all cases of the stratum."""
        return (self.converted + self.other_converted) / (self.cases + self.other_cases)

    @property
    def expected(self) -> float:
        """The conversions that the manager's cases would have at the share of the whole stratum."""
        return self.cases * self.share

    @property
    def variance(self) -> float:
        """The hypergeometric variance of the manager's conversions."""
        whole = self.cases + self.other_cases
        if whole < 2:
            return 0.0
        return self.expected * (1 - self.share) * self.other_cases / (whole - 1)


def common_strata(counts: Mapping[Key, Pair], others: Mapping[Key, Pair]) -> list[Stratum]:
    """The strata, by key, in which both have cases."""
    strata = (Stratum(*numbers, *others.get(key, (0, 0))) for key, numbers in counts.items())
    return [stratum for stratum in strata if stratum.cases and stratum.other_cases]


def is_enough(strata: Sequence[Stratum]) -> bool:
    """Whether both have so many cases, in common strata, that they may be compared."""
    own, others = sum(item.cases for item in strata), sum(item.other_cases for item in strata)
    return min(own, others) >= FEWEST_CASES


def family_of(comparisons: Sequence[Sequence[Stratum]]) -> list[float | None]:
    """The p-value of each comparison, held to one error rate over all of them; None where there are not enough cases."""
    enough = [place for place, strata in enumerate(comparisons) if is_enough(strata)]
    chances = dict(zip(enough, holm([p_value(comparisons[place]) for place in enough]), strict=True))
    return [chances.get(place) for place in range(len(comparisons))]


def surplus(strata: Sequence[Stratum]) -> float:
    """Conversions more than expected; below zero: fewer."""
    return sum(stratum.converted - stratum.expected for stratum in strata)


def p_value(strata: Sequence[Stratum]) -> float:
    """The two-sided probability of so great a surplus or lack by chance: twice the smaller tail, at most 1."""
    compared = [stratum for stratum in strata if stratum.cases and stratum.other_cases]
    variance = sum(stratum.variance for stratum in compared)
    if not variance:
        return 1.0
    distance = max(abs(surplus(compared)) - 0.5, 0.0)
    approximate = erfc(distance / sqrt(2 * variance))
    if approximate > _CERTAIN or sum(_ways(stratum) for stratum in compared) > _MOST_EXACT:
        return approximate
    return _exact(compared)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number by the step-down procedure of Holm (1979), in the order given.

    Where all hypotheses hold, one of the adjusted values is below 0.05 in at most 5 % of families, however the tests depend.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, least = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def _ways(stratum: Stratum) -> int:
    first, last = _support(stratum)
    return last - first + 1


def _support(stratum: Stratum) -> tuple[int, int]:
    conversions = stratum.converted + stratum.other_converted
    return max(0, conversions - stratum.other_cases), min(stratum.cases, conversions)


def _exact(strata: Sequence[Stratum]) -> float:
    chances, first = [1.0], 0
    for stratum in strata:
        chances = _convolved(chances, _hypergeometric(stratum))
        first += _support(stratum)[0]
    seen = sum(stratum.converted for stratum in strata) - first
    return min(1.0, 2 * min(sum(chances[: seen + 1]), sum(chances[seen:])))


def _hypergeometric(stratum: Stratum) -> list[float]:
    """The chances of each possible number of the manager's conversions, given how many there were in the stratum."""
    first, last = _support(stratum)
    conversions = stratum.converted + stratum.other_converted
    whole = stratum.cases + stratum.other_cases
    ways = _log_choices(whole, stratum.cases)
    return [
        exp(_log_choices(conversions, number) + _log_choices(whole - conversions, stratum.cases - number) - ways)
        for number in range(first, last + 1)
    ]


def _log_choices(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)


def _convolved(some: Sequence[float], others: Sequence[float]) -> list[float]:
    found = [0.0] * (len(some) + len(others) - 1)
    for place, chance in enumerate(some):
        for step, other in enumerate(others, place):
            found[step] += chance * other
    return found
