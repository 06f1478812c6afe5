"""Reference data kept in memory until a notice says that it changed."""

import asyncio
from uuid import UUID

from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference

MOST_TENANTS = 1_000


class ReferenceCache:
    """The reference data of the tenants last asked for. `forget` and `forget_all` are called by the listener."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._loading: dict[UUID, asyncio.Task[Reference | None]] = {}
        self._loaded: dict[UUID, tuple[int, Reference]] = {}
        self._begun = 0

    async def get(self, tenant_id: UUID) -> Reference | None:
        """The reference data of a tenant; None when there is no such tenant."""
        task = self._loading.get(tenant_id)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            while len(self._loading) >= MOST_TENANTS:
                oldest = next(iter(self._loading))
                self._loading.pop(oldest)
                self._loaded.pop(oldest, None)
            task = self._begin(tenant_id)
        return await asyncio.shield(task)

    def current(self, tenant_id: UUID) -> Reference | None:
        """The newest data at hand, without waiting: what long-lived connections look at between events."""
        known = self._loaded.get(tenant_id)
        return None if known is None else known[1]

    def forget(self, tenant_id: UUID) -> None:
        """Read the tenant's data anew, at once where it is in use."""
        if self._loading.pop(tenant_id, None) is not None:
            self._begin(tenant_id)

    def forget_all(self) -> None:
        """Read everything anew: notices may have been missed."""
        for tenant_id in list(self._loading):
            self.forget(tenant_id)

    def _begin(self, tenant_id: UUID) -> "asyncio.Task[Reference | None]":
        self._begun += 1
        task = self._loading[tenant_id] = asyncio.create_task(self._load(tenant_id, self._begun))
        task.add_done_callback(_take_note)
        return task

    async def _load(self, tenant_id: UUID, begun: int) -> Reference | None:
        """Read the data, and have it at hand unless what was begun later came sooner."""
        async with self._database.reader(tenant_id) as connection:
            found = await load_reference(connection, tenant_id)
        if found is not None and self._loaded.get(tenant_id, (0,))[0] < begun:
            self._loaded[tenant_id] = (begun, found)
        return found


def _take_note(task: "asyncio.Task[Reference | None]") -> None:
    """Look at a failure: nobody may be waiting for data read anew, and the next to ask has them read again."""
    if not task.cancelled():
        task.exception()
