"""What cases add to the figures: evaluated by the report's own SQL over some cases, and packed to be stored."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
import orjson
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import Columns, Ids, columns_of, summed
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.sheets import OF_STEPS, OWNER, PROCESS, TEAM, WHOLE, Evaluation, Kept
from bpm_crm.analytics.cells.spreads import CALENDAR, Ints, growing_keys, keys_of
from bpm_crm.analytics.cells.sums import Added
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, bound_fields
from bpm_crm.analytics.statements import report, statement
from bpm_crm.engine.instants import SECOND, instant_of
from bpm_crm.engine.process import Process
from bpm_crm.records.database import Row

_CONTRIBUTIONS = report("contributions")
_SEGMENTS = report("contributing")
_LIMB = 9
"""Digits of a decimal that are summed together: sums of so many cases as there can be fit 64 bits."""
_ORIGIN = instant_of(datetime.fromisoformat("2025-01-01T00:00:00Z"))
"""Where axes of business time begin: near to what is measured, as a calendar is laid out from there."""
_DATABASE_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From where the database counts microseconds."""
_FOR_EVER = np.iinfo(np.int64).max
"""How the database tells the end of time."""
_ODD = 0x9E3779B97F4A7C15
_OF_CASE = [place for place in range(len(WHOLE)) if place not in (OWNER, TEAM)]

Parts: TypeAlias = Mapping[str, Sequence["Part"]]
"""What a case adds, by evaluation."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a case adds on one day in one whole segment: to numbers by name, and one length each to keys of a spread."""

    on: int
    segment: Segment
    numbers: Mapping[str, int]
    keys: Sequence[int]


