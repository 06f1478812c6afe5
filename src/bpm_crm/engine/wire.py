"""The wire format of Protocol Buffers, as far as checked guard expressions use it."""

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in order: number, and the varint, or the bytes of any other kind of value."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if kind == _LENGTH_DELIMITED:
            length, at = _varint(message, at)
        if length < 0:
            raise ValueError(f"wire type {kind} is not known")
        yield tag >> 3, message[at : at + length]
        at += length


def messages(message: bytes, number: int) -> Iterator[bytes]:
    """The values of the fields of this number that are messages, texts or fixed numbers."""
    return (value for found, value in fields(message) if found == number and isinstance(value, bytes))


def signed(number: int) -> int:
    """A varint read as the signed 64-bit number it stands for."""
    return number - (1 << 64) if number >= 1 << 63 else number


def double(value: bytes) -> float:
    """The floating-point number of eight bytes."""
    (number,) = struct.unpack("<d", value)
    return float(number)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A base-128 number and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return number, at
