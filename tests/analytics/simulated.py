"""Simulated series of weeks, without an effect or with a planted one: noisy, autocorrelated, drifting, seasonal, counted."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bpm_crm.analytics.effects import Effect, EffectMethod, EffectVerdict, measured

Floats = NDArray[np.float64]
Make = Callable[[Generator, int], Floats]
"""Makes the values of so many weeks, of a standard deviation of about 1 around their drift, but for shares and counts."""
WARM_UP = 100
EVIDENCE = {EffectVerdict.EVIDENCE_FOR_IMPROVEMENT, EffectVerdict.EVIDENCE_FOR_DETERIORATION}


def autoregression(phi: float, draw: Callable[[Generator, int], Floats] = Generator.standard_normal) -> Make:
    """Weeks that resemble the week before by `phi`."""

    def make(rng: Generator, weeks: int) -> Floats:
        noise = draw(rng, weeks + WARM_UP) * np.sqrt(1 - phi**2)
        values = np.zeros(weeks + WARM_UP)
        for place in range(1, len(values)):
            values[place] = phi * values[place - 1] + noise[place]
        return values[WARM_UP:]

    return make


def skewed(rng: Generator, count: int) -> Floats:
    return rng.exponential(size=count) - 1


def drifting(rng: Generator, weeks: int) -> Floats:
    return autoregression(0.3)(rng, weeks) + rng.uniform(-0.3, 0.3) * np.arange(weeks)


def by_weekday(rng: Generator, weeks: int) -> Floats:
    """Days that depend on the weekday and on the day before; a week is their mean, to a deviation of 1."""
    days = np.arange(7 * weeks)
    usual = np.array([1.0, 0.6, 0.5, 0.3, -0.4, -3.0, -3.0])[days % 7]
    values: Floats = (usual + autoregression(0.6)(rng, len(days))).reshape(weeks, 7).mean(axis=1) / 0.65
    return values


def shares(rng: Generator, weeks: int) -> Floats:
    cases = rng.poisson(25, weeks) + 1
    return rng.binomial(cases, 0.3) / cases / 0.09


def rare(rng: Generator, weeks: int) -> Floats:
    cases = rng.poisson(10, weeks) + 1
    return rng.binomial(cases, 0.06) / cases / 0.075


def counts(rng: Generator, weeks: int) -> Floats:
    return rng.poisson(4, weeks) / 2.0


def uneven(rng: Generator, weeks: int) -> Floats:
    """Weeks of which some have many cases and some have few."""
    return rng.standard_normal(weeks) * rng.uniform(0.3, 1.6, weeks)


def of_two_lags(rng: Generator, weeks: int) -> Floats:
    """Not an autoregression of the first order."""
    noise, values = rng.standard_normal(weeks + WARM_UP) * 0.86, np.zeros(weeks + WARM_UP)
    for place in range(2, len(values)):
        values[place] = 0.25 * values[place - 1] + 0.25 * values[place - 2] + noise[place]
    return values[WARM_UP:]


def mixed(rng: Generator, weeks: int) -> Floats:
    """Something that lasts, under noise that does not: ARMA(1, 1)."""
    noise, values = rng.standard_normal(weeks + WARM_UP), np.zeros(weeks + WARM_UP)
    for place in range(1, len(values)):
        values[place] = 0.8 * values[place - 1] + noise[place] - 0.5 * noise[place - 1]
    return values[WARM_UP:] / 1.12


def averaged(rng: Generator, weeks: int) -> Floats:
    noise = rng.standard_normal(weeks + 1)
    values: Floats = (noise[1:] + 0.8 * noise[:-1]) / 1.28
    return values


NULLS: Mapping[str, Make] = {
    "noise": autoregression(0.0),
    "phi 0.3": autoregression(0.3),
    "phi 0.6": autoregression(0.6),
    "phi 0.8": autoregression(0.8),
    "skewed": autoregression(0.3, skewed),
    "drift": drifting,
    "weekday": by_weekday,
    "shares": shares,
    "rare": rare,
    "counts": counts,
    "uneven": uneven,
    "two lags": of_two_lags,
    "mixed": mixed,
    "averaged": averaged,
}


def series_of(values: Floats, before: int) -> dict[int, float]:
    return {place - before: float(value) for place, value in enumerate(values)}


def one(method: EffectMethod, make: Make, rng: Generator, before: int, after: int, effect: float = 0.0) -> Effect:
    """A measurement of one simulated action; what befalls both groups of a comparison is no part of its effect."""
    values = make(rng, before + after)
    comparison = None
    if method is EffectMethod.COMPARISON:
        common = autoregression(0.5)(rng, before + after) + 0.8 * np.sin(np.arange(before + after) / 52 * 2 * np.pi)
        comparison = series_of(make(rng, before + after) + common, before)
        values = values + common
    values = values + effect * (np.arange(before + after) >= before)
    return measured(method, series_of(values, before), higher_is_better=True, comparison=comparison)


def found(
    method: EffectMethod, make: Make, before: int, after: int, *, effect: float = 0.0, times: int, seed: int = 1
) -> float:
    """The share of simulated actions for which there is evidence, of the right sign where an effect was planted."""
    rng = np.random.default_rng(seed)
    wanted = EVIDENCE if effect == 0 else {EffectVerdict.EVIDENCE_FOR_IMPROVEMENT}
    verdicts = [one(method, make, rng, before, after, effect).verdict for _ in range(times)]
    return sum(verdict in wanted for verdict in verdicts) / times
