"""How sure the effect in a short series is when its points follow each other alike.

The errors are an autoregression of the first order of unknown strength φ. At a known φ, generalised least squares has an exact t
interval. φ is not known: the interval given is the hull of those of every φ that the series does not contradict, up to the 95 % upper
confidence limit of φ. That limit comes from residuals drawn for this very design, since those of a short series understate φ greatly.
Errors of Newey and West find “effects” in two to six times too many nulls of some dozens of points; `docs/decisions/0013-measured-effects.md`
has the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.interruptions import Design
from bpm_crm.analytics.student import quantile, two_sided_p

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
"""The φ considered. Negative ones make intervals narrower, so that leaving them out errs on the safe side."""
DRAWS = 2_000
SEED = 20_261_122
LIKELY, UPPER = 0.5, 0.05
"""The chance of residuals as weakly correlated as those seen: at the φ of the estimate, and at the largest φ considered."""
LEVEL = 0.95
_ROUNDING = 1e-9

Floats = NDArray[np.float64]


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
        effect = float(design.weights @ coefficients)
        return Estimate(effect, effect, effect, 0.0 if abs(effect) > rounding else 1.0, 0.0, 0.0)
    seen = _correlation(residuals[:, None], _neighbours(design))[0]
    chances = [np.searchsorted(drawn, seen, side="right") / DRAWS for drawn in _drawn(design)]
    likely = max((phi for phi, chance in zip(STRENGTHS, chances, strict=True) if chance >= LIKELY), default=0.0)
    most = max((phi for phi, chance in zip(STRENGTHS, chances, strict=True) if chance >= UPPER), default=0.0)
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
    root = _root(design, phi)
    matrix, white = np.linalg.solve(root, design.matrix), np.linalg.solve(root, series)
    inverse = np.linalg.inv(matrix.T @ matrix)
    coefficients = inverse @ matrix.T @ white
    residuals = white - matrix @ coefficients
    variance = float(residuals @ residuals) / design.freedom
    return float(design.weights @ coefficients), float(np.sqrt(variance * (design.weights @ inverse @ design.weights)))


@lru_cache(maxsize=64)
def _drawn(design: Design) -> list[Floats]:
    """For each φ the correlations, sorted, of residuals of drawn series without an effect."""
    matrix = design.matrix
    projection = np.eye(len(matrix)) - matrix @ np.linalg.pinv(matrix)
    noise = np.random.default_rng(SEED).standard_normal((len(matrix), DRAWS))
    neighbours = _neighbours(design)
    return [np.sort(_correlation((projection @ _root(design, phi)) @ noise, neighbours)) for phi in STRENGTHS]


@lru_cache(maxsize=1024)
def _root(design: Design, phi: float) -> Floats:
    """The lower root of the correlations of the errors: applied to white noise, it makes an autoregression with these gaps."""
    times = np.asarray(design.times)
    return np.linalg.cholesky(np.power(phi, np.abs(np.subtract.outer(times, times))))


def _neighbours(design: Design) -> NDArray[np.int64]:
    """The points that the next one follows without a gap."""
    return np.flatnonzero(np.diff(np.asarray(design.times)) == 1)


def _correlation(residuals: Floats, neighbours: NDArray[np.int64]) -> Floats:
    """The correlation of residuals with their next ones, of each column."""
    products: Floats = (residuals[neighbours] * residuals[neighbours + 1]).sum(axis=0) / (residuals**2).sum(axis=0)
    return products
