"""What a file is, by its first bytes; its name is not believed."""

import io
import zipfile
import zlib
from enum import StrEnum

from bpm_crm.excel.problems import TableCode, TableRefused

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"{\\rtf", "RTF"),
    (b"\x7fELF", "ELF"),
    (b"MZ", "EXE"),
)


class Kind(StrEnum):
    """The kinds of tables that are read."""

    XLSX = "xlsx"
    XLSB = "xlsb"
    XLS = "xls"
    ODS = "ods"
    CSV = "csv"


def kind_of(content: bytes) -> Kind:
    """The kind of a table. `TableRefused` for what is none, and for one locked by a password."""
    if not content.strip():
        raise TableRefused(TableCode.EMPTY_FILE)
    if content.startswith(b"PK"):
        return _zipped(content)
    if content.startswith(_OLE):
        return _compound(content)
    for signature, name in _OTHERS:
        if content.startswith(signature):
            raise TableRefused(TableCode.UNKNOWN_FORMAT, found=name)
    beginning = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if beginning.startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        raise TableRefused(TableCode.UNKNOWN_FORMAT, found="HTML/XML")
    if b"\0" in content[:4096] and not _is_utf16(content):
        raise TableRefused(TableCode.UNKNOWN_FORMAT, found="binary")
    return Kind.CSV


def _zipped(content: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
            kind = _read(archive, "mimetype")
            locked = b"encryption-data" in _read(archive, "META-INF/manifest.xml")
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise TableRefused(TableCode.BROKEN_FILE, detail="zip") from error
    if "xl/workbook.bin" in names:
        return Kind.XLSB
    if any(name.startswith("xl/") for name in names):
        return Kind.XLSX
    if b"opendocument.spreadsheet" in kind:
        if locked:
            raise TableRefused(TableCode.PASSWORD_PROTECTED)
        return Kind.ODS
    raise TableRefused(TableCode.UNKNOWN_FORMAT, found="zip")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """The beginning of a part; empty where there is none."""
    if name not in archive.namelist():
        return b""
    with archive.open(name) as part:
        return part.read(1_000_000)


def _compound(content: bytes) -> Kind:
    if _ENCRYPTED in content:
        raise TableRefused(TableCode.PASSWORD_PROTECTED)
    if not any(name in content for name in _BOOKS):
        raise TableRefused(TableCode.UNKNOWN_FORMAT, found="OLE2")
    return Kind.XLS


def _is_utf16(content: bytes) -> bool:
    return content.startswith((b"\xff\xfe", b"\xfe\xff"))
