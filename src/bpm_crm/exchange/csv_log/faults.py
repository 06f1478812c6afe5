"""What can be wrong with a log in CSV: a closed list of codes, each with its place and its cure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class CsvCode(StrEnum):
    """The kinds of fault, for programs; people read the message and the cure."""

    UNREADABLE = "unreadable"
    EMPTY_FILE = "empty_file"
    BINARY = "binary"
    UNKNOWN_ENCODING = "unknown_encoding"
    MIXED_ENCODINGS = "mixed_encodings"
    UNKNOWN_DELIMITER = "unknown_delimiter"
    DUPLICATE_COLUMN = "duplicate_column"
    COLUMN_NOT_GIVEN = "column_not_given"
    MISSING_COLUMN = "missing_column"
    COLUMN_TWICE = "column_twice"
    UNKNOWN_ZONE = "unknown_zone"
    BAD_TIME_FORMAT = "bad_time_format"
    UNCLOSED_QUOTE = "unclosed_quote"
    FIELD_TOO_LONG = "field_too_long"
    BROKEN_ROW = "broken_row"
    WRONG_NUMBER_OF_FIELDS = "wrong_number_of_fields"
    EMPTY_VALUE = "empty_value"
    BAD_TIME = "bad_time"
    MISSING_OFFSET = "missing_offset"


CURES: Mapping[CsvCode, str] = {
    CsvCode.UNREADABLE: "Check the path and the right to read it.",
    CsvCode.EMPTY_FILE: "Export the log again, with its header and at least one row.",
    CsvCode.BINARY: "Give a text file; save a workbook as CSV in UTF-8 first.",
    CsvCode.UNKNOWN_ENCODING: "Name the encoding, as --encoding cp1251, or convert the file to UTF-8.",
    CsvCode.MIXED_ENCODINGS: "Mend that line, convert the file to UTF-8 as a whole, or name another encoding by --encoding.",
    CsvCode.UNKNOWN_DELIMITER: "Name the character between fields, as --delimiter ';'.",
    CsvCode.DUPLICATE_COLUMN: "Give each column its own name.",
    CsvCode.COLUMN_NOT_GIVEN: "Name it; --preview shows the columns there are.",
    CsvCode.MISSING_COLUMN: "Name one of the columns there are.",
    CsvCode.COLUMN_TWICE: "Give each its own column.",
    CsvCode.UNKNOWN_ZONE: "Name a time zone of the IANA list, as Europe/Moscow.",
    CsvCode.BAD_TIME_FORMAT: "Write it with the directives of strptime, as %d.%m.%Y %H:%M:%S, or say epoch or epoch-ms.",
    CsvCode.UNCLOSED_QUOTE: 'Close the quote; a quote inside a quoted field is written twice ("").',
    CsvCode.FIELD_TOO_LONG: "Shorten the field; where it looks short, a quote before it was not closed.",
    CsvCode.BROKEN_ROW: "Quote fields that hold the delimiter, a quote or a line break.",
    CsvCode.WRONG_NUMBER_OF_FIELDS: "Quote fields that hold the delimiter, or name the delimiter by --delimiter.",
    CsvCode.EMPTY_VALUE: "Fill the field, or remove the row.",
    CsvCode.BAD_TIME: "Write it as 2026-11-22T10:00:00+03:00, or tell the form by --time-format, as %d.%m.%Y %H:%M:%S.",
    CsvCode.MISSING_OFFSET: "Write the offset (2026-11-22T10:00:00+03:00), or name the zone of the log by --zone.",
}


@dataclass(frozen=True, slots=True)
class CsvProblem:
    """One fault: where (`line` from 1 as editors count, `column` by name), what, and what to do."""

    code: CsvCode
    message: str
    line: int | None = None
    column: str | None = None

    @property
    def cure(self) -> str:
        """What to do about it."""
        return CURES[self.code]

    def __str__(self) -> str:
        """The fault as people read it."""
        line = "The file" if self.line is None else f"Line {self.line}"
        column = "" if self.column is None else f", column {self.column!r}"
        return f"{line}{column}: {self.message}. {self.cure}"


class CsvInvalid(Exception):
    """A log that cannot be taken in; `found` counts the problems, of which the first are listed."""

    def __init__(self, problems: Sequence[CsvProblem], found: int = 0) -> None:
        self.problems = tuple(problems)
        self.found = max(found, len(problems))
        more = self.found - len(self.problems)
        lines = [str(problem) for problem in self.problems]
        super().__init__("\n".join([*lines, *([f"… and {more} more."] if more else [])]))


def refuse(code: CsvCode, message: str, line: int | None = None, column: str | None = None) -> CsvInvalid:
    """A refusal for one fault."""
    return CsvInvalid([CsvProblem(code, message, line, column)])
