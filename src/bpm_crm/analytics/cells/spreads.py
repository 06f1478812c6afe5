"""Lengths of time as log-bucket histograms: exact counts, every length within 1 %, and a size that does not grow with the cases.

A spread is a sparse vector, count by key. A key is a slot (which of the lengths of a report) and a bucket in it; or, for a length that
grows as time passes, a slot and a *mark*: how far an axis of time had come when it began. An axis is the calendar's or one of business time.
"""

from bisect import bisect_right
from collections.abc import Callable
from math import log
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GROWTH = 1.01 / 0.99
"""A bucket is as much wider than the one before; its middle value is within 1 % of all in it."""
_LEAST = 0.1
"""Seconds; shorter lengths count as none."""
_SIDE = 1_250
"""Buckets on either side of nothing: up to more than a hundred years."""
WIDTH = 2 * _SIDE + 1
"""Buckets of a slot."""
SLOTS = 1 << 16
"""More than there are slots of a report."""
_STEP = log(_GROWTH)

_MARK_BITS, _AXIS_BITS, _SLOT_BITS = 37, 11, 14
_MARKS_A_SECOND = 8
_ZERO = 1 << (_MARK_BITS - 1)
"""The mark of an axis at its origin: half of all marks lie before it."""
FIRST_GROWING = 1 << (_MARK_BITS + _AXIS_BITS)
"""Keys from here on are of lengths that grow."""

CALENDAR = 0
"""The axis of the calendar: seconds since 1970. Others are numbered by the report that has them."""

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Axes: TypeAlias = Callable[[int, int], float]
"""How far an axis has come by the instant asked for, in seconds, by slot and number of the axis."""

_WIDTHS = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<i8"))
_MOST = (1 << 7, 1 << 15, 1 << 31)
"""What the narrower of these do not hold any more."""


def keys_of(slots: ArrayLike, seconds: ArrayLike) -> Ints:
    """The keys of lengths in their slots."""
    keys: Ints = np.asarray(slots, np.int64) * WIDTH + buckets_of(np.asarray(seconds, np.float64))
    return keys


def buckets_of(lengths: Floats) -> Ints:
    """The buckets of lengths, which are their places in a slot."""
    sizes = np.abs(lengths)
    buckets = np.minimum(1 + np.floor(np.log(np.maximum(sizes, _LEAST) / _LEAST) / _STEP), _SIDE).astype(np.int64)
    buckets[sizes < _LEAST] = 0
    found: Ints = _SIDE + np.where(lengths < 0, -buckets, buckets)
    return found


def growing_keys(slots: ArrayLike, axes: ArrayLike, began: ArrayLike) -> Ints:
    """The keys of lengths that grow, from where their axes were when they began."""
    numbers, places = np.asarray(axes, np.int64), np.asarray(slots, np.int64)
    marks = np.floor(np.asarray(began, np.float64) * _MARKS_A_SECOND + 0.5).astype(np.int64) + _ZERO
    fits = (marks >= 0) & (marks < 1 << _MARK_BITS) & (numbers < 1 << _AXIS_BITS) & (places + 1 < 1 << _SLOT_BITS)
    if not fits.all():
        wrong = int(np.argmin(fits))
        at = (int(places[wrong]), int(numbers[wrong]), float(np.asarray(began)[wrong]))
        raise ValueError("a length in slot {} cannot have begun on axis {} at {}".format(*at))
    keys: Ints = (((places + 1) << _AXIS_BITS) + numbers << _MARK_BITS) + marks
    return keys


def _middles() -> NDArray[np.float64]:
    """The value that stands for all in a bucket."""
    uppers = _LEAST * np.exp(_STEP * np.arange(1, _SIDE + 1, dtype=np.float64))
    side = uppers * 2 / (1 + _GROWTH)
    return np.concatenate([-side[::-1], [0.0], side])


MIDDLES = _middles()
"""The length that stands for a bucket, in seconds, by its place."""


def narrowest(numbers: NDArray[np.signedinteger]) -> np.dtype[np.signedinteger]:
    """The narrowest type of integers that holds all of these."""
    if not numbers.size:
        return _WIDTHS[0]
    most = max(int(numbers.max()), -1 - int(numbers.min()))
    return _WIDTHS[bisect_right(_MOST, most)]


def grown(keys: Ints, axes: Axes | None) -> Ints:
    """Keys with those of growing lengths replaced by what the lengths have come to; `axes` is needed where there are any."""
    grow = keys >= FIRST_GROWING
    if not grow.any():
        return keys
    found = keys.copy()
    found[grow] = _grown(keys[grow], axes)
    return found


def _grown(keys: Ints, axes: Axes | None) -> Ints:
    """The keys of growing lengths by what they have come to."""
    kinds, places = np.unique(keys >> _MARK_BITS, return_inverse=True)
    slots, numbers, _ = beginnings(kinds << _MARK_BITS)
    now = come_to(slots, numbers, axes)
    return keys_of(slots[places], np.maximum(now[places] - beginnings(keys)[2], 0.0))


def come_to(slots: Ints, numbers: Ints, axes: Axes | None) -> Floats:
    """How far axes, given by slots and their numbers, have come."""
    if axes is None:
        raise ValueError("lengths grow along axes that nobody gave")
    return np.asarray([axes(*pair) for pair in zip(slots.tolist(), numbers.tolist(), strict=True)], np.float64)


def beginnings(keys: Ints) -> tuple[Ints, Ints, Floats]:
    """Of growing lengths the slots, the numbers of the axes, and where these were when they began, in seconds."""
    kinds = keys >> _MARK_BITS
    began = ((keys & ((1 << _MARK_BITS) - 1)) - _ZERO) / _MARKS_A_SECOND
    return (kinds >> _AXIS_BITS) - 1, kinds & ((1 << _AXIS_BITS) - 1), began
