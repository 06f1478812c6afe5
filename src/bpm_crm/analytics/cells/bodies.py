"""Bodies of cells: what is added to segments, as bytes that say each thing once, in an order that depends on nothing but what they say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import Columns, chosen, in_order, joined, used
from bpm_crm.analytics.cells.spreads import Ints, narrowest
from bpm_crm.analytics.cells.tallies import summed

_HEAD = np.dtype("<u4")
_LONG = 1 << 32
"""Keys from here on are stored in eight bytes."""

Numbers = NDArray[np.signedinteger[Any]]
"""Whole numbers in as few bytes as hold them all."""


class Entries(NamedTuple):
    """Of each key so many entries as `repeats` says; each adds an amount to the segment with the number `places`."""

    keys: Ints
    repeats: Numbers
    places: Numbers
    amounts: Numbers


@dataclass(frozen=True, slots=True)
class Body:
    """What is added to segments, given as in `Columns`: to numbers, whose keys are places in `names`, and to lengths of time."""

    values: Sequence[Sequence[str | None]]
    names: Sequence[str]
    codes: Numbers
    numbers: Entries
    lengths: Entries

    @property
    def size(self) -> int:
        """How many segments there are."""
        return int(self.codes.shape[1])

    def columns(self) -> Columns:
        """The same in columns."""
        both = (self.numbers._replace(keys=-1 - self.numbers.keys), self.lengths)
        keys = np.concatenate([np.repeat(some.keys, some.repeats) for some in both])
        places, amounts = (
            np.concatenate([getattr(some, name) for some in both], dtype=np.int64) for name in ("places", "amounts")
        )
        return Columns(self.values, self.names, self.codes.astype(np.int32), places, keys, amounts)


def parted(body: Body, key: int) -> tuple[Body, Body]:
    """A body without its lengths from a key on, and these alone; what is unpacked has its keys in order."""
    keys, repeats, places, amounts = body.lengths
    at = int(np.searchsorted(keys, key))
    end = int(repeats[:at].sum(dtype=np.int64))
    before, later = (
        Entries(keys[:at], repeats[:at], places[:end], amounts[:end]),
        Entries(*(some[first:].copy() for some, first in zip(body.lengths, (at, at, end, end), strict=True))),
    )
    none = Entries(*(some[:0].copy() for some in body.numbers))
    return replace(body, lengths=before), Body(body.values, (), body.codes.copy(), none, later)


def body_of(columns: Columns) -> Body:
    """Columns as a body: each entry with a key of its own."""
    counted = columns.keys < 0
    numbers, lengths = (
        Entries(
            columns.keys[some], np.ones(np.count_nonzero(some), np.int8), columns.places[some], columns.amounts[some]
        )
        for some in (counted, ~counted)
    )
    return Body(columns.values, columns.names, columns.codes, numbers._replace(keys=-1 - numbers.keys), lengths)


def pack_columns(columns: Columns) -> bytes:
    """Columns as bytes."""
    ordered = chosen(in_order(columns), range(len(columns.values)))
    keys, places, amounts = summed(ordered.keys, ordered.places, ordered.amounts)
    return encoded(ordered, keys, places, amounts)


def encoded(ordered: Columns, keys: Ints, places: Ints, amounts: Ints) -> bytes:
    """Entries, summed by key and place, of columns in order, and of segments so, as bytes; without segments, values and names that nothing is added to."""
    held, places = used(places, ordered.size)
    offsets = np.asarray([0, *accumulate(map(len, ordered.values))], np.int64)[:, None]
    told, codes = used((ordered.codes[:, held] + offsets[:-1]).reshape(-1), int(offsets[-1, 0]))
    bounds = np.searchsorted(told, offsets[:, 0])
    codes = codes.reshape(len(ordered.values), len(held)) - bounds[:-1, None]
    shown = [
        [known[place] for place in (told[bounds[row] : bounds[row + 1]] - offsets[row]).tolist()]
        for row, known in enumerate(ordered.values)
    ]
    begins = np.flatnonzero(np.concatenate([keys[:1] == keys[:1], keys[1:] != keys[:-1]]))
    distinct, repeats = keys[begins], np.diff(np.append(begins, len(keys)))
    counted, short = np.searchsorted(distinct, [0, _LONG]).tolist()
    numbers = int(np.searchsorted(keys, 0))
    named = distinct[:counted]
    arrays = (
        codes.reshape(-1),
        places,
        repeats,
        distinct[counted:short],
        distinct[short:],
        amounts[:numbers],
        amounts[numbers:],
    )
    typed = [array.astype(narrowest(array)) for array in arrays]
    names = [ordered.names[-1 - key] for key in named.tolist()]
    sizes = [[array.dtype.str, len(array)] for array in typed]
    head = orjson.dumps([shown, names, sizes])
    return b"".join([np.asarray(len(head), _HEAD).tobytes(), head, *(array.tobytes() for array in typed)])


def unpack(packed: bytes) -> Body:
    """The body that was packed; its arrays are the bytes themselves."""
    place = _HEAD.itemsize + int(np.frombuffer(packed, _HEAD, 1)[0])
    values, names, sizes = orjson.loads(packed[_HEAD.itemsize : place])
    arrays: list[Any] = []
    for kind, length in sizes:
        arrays.append(np.frombuffer(packed, kind, length, place))
        place += arrays[-1].nbytes
    codes, places, repeats, short, long, of_numbers, of_lengths = arrays
    counted, numbers = len(names), len(of_numbers)
    keys = np.concatenate([short, long], dtype=np.int64)
    return Body(
        values,
        names,
        codes.reshape(len(values), -1),
        Entries(np.arange(counted), repeats[:counted], places[:numbers], of_numbers),
        Entries(keys, repeats[counted:], places[numbers:], of_lengths),
    )


def unpack_columns(packed: bytes) -> Columns:
    """The columns that were packed."""
    return unpack(packed).columns()


def joined_bodies(bodies: Sequence[bytes]) -> bytes:
    """Packed columns of the same dimensions put together; at least one."""
    parts = [unpack_columns(body) for body in bodies]
    return pack_columns(joined(parts, len(parts[0].values)))
