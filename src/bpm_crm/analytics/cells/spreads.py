"""Lengths of time as log-bucket histograms: exact counts, every length within 1 %, and a size that does not grow with the cases.

A spread is a sparse vector, count by key. A key is a slot (which of the lengths of a report) and a bucket in it; or, for a length that
grows as time passes, a slot and a *mark*: how far an axis of time had come when it began. An axis is the calendar's or one of business time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from math import floor, log
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GROWTH = 1.01 / 0.99
"""A bucket is as much wider than the one before; its middle value is within 1 % of all in it."""
_LEAST = 0.1
"""Seconds; shorter lengths count as none."""
_SIDE = 1_250
"""Buckets on either side of nothing: up to more than a hundred years."""
_WIDTH = 2 * _SIDE + 1
_STEP = log(_GROWTH)

_MARK_BITS, _AXIS_BITS, _SLOT_BITS = 37, 11, 14
_MARKS_A_SECOND = 8
_ZERO = 1 << (_MARK_BITS - 1)
"""The mark of an axis at its origin: half of all marks lie before it."""
_FIRST_GROWING = 1 << (_MARK_BITS + _AXIS_BITS)
"""Keys from here on are of lengths that grow."""

CALENDAR = 0
"""The axis of the calendar: seconds since 1970. Others are numbered by the report that has them."""

Ints: TypeAlias = NDArray[np.int64]
Spread: TypeAlias = Mapping[int, int]
"""Count by key; negative counts take away."""
Packed: TypeAlias = tuple[Ints, Ints]
"""Keys, and the count of each."""
Axes: TypeAlias = Callable[[int, int], float]
"""How far an axis has come by the instant asked for, in seconds, by slot and number of the axis."""

_WIDTHS = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<i8"))
_HEAD = np.dtype("<u4")


def keys_of(slots: ArrayLike, seconds: ArrayLike) -> Ints:
    """The keys of lengths in their slots."""
    lengths = np.asarray(seconds, np.float64)
    sizes = np.abs(lengths)
    buckets = np.minimum(1 + np.floor(np.log(np.maximum(sizes, _LEAST) / _LEAST) / _STEP), _SIDE).astype(np.int64)
    buckets[sizes < _LEAST] = 0
    keys: Ints = np.asarray(slots, np.int64) * _WIDTH + _SIDE + np.where(lengths < 0, -buckets, buckets)
    return keys


def growing_key(slot: int, axis: int, began: float) -> int:
    """The key of a length that grows, from where its axis was when it began."""
    mark = floor(began * _MARKS_A_SECOND + 0.5) + _ZERO
    if not (0 <= mark < 1 << _MARK_BITS and axis < 1 << _AXIS_BITS and slot + 1 < 1 << _SLOT_BITS):
        raise ValueError(f"a length in slot {slot} cannot have begun at {began} of axis {axis}")
    return (((slot + 1) << _AXIS_BITS) + axis << _MARK_BITS) + mark


def _middles() -> NDArray[np.float64]:
    """The value that stands for all in a bucket."""
    uppers = _LEAST * np.exp(_STEP * np.arange(1, _SIDE + 1, dtype=np.float64))
    side = uppers * 2 / (1 + _GROWTH)
    return np.concatenate([-side[::-1], [0.0], side])


MIDDLES = _middles()
"""The length that stands for a bucket, in seconds, by its place."""


def pack(spread: Spread) -> bytes:
    """A spread as bytes; keys without a count are left out."""
    return pack_sum([as_arrays(spread)])


def unpack(packed: bytes) -> Packed:
    """The keys and counts of packed bytes."""
    if not packed:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    short, long, width = np.frombuffer(packed, _HEAD, 3).tolist()
    place = 3 * _HEAD.itemsize
    low = np.frombuffer(packed, "<u4", short, place)
    high = np.frombuffer(packed, "<i8", long, place := place + 4 * short)
    counts = np.frombuffer(packed, _WIDTHS[width], short + long, place + 8 * long)
    return np.concatenate([low.astype(np.int64), high]) if long else low.astype(np.int64), counts.astype(np.int64)


def merge(packed: bytes, more: Packed) -> bytes:
    """Packed bytes with more counts added."""
    return pack_sum([unpack(packed), more]) if len(more[0]) else packed


def as_arrays(spread: Spread) -> Packed:
    """A spread as keys and counts, in no order."""
    size = len(spread)
    return np.fromiter(spread.keys(), np.int64, size), np.fromiter(spread.values(), np.int64, size)


def pack_sum(some: Iterable[Packed]) -> bytes:
    """The sum of several as bytes: how many keys below 2^32 there are and how many above, how wide counts are, and these three."""
    parts = list(some)
    keys, places = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, places, np.concatenate([part[1] for part in parts]))
    keys, counts = keys[counts != 0], counts[counts != 0]
    if not len(keys):
        return b""
    short = int(np.searchsorted(keys, 1 << 32))
    width = narrowest(counts)
    head = np.asarray([short, len(keys) - short, _WIDTHS.index(width)], _HEAD)
    columns = (head, keys[:short].astype("<u4"), keys[short:].astype("<i8"), counts.astype(width))
    return b"".join(column.tobytes() for column in columns)


def narrowest(numbers: Ints) -> np.dtype[np.signedinteger]:
    """The narrowest type of integers that holds all of these."""
    least, most = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    return next(width for width in _WIDTHS if np.iinfo(width).min <= least and most <= np.iinfo(width).max)


class Histogram:
    """The sum of many spreads, to ask for percentiles: counts by slot and bucket. `axes` is needed where lengths grow."""

    def __init__(self, some: Sequence[Packed], axes: Axes | None = None) -> None:
        keys = np.concatenate([part[0] for part in some]) if some else np.zeros(0, np.int64)
        counts = np.concatenate([part[1] for part in some]) if some else np.zeros(0, np.int64)
        grow = keys >= _FIRST_GROWING
        if grow.any():
            if axes is None:
                raise ValueError("lengths grow along axes that nobody gave")
            grown = _grown(keys[grow], axes)
            keys, counts = np.concatenate([keys[~grow], grown]), np.concatenate([counts[~grow], counts[grow]])
        slots = keys // _WIDTH
        found = np.flatnonzero(np.bincount(slots)) if len(keys) else np.zeros(0, np.int64)
        rows = np.zeros(int(found[-1]) + 1 if len(found) else 0, np.int64)
        rows[found] = np.arange(len(found))
        dense = np.bincount(rows[slots] * _WIDTH + keys % _WIDTH, counts.astype(np.float64), len(found) * _WIDTH)
        matrix = dense.astype(np.float64).reshape(len(found), _WIDTH)
        held = matrix.any(axis=1)
        self.matrix: NDArray[np.float64] = matrix[held]
        self._rows = {slot: row for row, slot in enumerate(found[held].tolist())}

    @property
    def slots(self) -> Sequence[int]:
        """The slots that hold any lengths."""
        return list(self._rows)

    def row(self, slot: int) -> NDArray[np.float64]:
        """The counts of a slot by bucket."""
        known = self._rows.get(slot)
        return np.zeros(_WIDTH) if known is None else self.matrix[known]

    def percentiles(self, slot: int, shares: Sequence[float]) -> list[float]:
        """The percentiles of a slot that holds lengths, between neighbours as `percentile_cont` has them, within 1 %."""
        found: list[float] = self._percentiles(tuple(shares))[self._rows[slot]].tolist()
        return found

    def _percentiles(self, shares: tuple[float, ...]) -> NDArray[np.float64]:
        """The same of all slots, a row each."""
        if shares not in self._known:
            last = self._cumulated[:, -1:] - 1
            ranks = last * np.asarray(shares, np.float64)
            below = np.floor(ranks)
            low, high = (self._at(np.minimum(rank, last)) for rank in (below, below + 1))
            self._known[shares] = low + (high - low) * (ranks - below)
        return self._known[shares]

    def _at(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        places = [np.searchsorted(row, rank, "right") for row, rank in zip(self._cumulated, ranks, strict=True)]
        found: NDArray[np.float64] = MIDDLES[np.asarray(places, np.int64).reshape(ranks.shape)]
        return found

    @cached_property
    def _cumulated(self) -> NDArray[np.float64]:
        return np.cumsum(self.matrix, axis=1)

    @cached_property
    def _known(self) -> dict[tuple[float, ...], NDArray[np.float64]]:
        return {}


def _grown(keys: Ints, axes: Axes) -> Ints:
    """The keys of growing lengths by what they have come to."""
    kinds, places = np.unique(keys >> _MARK_BITS, return_inverse=True)
    slots, numbers = (kinds >> _AXIS_BITS) - 1, kinds & ((1 << _AXIS_BITS) - 1)
    now = np.asarray([axes(*pair) for pair in zip(slots.tolist(), numbers.tolist(), strict=True)])
    began = ((keys & ((1 << _MARK_BITS) - 1)) - _ZERO) / _MARKS_A_SECOND
    return keys_of(slots[places], np.maximum(now[places] - began, 0.0))
