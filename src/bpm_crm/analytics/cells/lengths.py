"""Lengths of time of many segments at once: counts by row and bucket, sorted, of which percentiles and curves of survival are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.spreads import MIDDLES, WIDTH, Axes, Floats, Ints, narrowest
from bpm_crm.analytics.cells.tallies import merged, sums

Whole = NDArray[np.signedinteger]
"""Whole numbers of any size."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Which slots of a report make up which row of each segment: a row by slot, of so many."""

    by_slot: Mapping[int, int]
    height: int


class Slots:
    """The lengths of so many segments by slot, given as keys, in their order, and counts of segments by their places; and those that are settled."""

    def __init__(
        self, size: int, places: Whole, keys: Ints, counts: Whole, settled: "SettledPlaces | None" = None
    ) -> None:
        self._size = size
        self._settled = settled
        slots = keys // WIDTH
        self._places, self._buckets, self._counts = places, (keys - slots * WIDTH).astype(np.int16), counts
        begins = np.flatnonzero(np.diff(slots, prepend=-1)).tolist()
        self._slices = dict(zip(slots[begins].tolist(), map(slice, begins, [*begins[1:], len(slots)]), strict=True))

    def rows(self, rows: Rows) -> "Lengths":
        """The rows of every segment, one segment after the other."""
        pairs, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for slot, row in rows.by_slot.items():
            if slot in self._slices:
                some = self._slices[slot]
                of_rows = self._places[some].astype(np.int64) * rows.height + row
                pairs.append(of_rows * WIDTH + self._buckets[some])
                counts.append(self._counts[some])
        found = Lengths(np.concatenate(pairs), np.concatenate(counts, dtype=np.int64), self._size * rows.height)
        return found if self._settled is None else self._settled.rows(rows, self._size).plus(found)

    @property
    def nbytes(self) -> int:
        """Bytes of these lengths, without those that are settled."""
        return self._places.nbytes + self._buckets.nbytes + self._counts.nbytes


class Growing(Protocol):
    """Lengths of as many groups that grow."""

    def rows(self, rows: Rows, axes: Axes | None) -> "Lengths":
        """The rows of every group, one group after the other, as far as the axes have come."""

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""


class SettledLengths:
    """Lengths of so many groups that are asked for again and again: each kind of rows is put together once."""

    def __init__(self, size: int, places: Ints, keys: Ints, counts: Ints, growing: Growing) -> None:
        self.size = size
        self._growing = growing
        self._slots = Slots(size, places.astype(narrowest(places)), keys, counts.astype(narrowest(counts)))
        self._known: dict[tuple[object, ...], Lengths] = {}

    def rows(self, rows: Rows, axes: Axes | None) -> "Lengths":
        """The rows of every group, one group after the other; those that grow are as long as the axes have come."""
        key = (rows.height, *rows.by_slot.items())
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._slots.rows(rows)
        return found.plus(self._growing.rows(rows, axes))

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return self._slots.nbytes + self._growing.nbytes + sum(found.nbytes for found in self._known.values())


@dataclass(frozen=True, slots=True)
class SettledPlaces:
    """Settled lengths, and of which segment each group is one; -1: of none."""

    lengths: SettledLengths
    places: Ints
    axes: Axes | None

    def rows(self, rows: Rows, size: int) -> "Lengths":
        """The rows of so many segments, one segment after the other."""
        found = self.lengths.rows(rows, self.axes)
        if size == self.lengths.size and np.array_equal(self.places, np.arange(size)):
            return found
        width = rows.height * WIDTH
        groups = found.pairs // width
        places = self.places[groups]
        held = places >= 0
        pairs = found.pairs + (places - groups) * width
        return Lengths(pairs[held], found.counts[held], size * rows.height)


class Lengths:
    """Counts by row and bucket, given as `row * WIDTH + bucket`; the pairs of a row lie between two `bounds`."""

    def __init__(self, pairs: Ints, counts: Ints, size: int) -> None:
        self.pairs, self.counts = sums(pairs, counts)
        self.bounds: Ints = np.searchsorted(self.pairs, np.arange(size + 1) * WIDTH)

    def plus(self, more: "Lengths") -> "Lengths":
        """These, and fewer others of as many rows."""
        if not len(more.pairs):
            return self
        if not len(self.pairs):
            return more
        return Lengths(*merged(self.pairs, self.counts, more.pairs, more.counts), len(self.bounds) - 1)

    @property
    def nbytes(self) -> int:
        """Bytes, with those of what is worked out from them."""
        return 2 * (self.pairs.nbytes + self.bounds.nbytes) + self.counts.nbytes

    @cached_property
    def totals(self) -> Ints:
        """How many lengths each row has."""
        return np.diff(self.cumulated[self.bounds])

    def percentiles(self, share: float) -> Floats:
        """The percentile of each row, between neighbours as `percentile_cont` has it, within 1 %."""
        found = np.full(len(self.totals), np.nan)
        held = np.flatnonzero(self.totals)
        last = self.totals[held] - 1
        ranks = last * np.float64(share)
        below = np.floor(ranks).astype(np.int64)
        begins = self.cumulated[self.bounds[held]]
        low, high = (self._at(begins + np.minimum(rank, last)) for rank in (below, below + 1))
        found[held] = low + (high - low) * (ranks - below)
        return found

    def _at(self, places: Ints) -> Floats:
        found: Floats = MIDDLES[self.pairs[np.searchsorted(self.cumulated[1:], places, "right")] % WIDTH]
        return found

    @cached_property
    def cumulated(self) -> Ints:
        """How many lengths there are before each pair, and in all."""
        return np.concatenate([[0], np.cumsum(self.counts)])


def known(values: Floats) -> list[float | None]:
    """Values of rows as plain numbers; None: not known."""
    return [None if value != value else value for value in values.tolist()]  # only nan is not itself
