"""The process that reads a file: `python -m bpm_crm.excel.reader REQUEST`, the file on its input, its rows on its output as JSON lines.

A process of its own, since the file may be hostile: its memory and time are bounded, it knows no secret, and when it dies nothing else does.
"""

import contextlib
import io
import resource
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from bpm_crm.excel.addresses import cell
from bpm_crm.excel.cells import CellError, Head, Row, SheetName, plain
from bpm_crm.excel.delimited import SHEET, decoded, delimiter_of, rows_of
from bpm_crm.excel.formats import Kind, kind_of
from bpm_crm.excel.limits import TableLimits
from bpm_crm.excel.packaging import Extent, check_extent, check_package, extent_of
from bpm_crm.excel.problems import TableCode, TableRefused

AT_ONCE = 200
MOST_MERGED = 50


def table_of(content: bytes, sheet: str | None, limits: TableLimits) -> tuple[Head, Iterator[Row]]:
    """What a file is, and the rows of one sheet (None: the first that is shown and has any). `TableRefused`."""
    kind = kind_of(content)
    if kind is Kind.CSV:
        return _delimited(content, limits)
    if kind is not Kind.XLS:
        check_package(content, limits)
    try:
        return _spreadsheet(CalamineWorkbook.from_filelike(io.BytesIO(content)), kind, content, sheet, limits)
    except PasswordError as error:
        raise TableRefused(TableCode.PASSWORD_PROTECTED) from error
    except CalamineError as error:
        raise TableRefused(TableCode.BROKEN_FILE, detail=str(error)[:200]) from error


def _delimited(content: bytes, limits: TableLimits) -> tuple[Head, Iterator[Row]]:
    text, encoding = decoded(content)
    delimiter, skipped = delimiter_of(text)
    height = width = 0
    for height, row in enumerate(rows_of(text[skipped:], delimiter, limits), 1):  # noqa: B007  # the last one is the height
        width = max(width, len(row))
    head = Head(Kind.CSV.value, (SheetName(SHEET),), SHEET, height, width, (), encoding, delimiter)
    return head, rows_of(text[skipped:], delimiter, limits)


def _spreadsheet(
    book: CalamineWorkbook, kind: Kind, content: bytes, sheet: str | None, limits: TableLimits
) -> tuple[Head, Iterator[Row]]:
    names = [
        SheetName(item.name, item.visible != SheetVisibleEnum.Visible)
        for item in book.sheets_metadata
        if item.typ == SheetTypeEnum.WorkSheet
    ][: limits.sheets]
    known = [item.name for item in names]
    if sheet is not None and sheet not in known:
        raise TableRefused(TableCode.UNKNOWN_SHEET, sheet=sheet[:80], known=", ".join(known)[:400])
    candidates = [sheet] if sheet is not None else [item.name for item in names if not item.is_hidden] or known
    for name in candidates:
        extent = extent_of(content, name, limits) if kind is Kind.XLSX else Extent()
        read = book.get_sheet_by_name(name)
        if read.end is not None or name == candidates[-1]:
            return _sheet(read, kind, tuple(names), extent, limits)
    raise TableRefused(TableCode.BROKEN_FILE, detail="no sheet")


def _sheet(
    read: CalamineSheet, kind: Kind, names: tuple[SheetName, ...], extent: Extent, limits: TableLimits
) -> tuple[Head, Iterator[Row]]:
    first = 0 if read.start is None else read.start[1]
    last = (-1, -1) if read.end is None else read.end
    height = max(last[0] + 1, extent.rows if extent.errors else 0)
    width = max(last[1] + 1, extent.columns if extent.errors else 0)
    check_extent(read.name, height, width, limits)
    merged = read.merged_cell_ranges or []
    shown = tuple(
        f"{cell(top + 1, left)}:{cell(bottom + 1, right)}" for (top, left), (bottom, right) in merged[:MOST_MERGED]
    )
    head = Head(kind.value, names, read.name, height, width, (), None, None, shown)
    return head, _rows(read, first, extent)


def _rows(read: CalamineSheet, first: int, extent: Extent) -> Iterator[Row]:
    before: list[Any] = [None] * first
    by_row: dict[int, dict[int, str]] = {}
    for (number, column), text in extent.errors.items():
        by_row.setdefault(number, {})[column] = text
    for number, values in enumerate(read.iter_rows()):
        row: list[Any] = [*before, *(None if value == "" else value for value in values)]
        for column, text in by_row.get(number, {}).items():
            row.extend([None] * (column + 1 - len(row)))
            row[column] = CellError(text)
        yield row


def _bounded(limits: TableLimits) -> None:
    """Take no more memory and processor time than is given, whatever is read."""
    for what, amount in ((resource.RLIMIT_AS, limits.memory_bytes), (resource.RLIMIT_CPU, limits.cpu_seconds)):
        with contextlib.suppress(ValueError, OSError):  # a system that does not know the limit, or has a lower one
            resource.setrlimit(what, (amount, amount))


def _answer(content: bytes, request: Any, limits: TableLimits) -> Iterator[Any]:
    head, rows = table_of(content, request["sheet"], limits)
    sheets = [[item.name, item.is_hidden] for item in head.sheets]
    shape = [head.height, head.width]
    yield {
        "kind": head.kind,
        "sheets": sheets,
        "sheet": head.sheet,
        "shape": shape,
        "text": [head.encoding, head.delimiter],
        "merged": head.merged,
    }
    wanted = islice(rows, request["rows"])
    while some := list(islice(wanted, AT_ONCE)):
        yield [[plain(value) for value in row] for row in some]
    yield None


def main() -> None:
    """Read as the request says; the last line says that all is said, or why not."""
    request = orjson.loads(sys.argv[1])
    limits = TableLimits(**request["limits"])
    _bounded(limits)
    out = sys.stdout.buffer
    try:
        for line in _answer(sys.stdin.buffer.read(), request, limits):
            out.write(orjson.dumps(line) + b"\n")
    except TableRefused as refused:
        out.write(orjson.dumps({"refused": refused.problem.code, "params": dict(refused.problem.params)}) + b"\n")
    except MemoryError:
        out.write(orjson.dumps({"refused": TableCode.TOO_COSTLY, "params": {}}) + b"\n")
    except Exception as error:  # noqa: BLE001  # a hostile file may fail in any way
        detail = {"detail": type(error).__name__}
        out.write(orjson.dumps({"refused": TableCode.BROKEN_FILE, "params": detail}) + b"\n")
    out.flush()


if __name__ == "__main__":
    main()
