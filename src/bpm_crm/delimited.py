"""The form of delimited text (csv), told from its beginning: encoding and delimiter. What cannot be told is None; refusing it is the caller's."""

import codecs
import csv
import io
from collections import Counter
from typing import Final

from charset_normalizer import from_bytes

SAMPLE: Final = 262_144
"""Bytes or characters that the form is told from."""
GUESSED: Final = ("cp1251", "cp1252", "koi8_r", "cp866")
"""What is not Unicode is one of these: among all there are, a guess is more often wrong."""
DELIMITERS: Final = (";", "\t", ",", "|")
SAMPLE_ROWS: Final = 50
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(content: bytes, *, is_whole: bool) -> str | None:
    """The encoding by its mark, as UTF-8 where it is that, else the likeliest of `GUESSED` by what stands from where UTF-8 fails.

    Of a file that is not whole the last letter may be cut.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content, final=is_whole)
    except UnicodeDecodeError as error:
        return _guessed(content[content.rfind(b"\n", 0, error.start) + 1 :][:SAMPLE])
    return "utf-8"


def _guessed(sample: bytes) -> str | None:
    """The likeliest encoding, by the lines that have letters other than ASCII: among many plain ones these would not count."""
    telling = b"\n".join(line for line in sample.split(b"\n") if not line.isascii())
    best = from_bytes(telling, cp_isolation=list(GUESSED)).best()
    return None if best is None else best.encoding


def stated_delimiter(text: str) -> tuple[str | None, int]:
    """The delimiter that a first line `sep=;` states, as Excel writes and reads it, and the characters of that line."""
    first = text[:10].split("\n", 1)[0].rstrip("\r")
    if len(first) != 5 or first[:4].lower() != "sep=" or first[4] in '"\0':
        return None, 0
    return first[4], text.index("\n") + 1 if "\n" in text else len(text)


def likeliest_delimiter(text: str) -> str | None:
    """The one by which most of the first rows have the same number of fields, more than one; the larger number among equals."""
    evenness = {item: _evenness(text[:SAMPLE], item) for item in DELIMITERS}
    best = max(DELIMITERS, key=lambda item: evenness[item])
    return best if evenness[best][1] else None


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    """The share of rows with the commonest number of fields, and that number; nothing where no row is parted."""
    widths = _widths(sample, delimiter)
    several = {width: count for width, count in widths.items() if width > 1}
    if not several:
        return 0.0, 0
    width, count = max(several.items(), key=lambda item: (item[1], item[0]))
    return count / sum(widths.values()), width


def _widths(sample: str, delimiter: str) -> Counter[int]:
    """How many rows have how many fields, up to the first that cannot be read."""
    widths: Counter[int] = Counter()
    try:
        rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        for _, row in zip(range(SAMPLE_ROWS), rows, strict=False):
            if row:
                widths[len(row)] += 1
    except csv.Error:
        return widths
    return widths
