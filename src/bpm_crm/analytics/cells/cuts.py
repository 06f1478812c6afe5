"""Cuts: the segments that a filter holds, grouped by dimensions."""

import re
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.bodies import Body
from bpm_crm.analytics.cells.columns import Columns, distinct, joined
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.statements import CaseFilter, report, statement
from bpm_crm.records.database import Connection

_FILTERED = report("filtered_segments")
_COLUMN = re.compile(r"\b([ikm]\.[a-z_]+)")
_COLUMNS = {
    **dict.fromkeys(("i.definition_id", "k.definition_id"), "process"),
    **dict.fromkeys(("i.channel_id", "k.channel_id"), "channel"),
    **dict.fromkeys(("i.owner_id", "k.owner_id"), "owner_now"),
    **dict.fromkeys(("i.team_id", "k.team_id"), "team_now"),
    "k.campaign_id": "campaign",
    "k.region": "region",
    "k.version": "version_now",
    "m.to_stage": "stage",
    "m.outcome": "outcome",
    "m.reason": "reason",
}
"""The columns that filters name, as whole segments tell them of a case as last known."""
_NOW = {Dimension.OWNER: "owner_now", Dimension.TEAM: "team_now"}


def columns_named(cases: CaseFilter) -> list[str] | None:
    """What of whole segments a filter looks at; None where it looks at more than they tell."""
    named = set(_COLUMN.findall(cases.sql))
    return (
        sorted({_COLUMNS[name] for name in named}) if named <= _COLUMNS.keys() and "SELECT" not in cases.sql else None
    )


def dimensions_of(grouping: Grouping) -> list[str] | None:
    """Which of a whole segment's values a grouping is by; None where it is by more than they tell."""
    known = set(WHOLE)
    wanted: list[str] = [
        _NOW.get(item, item) if grouping.basis is OwnerBasis.CURRENT else item for item in grouping.dimensions
    ]
    is_of_actors = grouping.basis is OwnerBasis.ACTOR and not _NOW.keys().isdisjoint(grouping.dimensions)
    is_of_none = is_of_actors or not known.issuperset(wanted) or Dimension.STAGE in wanted or grouping.stratum
    return None if is_of_none else wanted


class Cut:
    """Which group each segment falls into: by some dimensions, of those that are of some processes and that a filter holds.

    The first groups may be given. Segments tell of some dimensions; what the filter says of those that look alike to it is asked of the database once.
    """

    def __init__(
        self,
        told: Sequence[str],
        dimensions: Sequence[str],
        processes: Collection[str | None],
        cases: CaseFilter,
        groups: Iterable[Segment] = (),
    ) -> None:
        self._wanted = len(dimensions)
        self._named = columns_named(cases) or []
        names = [*dimensions, Dimension.PROCESS, *self._named]
        self._rows = [told.index(name) for name in names]
        self._processes = processes
        self._cases = cases
        self._known: dict[Segment, int] = {}
        self._groups = {segment: number for number, segment in enumerate(groups)}

    @property
    def segments(self) -> list[Segment]:
        """The groups."""
        return list(self._groups)

    async def groups(self, connection: Connection, tenant_id: UUID, bodies: Sequence[Body]) -> list[Ints]:
        """Of each body the groups of its segments; -1: none."""
        table = joined(map(self._told, bodies), len(self._rows))
        kinds, places = distinct(table, range(len(self._rows)))
        columns = [[known[code] for code in codes] for known, codes in zip(table.values, kinds.tolist(), strict=True)]
        told = list(zip(*columns, strict=True))
        new = [segment for segment in told if segment not in self._known]
        for segment, is_held in zip(new, await self._held(connection, tenant_id, new), strict=True):
            group = segment[: self._wanted]
            self._known[segment] = self._groups.setdefault(group, len(self._groups)) if is_held else -1
        groups = np.asarray([self._known[segment] for segment in told], np.int64)[places]
        return np.split(groups, np.cumsum([body.size for body in bodies])[:-1])

    def _told(self, body: Body) -> Columns:
        """What a body's segments tell of what is looked at."""
        return Columns(
            [body.values[row] for row in self._rows], (), body.codes[self._rows], *(np.zeros(0, np.int64),) * 3
        )

    async def _held(self, connection: Connection, tenant_id: UUID, segments: Sequence[Segment]) -> list[bool]:
        """Which segments count."""
        held = [segment[self._wanted] in self._processes for segment in segments]
        alike = dict.fromkeys(
            segment[self._wanted + 1 :] for segment, is_held in zip(segments, held, strict=True) if is_held
        )
        if not self._named or not alike:
            return held
        values = {f"{name}_values": [None] * len(alike) for name in WHOLE}
        values |= {
            f"{name}_values": list(column) for name, column in zip(self._named, zip(*alike, strict=True), strict=True)
        }
        found = statement(_FILTERED, tenant_id, values, cases=self._cases)
        known = list(alike)
        kept = {known[row["place"] - 1] for row in await connection.fetch(found.text, *found.values)}
        return [
            is_held and segment[self._wanted + 1 :] in kept for segment, is_held in zip(segments, held, strict=True)
        ]
