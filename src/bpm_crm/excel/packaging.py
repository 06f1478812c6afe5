"""What is looked at inside an .xlsx before it is read: how far its sheets reach, and the errors of cells, which the reader drops.

A single cell far down makes a reader keep room for all above it, so the size is taken from the cells themselves, not from what the
file says of itself.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element  # the type only; parsing is defused

from defusedxml.ElementTree import fromstring

from bpm_crm.excel.addresses import cell, column_of
from bpm_crm.excel.limits import TableLimits
from bpm_crm.excel.problems import TableCode, TableRefused

CHUNK = 1 << 20
MOST_ERRORS = 20_000
MOST_INDEX_BYTES = 8_000_000

_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["']""")
_ERROR = re.compile(
    rb"""<(?:\w+:)?c\s(?=[^>]*\bt=["']e["'])[^>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<""",
    re.DOTALL,
)
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(slots=True)
class Extent:
    """How far a sheet reaches, rows from 1 and columns from 0, and the errors its cells show."""

    rows: int = 0
    columns: int = 0
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def check_package(content: bytes, limits: TableLimits) -> None:
    """Refuse a zip with more parts, or larger ones, than any real workbook has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    if len(parts) > limits.parts or sum(part.file_size for part in parts) > limits.unpacked_bytes:
        raise TableRefused(TableCode.UNPACKS_TOO_LARGE, maximum=limits.unpacked_bytes)


def extent_of(content: bytes, sheet: str, limits: TableLimits) -> Extent:
    """The extent of one sheet of an .xlsx; `TableRefused` as soon as it passes a limit."""
    found = Extent()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = _parts(archive).get(sheet)
        if name is None or name not in archive.namelist():
            return found
        for piece in _pieces(archive, name, limits):
            _look(piece, found)
            check_extent(sheet, found.rows, found.columns, limits)
    return found


def check_extent(sheet: str, rows: int, columns: int, limits: TableLimits) -> None:
    """Refuse a sheet that reaches beyond the limits, naming the cell."""
    last = cell(max(rows, 1), max(columns, 1) - 1)
    for code, size, maximum in (
        (TableCode.TOO_MANY_ROWS, rows, limits.rows),
        (TableCode.TOO_MANY_COLUMNS, columns, limits.columns),
        (TableCode.TOO_MANY_CELLS, rows * columns, limits.cells),
    ):
        if size > maximum:
            raise TableRefused(code, sheet=sheet, cell=last, maximum=maximum)


def _look(piece: bytes, found: Extent) -> None:
    places = _CELL.findall(piece)
    if places:
        rows = {int(row) for _, row in places}
        columns = {column_of(name) or 0 for name in {name.decode() for name, _ in places}}
        found.rows = max(found.rows, *rows)
        found.columns = max(found.columns, *(column + 1 for column in columns))
    if b't="e"' not in piece and b"t='e'" not in piece:
        return
    for match in _ERROR.finditer(piece):
        if len(found.errors) < MOST_ERRORS:
            found.errors[int(match[2]) - 1, column_of(match[1].decode()) or 0] = match[3].decode("ascii", "replace")


def _pieces(archive: zipfile.ZipFile, name: str, limits: TableLimits) -> Iterator[bytes]:
    """A part in pieces that end with whole rows; `TableRefused` for one that unpacks to more than it may."""
    kept, read = b"", 0
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            read += len(chunk)
            if read > limits.unpacked_bytes:
                raise TableRefused(TableCode.UNPACKS_TOO_LARGE, maximum=limits.unpacked_bytes)
            kept += chunk
            end = kept.rfind(b"row>") + 4
            if end > 3:
                yield kept[:end]
                kept = kept[end:]
    yield kept


def _parts(archive: zipfile.ZipFile) -> Mapping[str, str]:
    """The part that holds each sheet."""
    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return {}
    relations = {
        item.get("Id"): posixpath.normpath(posixpath.join("/xl", item.get("Target", ""))).lstrip("/")
        for item in _xml(archive, "xl/_rels/workbook.xml.rels")
    }
    sheets = (item for item in _xml(archive, "xl/workbook.xml").iter() if item.tag.rpartition("}")[2] == "sheet")
    return {
        str(item.get("name")): relations[item.get(_RELATION)] for item in sheets if item.get(_RELATION) in relations
    }


def _xml(archive: zipfile.ZipFile, name: str) -> Element:
    with archive.open(name) as part:
        return fromstring(part.read(MOST_INDEX_BYTES))
