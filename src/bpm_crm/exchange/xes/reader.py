"""Opening an event log and reading it trace by trace."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from bpm_crm.exchange.xes.document import Document
from bpm_crm.exchange.xes.faults import XesCode, XesInvalid
from bpm_crm.exchange.xes.limits import Limits
from bpm_crm.exchange.xes.model import Header, Trace
from bpm_crm.exchange.xes.source import Source

ZIP_MAGIC = b"PK\x03\x04"
DEFAULT_LIMITS = Limits()


class EventLog(Iterator[Trace]):
    """A log being read: its `header`, and its traces, once, in file order.

    A fault raises `XesInvalid` at the place in the iteration where it stands, after the whole traces before it: take all of
    a log in one transaction. `bytes_read` of `total_bytes` (None when unknown) is the progress, both as stored, before unpacking.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        total_bytes: int | None,
        zone: tzinfo | None,
        limits: Limits,
        wall_time: bool = False,
    ) -> None:
        self.total_bytes = total_bytes
        self._source = Source(stream)
        self._chunks = self._source.chunks()
        self._document = Document(zone, limits, wall_time=wall_time)
        self._fault: XesInvalid | None = None
        self._is_ended = False
        self.header = self._read_header()

    @property
    def bytes_read(self) -> int:
        """How many bytes have been taken from the file so far."""
        return self._source.bytes_read

    def __next__(self) -> Trace:
        while not self._document.traces:
            if self._fault is not None:
                raise self._fault
            if self._is_ended:
                raise StopIteration
            self._advance()
        return self._document.traces.popleft()

    def _read_header(self) -> Header:
        while self._document.header is None:
            if self._fault is not None:
                raise self._fault
            self._advance()
        return self._document.header

    def _advance(self) -> None:
        """Read one chunk; a fault is kept until the traces before it are handed out."""
        try:
            self._feed(next(self._chunks, None))
        except XesInvalid as fault:
            self._fault = fault
        except EOFError:
            self._fault = self._document.fault(XesCode.TRUNCATED_GZIP, "the gzip file ends too early")
        except zlib.error as error:
            self._fault = self._document.fault(XesCode.BROKEN_GZIP, f"the gzip file is damaged ({error})")
        except OSError as error:
            self._fault = self._document.fault(XesCode.UNREADABLE, f"the file cannot be read on ({error.strerror})")

    def _feed(self, data: bytes | None) -> None:
        if data is None:
            self._document.close()
            self._is_ended = True
        elif data.startswith(ZIP_MAGIC) and self.bytes_read == len(data):
            raise XesInvalid(
                XesCode.NOT_XML, "the file is a ZIP archive", cure="Unpack it and give the .xes file inside."
            )
        else:
            self._document.feed(data)


def read_log(
    stream: BinaryIO,
    *,
    total_bytes: int | None = None,
    zone: tzinfo | None = None,
    limits: Limits = DEFAULT_LIMITS,
    wall_time: bool = False,
) -> EventLog:
    """Read the header from `stream`, plain or gzip as its content says, and hand out a log that reads on as it is iterated.

    `total_bytes` is the size for the progress, where the caller knows it; `zone` is that of dates without an offset, None
    refuses them; with `wall_time` all dates are taken as of `zone`, whatever offset they state. Encodings: UTF-8, UTF-16 and the single-byte ones Python knows, by the XML declaration. Raises `XesInvalid`;
    a log without any trace is refused.
    """
    return EventLog(stream, total_bytes=total_bytes, zone=zone, limits=limits, wall_time=wall_time)


@contextmanager
def open_log(
    path: Path, *, zone: tzinfo | None = None, limits: Limits = DEFAULT_LIMITS, wall_time: bool = False
) -> Iterator[EventLog]:
    """`read_log` over the regular file at `path`, closed at the end; `XesInvalid` too when there is none or it may not be read."""
    stream, size = _opened(path)
    with stream:
        yield read_log(stream, total_bytes=size, zone=zone, limits=limits, wall_time=wall_time)


def _opened(path: Path) -> tuple[BinaryIO, int]:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise XesInvalid(
                XesCode.NOT_A_FILE, f"{path} is {'a directory' if path.is_dir() else 'not a regular file'}"
            )
        return path.open("rb"), status.st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise XesInvalid(XesCode.FILE_NOT_FOUND, f"there is no file {path}") from error
    except PermissionError as error:
        raise XesInvalid(XesCode.NOT_PERMITTED, f"{path} may not be read") from error
    except (OSError, ValueError) as error:
        raise XesInvalid(XesCode.UNREADABLE, f"{path} cannot be opened ({error})") from error
