"""The bytes of a document: counted as they are read, unpacked when they are gzip."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 65_536
GZIP_MAGIC = b"\x1f\x8b"
_GZIP_FORMAT = 31


class Source:
    """The chunks of a document; `bytes_read` counts what was taken from the stream, before unpacking."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.bytes_read = 0

    def chunks(self) -> Iterator[bytes]:
        """The unpacked document, in pieces of at most 64 KiB (the last of a gzip member may be empty).

        `EOFError` when gzip ends too early, `zlib.error` when it is damaged, `OSError` from the stream.
        """
        head = b""
        while len(head) < len(GZIP_MAGIC) and (data := self._read()):
            head += data
        yield from _unpacked(self._packed(head)) if head.startswith(GZIP_MAGIC) else self._packed(head)

    def _packed(self, head: bytes) -> Iterator[bytes]:
        data = head
        while data:
            yield data
            data = self._read()

    def _read(self) -> bytes:
        data = self._stream.read(CHUNK)
        self.bytes_read += len(data)
        return data


def _unpacked(packed: Iterator[bytes]) -> Iterator[bytes]:
    """The content of the gzip members one after another; zeros between and after them are padding."""
    member = zlib.decompressobj(_GZIP_FORMAT)
    for piece in packed:
        data = piece
        while data:
            if member.eof:
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = zlib.decompressobj(_GZIP_FORMAT)
            yield from _inflate(member, data)
            data = member.unused_data
    if not member.eof:
        raise EOFError("gzip ends inside a member")


def _inflate(member: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What `member` makes of `data`, a bounded piece at a time, so that a bomb never stands in memory."""
    rest = data
    while rest and not member.eof:
        yield member.decompress(rest, CHUNK)
        rest = member.unconsumed_tail
