"""The form of a CSV file, told from its beginning unless stated: encoding and delimiter."""

import codecs
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from bpm_crm.exchange.csv_log.faults import CsvCode, refuse

SAMPLE = 262_144
"""Bytes from the beginning that the form is told from."""
GUESSED = ("cp1251", "cp1252", "koi8_r", "cp866")
"""What is not UTF-8 is one of these: among all there are, a guess is more often wrong."""
DELIMITERS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written."""

    encoding: str
    delimiter: str


def form_of(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Form:
    """The form of a file; what is given is not guessed. `CsvInvalid` for what is no text, or in no form that can be told."""
    sample = _sample(path)
    if sample.startswith(_ARCHIVES):
        raise refuse(CsvCode.BINARY, "this is an archive, a workbook or a document, not text")
    found = _known(encoding) if encoding is not None else _encoding(sample)
    text = _text(sample, found)
    if "\0" in text:
        raise refuse(
            CsvCode.BINARY, "there are NUL characters in it: this is no text", text[: text.index("\0")].count("\n") + 1
        )
    if delimiter is not None:
        return Form(found, _delimiter(delimiter))
    return Form(found, _guessed_delimiter(text))


def _sample(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
    except (OSError, ValueError) as error:
        raise refuse(CsvCode.UNREADABLE, f"{path} cannot be read ({error})") from error
    if not sample.strip():
        raise refuse(CsvCode.EMPTY_FILE, "it is empty")
    return sample


def _known(encoding: str) -> str:
    try:
        info = codecs.lookup(encoding)
        "".encode(info.name)
    except (LookupError, ValueError) as error:
        raise refuse(CsvCode.UNKNOWN_ENCODING, f"there is no encoding {encoding[:40]!r}") from error
    return info.name


def _encoding(sample: bytes) -> str:
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        best = from_bytes(sample, cp_isolation=list(GUESSED)).best()
        if best is None:
            raise refuse(CsvCode.UNKNOWN_ENCODING, "its encoding cannot be told") from None
        return best.encoding
    return "utf-8"


def _text(sample: bytes, encoding: str) -> str:
    """The sample as text; what cannot be decoded is left to the reader, which knows its line."""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)


def _delimiter(given: str) -> str:
    named = {"tab": "\t", "\\t": "\t"}.get(given, given)
    if len(named) != 1 or named in '"\r\n':
        raise refuse(CsvCode.UNKNOWN_DELIMITER, f"{given[:20]!r} is not one character, or stands for something else")
    return named


def _guessed_delimiter(text: str) -> str:
    """The one that parts the header into most fields, and stands in the first rows as often, quoted fields left out."""
    rows = [_unquoted(line) for line in text.splitlines()[:50] if line.strip()]
    if not rows:
        raise refuse(CsvCode.EMPTY_FILE, "it has no row")
    header = Counter(character for character in rows[0] if character in DELIMITERS)
    agreeing = {
        mark: sum(1 for row in rows if row.count(mark) == count) / len(rows) * count for mark, count in header.items()
    }
    if not agreeing:
        raise refuse(CsvCode.UNKNOWN_DELIMITER, "no comma, semicolon, tab or bar parts its header", 1)
    return max(agreeing, key=lambda mark: (agreeing[mark], -DELIMITERS.index(mark)))


def _unquoted(line: str) -> str:
    return "".join(part for place, part in enumerate(line.split('"')) if place % 2 == 0)
