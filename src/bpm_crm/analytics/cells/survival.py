"""Kaplan-Meier over histograms: as `reports/parts/kaplan_meier.sql` has it, of lengths each of which is known within 1 %."""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.spreads import MIDDLES
from bpm_crm.analytics.intervals import Z

Floats = NDArray[np.float64]
_CLOSE = 1e-9
_LOG_OF_LEAST = log(0.025)
"""Of the chance that none of those at risk would be left, by which an interval ends where none is."""


@dataclass(frozen=True, slots=True)
class Survival:
    """The length after which a share has ended, with the ends of its 95 % interval; None: not seen."""

    seconds: float | None = None
    lower: float | None = None
    upper: float | None = None


def endings(ended: Floats, censored: Floats, shares: tuple[float, ...]) -> list[tuple[float | None, ...]]:
    """For each row, counts by bucket of lengths seen to end and of those seen so long: the lengths after which these shares have ended.

    Of lengths in one bucket the ends come before the censored ones. None: not seen.
    """
    curves = _curves(ended, censored)
    return list(zip(*(_first(curves.waiting, 1 - share, curves.lengths) for share in shares), strict=True))


def survivals(ended: Floats, censored: Floats, shares: tuple[float, ...]) -> list[tuple[Survival, ...]]:
    """The same with their intervals, those of Brookmeyer and Crowley, log-log."""
    curves = _curves(ended, censored)
    lower, upper = _bands(curves)
    columns = [_first(curve, 1 - share, curves.lengths) for share in shares for curve in (curves.waiting, lower, upper)]
    rows = zip(*columns, strict=True)
    return [tuple(Survival(*row[place : place + 3]) for place in range(0, len(row), 3)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Curves:
    """By row and length: how many end, how many are at risk before, and the share that goes on after."""

    lengths: Floats
    events: Floats
    at_risk: Floats
    waiting: Floats
    log_waiting: Floats


def _curves(ended: Floats, censored: Floats) -> _Curves:
    places = np.flatnonzero((ended + censored).any(axis=0))
    events, seen = ended[:, places], ended[:, places] + censored[:, places]
    at_risk = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(events > 0, np.log((at_risk - events) / at_risk), 0.0)
    log_waiting = np.cumsum(hazard, axis=1)
    return _Curves(MIDDLES[places], events, at_risk, np.exp(log_waiting), log_waiting)


def _bands(curves: _Curves) -> tuple[Floats, Floats]:
    """The ends of the interval of the share; where nothing is left, the exact end for none of those at risk."""
    events, at_risk, waiting = curves.events, curves.at_risk, curves.waiting
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(np.where(events > 0, events / (at_risk * (at_risk - events)), 0.0), axis=1)
        half = Z * np.sqrt(greenwood) / curves.log_waiting
        lower, upper = (np.exp(curves.log_waiting * np.exp(np.minimum(sign * half, 700.0))) for sign in (-1, 1))
        before = np.concatenate([np.ones((len(waiting), 1)), waiting[:, :-1]], axis=1)
        last = np.where(events > 0, before * (1 - np.exp(_LOG_OF_LEAST / at_risk)), np.inf)
    is_over, is_whole = waiting == 0, greenwood == 0
    return (
        np.where(is_over, 0.0, np.where(is_whole, 1.0, lower)),
        np.where(is_over, last, np.where(is_whole, 1.0, upper)),
    )


def _first(curve: Floats, share: float, lengths: Floats) -> list[float | None]:
    """The first length of each row at which its curve has come down to a share."""
    if not len(lengths):
        return [None] * len(curve)
    is_down = curve <= share + _CLOSE
    places = is_down.argmax(axis=1).tolist()
    return [float(lengths[place]) if row[place] else None for place, row in zip(places, is_down, strict=True)]
