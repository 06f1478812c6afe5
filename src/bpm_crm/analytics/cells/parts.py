"""What cases add to the figures: evaluated by the report's own SQL over some cases, packed to be stored, and summed up."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.sheets import GROUPING, Kept
from bpm_crm.analytics.cells.spreads import key_of
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Version
from bpm_crm.analytics.statements import report, statement
from bpm_crm.records.database import Connection

_CONTRIBUTIONS = report("contributions")

Amount: TypeAlias = int | Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """What a case adds on one day in one segment: to numbers by name, and one length each to keys of a spread."""

    on: date
    segment: tuple[str | None, ...]
    numbers: Mapping[str, Amount]
    lengths: Sequence[int]


Parts: TypeAlias = Mapping[str, Sequence[Part]]
"""What a case adds, by evaluation."""


@dataclass(slots=True)
class Sums:
    """Sums of parts."""

    numbers: dict[str, Amount] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)

    def add(self, part: Part, sign: int) -> None:
        """Add a part, or (-1) take it away."""
        for name, amount in part.numbers.items():
            self.numbers[name] = self.numbers.get(name, 0) + sign * amount
        for key in part.lengths:
            self.lengths[key] = self.lengths.get(key, 0) + sign

    def include(self, other: "Sums") -> None:
        """Add other sums."""
        for name, amount in other.numbers.items():
            self.numbers[name] = self.numbers.get(name, 0) + amount
        for key, count in other.lengths.items():
            self.lengths[key] = self.lengths.get(key, 0) + count


async def contributions(
    connection: Connection,
    tenant_id: UUID,
    kept: Kept,
    versions: Sequence[Version],
    checkpoints: Sequence[str],
    days: Days,
    cases: Sequence[UUID],
    as_of: datetime,
) -> dict[UUID, list[Part]]:
    """What these cases add to a kept report by an instant, as all that the statement sees was known then."""
    values = {
        **kept.values(versions, checkpoints),
        "cases": cases,
        "as_of": as_of,
        "known_at": LAST_INSTANT,
        "since": FIRST_INSTANT,
        "until": LAST_INSTANT,
    }
    found = statement(
        f"{kept.contributions.rstrip()}\n{_CONTRIBUTIONS}",
        tenant_id,
        values,
        segment=GROUPING.reached,
        standing_segment=GROUPING.standing,
    )
    parts: dict[UUID, list[Part]] = defaultdict(list)
    for row in await connection.fetch(found.text, *found.values):
        lengths = [key_of(*pair) for pair in zip(row["slots"] or (), row["seconds"] or (), strict=True)]
        numbers = {name: _amount(amount) for name, amount in (row["numbers"] or {}).items()}
        parts[row["instance_id"]].append(Part(days.day_of(row["at"]), tuple(row["segment"]), numbers, sorted(lengths)))
    return parts


def pack_parts(parts: Parts) -> bytes:
    """The parts of a case as they are stored."""
    plain = {
        evaluation: sorted(
            ([part.on.toordinal(), part.segment, plain_numbers(part.numbers), part.lengths] for part in some),
            key=orjson.dumps,
        )
        for evaluation, some in parts.items()
        if some
    }
    return zlib.compress(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS), 1)


def unpack_parts(packed: bytes) -> Parts:
    """The parts that `pack_parts` packed."""
    plain = orjson.loads(zlib.decompress(packed))
    return {evaluation: [_part(*values) for values in some] for evaluation, some in plain.items()}


def plain_numbers(numbers: Mapping[str, Amount]) -> dict[str, int | str]:
    """Numbers as JSON keeps them exactly: decimals as texts; those that are nothing are left out."""
    return {
        name: amount if isinstance(amount, int) else format(amount.normalize(), "f")
        for name, amount in numbers.items()
        if amount
    }


def exact_numbers(plain: Mapping[str, int | str]) -> Iterable[tuple[str, Amount]]:
    """The numbers that `plain_numbers` made plain."""
    return ((name, _amount(amount)) for name, amount in plain.items())


def _amount(amount: int | str) -> Amount:
    return amount if isinstance(amount, int) else Decimal(amount)


def _part(on: int, segment: list[Any], numbers: Mapping[str, int | str], lengths: list[int]) -> Part:
    return Part(date.fromordinal(on), tuple(segment), dict(exact_numbers(numbers)), lengths)
