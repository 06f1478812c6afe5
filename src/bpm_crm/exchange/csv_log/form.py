"""The form of a CSV file, told from its beginning unless stated: encoding and delimiter."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from bpm_crm.delimited import SAMPLE, encoding_of, likeliest_delimiter, stated_delimiter
from bpm_crm.exchange.csv_log.faults import CsvCode, refuse

_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"%PDF")


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written. `states_delimiter`: its first line says so (`sep=;`), and is no header."""

    encoding: str
    delimiter: str
    states_delimiter: bool = False


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
    stated, skipped = stated_delimiter(text)
    if not text[skipped:].strip():
        raise refuse(CsvCode.EMPTY_FILE, "it has no row")
    if delimiter is not None:
        return Form(found, _delimiter(delimiter), bool(skipped))
    return Form(found, stated or _guessed_delimiter(text), bool(skipped))


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
    found = encoding_of(sample, is_whole=False)
    if found is None:
        raise refuse(CsvCode.UNKNOWN_ENCODING, "its encoding cannot be told")
    return found


def _text(sample: bytes, encoding: str) -> str:
    """The sample as text; what cannot be decoded is left to the reader, which knows its line."""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(sample)


def _delimiter(given: str) -> str:
    named = {"tab": "\t", "\\t": "\t"}.get(given, given)
    if len(named) != 1 or named in '"\r\n':
        raise refuse(CsvCode.UNKNOWN_DELIMITER, f"{given[:20]!r} is not one character, or stands for something else")
    return named


def _guessed_delimiter(text: str) -> str:
    found = likeliest_delimiter(text)
    if found is None:
        raise refuse(CsvCode.UNKNOWN_DELIMITER, "no comma, semicolon, tab or bar parts its rows", 1)
    return found
