"""What the references compute over, and what they answer: cases with their histories, questions, members of numbers."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.world import World

Row = Mapping[str, Any]
Segment = tuple[str | None, ...]
Cell = tuple[Any, Segment, str]
"""(step, segment, number)"""
Spell = tuple[float, str]
"""How long a case was seen on its way to a step, and how that ended: `reached`, `lost`, `missed` or (not yet) `open`."""

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass
class Case:
    """A case: its row as it is now, and its history in the order of the sequence."""

    row: Row
    history: list[Row]

    @property
    def id(self) -> UUID:
        found: UUID = self.row["id"]
        return found


def everybody(_case: Case, _ask: "Ask") -> bool:
    """Every case counts."""
    return True


@dataclass
class Ask:
    """What is asked. `chosen` is the filter: whether a case counts, as it was known then."""

    as_of: datetime
    known_at: datetime
    since: datetime
    until: datetime
    definitions: frozenset[UUID]
    by: tuple[str, ...] = ()
    basis: str = "at_entry"
    window: timedelta | None = None
    order: str = "any"
    chosen: "Callable[[Case, Ask], bool]" = everybody


@dataclass
class Answer:
    """The cases of every number, the touches of those that reached a step, the seconds from the step before."""

    members: dict[Cell, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    visits: dict[tuple[Any, Segment], int] = field(default_factory=lambda: defaultdict(int))
    seconds: dict[tuple[Any, Segment], list[float]] = field(default_factory=lambda: defaultdict(list))
    spells: dict[tuple[Any, Segment], list[Spell]] = field(default_factory=lambda: defaultdict(list))

    def add(self, step: Any, segment: Segment, number: str, case: Case) -> None:
        assert case.id not in self.members[step, segment, number]
        self.members[step, segment, number].add(case.id)


async def load_cases(world: World) -> list[Case]:
    """Every case of the world with its history."""
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch("SELECT * FROM process_instance WHERE tenant_id = $1", world.tenant_id)
        steps = await connection.fetch(
            "SELECT * FROM history WHERE tenant_id = $1 ORDER BY instance_id, sequence", world.tenant_id
        )
    histories: dict[UUID, list[Row]] = defaultdict(list)
    for step in steps:
        histories[step["instance_id"]].append(step)
    return [Case(row, histories[row["id"]]) for row in rows]
