"""What figures can be grouped by, and how the segment of a case is read from its rows.

A segment is an array of texts, one per dimension asked for; a missing value is null, so that segments partition the cases.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Dimension(StrEnum):
    """By what figures can be grouped."""

    CHANNEL = "channel"
    OWNER = "owner"
    PROCESS = "process"
    TEAM = "team"
    CAMPAIGN = "campaign"
    REGION = "region"
    VERSION = "version"


class OwnerBasis(StrEnum):
    """Whose a case is counted as."""

    AT_ENTRY = "at_entry"
    ACTOR = "actor"
    CURRENT = "current"


Segment = tuple[str | None, ...]
"""The values of the dimensions asked for: ids as text, the region itself, a version as `definition id@number`."""

# `h` is the history row that brought the case to where it is counted, `c` the case as last known.
_OF_CASE = {
    Dimension.CHANNEL: "c.channel_id::text",
    Dimension.PROCESS: "c.definition_id::text",
    Dimension.CAMPAIGN: "c.campaign_id::text",
    Dimension.REGION: "c.region",
    Dimension.VERSION: "c.definition_id || '@' || c.version",
}
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
    """The dimensions a figure is grouped by, and whose a case is counted as."""

    dimensions: Sequence[Dimension] = ()
    basis: OwnerBasis = OwnerBasis.AT_ENTRY

    @property
    def reached(self) -> str:
        """The SQL of the segment of a case where a history row brought it."""
        known = {**_OF_CASE, Dimension.OWNER: _OWNERS[self.basis], Dimension.TEAM: _TEAMS[self.basis]}
        return _array(known[dimension] for dimension in self.dimensions)

    @property
    def standing(self) -> str:
        """The SQL of the segment of a case that nothing brought there yet: as last known; nobody has acted."""
        owner = "NULL::text" if self.basis is OwnerBasis.ACTOR else "c.owner_id::text"
        known = {**_OF_CASE, Dimension.OWNER: owner, Dimension.TEAM: "c.team_id::text"}
        return _array(known[dimension] for dimension in self.dimensions)


UNGROUPED = Grouping()


def _array(expressions: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(expressions)}]::text[]"
