"""What changes of cases mean for cells: summed up by day and whole segment first, then by each dimension and by month."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from uuid import UUID

import numpy as np
import orjson

from bpm_crm.analytics.cells.columns import Columns, Ids, columns_of, joined, summed
from bpm_crm.analytics.cells.days import Level, month_of
from bpm_crm.analytics.cells.parts import Part, Parts
from bpm_crm.analytics.cells.sheets import PROCESS, ROLLED_UP, WHOLE, Sheet
from bpm_crm.analytics.cells.spreads import Ints, Packed, merge
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.records.cells import CellKey, CellValue

ROLL_UPS = [(), *((dimension,) for dimension in ROLLED_UP)]
"""The dimensions that cells are split by."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is added to a cell: to numbers by name, and to a spread."""

    numbers: Mapping[str, int]
    spread: Packed

    def plus(self, other: "Change") -> "Change":
        """Both together."""
        numbers = dict(self.numbers)
        for name, amount in other.numbers.items():
            numbers[name] = numbers.get(name, 0) + amount
        keys, counts = (np.concatenate(pair) for pair in zip(self.spread, other.spread, strict=True))
        return Change(numbers, (keys, counts))


class Changes:
    """Changes of the cells of some sheets."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._heaps: dict[tuple[UUID, ...], Heap] = defaultdict(Heap)
        self._fed: dict[tuple[str, str | None], list[Sheet]] = {}
        for sheet in sheets:
            for definition in sheet.definitions:
                self._fed.setdefault((sheet.evaluation, str(definition)), []).append(sheet)
        self._whole = {sheet.id for sheet in sheets if sheet.is_whole}

    def add(self, case: UUID, parts: Parts, sign: int, filling: Collection[UUID], *, is_changed: bool) -> None:
        """Add what a case adds, or (-1) take it away: in sheets that are being filled, and, where it changed, in those that hold it."""
        for evaluation, some in parts.items():
            if some:
                fed = self._fed.get((evaluation, some[0].segment[PROCESS]), ())
                held = (sheet.id for sheet in fed if sheet.id in filling or (is_changed and case <= sheet.filled_to))
                sheet_ids = tuple(held)
                if sheet_ids:
                    heap = self._heaps[sheet_ids]
                    for part in some:
                        heap.add(part, sign)

    def by_cell(self) -> Mapping[CellKey, Change]:
        """The changes by cell."""
        found: dict[CellKey, Change] = {}
        for sheet_ids, heap in self._heaps.items():
            for place, change in heap.cells():
                for sheet_id in sheet_ids:
                    key = CellKey(sheet_id, *place)
                    found[key] = found[key].plus(change) if key in found else change
        return found

    def by_day(self) -> Iterator[tuple[UUID, date, Columns]]:
        """The changes in whole segments of the sheets that keep them, by sheet and day."""
        found: dict[tuple[UUID, date], list[Columns]] = defaultdict(list)
        for sheet_ids, heap in self._heaps.items():
            whole = self._whole.intersection(sheet_ids)
            for day, columns in heap.days() if whole else ():
                for sheet_id in whole:
                    found[sheet_id, day].append(columns)
        for (sheet_id, day), some in found.items():
            yield sheet_id, day, some[0] if len(some) == 1 else joined(some)


@dataclass(slots=True)
class Heap:
    """Parts of one sheet in columns: of each its day, its segment and how many entries it has; of each entry its key and amount."""

    segments: dict[Segment, int] = field(default_factory=dict)
    names: Ids = field(default_factory=Ids)
    ons: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)

    def add(self, part: Part, sign: int) -> None:
        """Add a part, or (-1) take it away."""
        names = self.names
        self.ons.append(part.on)
        self.places.append(self.segments.setdefault(part.segment, len(self.segments)))
        self.sizes.append(len(part.numbers) + len(part.keys))
        self.keys += [-1 - names[name] for name in part.numbers]
        self.keys += part.keys
        self.amounts += part.numbers.values() if sign > 0 else [-amount for amount in part.numbers.values()]
        self.amounts += [sign] * len(part.keys)

    def cells(self) -> Iterator[tuple[tuple[str, str, date, str], Change]]:
        """By dimensions, level, day or month and segment."""
        ons, places, keys, amounts = self._entries()
        distinct, ranks = np.unique(keys, return_inverse=True)
        segments = list(self.segments)
        for dimensions in ROLL_UPS:
            columns = [[segment[WHOLE.index(item)] for item in dimensions] for segment in segments]
            ids: dict[tuple[str | None, ...], int] = {}
            codes = np.asarray([ids.setdefault(tuple(values), len(ids)) for values in columns], np.int64)
            shown = [orjson.dumps(values).decode() for values in ids]
            found = summed(ons * len(ids) + codes[places], ranks, amounts)
            months = {on: month_of(date.fromordinal(on)).toordinal() for on in np.unique(found[0] // len(ids)).tolist()}
            begins = np.asarray([months[on] for on in (found[0] // len(ids)).tolist()], np.int64)
            by_month = summed(begins * len(ids) + found[0] % len(ids), *found[1:])
            for level, entries in ((Level.DAY, found), (Level.MONTH, by_month)):
                for group, change in self._changes(entries[0], distinct[entries[1]], entries[2]):
                    on, code = divmod(group, len(ids))
                    yield (",".join(dimensions), level.value, date.fromordinal(on), shown[code]), change

    def days(self) -> Iterator[tuple[date, Columns]]:
        """By day, in whole segments."""
        ons, places, keys, amounts = self._entries()
        order = np.argsort(ons, kind="stable")
        ons, names, segments = ons[order], [str(name) for name in self.names], list(self.segments)
        for begin, end in pairwise([*_begins(ons), len(ons)]):
            some = order[begin:end]
            held, codes = np.unique(places[some], return_inverse=True)
            few = [segments[place] for place in held.tolist()]
            columns = columns_of(few, names, codes.astype(np.int32), keys[some], amounts[some])
            yield date.fromordinal(int(ons[begin])), columns

    def columns(self) -> Columns:
        """All days together."""
        _, places, keys, amounts = self._entries()
        names = [str(name) for name in self.names]
        return columns_of(list(self.segments), names, places.astype(np.int32), keys, amounts)

    def _entries(self) -> tuple[Ints, Ints, Ints, Ints]:
        ons, places = (np.repeat(np.asarray(column, np.int64), self.sizes) for column in (self.ons, self.places))
        return ons, places, np.asarray(self.keys, np.int64), np.asarray(self.amounts, np.int64)

    def _changes(self, groups: Ints, keys: Ints, amounts: Ints) -> Iterator[tuple[int, Change]]:
        names = list(self.names)
        for begin, end in pairwise([*_begins(groups), len(groups)]):
            middle = begin + int(np.searchsorted(keys[begin:end], 0))
            numbers = zip(keys[begin:middle].tolist(), amounts[begin:middle].tolist(), strict=True)
            change = Change(
                {str(names[-1 - key]): amount for key, amount in numbers}, (keys[middle:end], amounts[middle:end])
            )
            yield int(groups[begin]), change


def _begins(groups: Ints) -> list[int]:
    """Where groups that lie together begin."""
    found: list[int] = (
        np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]])).tolist() if len(groups) else []
    )
    return found


def changed(value: CellValue | None, change: Change) -> CellValue:
    """What a cell holds after a change."""
    numbers = dict(value.numbers) if value else {}
    for name, amount in change.numbers.items():
        numbers[name] = numbers.get(name, 0) + amount
    spread = merge(value.spreads if value else b"", change.spread)
    return CellValue({name: amount for name, amount in numbers.items() if amount}, spread)
