"""Values of cells, and how they travel between the process that reads a file and the one that asked for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class CellError:
    """An error that a cell shows, `#N/A` for one."""

    text: str


Cell = str | int | float | bool | datetime | date | time | timedelta | CellError | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class SheetName:
    """A sheet of a file; a hidden one is shown only to those who ask for it."""

    name: str
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a table: the sheets of its file, the sheet that was read, its size, and its first rows.

    `encoding` and `delimiter` are those of a csv; `merged` are cells that hide others, as ranges people know.
    """

    kind: str
    sheets: tuple[SheetName, ...]
    sheet: str
    height: int
    width: int
    rows: tuple[Row, ...] = field(repr=False, default=())
    encoding: str | None = None
    delimiter: str | None = None
    merged: tuple[str, ...] = ()


def plain(value: Any) -> Any:
    """A cell as JSON: texts, numbers and truth values as they are, the others tagged."""
    if value is None or value == "":
        return None
    if isinstance(value, CellError):
        return {"error": value.text}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat()}
    if isinstance(value, timedelta):
        return {"seconds": value.total_seconds()}
    return value


def cell_of(value: Any) -> Cell:
    """The cell of such JSON."""
    if not isinstance(value, dict):
        found: Cell = value
        return found
    ((tag, text),) = value.items()
    match tag:
        case "error":
            return CellError(text)
        case "datetime":
            return datetime.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "time":
            return time.fromisoformat(text)
        case _:
            return timedelta(seconds=text)


def shown_cell(value: Cell) -> str:
    """A cell as people see it in a message or in the sheet of errors."""
    match value:
        case None:
            return ""
        case CellError(text):
            return text
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)
