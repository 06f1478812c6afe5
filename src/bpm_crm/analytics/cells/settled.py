"""What large bodies of cells add up to, kept in this process: they are hardly ever written again, and make up most of what is read."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from bpm_crm.analytics.cells.bodies import parted, unpack
from bpm_crm.analytics.cells.cuts import Cut
from bpm_crm.analytics.cells.gathering import Gathering, Settled
from bpm_crm.analytics.cells.growing import GrowingLengths
from bpm_crm.analytics.cells.spreads import FIRST_GROWING
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.records import cell_bodies
from bpm_crm.records.cell_bodies import BodySpan, StoredBody
from bpm_crm.records.database import Connection

SETTLED_FROM = (1 << 14, 1 << 17)
"""Bytes of the first body of a cell, and of another: it is put together with what comes after it only when that is half as large."""
MOST_BYTES = 1 << 27
"""Of all that is kept."""


class Asked(NamedTuple):
    """What is asked of cells that are rolled up: by these dimensions, of some definitions and days."""

    tenant_id: UUID
    sheet_id: UUID
    told: str
    dimensions: tuple[str, ...]
    definitions: tuple[UUID, ...]
    spans: tuple[BodySpan, ...]


@dataclass(frozen=True, slots=True)
class SettledBodies:
    """What some bodies add to groups of segments."""

    bodies: frozenset[StoredBody]
    segments: Sequence[Segment]
    sums: Settled

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return self.sums.nbytes


class SettledSums:
    """Settled bodies by what was asked, a bounded number of bytes of them. What is kept is taken only for just the bodies that it is made of."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._kept: OrderedDict[Asked, SettledBodies] = OrderedDict()
        self._sizes: dict[Asked, int] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def nbytes(self) -> int:
        """Bytes of all, each as it was when it was last asked for."""
        return sum(self._sizes.values())

    async def of(self, connection: Connection, asked: Asked, bodies: frozenset[StoredBody], cut: Cut) -> SettledBodies:
        """What these bodies add to the groups of a cut that is used for nothing else: as it is kept, else they are added up."""
        found = self.get(asked, bodies)
        if found is None:
            found = await settle(connection, asked, bodies, cut)
            self.keep(asked, found)
        return found

    def get(self, asked: Asked, bodies: frozenset[StoredBody]) -> SettledBodies | None:
        """What these bodies add up to, if that is kept."""
        kept = self._kept.get(asked)
        if kept is None or kept.bodies != bodies:
            return None
        self.keep(asked, kept)
        return kept

    def keep(self, asked: Asked, settled: SettledBodies) -> None:
        """Keep it; what was asked for longest ago makes room, also for what has been worked out of this since."""
        self._kept[asked], self._sizes[asked] = settled, settled.nbytes
        self._kept.move_to_end(asked)
        while self.nbytes > self._most:
            del self._sizes[self._kept.popitem(last=False)[0]]


async def settle(connection: Connection, asked: Asked, stored: frozenset[StoredBody], cut: Cut) -> SettledBodies:
    """Add up stored bodies."""
    packed = await cell_bodies.load(connection, asked.tenant_id, asked.sheet_id, asked.told, stored)
    bodies, growing = zip(*(parted(unpack(body), FIRST_GROWING) for body in packed), strict=True)
    gathering = Gathering()
    groups = await cut.groups(connection, asked.tenant_id, bodies)
    gathering.add(bodies, groups)
    size = len(cut.segments)
    return SettledBodies(stored, cut.segments, gathering.settled(size, GrowingLengths.of(size, growing, groups)))
