"""Set-based loads of what hangs on many objects of one operation: one statement for all of them."""

from collections.abc import Sequence
from uuid import UUID

from strawberry.dataloader import DataLoader

from bpm_crm.records.database import Database
from bpm_crm.records.history import HistoryRecord
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.listings import (
    CustomerRecord,
    DealRecord,
    load_customers,
    load_deals,
    load_histories,
)

HistorySlice = tuple[UUID, int, int]
"""(case, how many rows, after which sequence)."""


class Loaders:
    """The loaders of one operation. Each takes a reader of its own: sibling resolvers never share a connection."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self.instances: DataLoader[UUID, InstanceRecord | None] = DataLoader(self._load_instances)
        self.deals: DataLoader[UUID, DealRecord | None] = DataLoader(self._load_deals)
        self.customers: DataLoader[UUID, CustomerRecord | None] = DataLoader(self._load_customers)
        self.histories: DataLoader[HistorySlice, list[HistoryRecord]] = DataLoader(self._load_histories)

    async def _load_instances(self, ids: Sequence[UUID]) -> list[InstanceRecord | None]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await load(connection, self._tenant_id, ids)
        return [found.get(key) for key in ids]

    async def _load_deals(self, ids: Sequence[UUID]) -> list[DealRecord | None]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await load_deals(connection, self._tenant_id, ids)
        return [found.get(key) for key in ids]

    async def _load_customers(self, ids: Sequence[UUID]) -> list[CustomerRecord | None]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await load_customers(connection, self._tenant_id, ids)
        return [found.get(key) for key in ids]

    async def _load_histories(self, slices: Sequence[HistorySlice]) -> list[list[HistoryRecord]]:
        found: dict[HistorySlice, list[HistoryRecord]] = {}
        async with self._database.reader(self._tenant_id) as connection:
            for first, after in dict.fromkeys((first, after) for _, first, after in slices):
                ids = [case for case, *window in slices if window == [first, after]]
                loaded = await load_histories(connection, self._tenant_id, ids, first=first, after=after)
                found |= {(case, first, after): rows for case, rows in loaded.items()}
        return [found[key] for key in slices]
