"""How sure the effect in a short series is when its points follow each other alike.

The errors are an autoregression of the first order of unknown strength φ. At a known φ, generalised least squares has an exact t
interval. φ is not known: the interval given is the hull of those of every φ that the series does not contradict, up to the 95 % upper
confidence limit of φ. That limit comes from residuals drawn for this very design, since those of a short series understate φ greatly.
Errors of Newey and West by themselves find “effects” in far too many series of some dozens of points; the decision on measured effects
(`docs/decisions`) has the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.interruptions import Design
from bpm_crm.analytics.student import quantile, two_sided_p

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
"""The φ considered. Negative ones make intervals narrower, so that leaving them out errs on the safe side."""
DRAWS = 2_000
SEED = 20_261_122
WEIGHTS = (0.8, 0.6, 0.4, 0.2)
"""What the correlations with the next four weeks count, as Newey and West (1987) weigh them: series that are no autoregression of the
first order, but stay high or low for long, are then taken for ones of a stronger φ."""
LIKELY, UPPER = 0.5, 0.05
"""The chance of residuals that persist as little as those seen: at the φ of the estimate, and at the largest φ considered."""
LEVEL = 0.95
_ROUNDING = 1e-9

Floats = NDArray[np.floating[Any]]
Places = NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect with its 95 % interval, the largest of the p-values, and φ: the likely one and the largest considered."""

    effect: float
    low: float
    high: float
    p_value: float
    likely: float
    most: float


def estimate(values: Sequence[float], design: Design) -> Estimate:
    """The effect in a series of values at the times of a design; more of them than it has coefficients."""
    series = np.asarray(values, dtype=np.float64)
    coefficients = np.linalg.lstsq(design.matrix, series)[0]
    rounding = float(np.abs(series).max()) * _ROUNDING
    residuals = series - design.matrix @ coefficients
    if np.abs(residuals).max() <= rounding:
        found = float(design.weights @ coefficients)
        effect = found if abs(found) > rounding else 0.0
        return Estimate(effect, effect, effect, 0.0 if effect else 1.0, 0.0, 0.0)
    seen = _persistence(residuals[:, None], design)[0]
    chances = [np.searchsorted(drawn, seen, side="right") / DRAWS for drawn in _drawn(design)]
    likely, most = (_largest(chances, chance) for chance in (LIKELY, UPPER))
    half = quantile(LEVEL, design.freedom)
    fits = {phi: _fitted(series, design, phi) for phi in STRENGTHS if phi <= most}
    return Estimate(
        effect=fits[likely][0],
        low=min(effect - half * error for effect, error in fits.values()),
        high=max(effect + half * error for effect, error in fits.values()),
        p_value=max(two_sided_p(effect / error, design.freedom) for effect, error in fits.values()),
        likely=likely,
        most=most,
    )


def _fitted(series: Floats, design: Design, phi: float) -> tuple[float, float]:
    """The effect and its standard error by generalised least squares."""
    whiten, matrix, inverse = _whitened(design, phi)
    white = whiten @ series
    coefficients = inverse @ (matrix.T @ white)
    residuals = white - matrix @ coefficients
    variance = float(residuals @ residuals) / design.freedom
    return float(design.weights @ coefficients), float(np.sqrt(variance * (design.weights @ inverse @ design.weights)))


@lru_cache(maxsize=256)
def _whitened(design: Design, phi: float) -> tuple[Floats, Floats, Floats]:
    """What makes the errors white noise, the design after that, and the inverse of its normal matrix."""
    whiten: Floats = np.linalg.inv(_root(design, phi))
    matrix: Floats = whiten @ design.matrix
    inverse: Floats = np.linalg.inv(matrix.T @ matrix)
    return whiten, matrix, inverse


@lru_cache(maxsize=64)
def _drawn(design: Design) -> list[Floats]:
    """For each φ the persistence, sorted, of the residuals of drawn series without an effect."""
    matrix = design.matrix
    projection = np.eye(len(matrix)) - matrix @ np.linalg.pinv(matrix)
    noise = np.random.default_rng(SEED).standard_normal((len(matrix), DRAWS))
    return [np.sort(_persistence((projection @ _root(design, phi)) @ noise, design)) for phi in STRENGTHS]


def _root(design: Design, phi: float) -> Floats:
    """The lower root of the correlations of the errors: applied to white noise, it makes an autoregression with these gaps."""
    times = np.asarray(design.times)
    return np.linalg.cholesky(np.power(phi, np.abs(np.subtract.outer(times, times))))


def _largest(chances: Sequence[float], chance: float) -> float:
    """The largest φ that the series does not contradict."""
    return max((phi for phi, known in zip(STRENGTHS, chances, strict=True) if known >= chance), default=0.0)


def _persistence(residuals: Floats, design: Design) -> Floats:
    """The weighed sum of the correlations of residuals with those of the next weeks, of each column."""
    total: Floats = np.zeros(residuals.shape[1])
    for weight, one, two in _pairs(design):
        total += weight * (residuals[one] * residuals[two]).sum(axis=0)
    total /= (residuals**2).sum(axis=0)
    return total


@lru_cache(maxsize=64)
def _pairs(design: Design) -> list[tuple[float, Places, Places]]:
    """For each lag its weight, and the places of the weeks that lie so far apart."""
    apart = np.subtract.outer(design.times, design.times)
    found = []
    for lag, weight in enumerate(WEIGHTS, 1):
        one, two = np.nonzero(apart == -lag)
        found.append((weight, one, two))
    return found
