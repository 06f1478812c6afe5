"""Student's t distribution for whole degrees of freedom, by its finite series (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""

from functools import lru_cache
from math import atan2, cos, inf, isinf, pi, sin, sqrt

_FAR = 1e6
"""Beyond this many standard errors lies nothing that a quantile is asked for."""


def two_sided_p(t: float, freedom: int) -> float:
    """The probability that |T| is at least |t| under `freedom` degrees; 1 at t = 0."""
    if freedom < 1:
        raise ValueError(f"the t distribution has at least one degree of freedom, not {freedom}")
    if isinf(t):
        return 0.0
    angle = atan2(abs(t), sqrt(freedom))
    is_odd = freedom % 2 == 1
    term = cos(angle) if is_odd else 1.0
    total = 0.0 if freedom == 1 else term
    for step in range(3 if is_odd else 2, freedom, 2):
        term *= (step - 1) / step * cos(angle) ** 2
        total += term
    inside = 2 / pi * (angle + sin(angle) * total) if is_odd else sin(angle) * total
    return min(1.0, max(0.0, 1 - inside))


@lru_cache(maxsize=1024)
def quantile(level: float, freedom: int) -> float:
    """The t with |T| ≤ t at probability `level`: the half width, in standard errors, of a two-sided interval."""
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > 1 - level:
        low, high = high, 2 * high
        if high > _FAR:
            return inf
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, freedom) > 1 - level else (low, middle)
    return high
