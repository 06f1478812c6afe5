"""The names a guard expression refers to, read from its checked form: its text hides some (`data . amount`) and shows false ones.

Literals and comments look like names, and calls look like parts of one (`data.need.size()`), so the text is no source for them.
"""

from collections.abc import Iterator

_LENGTH_DELIMITED = 2


def references(checked: bytes) -> Iterator[str]:
    """The variables and functions that a checked expression refers to, once for each place.

    `checked` is a serialized `google.protobuf.Any` of a `cel.expr.CheckedExpr`: there, `reference_map` is field 2, the value of an
    entry is its field 2, and the name of a reference is its field 1.
    """
    for expression in _fields(checked, 2):
        for entry in _fields(expression, 2):
            for reference in _fields(entry, 2):
                yield from (name.decode() for name in _fields(reference, 1))


def _fields(message: bytes, number: int) -> Iterator[bytes]:
    """The length-delimited fields of a protobuf message that have this number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        length, at = _varint(message, at)
        if tag & 7 != _LENGTH_DELIMITED:
            continue
        if tag >> 3 == number:
            yield message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A base-128 number and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return number, at