class Placed:
    """Cases that are evaluated together, in columns: of each that figures count the whole segment, but for owner and team."""

    def __init__(self, cases: Sequence[UUID], segments: Mapping[UUID, Segment]) -> None:
        self.cases = cases
        self.segments = segments
        uncounted: Segment = (None,) * len(WHOLE)
        columns = columns_of([segments.get(case, uncounted) for case in cases], (), *(np.zeros(0, np.int64),) * 3)
        self.values, self.codes = columns.values, columns.codes
        halves = np.frombuffer(b"".join(case.bytes for case in cases), ">u8").astype(np.uint64).reshape(-1, 2)
        self._odd = np.uint64(_ODD)
        while len(np.unique(self._mixed(halves))) < len(cases):
            self._odd += np.uint64(2)
        mixed = self._mixed(halves)
        self._order = np.argsort(mixed)
        self._mixed_cases = mixed[self._order]

    def places_of(self, ids: bytes) -> Ints:
        """Where cases, whose ids lie one after the other, are among these."""
        halves = np.frombuffer(ids, ">u8").astype(np.uint64).reshape(-1, 2)
        return self._order[np.searchsorted(self._mixed_cases, self._mixed(halves))]

    def of(self, definitions: Collection[UUID]) -> list[UUID]:
        """Those of some definitions, of the cases that figures count."""
        held = [value is not None and UUID(value) in definitions for value in self.values[PROCESS]]
        return [case for case, code in zip(self.cases, self.codes[PROCESS].tolist(), strict=True) if held[code]]

    def _mixed(self, halves: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Ids as numbers that are different for each of these cases."""
        return halves[:, 1] ^ (halves[:, 0] * self._odd)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What cases add to one report, and until when that holds of each, in microseconds as the database counts them."""

    added: Added
    until: Ints


async def placed(asked: Evaluation, as_of: datetime) -> Placed:
    """The cases asked about, with their segments."""
    found = statement(_SEGMENTS, asked.tenant_id, {"definitions": asked.frame.definitions, **_given(asked, as_of)})
    rows = await asked.connection.fetch(found.text, *found.values)
    return Placed(asked.cases, {row["instance_id"]: tuple(row["segment"]) for row in rows})


async def contributions(kept: Kept, asked: Evaluation, cases: Placed, days: Days, as_of: datetime) -> Contribution:
    """What the cases asked about, some of those placed, add to a kept report by an instant; all that the statement sees was known then."""
    values = {**await kept.values(asked), **_given(asked, as_of)}
    found = statement(
        f"{kept.contributions.rstrip()}\n{_CONTRIBUTIONS}",
        asked.tenant_id,
        values,
        segment=OF_STEPS.reached,
        standing_segment=OF_STEPS.standing,
    )
    row = await asked.connection.fetchrow(found.text, *found.values)
    places = cases.places_of(row["cases"] or b"")
    until = np.full(len(cases.cases), _FOR_EVER)
    np.minimum.at(until, places, np.frombuffer(row["until"] or b"", ">i8").astype(np.int64))
    return Contribution(_added(row, places, asked, cases, days, as_of), until)


def _added(row: Row, places: Ints, asked: Evaluation, cases: Placed, days: Days, as_of: datetime) -> Added:
    """The columns of what a row tells of cases at these places; one segment for each case, day, owner and team."""
    instants = np.frombuffer(row["instants"] or b"", ">i8").astype(np.int64) + instant_of(_DATABASE_EPOCH)
    on, on_places = np.unique(days.ordinals_of(instants), return_inverse=True)
    (owners, owner_places), (teams, team_places) = (_numbered(row[name] or ()) for name in ("owners", "teams"))
    rows = ((places * len(on) + on_places) * len(owners) + owner_places) * len(teams) + team_places
    kinds, groups = np.unique(rows, return_inverse=True)
    names, entries = _entries(row, groups, _keys(row, places, asked, cases, as_of))
    kinds, team_codes = np.divmod(kinds, max(1, len(teams)))
    kinds, owner_codes = np.divmod(kinds, max(1, len(owners)))
    of_case, on_codes = np.divmod(kinds, max(1, len(on)))
    codes, values = cases.codes[:, of_case], list(cases.values)
    codes[OWNER], codes[TEAM], values[OWNER], values[TEAM] = owner_codes, team_codes, owners, teams
    return Added(Columns(values, names, codes, *entries), on[on_codes], of_case)


def _numbered(texts: Sequence[str | None]) -> tuple[list[str | None], Ints]:
    """Texts in their order, none first, and the place of each."""
    ids = Ids()
    codes = np.asarray([ids[text] for text in texts], np.int64)
    order = sorted(ids, key=lambda text: (text is not None, text or ""))
    ranks = np.empty(len(ids), np.int64)
    ranks[[ids[text] for text in order]] = np.arange(len(ids))
    return order, ranks[codes]


def _entries(row: Row, groups: Ints, keys: Ints) -> tuple[list[str], tuple[Ints, Ints, Ints]]:
    """The names of numbers; and group, key and amount of each entry: numbers, the limbs of money, lengths of time; summed up."""
    ids = Ids()
    named = [-1 - ids[name] if name is not None else 0 for name in row["numbers"] or ()]
    numbers = np.asarray(named, np.int64)
    limbs_of = [
        (int(groups[place]), -1 - ids[f"{row['numbers'][place][:-1]}, {power}]"], limb)
        for place, money in enumerate(row["moneys"] or ())
        if money is not None
        for power, limb in limbs(Decimal(money)).items()
    ]
    money = np.asarray(limbs_of, np.int64).reshape(-1, 3)
    counted, measured = numbers < 0, keys >= 0
    amounts = np.frombuffer(row["amounts"] or b"", ">i8").astype(np.int64)
    columns = (
        (groups[counted], money[:, 0], groups[measured]),
        (numbers[counted], money[:, 1], keys[measured]),
        (amounts[counted], money[:, 2], np.ones(np.count_nonzero(measured), np.int64)),
    )
    return [str(name) for name in ids], summed(*(np.concatenate(column) for column in columns))


def _keys(row: Row, places: Ints, asked: Evaluation, cases: Placed, as_of: datetime) -> Ints:
    """The keys of the lengths of each row; -1: none."""
    slots = np.frombuffer(row["slots"] or b"", ">i4").astype(np.int64)
    seconds = np.frombuffer(row["seconds"] or b"", ">f8").astype(np.float64)
    axes = np.frombuffer(row["axes"] or b"", ">i4").astype(np.int64)
    keys = np.where(slots >= 0, keys_of(slots, seconds), -1)
    growing = np.flatnonzero((slots >= 0) & (axes >= 0))
    of_process = np.where(axes[growing] == CALENDAR, -1, cases.codes[PROCESS][places[growing]])
    kinds, numbers = np.unique(np.stack([of_process, axes[growing]]), axis=1, return_inverse=True)
    processes = cases.values[PROCESS]
    come = [_axis_now(asked, None if code < 0 else processes[code], axis, as_of) for code, axis in kinds.T.tolist()]
    now = np.asarray([np.nan if at is None else at for at in come], np.float64)[numbers.reshape(-1)]
    known = ~np.isnan(now)
    some = growing[known]
    keys[some] = growing_keys(slots[some], axes[some], now[known] - seconds[some])
    return keys


def axis_now(process: Process | None, as_of: datetime) -> float:
    """How far an axis has come by an instant, in seconds: that of the calendar (no process), or of a process's business time."""
    at = instant_of(as_of)
    return (at if process is None else process.calendar.between(_ORIGIN, at)) / SECOND


def _axis_now(asked: Evaluation, definition: str | None, axis: int, as_of: datetime) -> float | None:
    """How far an axis has come; None: that of a version not published yet, whose calendar no report knows."""
    if definition is None:
        return axis_now(None, as_of)
    process = asked.processes.get((UUID(definition), axis))
    return None if process is None else axis_now(process, as_of)


def untils(contributed: Sequence[Contribution], size: int) -> list[datetime | None]:
    """Of each of so many cases until when all that it adds holds; None: until it changes."""
    first = np.full(size, _FOR_EVER)
    for contribution in contributed:
        np.minimum(first, contribution.until, out=first)
    return [None if until == _FOR_EVER else _DATABASE_EPOCH + timedelta(microseconds=until) for until in first.tolist()]


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


def _plain(added: Added) -> list[tuple[int, list[Any]]]:
    """By case: day, owner, team, numbers by name and keys, a key as often as it counts."""
    columns = added.columns
    numbers = columns.keys < 0
    lengths = columns.amounts[~numbers]
    places = (columns.places[numbers], np.repeat(columns.places[~numbers], lengths))
    of_numbers, of_keys = (np.bincount(some, minlength=columns.size) for some in places)
    names = [columns.names[place] for place in (-1 - columns.keys[numbers]).tolist()]
    amounts, keys = columns.amounts[numbers].tolist(), np.repeat(columns.keys[~numbers], lengths).tolist()
    ends = zip(pairwise([0, *np.cumsum(of_numbers).tolist()]), pairwise([0, *np.cumsum(of_keys).tolist()]), strict=True)
    owners, teams = ([columns.values[row][code] for code in columns.codes[row].tolist()] for row in (OWNER, TEAM))
    groups = zip(added.cases.tolist(), added.days.tolist(), owners, teams, ends, strict=True)
    return [
        (case, [on, owner, team, dict(zip(names[first:end], amounts[first:end], strict=True)), keys[begin:until]])
        for case, on, owner, team, ((first, end), (begin, until)) in groups
    ]


def _packed(plain: Any) -> bytes:
    """The same bytes in whatever order the names of numbers come."""
    return zlib.compress(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), 1)


