"""Delimited text: its encoding, its delimiter, its rows; what Excel writes as csv in any country."""

import csv
import io
from collections import Counter
from collections.abc import Iterator

from bpm_crm.excel.cells import Row
from bpm_crm.excel.limits import TableLimits
from bpm_crm.excel.packaging import check_extent
from bpm_crm.excel.problems import TableCode, TableRefused

SHEET = "csv"
DELIMITERS = (";", "\t", ",", "|")
SAMPLE_LINES = 50


def decoded(content: bytes) -> tuple[str, str]:
    """The text and its encoding: by its mark, as UTF-8 where it is that, else as Windows writes Russian."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return _strictly(content[len(mark) :], name), name
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _strictly(content, "cp1251"), "cp1251"


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise TableRefused(TableCode.BROKEN_FILE, detail=f"{encoding}, {error.start}") from error


def delimiter_of(text: str) -> tuple[str, int]:
    """The delimiter, and how many characters of the text say so (`sep=;` of Excel).

    It is the one by which most of the first rows have the same number of fields, the larger number among equals.
    """
    first = text[:10].split("\n", 1)[0].rstrip("\r")
    if first[:4].lower() == "sep=" and len(first) == 5:
        return first[4], text.index("\n") + 1 if "\n" in text else len(text)
    sample = text[:200_000]
    return max(DELIMITERS, key=lambda item: _evenness(sample, item)), 0


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    widths: Counter[int] = Counter()
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        for _, row in zip(range(SAMPLE_LINES), rows, strict=False):
            if row:
                widths[len(row)] += 1
    except csv.Error:
        return 0.0, 0
    several = {width: count for width, count in widths.items() if width > 1}
    if not several:
        return 0.0, 0
    width, count = max(several.items(), key=lambda item: (item[1], item[0]))
    return count / sum(widths.values()), width


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
