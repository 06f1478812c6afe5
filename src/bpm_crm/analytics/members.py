"""The cases behind a figure: every report says which cases each of its numbers counts, and this lists them by the same SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self
from uuid import UUID

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.statements import Statement, report, statement
from bpm_crm.records.database import Connection

_LISTED = report("listed")
_RECORDED_SINCE = "SELECT EXISTS (SELECT FROM history AS h WHERE h.tenant_id = $1 AND h.recorded_at > $2)"

SPANS = "w.step::int BETWEEN m.step AND m.through"
"""A member counts at the steps from `step` to `through`."""
CELLS = "w.step = m.step"
"""A member counts in the cell that `step` names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The cases wanted: those that numbers of a report count at a `step`, as the report names it, in one segment or (None) in all.

    A case is listed as often as they count it, its units numbered from 1. `most` ids are read, newest first, after the unit
    `after_unit` of the case `after`.
    """

    step: str
    numbers: tuple[str, ...]
    segment: Segment | None
    most: int
    after: UUID | None = None
    after_unit: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the cases a number counts, with the numbers of their units, and how many there are in all."""

    total: int
    ids: Sequence[UUID]
    units: Sequence[int] = ()


class Lists(Protocol):
    """A way from numbers to their cases."""

    async def listed(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The cases behind several numbers, in the order in which they are wanted."""
        ...


@dataclass(frozen=True, slots=True)
class Members:
    """A report up to its CTE `members` (step, segment, number, instance_id), with everything it was asked with.

    `matches` says at which steps a member counts: `SPANS` or `CELLS`.
    """

    report: str
    question: Question
    values: Mapping[str, Any]
    matches: str = CELLS

    def statement(self, select: str, **more: Any) -> Statement:
        """The report followed by a select over its members."""
        return statement(
            f"{self.report.rstrip()}\n{select}",
            self.question.tenant_id,
            {**self.values, **more},
            cases=self.question.cases,
            segment=self.question.grouping.reached,
            standing_segment=self.question.grouping.standing,
            matches=self.matches,
        )

    async def listed(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The cases behind several numbers, in one statement, in the order in which they are wanted."""
        return await (await self.as_counted(connection)).read(connection, wanted)

    async def as_counted(self, connection: Connection) -> Self:
        """These members as they were when they were counted: what stands in rows now tells that no more once anything was recorded since."""
        if not self.values.get("is_current"):
            return self
        is_past = await connection.fetchval(_RECORDED_SINCE, self.question.tenant_id, self.values["as_of"])
        return replace(self, values={**self.values, "is_current": False}) if is_past else self

    async def read(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The same as `listed`, of members as they were counted."""
        asked = [
            {
                "place": place,
                "step": item.step,
                "numbers": list(item.numbers),
                "segment": None if item.segment is None else list(item.segment),
                "after": None if item.after is None else str(item.after),
                "after_unit": item.after_unit,
                "most": item.most,
            }
            for place, item in enumerate(wanted)
        ]
        found = self.statement(_LISTED, wanted=asked)
        rows = {row["place"]: row for row in await connection.fetch(found.text, *found.values)}
        return [Listed(rows[place]["total"], rows[place]["ids"], rows[place]["units"]) for place in range(len(wanted))]
