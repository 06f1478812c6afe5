"""Kaplan-Meier over histograms: as `reports/parts/kaplan_meier.sql` has it, of lengths each of which is known within 1 %."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.spreads import MIDDLES
from bpm_crm.analytics.intervals import Z

Floats = NDArray[np.float64]
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Survival:
    """The length after which a share has ended, with the ends of its 95 % interval; None: not seen."""

    seconds: float | None = None
    lower: float | None = None
    upper: float | None = None


def survivals(ended: Floats, censored: Floats, shares: tuple[float, ...]) -> list[tuple[Survival, ...]]:
    """For each row, counts by bucket of lengths seen to end and of those seen so long: the lengths after which these shares have ended.

    Of lengths in one bucket the ends come before the censored ones. The interval is that of Brookmeyer and Crowley, log-log.
    """
    places = np.flatnonzero((ended + censored).any(axis=0))
    events, seen = ended[:, places], ended[:, places] + censored[:, places]
    at_risk = np.cumsum(seen[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = at_risk - events
        hazard = np.where(events > 0, np.log(left / at_risk), 0.0)
        greenwood = np.cumsum(np.where(events > 0, events / (at_risk * left), 0.0), axis=1)
        waiting = np.exp(np.cumsum(hazard, axis=1))
        half = Z * np.sqrt(greenwood) / np.log(waiting)
        lower, upper = (waiting ** np.exp(np.minimum(sign * half, 700.0)) for sign in (-1, 1))
        before = np.concatenate([np.ones((len(waiting), 1)), waiting[:, :-1]], axis=1)
        last = before * (1 - 0.025 ** (1 / at_risk))
    is_over, is_whole = waiting == 0, greenwood == 0
    lower = np.where(is_over, 0.0, np.where(is_whole, 1.0, lower))
    upper = np.where(is_over, np.where(events > 0, last, np.inf), np.where(is_whole, 1.0, upper))
    lengths = MIDDLES[places]
    columns = [_first(curve, 1 - share, lengths) for share in shares for curve in (waiting, lower, upper)]
    rows = zip(*columns, strict=True)
    return [tuple(Survival(*row[place : place + 3]) for place in range(0, len(row), 3)) for row in rows]


def _first(curve: Floats, share: float, lengths: Floats) -> list[float | None]:
    """The first length of each row at which its curve has come down to a share."""
    if not len(lengths):
        return [None] * len(curve)
    is_down = curve <= share + _CLOSE
    places = is_down.argmax(axis=1).tolist()
    return [float(lengths[place]) if row[place] else None for place, row in zip(places, is_down, strict=True)]
