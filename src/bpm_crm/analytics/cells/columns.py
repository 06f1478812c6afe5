"""What many cases add, in columns: entries of (whole segment, key, amount), summed and stored so that any cut can be made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints, narrowest
from bpm_crm.analytics.dimensions import Segment

_HEAD = np.dtype("<u4")
_MOST_PAIRS = 1 << 62
"""Pairs of group and key are numbered as they are below this many, else the keys are numbered first."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Entries of segments. A segment is a column of `codes`: for each dimension the place of its value in `values`.

    An entry adds `amounts` to `keys` of the segment with the number `places`. A key below nothing is a number: `-1 - place` in `names`.
    """

    values: Sequence[Sequence[str | None]]
    names: Sequence[str]
    codes: NDArray[np.int32]
    places: NDArray[np.int32]
    keys: Ints
    amounts: Ints


class Ids(dict[str | None, int]):
    """Numbers things as they come."""

    def __missing__(self, key: str | None) -> int:
        """The next number."""
        self[key] = found = len(self)
        return found


def columns_of(
    segments: Sequence[Segment], names: Sequence[str], places: NDArray[np.int32], keys: Ints, amounts: Ints
) -> Columns:
    """The entries of segments given as they are."""
    ids = [Ids() for _ in WHOLE]
    lined = zip(*segments, strict=True) if segments else [()] * len(WHOLE)
    codes = [[known[value] for value in column] for known, column in zip(ids, lined, strict=True)]
    return Columns([list(known) for known in ids], names, np.asarray(codes, np.int32), places, keys, amounts)


def joined(some: Iterable[Columns]) -> Columns:
    """The entries of several together; nothing is summed up yet."""
    ids, names = [Ids() for _ in WHOLE], Ids()
    codes: list[NDArray[np.int32]] = [np.zeros((len(WHOLE), 0), np.int32)]
    places: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    keys: list[Ints] = [np.zeros(0, np.int64)]
    amounts: list[Ints] = [np.zeros(0, np.int64)]
    size = 0
    for part in some:
        maps = [
            np.asarray([known[value] for value in column], np.int32)
            for known, column in zip(ids, part.values, strict=True)
        ]
        codes.append(np.stack([new[old] for new, old in zip(maps, part.codes, strict=True)]))
        places.append(part.places + np.int32(size))
        renamed = np.asarray([-1 - names[name] for name in part.names] or [0], np.int64)
        numbers = part.keys < 0
        keys.append(np.where(numbers, renamed[np.where(numbers, -1 - part.keys, 0)], part.keys))
        amounts.append(part.amounts)
        size += part.codes.shape[1]
    return Columns(
        [list(known) for known in ids],
        [str(name) for name in names],
        np.concatenate(codes, axis=1),
        np.concatenate(places),
        np.concatenate(keys),
        np.concatenate(amounts),
    )


def summed(groups: Ints, keys: Ints, amounts: Ints) -> tuple[Ints, Ints, Ints]:
    """Entries by group and key, in this order, each pair once; without those that come to nothing."""
    if not len(keys):
        return groups, keys, amounts
    least = int(keys.min())
    width = int(keys.max()) - least + 1
    if width * (int(groups.max()) + 1) >= _MOST_PAIRS:
        distinct, ranks = np.unique(keys, return_inverse=True)
        found, places, totals = summed(groups, ranks.astype(np.int64), amounts)
        return found, distinct[places], totals
    pairs = groups * width + (keys - least)
    order = np.argsort(pairs)
    pairs = pairs[order]
    begins = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
    totals = np.add.reduceat(amounts[order], begins)
    held = pairs[begins[totals != 0]]
    return held // width, held % width + least, totals[totals != 0]


def pack_columns(columns: Columns) -> bytes:
    """Columns as bytes, each segment and key once, in an order that depends on nothing but what they say."""
    values, codes = _sorted_values(columns)
    names = sorted(columns.names)
    ranks = {name: place for place, name in enumerate(names)}
    renamed = np.asarray([-1 - ranks[name] for name in columns.names] or [0], np.int64)
    numbers = columns.keys < 0
    keys = np.where(numbers, renamed[np.where(numbers, -1 - columns.keys, 0)], columns.keys)
    order = np.lexsort(codes[::-1])
    lined = codes[:, order]
    is_new = (
        np.concatenate([[True], (lined[:, 1:] != lined[:, :-1]).any(axis=0)]) if lined.shape[1] else np.zeros(0, bool)
    )
    group = np.zeros(len(order), np.int64)
    group[order] = np.cumsum(is_new) - 1
    places, keys, amounts = summed(group[columns.places], keys, columns.amounts)
    return _encoded(values, names, lined[:, is_new], places, keys, amounts)


def _encoded(
    values: Sequence[Sequence[str | None]],
    names: Sequence[str],
    codes: NDArray[np.int32],
    places: Ints,
    keys: Ints,
    amounts: Ints,
) -> bytes:
    """The same without segments, values and names that nothing is added to."""
    held = np.unique(places)
    codes = codes[:, held]
    places = np.searchsorted(held, places)
    used = [np.unique(column) for column in codes]
    shown = [[known[place] for place in some.tolist()] for known, some in zip(values, used, strict=True)]
    codes = np.stack([np.searchsorted(some, column) for some, column in zip(used, codes, strict=True)])
    named = np.unique(-1 - keys[keys < 0])
    keys = np.where(keys < 0, -1 - np.searchsorted(named, -1 - keys), keys)
    arrays = [*codes.astype(np.int64)]
    for least, end in ((None, 0), (0, 1 << 32), (1 << 32, None)):
        some = np.full(len(keys), True)
        some &= True if least is None else keys >= least
        some &= True if end is None else keys < end
        arrays += [places[some], keys[some], amounts[some]]
    typed = [array.astype(narrowest(array)) for array in arrays]
    head = orjson.dumps(
        [shown, [names[place] for place in named.tolist()], [[array.dtype.str, len(array)] for array in typed]]
    )
    return b"".join([np.asarray(len(head), _HEAD).tobytes(), head, *(array.tobytes() for array in typed)])


def unpack_columns(packed: bytes) -> Columns:
    """The columns that `pack_columns` packed."""
    size = int(np.frombuffer(packed, _HEAD, 1)[0])
    place = _HEAD.itemsize + size
    values, names, kinds = orjson.loads(packed[_HEAD.itemsize : place])
    arrays = []
    for kind, length in kinds:
        array = np.frombuffer(packed, kind, length, place)
        place += array.nbytes
        arrays.append(array)
    codes, rest = np.stack([array.astype(np.int32) for array in arrays[: len(WHOLE)]]), arrays[len(WHOLE) :]
    places, keys, amounts = (np.concatenate(rest[column::3]) for column in range(3))
    return Columns(values, names, codes, places.astype(np.int32), keys.astype(np.int64), amounts.astype(np.int64))


def _sorted_values(columns: Columns) -> tuple[list[list[str | None]], NDArray[np.int32]]:
    """The values of each dimension in order, none first, and the codes by that."""
    values, codes = [], []
    for known, column in zip(columns.values, columns.codes, strict=True):
        order = sorted(known, key=lambda value: (value is not None, value or ""))
        places = {value: place for place, value in enumerate(order)}
        ranks = np.asarray([places[value] for value in known], np.int32)
        values.append(order)
        codes.append(ranks[column] if len(known) else column)
    return values, np.stack(codes)
