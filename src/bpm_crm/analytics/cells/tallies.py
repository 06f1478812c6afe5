"""Amounts summed by what they are of: the one piece that everything in cells is summed with."""

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.spreads import Ints

_SPARSE = 4
"""Where there are no more than so many codes to an amount, a place is kept for each of them."""
_FEW = 1 << 12
_MOST = 1 << 22
"""Places, at most: 32 MB."""
_BITS = 63
_EXACT = 1 << 53
"""Floating numbers below this are exact sums."""
_SHORT = 1 << 32
"""Keys from here on are few, and far apart."""


def sums(codes: Ints, amounts: NDArray[np.signedinteger]) -> tuple[Ints, Ints]:
    """Each code once, in order, with the sum of its amounts; without those that come to nothing.

    Time is that of looking at them once where codes are in order, of counting where they lie close together, else that of sorting plain
    numbers: a code and its amount (or its place) share one of 64 bits, as long as they fit.
    """
    if not len(codes):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if (codes[1:] >= codes[:-1]).all():
        return _summed_up(codes, amounts)
    least = int(codes.min())
    width = int(codes.max()) - least + 1
    if width <= min(_MOST, _SPARSE * len(codes) + _FEW):
        totals = totalled(codes - least, amounts, width)
        held = np.flatnonzero(totals)
        return held + least, totals[held]
    return _summed_up(*_sorted(codes, amounts, least, width))


def _summed_up(codes: Ints, amounts: NDArray[np.signedinteger]) -> tuple[Ints, Ints]:
    """The same of codes in order."""
    begins = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    totals = np.add.reduceat(amounts, begins, dtype=np.int64)
    return codes[begins[totals != 0]], totals[totals != 0]


def totalled(places: Ints, amounts: NDArray[np.signedinteger], width: int) -> Ints:
    """The sum of each of so many places."""
    most = max(int(amounts.max(initial=0)), -int(amounts.min(initial=0)))
    if most * len(amounts) < _EXACT:
        return np.bincount(places, amounts, width).astype(np.int64)
    totals = np.zeros(width, np.int64)
    np.add.at(totals, places, amounts.astype(np.int64))
    return totals


def _sorted(
    codes: Ints, amounts: NDArray[np.signedinteger], least: int, width: int
) -> tuple[Ints, NDArray[np.signedinteger]]:
    """Codes in order with their amounts."""
    low = int(amounts.min())
    of_amounts, of_places = (int(amounts.max()) - low).bit_length(), len(codes).bit_length()
    bits = min(of_amounts, of_places)
    if width.bit_length() + bits > _BITS:
        order = np.argsort(codes)
        return codes[order], amounts[order]
    packed = (codes - least) << bits
    packed |= (amounts.astype(np.int64) - low) if bits == of_amounts else np.arange(len(codes))
    packed.sort()
    beside = packed & ((1 << bits) - 1)
    packed >>= bits
    return packed + least, beside + low if bits == of_amounts else amounts[beside]


def ranked(keys: Ints) -> tuple[Ints, Ints]:
    """Keys as numbers in the same order that lie closer together; and, for `unranked`, what those mean that are no keys: the first one, then its key and those of the next."""
    far = keys >= _SHORT
    if not far.any():
        return keys, np.zeros(0, np.int64)
    distinct, places = np.unique(keys[far], return_inverse=True)
    near = keys[~far]
    first = int(near.max()) + 1 if len(near) else 0
    found = keys.copy()
    found[far] = first + places
    return found, np.concatenate([[first], distinct])


def unranked(ranks: Ints, known: Ints) -> Ints:
    """The keys that have these numbers."""
    if not len(known):
        return ranks
    far = ranks >= known[0]
    found = ranks.copy()
    found[far] = known[1:][ranks[far] - known[0]]
    return found


def summed(groups: Ints, keys: Ints, amounts: Ints) -> tuple[Ints, Ints, Ints]:
    """Entries by group and key, in this order, each pair once; without those that come to nothing."""
    if not len(keys):
        return groups, keys, amounts
    (rows, of_rows), (ranks, of_ranks) = ranked(groups), ranked(keys)
    least = int(ranks.min())
    width = int(ranks.max()) - least + 1
    codes, totals = sums(rows * width + (ranks - least), amounts)
    rows = codes // width
    return unranked(rows, of_rows), unranked(codes - rows * width + least, of_ranks), totals


def merged(codes: Ints, totals: Ints, more: Ints, amounts: Ints) -> tuple[Ints, Ints]:
    """What few sums are added to many, both in order: in the time of copying these."""
    places = np.searchsorted(codes, more)
    is_new = np.append(codes, -1)[places] != more
    found = np.insert(codes, places[is_new], more[is_new])
    sums_up = np.insert(totals, places[is_new], 0)
    sums_up[np.searchsorted(found, more)] += amounts
    held = sums_up != 0
    return (found, sums_up) if held.all() else (found[held], sums_up[held])
