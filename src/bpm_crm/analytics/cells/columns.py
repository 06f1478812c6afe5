"""What many cases add, in columns: entries of (segment, key, amount)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints
from bpm_crm.analytics.dimensions import Segment

_SPARSE = 8
"""With more places for each that is used, these are sorted."""


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
    places, height = np.zeros(columns.size, np.int64), min(1, columns.size)
    for row in rows:
        size = max(1, len(columns.values[row]))
        held, places = used(places * size + columns.codes[row], height * size)
        height = len(held)
    some = np.zeros(height, np.int64)
    some[places] = np.arange(columns.size)
    return columns.codes[list(rows)][:, some], places


def used(places: Ints, size: int) -> tuple[Ints, Ints]:
    """Which of so many places there are, in their order, and the number of each among these."""
    if size > _SPARSE * len(places):
        return np.unique(places, return_inverse=True)
    is_used = np.zeros(size, np.bool_)
    is_used[places] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[places]


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
