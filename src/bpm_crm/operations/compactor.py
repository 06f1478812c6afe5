"""Keeps the cells of figures near to their history: which companies are folded, and when."""

from uuid import UUID

from bpm_crm.operations.compacting import Compaction
from bpm_crm.records import cells
from bpm_crm.records.database import Database
from bpm_crm.records.sweeping import changed_tenants, unfilled_tenants

MOST_AT_ONCE = 1_000
ENOUGH_CHANGES = 250
"""Changes of a tenant that are folded at once; fewer wait."""
LONGEST_WAIT_SECONDS = 15.0


async def compact(database: Database, tenant_id: UUID, *, most: int = MOST_AT_ONCE) -> int:
    """Fold up to `most` changes of a tenant and go on filling new sheets; nothing is left to do when it gives 0."""
    folded, filled = await _compact(database, tenant_id, most)
    return folded + filled


async def _compact(database: Database, tenant_id: UUID, most: int) -> tuple[int, int]:
    """How many cases were folded, and how many taken into sheets that were not filled."""
    async with database.transaction(tenant_id) as connection:
        await cells.lock(connection, tenant_id)
        taken = await cells.take_changes(connection, tenant_id, most)
        compaction = await Compaction.begin(database, connection, tenant_id)
        taken |= await cells.expired(connection, tenant_id, compaction.frame.as_of, most)
        return await compaction.fold(sorted(taken)), await compaction.fill()


class Compactor:
    """Keeps the cells of all tenants near to their history. Figures are exact however far behind it is; they only take longer.

    A tenant is folded when many of its cases have changed, or when it has not been for a while: every folding writes the cells of
    today again, so that changes are cheaper together. Sheets that are not filled are filled without a pause.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folded_at: dict[UUID, float] = {}
        self._filling: set[UUID] = set()

    async def run(self, now: float) -> bool:
        """Fold once what it is time for, at a reading of a monotone clock in seconds; whether more is waiting already."""
        is_behind = False
        trouble: Exception | None = None
        changes = await changed_tenants(self._database)
        for tenant_id in {*changes, *self._filling, *await unfilled_tenants(self._database)}:
            if self._is_due(tenant_id, changes.get(tenant_id, 0), now):
                try:
                    is_behind |= await self._fold(tenant_id, now)
                except Exception as error:  # noqa: BLE001  # one company's trouble is not the others'; it is raised in the end
                    trouble = error
        if trouble is not None:
            raise trouble
        return is_behind

    async def _fold(self, tenant_id: UUID, now: float) -> bool:
        folded, filled = await _compact(self._database, tenant_id, MOST_AT_ONCE)
        if filled:
            self._filling.add(tenant_id)
        else:
            self._filling.discard(tenant_id)
            self._folded_at[tenant_id] = now
        return filled > 0 or folded >= MOST_AT_ONCE

    def _is_due(self, tenant_id: UUID, changes: int, now: float) -> bool:
        has_waited = now - self._folded_at.get(tenant_id, -LONGEST_WAIT_SECONDS) >= LONGEST_WAIT_SECONDS
        return tenant_id in self._filling or changes >= ENOUGH_CHANGES or has_waited
