"""Delimited text as a table: what Excel writes as csv in any country."""

import csv
import io
from collections.abc import Iterator

from bpm_crm.delimited import DELIMITERS, encoding_of, likeliest_delimiter, stated_delimiter
from bpm_crm.excel.cells import Row
from bpm_crm.excel.limits import TableLimits
from bpm_crm.excel.packaging import check_extent
from bpm_crm.excel.problems import TableCode, TableRefused

SHEET = "csv"
USUAL_ENCODING = "cp1251"
"""As Windows writes Russian: taken where too little is written to tell; the preview shows it."""


def decoded(content: bytes) -> tuple[str, str]:
    """The text and its encoding. `TableRefused` for bytes that are no letters in it."""
    encoding = encoding_of(content, is_whole=True) or USUAL_ENCODING
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise TableRefused(TableCode.BROKEN_FILE, detail=f"{encoding}, {error.start}") from error


def delimiter_of(text: str) -> tuple[str, int]:
    """The delimiter, and how many characters of the text say so (`sep=;` of Excel). A table of one column has the first there is."""
    stated, skipped = stated_delimiter(text)
    return stated or likeliest_delimiter(text) or DELIMITERS[0], skipped


def rows_of(text: str, delimiter: str, limits: TableLimits) -> Iterator[Row]:
    """The rows; `TableRefused` for a table beyond the limits, naming the cell, or one whose quotes do not end."""
    csv.field_size_limit(limits.cell_characters)
    width = 0
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            width = max(width, len(row))
            check_extent(SHEET, number, width, limits)
            yield [item or None for item in row]
    except csv.Error as error:
        raise TableRefused(TableCode.BROKEN_FILE, detail=str(error)) from error
