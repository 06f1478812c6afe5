"""Intervals for shares, of 95 % unless another quantile is given."""

from math import sqrt

Z = 1.959963984540054
"""The standard normal quantile of a two-sided interval of 95 %."""


def wilson(share: float, size: float, z: float = Z) -> tuple[float, float]:
    """The score interval of Wilson (1927) for a share seen in `size` trials; with none, everything is possible."""
    if not size:
        return 0.0, 1.0
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def effective_size(share: float, variance: float, most: float, certain: float) -> float:
    """How many independent trials would give this variance, at most `most`; at a share of nothing or all: `certain`."""
    spread = share * (1 - share)
    if spread <= 1e-12 or variance <= 0:
        return certain
    return min(spread / variance, most)
