"""Lengths of time as log-bucket histograms: exact counts, every length within 1 %, and a size that does not grow with the cases.

A spread is a sparse vector, count by key. A key is a slot (which of the lengths of a report) and a bucket in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import floor, log
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_GROWTH = 1.01 / 0.99
"""A bucket is as much wider than the one before; its middle value is within 1 % of all in it."""
_LEAST = 0.1
"""Seconds; shorter lengths count as none."""
_SIDE = 1_250
"""Buckets on either side of nothing: up to more than a hundred years."""
_WIDTH = 2 * _SIDE + 1
_STEP = log(_GROWTH)

Spread: TypeAlias = Mapping[int, int]
"""Count by key; negative counts take away."""
Packed: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Keys in their order, and the count of each."""

_ENTRY = np.dtype("<i4").itemsize + np.dtype("<i8").itemsize


def key_of(slot: int, seconds: float) -> int:
    """The key of a length in a slot."""
    size = abs(seconds)
    bucket = 0 if size < _LEAST else min(_SIDE, 1 + floor(log(size / _LEAST) / _STEP))
    return slot * _WIDTH + _SIDE + (bucket if seconds >= 0 else -bucket)


def _middles() -> NDArray[np.float64]:
    """The value that stands for all in a bucket."""
    uppers = _LEAST * np.exp(_STEP * np.arange(1, _SIDE + 1, dtype=np.float64))
    side = uppers * 2 / (1 + _GROWTH)
    return np.concatenate([-side[::-1], [0.0], side])


_MIDDLES = _middles()


def pack(spread: Spread) -> bytes:
    """A spread as bytes; keys without a count are left out."""
    keys = sorted(key for key, count in spread.items() if count)
    counts = [spread[key] for key in keys]
    return np.asarray(keys, "<i4").tobytes() + np.asarray(counts, "<i8").tobytes()


def unpack(packed: bytes) -> Packed:
    """The keys and counts of packed bytes."""
    size = len(packed) // _ENTRY
    return np.frombuffer(packed, "<i4", size), np.frombuffer(packed, "<i8", size, size * 4)


def merge(packed: bytes, more: Spread) -> bytes:
    """Packed bytes with more counts added."""
    if not more:
        return packed
    keys, counts = unpack(packed)
    return pack_sum([(keys, counts), as_arrays(more)])


def as_arrays(spread: Spread) -> Packed:
    """A spread as keys and counts, in no order."""
    size = len(spread)
    return np.fromiter(spread.keys(), np.int32, size), np.fromiter(spread.values(), np.int64, size)


def pack_sum(some: Iterable[Packed]) -> bytes:
    """The sum of several as bytes."""
    parts = list(some)
    keys, places = np.unique(np.concatenate([part[0] for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, places, np.concatenate([part[1] for part in parts]))
    kept = counts != 0
    packed: bytes = keys[kept].astype("<i4").tobytes() + counts[kept].astype("<i8").tobytes()
    return packed


class Histogram:
    """The sum of many spreads, to ask for percentiles."""

    def __init__(self, some: Sequence[Packed]) -> None:
        keys = np.concatenate([part[0] for part in some]) if some else np.zeros(0, np.int32)
        counts = np.concatenate([part[1] for part in some]) if some else np.zeros(0, np.int64)
        dense = np.bincount(keys, weights=counts.astype(np.float64))
        self._keys = np.flatnonzero(dense)
        self._cumulated = np.cumsum(dense[self._keys])

    @property
    def slots(self) -> Sequence[int]:
        """The slots that hold any lengths."""
        found: list[int] = np.unique(self._keys // _WIDTH).tolist()
        return found

    def percentiles(self, slot: int, shares: Sequence[float]) -> list[float]:
        """The percentiles of a slot that holds lengths, between neighbours as `percentile_cont` has them, within 1 %."""
        begin, end = np.searchsorted(self._keys, (slot * _WIDTH, (slot + 1) * _WIDTH))
        before = self._cumulated[begin - 1] if begin else 0.0
        last = self._cumulated[end - 1] - before - 1
        found = []
        for share in shares:
            rank = last * share
            ranks = before + np.minimum((floor(rank), floor(rank) + 1), last)
            places = begin + np.searchsorted(self._cumulated[begin:end], ranks, "right")
            below, above = _MIDDLES[self._keys[places] - slot * _WIDTH]
            found.append(float(below + (above - below) * (rank - floor(rank))))
        return found
