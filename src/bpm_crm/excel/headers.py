"""What the first rows of a table tell: where its headers are, and what its columns hold."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

from bpm_crm.excel.cells import Cell, CellError, Row
from bpm_crm.excel.mappings import proposed
from bpm_crm.excel.problems import TableCode, TableProblem, TableRefused
from bpm_crm.excel.targets import Target
from bpm_crm.excel.values import Customs, DateOrder, email_of, flag_of, instant_of, number_of, phone_of, text_of

MOST_HEADER_ROWS = 20
MOST_HEADER = 400
MOSTLY = 0.8


class ColumnType(StrEnum):
    """What most cells of a column hold."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"
    PHONE = "phone"
    EMAIL = "email"


def header_row(rows: Sequence[Row], targets: Sequence[Target]) -> int:
    """The row of the headers, from 1: the one in which most are recognised, else the first with most texts and nothing else."""

    def worth(number: int) -> tuple[int, int, int]:
        texts = headers_of(rows[number])
        known = len(proposed(texts, targets))
        others = sum(cell is not None and not isinstance(cell, str) for cell in rows[number])
        return known, len({text for text in texts if text}) - 2 * others, -number

    numbers = range(min(len(rows), MOST_HEADER_ROWS))
    return max(numbers, key=worth, default=0) + 1


def headers_of(row: Row) -> list[str | None]:
    """The headers of a row; None for a column without one."""
    texts = (text_of(cell, MOST_HEADER) for cell in row)
    return [None if text is None or isinstance(text, TableProblem) else text for text in texts]


def required_headers(rows: Sequence[Row], number: int, sheet: str) -> list[str | None]:
    """The headers in a row, from 1. `TableRefused` for a row that has none."""
    found = headers_of(rows[number - 1]) if 1 <= number <= len(rows) else []
    if not any(found):
        raise TableRefused(TableCode.NO_HEADER, row=number, sheet=sheet)
    return found


def repeated(headers: Sequence[str | None]) -> tuple[str, ...]:
    """Headers that several columns have."""
    counts = Counter(text for text in headers if text)
    return tuple(text for text, count in counts.items() if count > 1)


def column_type(cells: Sequence[Cell]) -> ColumnType:
    """What most of these cells hold."""
    filled = [cell for cell in cells if cell is not None and not isinstance(cell, CellError)]
    if not filled:
        return ColumnType.EMPTY
    for kind, is_kind in _KINDS.items():
        if sum(map(is_kind, filled)) >= MOSTLY * len(filled):
            return kind
    return ColumnType.TEXT


def date_order(cells: Sequence[Cell]) -> DateOrder:
    """The order of dates written as text: month first where only that makes them all dates."""
    texts = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    failed = {
        order: sum(not isinstance(instant_of(text, Customs(order)), datetime) for text in texts) for order in DateOrder
    }
    return DateOrder.MDY if failed[DateOrder.DMY] and not failed[DateOrder.MDY] else DateOrder.DMY


_CUSTOMS = Customs()


def _is_phone(cell: Cell) -> bool:
    digits = sum(letter.isdigit() for letter in str(cell).removesuffix(".0"))
    return digits >= 10 and isinstance(phone_of(cell, _CUSTOMS), str)


def _is_date(cell: Cell) -> bool:
    if isinstance(cell, date):
        return True
    return isinstance(cell, str) and any(isinstance(instant_of(cell, Customs(order)), datetime) for order in DateOrder)


def _is_number(cell: Cell) -> bool:
    return not isinstance(cell, bool) and isinstance(number_of(cell, _CUSTOMS), str | int | float)


def _is_flag(cell: Cell) -> bool:
    return isinstance(cell, bool) or (isinstance(cell, str) and isinstance(flag_of(cell, _CUSTOMS), bool))


_KINDS: Mapping[ColumnType, Callable[[Cell], bool]] = {
    ColumnType.EMAIL: lambda cell: isinstance(cell, str) and "@" in cell and isinstance(email_of(cell, _CUSTOMS), str),
    ColumnType.DATE: _is_date,
    ColumnType.PHONE: _is_phone,
    ColumnType.FLAG: _is_flag,
    ColumnType.NUMBER: _is_number,
}
