"""What changes of cases mean for cells: summed up by day and whole segment first, since many cases share these, then by each dimension."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import lru_cache
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Level, month_of
from bpm_crm.analytics.cells.parts import Parts, Sums, exact_numbers, plain_numbers
from bpm_crm.analytics.cells.sheets import PROCESS, ROLLED_UP, Sheet
from bpm_crm.analytics.cells.spreads import merge, pack
from bpm_crm.records.cells import CellKey, CellValue

DAY, MONTH = Level.DAY.value, Level.MONTH.value
ROLL_UPS = [(), *((dimension,) for dimension in ROLLED_UP)]
"""The dimensions that cells are split by."""


class Changes:
    """Changes of the cells of some sheets."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sums: dict[tuple[UUID, date, tuple[str | None, ...]], Sums] = defaultdict(Sums)
        self._fed: dict[tuple[str, str | None], list[Sheet]] = defaultdict(list)
        for sheet in sheets:
            for definition in sheet.definitions:
                self._fed[sheet.evaluation, str(definition)].append(sheet)

    def add(self, case: UUID, parts: Parts, sign: int, filling: Collection[UUID], *, is_changed: bool) -> None:
        """Add what a case adds, or (-1) take it away: in sheets that are being filled, and, where it changed, in those that hold it."""
        for evaluation, some in parts.items():
            for part in some:
                for sheet in self._fed[evaluation, part.segment[PROCESS]]:
                    if sheet.id in filling or (is_changed and case <= sheet.filled_to):
                        self._sums[sheet.id, part.on, part.segment].add(part, sign)

    def by_cell(self) -> Mapping[CellKey, Sums]:
        """The changes by cell."""
        found: dict[CellKey, Sums] = defaultdict(Sums)
        for (sheet_id, day, segment), sums in self._sums.items():
            month = month_of(day)
            for dimensions, values in rolled_up(segment):
                found[CellKey(sheet_id, dimensions, DAY, day, values)].include(sums)
                found[CellKey(sheet_id, dimensions, MONTH, month, values)].include(sums)
        return found


@lru_cache(maxsize=65_536)
def rolled_up(segment: tuple[str | None, ...]) -> list[tuple[str, str]]:
    """The dimensions that a whole segment is summed up by, each with its values there as a cell names them."""
    return [
        (",".join(dimensions), orjson.dumps([segment[ROLLED_UP.index(item)] for item in dimensions]).decode())
        for dimensions in ROLL_UPS
    ]


def changed(value: CellValue | None, sums: Sums) -> CellValue:
    """What a cell holds after a change."""
    if value is None:
        return CellValue(plain_numbers(sums.numbers), pack(sums.lengths))
    numbers = dict(exact_numbers(value.numbers))
    for name, amount in sums.numbers.items():
        numbers[name] = numbers.get(name, 0) + amount
    return CellValue(plain_numbers(numbers), merge(value.spreads, sums.lengths))
