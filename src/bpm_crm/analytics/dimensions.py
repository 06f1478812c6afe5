"""What figures can be grouped by, and how the segment of a case is read from its rows.

A segment is an array of texts, one per dimension asked for; a missing value is null, so that segments partition the cases.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Dimension(StrEnum):
    """By what figures can be grouped."""

    CHANNEL = "channel"
    OWNER = "owner"
    PROCESS = "process"
    TEAM = "team"
    CAMPAIGN = "campaign"
    REGION = "region"
    VERSION = "version"
    PRODUCT = "product"
    STAGE = "stage"
    CLOCK = "clock"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


OF_CASES: Final = (
    Dimension.CHANNEL,
    Dimension.OWNER,
    Dimension.PROCESS,
    Dimension.TEAM,
    Dimension.CAMPAIGN,
    Dimension.REGION,
    Dimension.VERSION,
)
"""What every figure can be grouped by."""
OF_TIME: Final = (Dimension.DAY, Dimension.WEEK, Dimension.MONTH, Dimension.QUARTER, Dimension.YEAR)
"""Parts of the calendar, in the company's time zone; weeks are those of ISO 8601."""


class OwnerBasis(StrEnum):
    """Whose a case is counted as."""

    AT_ENTRY = "at_entry"
    ACTOR = "actor"
    CURRENT = "current"


Segment = tuple[str | None, ...]
"""The values of the dimensions asked for: ids as text; region, product, stage and clock themselves; a version as
`definition id@number`; a part of the calendar as ISO 8601 writes it: `2026-09-07`, `2026-W37`, `2026-09`, `2026-Q3`, `2026`."""


def product_of(instance: str, definition: str, version: str) -> str:
    """The SQL of the product of a case: the data field that its version binds to it, as last known; null where it binds none."""
    return f"""(
        SELECT v.data ->> f.field
        FROM product_fields AS f
        JOIN asked AS a ON true
        JOIN history AS v ON v.tenant_id = $1 AND v.instance_id = {instance} AND v.data ? f.field
        WHERE f.definition_id = {definition} AND f.version = {version}
          AND v.occurred_at <= a.as_of AND v.recorded_at <= a.known_at
        ORDER BY v.sequence DESC
        LIMIT 1
    )"""


# `h` is the history row that brought the case to where it is counted, `c` the case as last known.
_OF_CASE = {
    Dimension.CHANNEL: "c.channel_id::text",
    Dimension.PROCESS: "c.definition_id::text",
    Dimension.CAMPAIGN: "c.campaign_id::text",
    Dimension.REGION: "c.region",
    Dimension.VERSION: "c.definition_id || '@' || c.version",
    Dimension.STAGE: "c.stage",
    Dimension.PRODUCT: product_of("c.instance_id", "c.definition_id", "c.version"),
}
_TIMES = {
    Dimension.DAY: "YYYY-MM-DD",
    Dimension.WEEK: 'IYYY-"W"IW',
    Dimension.MONTH: "YYYY-MM",
    Dimension.QUARTER: 'YYYY-"Q"Q',
    Dimension.YEAR: "YYYY",
}
_ZONE = "(SELECT t.zone FROM tenant AS t WHERE t.tenant_id = $1)"
_OWNERS = {
    OwnerBasis.AT_ENTRY: "h.owner_id::text",
    OwnerBasis.ACTOR: "CASE WHEN h.actor_kind = 'user' THEN h.actor_id::text END",
    OwnerBasis.CURRENT: "c.owner_id::text",
}
_TEAMS = {
    OwnerBasis.AT_ENTRY: "h.team_id::text",
    OwnerBasis.ACTOR: "h.team_id::text",
    OwnerBasis.CURRENT: "c.team_id::text",
}


@dataclass(frozen=True, slots=True)
class Grouping:
    """The dimensions a figure is grouped by, and whose a case is counted as.

    `instant` and `clock` are the SQL of the instant that puts a case into the period, and of the key of the clock, where a figure
    has them. `stratum` is the SQL over these of what tells the cases of a segment apart besides, the last value of each
    segment.
    """

    dimensions: Sequence[Dimension] = ()
    basis: OwnerBasis = OwnerBasis.AT_ENTRY
    instant: str = ""
    clock: str = ""
    stratum: str = ""

    @property
    def reached(self) -> str:
        """The SQL of the segment of a case where a history row brought it: of its version, the one under which that was."""
        known = {**self._common, Dimension.OWNER: _OWNERS[self.basis], Dimension.TEAM: _TEAMS[self.basis]}
        known[Dimension.VERSION] = "h.definition_id || '@' || h.version"
        return self._array(known)

    @property
    def names_step(self) -> bool:
        """Whether the segment of a case depends on the history row that brought it."""
        return "h." in self.reached

    @property
    def standing(self) -> str:
        """The SQL of the segment of a case that nothing brought there yet: as last known; nobody has acted."""
        owner = "NULL::text" if self.basis is OwnerBasis.ACTOR else "c.owner_id::text"
        known = {**self._common, Dimension.OWNER: owner, Dimension.TEAM: "c.team_id::text"}
        return self._array(known)

    def _array(self, known: Mapping[Dimension, str]) -> str:
        values = [known[dimension] for dimension in self.dimensions]
        if self.stratum:
            values.append(self.stratum)
        return f"ARRAY[{', '.join(values)}]::text[]"

    @property
    def _common(self) -> dict[Dimension, str]:
        """What does not depend on whose a case is."""
        times = {part: f"to_char({self.instant} AT TIME ZONE {_ZONE}, '{form}')" for part, form in _TIMES.items()}
        return {**_OF_CASE, **(times if self.instant else {}), **({Dimension.CLOCK: self.clock} if self.clock else {})}


UNGROUPED = Grouping()

PRODUCT: Final = product_of("i.id", "i.definition_id", "k.version")
"""The SQL of the product in the filter of a figure."""
