"""Kaplan-Meier over counts by bucket: as `reports/parts/kaplan_meier.sql` has it, of lengths each of which is known within 1 %."""

from functools import cached_property
from math import log

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.lengths import Lengths
from bpm_crm.analytics.cells.spreads import MIDDLES, WIDTH, Floats, Ints
from bpm_crm.analytics.intervals import Z

_CLOSE = 1e-9
_LOG_OF_LEAST = log(0.025)
"""Of the chance that none of those at risk would be left, by which an interval ends where none is."""


class Survival:
    """The curves of many rows, at each length that was seen to end: of those and of lengths seen so long. Of those in one bucket the ends come first."""

    def __init__(self, ended: Lengths, censored: Lengths) -> None:
        sizes = np.diff(ended.bounds)
        self._size = len(sizes)
        self._held: Ints = np.flatnonzero(sizes)
        self._begins: Ints = ended.bounds[self._held]
        self._sizes: Ints = sizes[self._held]
        self._pairs, self._events = ended.pairs, ended.counts
        lost = np.searchsorted(ended.pairs, censored.pairs, "right")
        self._lost: Ints = np.bincount(lost, censored.counts, len(ended.pairs) + 1)[:-1].astype(np.int64)
        ends = (ended.cumulated[ended.bounds] + censored.cumulated[censored.bounds])[self._held + 1]
        gone = ended.cumulated[:-1] + np.cumsum(self._lost)
        self._at_risk: Ints = np.repeat(ends, self._sizes) - gone

    def endings(self, share: float) -> Floats:
        """By row the length after which a share has ended."""
        return self._first(self._waiting, share)

    def interval(self, share: float) -> tuple[Floats, Floats]:
        """By row the ends of its 95 % interval, those of Brookmeyer and Crowley, log-log."""
        lower, upper = self._bands
        return self._first(lower, share), self._first(upper, share)

    @cached_property
    def _waiting(self) -> Floats:
        """The share that goes on after each length. Where nobody is lost from sight it falls as those at risk do, so factors are of stretches only."""
        left, begins = self._at_risk - self._events, self._stretches
        sizes = np.diff(begins, append=len(left))
        shares = left[begins + sizes - 1] / self._at_risk[begins]
        logs = np.log(np.where(shares > 0, shares, 1.0))
        before = np.cumsum(logs) - logs
        of_rows = np.searchsorted(begins, self._begins)
        before -= np.repeat(before[of_rows], np.diff(of_rows, append=len(begins)))
        factors: Floats = np.exp(before) / self._at_risk[begins]
        return np.repeat(factors, sizes) * left

    @property
    def _stretches(self) -> Ints:
        """Where rows begin, and go on after lengths that were not seen to end."""
        is_begin = self._lost > 0
        is_begin[self._begins] = True
        return np.flatnonzero(is_begin)

    @cached_property
    def _log_waiting(self) -> Floats:
        """Of the share that goes on after each length; where nothing is left, that of before."""
        events, at_risk = self._events, self._at_risk
        return self._summed(np.log1p(-np.where(events < at_risk, events / at_risk, 0.0)))

    @cached_property
    def _is_over(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._events == self._at_risk
        return found

    @cached_property
    def _bands(self) -> tuple[Floats, Floats]:
        """The ends of the interval of the share; where nothing is left, the exact end for none of those at risk."""
        events, at_risk = self._events, self._at_risk
        left = at_risk - events
        with np.errstate(divide="ignore", invalid="ignore"):
            greenwood = self._summed(np.where(left > 0, events / (at_risk * np.maximum(left, 1)), 0.0))
            half = Z * np.sqrt(greenwood) / self._log_waiting
            lower, upper = (np.exp(self._log_waiting * np.exp(np.minimum(sign * half, 700.0))) for sign in (-1, 1))
        last = np.exp(self._log_waiting) * (1 - np.exp(_LOG_OF_LEAST / at_risk))
        is_whole = greenwood == 0
        return (
            np.where(self._is_over, 0.0, np.where(is_whole, 1.0, lower)),
            np.where(self._is_over, last, np.where(is_whole, 1.0, upper)),
        )

    def _summed(self, values: Floats) -> Floats:
        """Sums along each row."""
        sums = np.cumsum(values)
        return sums - np.repeat(sums[self._begins] - values[self._begins], self._sizes)

    def _first(self, curve: Floats, share: float) -> Floats:
        """The first length of each row at which its curve has come down to what a share leaves."""
        found = np.full(self._size, np.nan)
        if len(curve):
            down = np.flatnonzero(curve <= 1 - share + _CLOSE)
            places = np.append(down, len(curve))[np.searchsorted(down, self._begins)]
            seen = np.flatnonzero(places < self._begins + self._sizes)
            found[self._held[seen]] = MIDDLES[self._pairs[places[seen]] % WIDTH]
        return found
