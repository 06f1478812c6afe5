"""Writing sheets: texts as texts, whatever they begin with; dates as dates; columns wide enough; headers that stay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

MOST_CHARACTERS = 32_767
WIDEST, NARROWEST = 60, 9
TOP = 4
"""Row of the headers of a sheet of figures, from 0: above are the title and what the sheet is about."""
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""How texts begin that a spreadsheet may take for a formula or a command once they are edited or saved as csv."""


class Style(StrEnum):
    """How a column is written."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    RATE = "rate"
    MONEY = "money"
    DURATION = "duration"
    INSTANT = "instant"
    DAY = "day"
    FLAG = "flag"


_NUMBERS: Mapping[Style, str] = {
    Style.TEXT: "@",
    Style.WHOLE: "#,##0",
    Style.NUMBER: "#,##0.00",
    Style.RATE: "0.00%",
    Style.MONEY: "#,##0.00",
    Style.DURATION: "[h]:mm:ss",
    Style.INSTANT: "yyyy-mm-dd hh:mm:ss",
    Style.DAY: "yyyy-mm-dd",
    Style.FLAG: "General",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, how it is written, and its value in a record."""

    header: str
    style: Style
    value: Callable[[Any], Any]
    width: int | None = None


class Book:
    """A workbook under construction, in memory."""

    def __init__(self, file: Any, *, zone: str = "UTC", at: datetime | None = None) -> None:
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "nan_inf_to_errors": True,
        }
        self.workbook = xlsxwriter.Workbook(file, options)
        self.zone = ZoneInfo(zone)
        self._at = at
        self.formats = {style: self._format({"num_format": number}) for style, number in _NUMBERS.items()}
        self.quoted = self._format({"num_format": "@", "quote_prefix": True})
        self.title = self._format({"bold": True, "font_size": 14})
        self.header = self._format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self.strong = self._format({"bold": True})
        self.note = self._format({"italic": True, "font_color": "#555555", "text_wrap": True, "valign": "top"})
        self.wrapped = self._format({"text_wrap": True, "valign": "top", "quote_prefix": True})

    def _format(self, properties: Mapping[str, Any]) -> Format:
        return self.workbook.add_format({"font_name": "Calibri", "font_size": 11, **properties})

    def sheet(self, name: str) -> Worksheet:
        """A new sheet, which prints in its whole width."""
        sheet = self.workbook.add_worksheet(name[:31])
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        return sheet

    def figures(self, name: str, about: str, headers: Sequence[str], widths: Mapping[int, int]) -> Worksheet:
        """A new sheet of figures with its title and headers; the first four columns stay."""
        sheet = self.sheet(name)
        sheet.write_string(0, 0, name, self.title)
        sheet.write_string(1, 0, about, self.formats[Style.TEXT])
        for place, header in enumerate(headers):
            sheet.write_string(TOP, place, header, self.header)
            sheet.set_column(place, place, widths.get(place, 12))
        sheet.set_row(TOP, 48)
        sheet.freeze_panes(TOP + 1, 4)
        return sheet

    def formula(self, sheet: Worksheet, row: int, column: int, text: str, style: Style, value: Any) -> None:
        """Write a formula with the value that the API has for it."""
        kept = "" if value is None else float(value) if isinstance(value, Fraction) else value
        sheet.write_formula(row, column, f"={text}", self.formats[style], kept)

    def put(self, sheet: Worksheet, row: int, column: int, value: Any, style: Style = Style.TEXT) -> None:
        """Write a value into a cell; never as a formula."""
        if value is None or value == "":
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value, self.formats[Style.FLAG])
        elif isinstance(value, datetime):
            sheet.write_datetime(row, column, self.local(value), self.formats[Style.INSTANT])
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, self.formats[Style.DAY])
        elif isinstance(value, int | float | Decimal):
            sheet.write_number(
                row, column, float(value), self.formats[style if style is not Style.TEXT else Style.NUMBER]
            )
        else:
            text = shown_text(value)
            sheet.write_string(
                row, column, text, self.quoted if text.startswith(DANGEROUS) else self.formats[Style.TEXT]
            )

    def local(self, instant: datetime) -> datetime:
        """An instant as the wall clocks of the company show it, to the second: what a workbook can hold."""
        return instant.astimezone(self.zone).replace(tzinfo=None, microsecond=0)

    def table(
        self, sheet: Worksheet, name: str, columns: Sequence[Column], records: Sequence[Any], top: int = 0
    ) -> None:
        """Write records as an Excel table with a header that stays, from row `top` (from 0)."""
        widths = [len(column.header) + 3 for column in columns]
        for number, record in enumerate(records, top + 1):
            for place, column in enumerate(columns):
                value = column.value(record)
                self.put(sheet, number, place, value, column.style)
                if number <= top + 200 and value is not None:
                    widths[place] = max(widths[place], 19 if isinstance(value, datetime) else len(str(value)) + 1)
        last = top + max(len(records), 1)
        headers = [{"header": column.header, "header_format": self.header} for column in columns]
        sheet.add_table(
            top, 0, last, len(columns) - 1, {"name": name, "columns": headers, "style": "Table Style Light 1"}
        )
        sheet.freeze_panes(top + 1, 1)
        for place, column in enumerate(columns):
            width = column.width or max(NARROWEST, min(WIDEST, widths[place]))
            sheet.set_column(place, place, width)

    def close(self, *, title: str, subject: str, author: str, comments: str) -> None:
        """Finish the workbook with what it says of itself."""
        properties: dict[str, Any] = {"title": title, "subject": subject, "author": author, "comments": comments}
        if self._at is not None:
            properties["created"] = self._at.replace(tzinfo=None)
        self.workbook.set_properties(properties)
        self.workbook.close()


def ratio(part: str, whole: str) -> str:
    """The formula of a quotient, empty without a denominator."""
    return f'IF({whole}=0,"",{part}/{whole})'


def shown_text(value: Any) -> str:
    """A value as the text of a cell: without characters that XML cannot hold, and no longer than a cell may be."""
    if isinstance(value, time | timedelta):
        value = str(value)
    text = "".join(letter for letter in str(value) if letter >= " " or letter in "\t\n\r")
    return text[:MOST_CHARACTERS]
