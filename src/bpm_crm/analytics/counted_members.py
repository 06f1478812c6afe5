"""The cases behind numbers that cells told: so many cases are looked at, newest first, as fill a page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.members import Listed, Members, Wanted
from bpm_crm.analytics.statements import statement, with_parts
from bpm_crm.records.database import Connection

FIRST_LOOKED_AT = 500
MOST_LOOKED_AT = 32_000
"""Cases that are looked at in one statement: eight times as many each time, as a page is not filled."""
_MORE_EACH_TIME = 8
_NEWEST = UUID(int=2**128 - 1)
_CANDIDATES = """WITH
{{{part}}}
SELECT DISTINCT c.instance_id FROM {name} AS c WHERE c.instance_id <= :newest::uuid ORDER BY c.instance_id DESC LIMIT :most::int"""

UnitCounts = Mapping[tuple[str, str], int]
"""How many units there are by step and number."""


def newest_of(part: str, name: str = "candidates") -> str:
    """The SQL of the newest of the cases that a shared part finds, in a CTE of some name."""
    return with_parts(_CANDIDATES.format(part=part, name=name))


@dataclass(frozen=True, slots=True)
class CountedMembers(Members):
    """Members whose numbers are known: `counted` has them by segment and (None) in all.

    `of_given` is the report over cases given by id, of those that the period may concern; `candidates` finds these (`newest_of`).
    """

    of_given: str = ""
    candidates: str = ""
    counted: Mapping[Segment | None, UnitCounts] = field(default_factory=dict)

    async def listed(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The cases behind several numbers, in the order in which they are wanted."""
        return await (await self.as_counted(connection)).read(connection, wanted)

    async def read(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The same as `listed`, of members as they were counted."""
        found = [Listed(self._total(item), []) for item in wanted]
        left = {place: item for place, item in enumerate(wanted) if item.most and found[place].total}
        async for cases in self._newest_first(connection, left):
            given = Members(self.of_given, self.question, {**self.values, "cases": cases}, self.matches)
            for place, some in zip(left, await given.read(connection, list(left.values())), strict=True):
                known = found[place]
                found[place] = Listed(known.total, [*known.ids, *some.ids], [*known.units, *some.units])
            for place, item in list(left.items()):
                known, asked = found[place], wanted[place]
                left[place] = replace(item, most=asked.most - len(known.ids))
                if left[place].most == 0 or (asked.after is None and len(known.ids) == known.total):
                    del left[place]
        return found

    def _total(self, wanted: Wanted) -> int:
        counted = self.counted.get(wanted.segment, {})
        return sum(counted.get((wanted.step, number), 0) for number in wanted.numbers)

    async def _newest_first(self, connection: Connection, left: Mapping[int, Wanted]) -> AsyncIterator[list[UUID]]:
        """Cases that the period may concern, as long as anything is left to be found."""
        newest = max((item.after or _NEWEST for item in left.values()), default=_NEWEST)
        most = FIRST_LOOKED_AT
        while left:
            values = {**self.values, "newest": newest, "most": most}
            found = statement(self.candidates, self.question.tenant_id, values)
            cases = [row["instance_id"] for row in await connection.fetch(found.text, *found.values)]
            if not cases:
                return
            yield cases
            newest, most = UUID(int=cases[-1].int - 1), min(most * _MORE_EACH_TIME, MOST_LOOKED_AT)
