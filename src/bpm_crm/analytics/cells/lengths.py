"""Lengths of time of many segments at once: counts by row and bucket, sorted, of which percentiles and curves of survival are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.spreads import MIDDLES, WIDTH, Axes, Ints, grown

Floats = NDArray[np.float64]
"""One value for each row; nan: not known."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which slots of a report make up which row of each segment: a row by slot, of so many."""

    by_slot: Mapping[int, int]
    height: int


class Slots:
    """The lengths of so many segments by slot, given as keys and counts of segments by their places; `axes` where lengths grow."""

    def __init__(self, size: int, places: Ints, keys: Ints, counts: Ints, axes: Axes | None = None) -> None:
        self._size = size
        keys = grown(keys, axes)
        slots = keys // WIDTH
        order = np.argsort(slots.astype(np.uint16), kind="stable")
        self._places, self._buckets, self._counts = places[order], (keys - slots * WIDTH)[order], counts[order]
        known, begins = np.unique(slots[order], return_index=True)
        self._slices = dict(zip(known.tolist(), map(slice, begins, [*begins[1:], len(slots)]), strict=True))

    def rows(self, rows: Rows) -> "Lengths":
        """The rows of every segment, one segment after the other."""
        pairs, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for slot, row in rows.by_slot.items():
            if slot in self._slices:
                some = self._slices[slot]
                pairs.append((self._places[some] * rows.height + row) * WIDTH + self._buckets[some])
                counts.append(self._counts[some])
        return Lengths(np.concatenate(pairs), np.concatenate(counts), self._size * rows.height)


class Lengths:
    """Counts by row and bucket, given as `row * WIDTH + bucket`."""

    def __init__(self, pairs: Ints, counts: Ints, size: int) -> None:
        order = _order(pairs, size)
        pairs, counts = pairs[order], counts[order]
        if len(pairs):
            begins = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
            pairs, counts = pairs[begins], np.add.reduceat(counts, begins)
            pairs, counts = pairs[counts != 0], counts[counts != 0]
        self.pairs, self.counts = pairs, counts
        self._bounds: Ints = np.searchsorted(pairs, np.arange(size + 1) * WIDTH)

    @cached_property
    def totals(self) -> Ints:
        """How many lengths each row has."""
        return np.diff(self._cumulated[self._bounds])

    def percentiles(self, share: float) -> Floats:
        """The percentile of each row, between neighbours as `percentile_cont` has it, within 1 %."""
        found = np.full(len(self.totals), np.nan)
        held = np.flatnonzero(self.totals)
        last = self.totals[held] - 1
        ranks = last * np.float64(share)
        below = np.floor(ranks).astype(np.int64)
        begins = self._cumulated[self._bounds[held]]
        low, high = (self._at(begins + np.minimum(rank, last)) for rank in (below, below + 1))
        found[held] = low + (high - low) * (ranks - below)
        return found

    def _at(self, places: Ints) -> Floats:
        found: Floats = MIDDLES[self.pairs[np.searchsorted(self._cumulated[1:], places, "right")] % WIDTH]
        return found

    @cached_property
    def _cumulated(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.counts)])


def _order(pairs: Ints, size: int) -> Ints:
    """The order of pairs of row and bucket: by buckets, then by rows, as short integers are sorted in one pass."""
    if size > 1 << 16:
        return np.argsort(pairs, kind="stable")
    rows = pairs // WIDTH
    by_bucket = np.argsort((pairs - rows * WIDTH).astype(np.uint16), kind="stable")
    return by_bucket[np.argsort(rows[by_bucket].astype(np.uint16), kind="stable")]


def known(values: Floats) -> list[float | None]:
    """Values of rows as plain numbers; None: not known."""
    return [None if value != value else value for value in values.tolist()]  # only nan is not itself
