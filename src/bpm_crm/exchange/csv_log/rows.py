"""The rows of a CSV file with their lines, as the file is read; every fault of form is refused with its line."""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bpm_crm.exchange.csv_log.faults import CsvCode, refuse
from bpm_crm.exchange.csv_log.form import Form

LONGEST_FIELD = 131_072
"""Characters of a field."""
LONGEST_LINE = 8_388_608
"""Characters of a line."""
CHUNK = 65_536


class Row(NamedTuple):
    """A row: the line it begins on, its fields, and how many bytes of the file were read by its end."""

    line: int
    fields: list[str]
    bytes_read: int


class Rows(Iterator[Row]):
    """The rows of a file, the header first; blank lines, and a first one that states the delimiter, are passed over."""

    def __init__(self, path: Path, form: Form) -> None:
        self._path = path
        self._form = form
        self._bytes = 0
        csv.field_size_limit(LONGEST_FIELD)
        self._reader = csv.reader(self._lines(), delimiter=form.delimiter, strict=True)

    def __next__(self) -> Row:
        while True:
            begins = self._reader.line_num + 1
            try:
                fields = next(self._reader)
            except csv.Error as error:
                raise self._fault(error, begins) from error
            if fields:
                return Row(begins, fields, self._bytes)

    def _fault(self, error: csv.Error, line: int) -> Exception:
        text = str(error)
        if "unexpected end" in text:
            return refuse(CsvCode.UNCLOSED_QUOTE, "a quote that opens in the row begun here is never closed", line)
        if "field larger" in text:
            return refuse(CsvCode.FIELD_TOO_LONG, f"a field is longer than {LONGEST_FIELD:,} characters", line)
        return refuse(CsvCode.BROKEN_ROW, text, line)

    def _lines(self) -> Iterator[str]:
        """The lines with their ends; a line that never ends is cut short rather than held in memory."""
        number, rest = 0, ""
        for text in self._texts():
            *lines, rest = (rest + text).split("\n")
            for number, line in enumerate(lines, number + 1):  # noqa: B020  # goes on from the last one
                is_stated = number == 1 and self._form.states_delimiter
                yield "\n" if is_stated else _checked(line + "\n", number)
            if len(rest) > LONGEST_LINE:
                raise refuse(CsvCode.FIELD_TOO_LONG, f"it is longer than {LONGEST_LINE:,} characters", number + 1)
        if rest:
            yield _checked(rest, number + 1)

    def _texts(self) -> Iterator[str]:
        """The file as text, a piece at a time."""
        decoder = codecs.getincrementaldecoder(self._form.encoding)()
        lines = 0
        try:
            with self._path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    text = decoder.decode(chunk)
                    lines += text.count("\n")
                    self._bytes += len(chunk)
                    yield text
            yield decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            good = bytes(error.object)[: error.start].decode(self._form.encoding, "ignore")
            line, name = lines + good.count("\n") + 1, self._form.encoding
            raise refuse(
                CsvCode.MIXED_ENCODINGS, f"it is not written in {name}, as what stands before it", line
            ) from error
        except OSError as error:
            raise refuse(CsvCode.UNREADABLE, f"the file cannot be read on ({error.strerror})", lines + 1) from error


def _checked(line: str, number: int) -> str:
    if "\0" in line:
        raise refuse(CsvCode.BINARY, "there is a NUL character in it", number)
    return line