NOTHING_ADDED = _packed([[], {}])
"""What a case is stored with that adds nothing."""


def unpack_parts(packed: bytes) -> Parts:
    """The parts that `pack_parts` packed."""
    shared, plain = orjson.loads(zlib.decompress(packed))

    def part(on: int, owner: str | None, team: str | None, numbers: Mapping[str, int], keys: Sequence[int]) -> Part:
        return Part(on, (shared[0], owner, shared[1], team, *shared[2:]), numbers, keys)

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


def limbs(amount: Decimal) -> dict[int, int]:
    """A decimal as whole numbers by powers of ten, nine digits each: what can be summed exactly in 64 bits."""
    sign, digits, exponent = amount.as_tuple()
    power = int(exponent) // _LIMB * _LIMB
    rest = int("".join(map(str, digits))) * 10 ** (int(exponent) - power)
    found: dict[int, int] = {}
    while rest:
        rest, limb = divmod(rest, 10**_LIMB)
        if limb:
            found[power] = -limb if sign else limb
        power += _LIMB
    return found


def _given(asked: Evaluation, as_of: datetime) -> dict[str, Any]:
    instants = {"as_of": as_of, "known_at": LAST_INSTANT, "since": FIRST_INSTANT, "until": LAST_INSTANT}
    return {"cases": asked.cases, **instants, **bound_fields("product", asked.frame.versions)}
