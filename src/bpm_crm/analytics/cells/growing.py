"""Lengths of time that grow, kept in an order in which they stay: what they have come to is told without sorting them each time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bpm_crm.analytics.cells.bodies import Body
from bpm_crm.analytics.cells.lengths import Lengths, Rows
from bpm_crm.analytics.cells.spreads import WIDTH, Axes, Floats, Ints, beginnings, buckets_of, come_to
from bpm_crm.analytics.cells.tallies import summed


@dataclass(frozen=True, slots=True)
class _Ordered:
    """Some of the lengths by row, the shortest first: `kinds` are places of slots and axes, `begins` how far the axis had come."""

    kinds: Ints
    begins: Floats
    rows: Ints
    counts: Ints

    @property
    def nbytes(self) -> int:
        return self.kinds.nbytes + self.begins.nbytes + self.rows.nbytes + self.counts.nbytes


class GrowingLengths:
    """The growing lengths of so many groups, for questions that come again and again, each some seconds later."""

    def __init__(self, size: int, groups: Ints, keys: Ints, counts: Ints) -> None:
        self._size = size
        self._groups, self._counts = groups, counts
        slots, axes, self._begins = beginnings(keys)
        (self._slots, self._axes), kinds = np.unique(np.stack([slots, axes]), axis=1, return_inverse=True)
        self._kinds = kinds.reshape(-1)
        self._known: dict[tuple[object, ...], _Ordered] = {}

    @classmethod
    def of(cls, size: int, bodies: Sequence[Body], groups: Sequence[Ints]) -> "GrowingLengths":
        """Those of bodies, of whose segments these are the groups (-1: none)."""
        lengths = [body.lengths for body in bodies]
        empty = np.zeros(0, np.int64)
        keys = np.concatenate([empty, *[np.repeat(some.keys, some.repeats) for some in lengths]])
        counts = np.concatenate([empty, *[some.amounts for some in lengths]], dtype=np.int64)
        places = np.concatenate(
            [empty, *[of_segments[some.places] for some, of_segments in zip(lengths, groups, strict=True)]]
        )
        held = places >= 0
        return cls(size, *summed(places[held], keys[held], counts[held]))

    def rows(self, rows: Rows, axes: Axes | None) -> Lengths:
        """The rows of every group, one group after the other, as far as the axes have come."""
        if not len(self._slots):
            return Lengths(self._groups, self._counts, self._size * rows.height)
        now = come_to(self._slots, self._axes, axes)
        key = (rows.height, *rows.by_slot.items())
        if key not in self._known:
            self._known[key] = self._ordered(rows, now)
        known = self._known[key]
        buckets = buckets_of(np.maximum(now[known.kinds] - known.begins, 0.0))
        return Lengths(known.rows * WIDTH + buckets, known.counts, self._size * rows.height)

    def _ordered(self, rows: Rows, now: Floats) -> _Ordered:
        of_kinds = np.asarray([rows.by_slot.get(slot, -1) for slot in self._slots.tolist()], np.int64)
        held = np.flatnonzero(of_kinds[self._kinds] >= 0)
        kinds, begins = self._kinds[held], self._begins[held]
        found = self._groups[held] * rows.height + of_kinds[kinds]
        order = np.lexsort((now[kinds] - begins, found))
        return _Ordered(kinds[order], begins[order], found[order], self._counts[held][order])

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        plain = self._groups.nbytes + self._counts.nbytes + self._begins.nbytes + self._kinds.nbytes
        return plain + sum(found.nbytes for found in self._known.values())
