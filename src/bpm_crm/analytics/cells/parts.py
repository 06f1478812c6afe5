"""What a case adds as it is stored with it: to be taken away when the case changes."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import orjson

from bpm_crm.analytics.cells.columns import Ids, columns_of
from bpm_crm.analytics.cells.placed import Placed
from bpm_crm.analytics.cells.sheets import STEP, WHOLE
from bpm_crm.analytics.cells.sums import Added
from bpm_crm.analytics.dimensions import Segment

_OF_CASE = [place for place in range(len(WHOLE)) if place not in STEP]
_TOLD = [[*_OF_CASE, *STEP].index(place) for place in range(len(WHOLE))]
"""Where each value of a whole segment is, when those of the case are followed by those of the step."""

Parts: TypeAlias = Mapping[str, Sequence["Part"]]
"""What a case adds, by evaluation."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a case adds on one day in one whole segment: to numbers by name, and one length each to keys of a spread."""

    on: int
    segment: Segment
    numbers: Mapping[str, int]
    keys: Sequence[int]


def pack_parts(cases: Placed, added: Mapping[str, Added]) -> list[bytes]:
    """What each case adds as it is stored: what all segments share once, then the parts by evaluation. The same for what adds the same."""
    plain: list[dict[str, list[Any]]] = [{} for _ in cases.cases]
    for evaluation, some in added.items():
        for place, part in _plain(some):
            plain[place].setdefault(evaluation, []).append(part)
    return [
        _packed([[segment[row] for row in _OF_CASE], parts]) if parts and segment is not None else NOTHING_ADDED
        for segment, parts in zip(map(cases.segments.get, cases.cases), plain, strict=True)
    ]


def with_kept(now: bytes, before: bytes, evaluations: Collection[str]) -> bytes | None:
    """What a case adds now to some evaluations, with what is stored of it for others; None where that is of another segment than it is in now."""
    shared, plain = _unpacked(now)
    shared_before, plain_before = _unpacked(before)
    kept = {evaluation: plain_before[evaluation] for evaluation in evaluations if evaluation in plain_before}
    if not kept:
        return now
    return None if plain and shared != shared_before else _packed([shared_before, {**kept, **plain}])


def _plain(added: Added) -> list[tuple[int, list[Any]]]:
    """By case: day, what depends on the step, numbers by name and keys, a key as often as it counts."""
    columns = added.columns
    numbers = columns.keys < 0
    lengths = columns.amounts[~numbers]
    places = (columns.places[numbers], np.repeat(columns.places[~numbers], lengths))
    of_numbers, of_keys = (np.bincount(some, minlength=columns.size) for some in places)
    names = [columns.names[place] for place in (-1 - columns.keys[numbers]).tolist()]
    amounts, keys = columns.amounts[numbers].tolist(), np.repeat(columns.keys[~numbers], lengths).tolist()
    ends = zip(pairwise([0, *np.cumsum(of_numbers).tolist()]), pairwise([0, *np.cumsum(of_keys).tolist()]), strict=True)
    steps = zip(*([columns.values[row][code] for code in columns.codes[row].tolist()] for row in STEP), strict=True)
    groups = zip(added.cases.tolist(), added.days.tolist(), steps, ends, strict=True)
    return [
        (case, [on, *step, dict(zip(names[first:end], amounts[first:end], strict=True)), keys[begin:until]])
        for case, on, step, ((first, end), (begin, until)) in groups
    ]


def _packed(plain: Any) -> bytes:
    """The same bytes in whatever order the names of numbers come."""
    return zlib.compress(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), 1)


NOTHING_ADDED = _packed([[], {}])
"""What a case is stored with that adds nothing."""


def _unpacked(packed: bytes) -> Any:
    return orjson.loads(zlib.decompress(packed))


def unpack_parts(packed: bytes) -> Parts:
    """The parts that `pack_parts` packed."""
    shared, plain = _unpacked(packed)

    def part(on: int, *told: Any) -> Part:
        *step, numbers, keys = told
        values = [*shared, *step]
        return Part(on, tuple(values[place] for place in _TOLD), numbers, keys)

    return {evaluation: [part(*values) for values in some] for evaluation, some in plain.items()}


def added_of(parts: Sequence[tuple[int, Part]]) -> Added:
    """Stored parts, each of a case at some place, in columns."""
    ids = Ids()
    names = [-1 - ids[name] for _, part in parts for name in part.numbers]
    keys = [key for _, part in parts for key in part.keys]
    amounts = [amount for _, part in parts for amount in part.numbers.values()]
    places = np.arange(len(parts))
    at_names, at_keys = (
        np.repeat(places, np.asarray([len(getattr(part, name)) for _, part in parts], np.int64))
        for name in ("numbers", "keys")
    )
    columns = columns_of(
        [part.segment for _, part in parts],
        [str(name) for name in ids],
        np.concatenate([at_names, at_keys]),
        np.asarray([*names, *keys], np.int64),
        np.asarray(amounts + [1] * len(keys), np.int64),
    )
    ons = np.asarray([part.on for _, part in parts], np.int64)
    return Added(columns, ons, np.asarray([case for case, _ in parts], np.int64))
