"""What cases add to the figures: evaluated by the report's own SQL over some cases, and packed to be stored."""

import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.sheets import OF_STEPS, OWNER, PROCESS, TEAM, WHOLE, Evaluation, Kept
from bpm_crm.analytics.cells.spreads import CALENDAR, growing_key, keys_of
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
_OF_CASE = [place for place in range(len(WHOLE)) if place not in (OWNER, TEAM)]


@dataclass(frozen=True, slots=True)
class Part:
    """What a case adds on one day in one whole segment: to numbers by name, and one length each to keys of a spread."""

    on: int
    segment: Segment
    numbers: Mapping[str, int]
    keys: Sequence[int]


Parts: TypeAlias = Mapping[str, Sequence[Part]]
"""What a case adds, by evaluation."""


@dataclass(slots=True)
class Contribution:
    """What a case adds to one report, but for what all of its segments share, and until when that holds; None: until it changes."""

    parts: list[Part] = field(default_factory=list)
    valid_until: datetime | None = None


async def segments_of(asked: Evaluation, as_of: datetime) -> dict[UUID, Segment]:
    """The whole segment of each of these cases that figures count, but for owner and team."""
    found = statement(_SEGMENTS, asked.tenant_id, {"definitions": asked.frame.definitions, **_given(asked, as_of)})
    rows = await asked.connection.fetch(found.text, *found.values)
    return {row["instance_id"]: tuple(row["segment"]) for row in rows}


async def contributions(
    kept: Kept, asked: Evaluation, segments: Mapping[UUID, Segment], days: Days, as_of: datetime
) -> dict[UUID, Contribution]:
    """What the cases add to a kept report by an instant, as all that the statement sees was known then."""
    values = {**await kept.values(asked), **_given(asked, as_of)}
    found = statement(
        f"{kept.contributions.rstrip()}\n{_CONTRIBUTIONS}",
        asked.tenant_id,
        values,
        segment=OF_STEPS.reached,
        standing_segment=OF_STEPS.standing,
    )
    rows = await asked.connection.fetch(found.text, *found.values)
    added: dict[UUID, Contribution] = defaultdict(Contribution)
    for row, keys in zip(rows, _keys(rows, asked, segments, as_of), strict=True):
        case = row["instance_id"]
        contribution, owner_and_team = added[case], row["segment"]
        segment = (segments[case][0], owner_and_team[0], segments[case][2], owner_and_team[1], *segments[case][4:])
        contribution.parts.append(Part(days.day_of(row["at"]).toordinal(), segment, _numbers(row), sorted(keys)))
        until = row["valid_until"]
        if until is not None:
            known = contribution.valid_until
            contribution.valid_until = until if known is None else min(until, known)
    return added


def axis_now(process: Process | None, as_of: datetime) -> float:
    """How far an axis has come by an instant, in seconds: that of the calendar (no process), or of a process's business time."""
    at = instant_of(as_of)
    return (at if process is None else process.calendar.between(_ORIGIN, at)) / SECOND


def pack_parts(parts: Parts) -> bytes:
    """The parts of a case as they are stored: what all segments share once, then the parts by evaluation."""
    shared: list[str | None] = []
    plain = {}
    for evaluation, some in parts.items():
        if some:
            shared = [some[0].segment[place] for place in _OF_CASE]
            plain[evaluation] = sorted(
                ([part.on, part.segment[OWNER], part.segment[TEAM], part.numbers, part.keys] for part in some),
                key=_in_order,
            )
    return zlib.compress(_in_order([shared, plain]), 1)


def _in_order(plain: Any) -> bytes:
    """The same bytes in whatever order the database told the names of numbers."""
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)


def unpack_parts(packed: bytes) -> Parts:
    """The parts that `pack_parts` packed."""
    shared, plain = orjson.loads(zlib.decompress(packed))

    def part(on: int, owner: str | None, team: str | None, numbers: Mapping[str, int], keys: Sequence[int]) -> Part:
        return Part(on, (shared[0], owner, shared[1], team, *shared[2:]), numbers, keys)

    return {evaluation: [part(*values) for values in some] for evaluation, some in plain.items()}


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


def _numbers(row: Row) -> dict[str, int]:
    numbers: dict[str, int] = {}
    if row["numbers"] is not None:
        for name, amount, money in zip(row["numbers"], row["amounts"], row["moneys"], strict=True):
            if money is None:
                numbers[name] = numbers.get(name, 0) + amount
            else:
                for power, whole in limbs(Decimal(money)).items():
                    limb = f"{name[:-1]}, {power}]"
                    numbers[limb] = numbers.get(limb, 0) + whole
    return {name: amount for name, amount in numbers.items() if amount}


def _keys(rows: Sequence[Row], asked: Evaluation, segments: Mapping[UUID, Segment], as_of: datetime) -> list[list[int]]:
    """The keys of the lengths of each row."""
    slots = [slot for row in rows for slot in row["slots"] or ()]
    seconds = [length for row in rows for length in row["seconds"] or ()]
    axes = [axis for row in rows for axis in row["axes"] or ()]
    keys = keys_of(slots, seconds).tolist()
    ends = [0, *accumulate(len(row["slots"] or ()) for row in rows)]
    now: dict[tuple[str | None, int], float | None] = {}
    for row, (begin, end) in zip(rows, pairwise(ends), strict=True):
        for place in range(begin, end):
            axis = axes[place]
            if axis is not None:
                known = (None if axis == CALENDAR else segments[row["instance_id"]][PROCESS], axis)
                if known not in now:
                    now[known] = _axis_now(asked, *known, as_of)
                come = now[known]
                if come is not None:
                    keys[place] = growing_key(slots[place], axis, come - seconds[place])
    return [keys[begin:end] for begin, end in pairwise(ends)]


def _axis_now(asked: Evaluation, definition: str | None, axis: int, as_of: datetime) -> float | None:
    """How far an axis has come; None: that of a version not published yet, whose calendar no report knows."""
    if definition is None:
        return axis_now(None, as_of)
    process = asked.processes.get((UUID(definition), axis))
    return None if process is None else axis_now(process, as_of)
