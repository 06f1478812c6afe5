"""What many cases add, in columns: entries of (whole segment, key, amount), summed and stored so that any cut can be made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import orjson
from numpy.typing import NDArray

from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints, narrowest
from bpm_crm.analytics.dimensions import Segment

_HEAD = np.dtype("<u4")
_LONG = 1 << 32
"""Keys from here on are stored in eight bytes."""
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
    places: Ints
    keys: Ints
    amounts: Ints

    @property
    def size(self) -> int:
        """How many segments there are."""
        return int(self.codes.shape[1])


class Ids(dict[str | None, int]):
    """Numbers things as they come."""

    def __missing__(self, key: str | None) -> int:
        """The next number."""
        self[key] = found = len(self)
        return found


def columns_of(segments: Sequence[Segment], names: Sequence[str], places: Ints, keys: Ints, amounts: Ints) -> Columns:
    """The entries of whole segments given as they are."""
    ids = [Ids() for _ in WHOLE]
    lined = zip(*segments, strict=True) if segments else [()] * len(WHOLE)
    codes = [[known[value] for value in column] for known, column in zip(ids, lined, strict=True)]
    return Columns([list(known) for known in ids], names, np.asarray(codes, np.int32), places, keys, amounts)


def joined(some: Iterable[Columns], height: int = len(WHOLE)) -> Columns:
    """The entries of several together, all of so many dimensions; nothing is summed up yet."""
    ids, names = [Ids() for _ in range(height)], Ids()
    codes: list[NDArray[np.int32]] = [np.zeros((height, 0), np.int32)]
    entries: list[tuple[Ints, Ints, Ints]] = [(np.zeros(0, np.int64),) * 3]
    size = 0
    for part in some:
        maps = [
            np.asarray([known[value] for value in column], np.int32)
            for known, column in zip(ids, part.values, strict=True)
        ]
        codes.append(_mapped(part.codes, maps))
        entries.append((part.places + size, _renamed(part, [names[name] for name in part.names]), part.amounts))
        size += part.size
    places, keys, amounts = (np.concatenate(column) for column in zip(*entries, strict=True))
    shown = [list(known) for known in ids]
    return Columns(shown, [str(name) for name in names], np.concatenate(codes, axis=1), places, keys, amounts)


def chosen(columns: Columns, rows: Sequence[int]) -> Columns:
    """The same of only some dimensions; each segment once, in the order of its codes."""
    kinds, groups = distinct(columns, rows)
    values = [columns.values[row] for row in rows]
    return Columns(values, columns.names, kinds, groups[columns.places], columns.keys, columns.amounts)


def distinct(columns: Columns, rows: Sequence[int]) -> tuple[NDArray[np.int32], Ints]:
    """The different combinations of the values of some dimensions, a column each, and which of them each segment has."""
    pairs = np.zeros(columns.size, np.int64)
    for row in rows:
        pairs = pairs * max(1, len(columns.values[row])) + columns.codes[row]
        pairs = np.unique(pairs, return_inverse=True)[1]
    _, firsts, places = np.unique(pairs, return_index=True, return_inverse=True)
    return columns.codes[list(rows)][:, firsts], places


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


def in_order(columns: Columns) -> Columns:
    """The same with values and names in an order that depends on nothing but what they say."""
    orders = [sorted(known, key=lambda value: (value is not None, value or "")) for known in columns.values]
    ranks = [{value: rank for rank, value in enumerate(order)} for order in orders]
    maps = [
        np.asarray([rank[value] for value in known], np.int32)
        for rank, known in zip(ranks, columns.values, strict=True)
    ]
    names = sorted(columns.names)
    places = {name: place for place, name in enumerate(names)}
    keys = _renamed(columns, [places[name] for name in columns.names])
    return Columns(orders, names, _mapped(columns.codes, maps), columns.places, keys, columns.amounts)


def pack_columns(columns: Columns) -> bytes:
    """Columns as bytes, each segment and key once, in an order that depends on nothing but what they say."""
    ordered = chosen(in_order(columns), range(len(columns.values)))
    places, keys, amounts = summed(ordered.places, ordered.keys, ordered.amounts)
    return encoded(ordered, places, keys, amounts)


def encoded(ordered: Columns, places: Ints, keys: Ints, amounts: Ints) -> bytes:
    """Summed entries of columns in order, and of segments so, as bytes, without segments, values and names that nothing is added to."""
    held, places = np.unique(places, return_inverse=True)
    offsets = np.asarray([0, *accumulate(map(len, ordered.values))], np.int64)[:, None]
    used, codes = np.unique(ordered.codes[:, held] + offsets[:-1], return_inverse=True)
    bounds = np.searchsorted(used, offsets[:, 0])
    codes = codes.reshape(len(ordered.values), len(held)) - bounds[:-1, None]
    shown = [
        [known[place] for place in (used[bounds[row] : bounds[row + 1]] - offsets[row]).tolist()]
        for row, known in enumerate(ordered.values)
    ]
    kinds = (keys >= 0).view(np.int8) + (keys >= _LONG)
    order = np.argsort(kinds, kind="stable")
    numbers, short, _ = sizes = np.bincount(kinds, minlength=3).tolist()
    places, keys, amounts = places[order], keys[order], amounts[order]
    named, places_of_names = np.unique(-1 - keys[:numbers], return_inverse=True)
    middle = numbers + short
    arrays = (codes, places, places_of_names, keys[numbers:middle], keys[middle:], amounts[:numbers], amounts[numbers:])
    typed = [array.astype(narrowest(array)) for array in arrays]
    names = [ordered.names[place] for place in named.tolist()]
    head = orjson.dumps([shown, names, len(held), sizes, [array.dtype.str for array in typed]])
    return b"".join([np.asarray(len(head), _HEAD).tobytes(), head, *(array.tobytes() for array in typed)])


def joined_bodies(bodies: Sequence[bytes]) -> bytes:
    """Packed columns of the same dimensions put together; at least one."""
    parts = [unpack_columns(body) for body in bodies]
    return pack_columns(joined(parts, len(parts[0].values)))


def unpack_columns(packed: bytes) -> Columns:
    """The columns that `pack_columns` packed."""
    place = _HEAD.itemsize + int(np.frombuffer(packed, _HEAD, 1)[0])
    values, names, size, (numbers, short, long), kinds = orjson.loads(packed[_HEAD.itemsize : place])
    lengths = (len(values) * size, numbers + short + long, numbers, short, long, numbers, short + long)
    arrays = []
    for kind, length in zip(kinds, lengths, strict=True):
        arrays.append(np.frombuffer(packed, kind, length, place))
        place += arrays[-1].nbytes
    codes, places, named, low, high, *amounts = arrays
    keys = np.concatenate([-1 - named.astype(np.int64), low.astype(np.int64), high.astype(np.int64)])
    shown = codes.astype(np.int32).reshape(len(values), size)
    return Columns(values, names, shown, places.astype(np.int64), keys, np.concatenate(amounts, dtype=np.int64))


def _mapped(codes: NDArray[np.int32], maps: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Codes by other numbers of the values."""
    found = np.empty(codes.shape, np.int32)
    for row, new in enumerate(maps):
        found[row] = new[codes[row]] if len(new) else 0
    return found


def _renamed(columns: Columns, places: Sequence[int]) -> Ints:
    """Keys by other places of the names."""
    if not columns.names:
        return columns.keys
    keys = columns.keys.copy()
    numbers = keys < 0
    keys[numbers] = -1 - np.asarray(places, np.int64)[-1 - keys[numbers]]
    return keys
