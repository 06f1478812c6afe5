"""Set-based loads of what hangs on many objects of one operation: one statement for all of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from strawberry.dataloader import DataLoader

from bpm_crm.records.branches import read_branches
from bpm_crm.records.database import Database, Row
from bpm_crm.records.definitions import count_instances, load_documents, load_versions
from bpm_crm.records.drafts import DraftRecord, load_drafts
from bpm_crm.records.history import HistoryRecord
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.listings import (
    CustomerRecord,
    DealRecord,
    load_customers,
    load_deals,
    load_histories,
)
from bpm_crm.records.selection import Page, Query, Slice


class BranchPage(NamedTuple):
    """Which page of which lists: `source` and `parent` are SQL, of the list and of the id of the object it hangs on."""

    source: str
    parent: str
    limit: int
    after: tuple[Any, ...] | None
    rows: bool
    total: bool


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
        self.versions: DataLoader[UUID, list[Row]] = DataLoader(self._load_versions)
        self.documents: DataLoader[tuple[UUID, int], Row | None] = DataLoader(self._load_documents)
        self.drafts: DataLoader[str, DraftRecord | None] = DataLoader(self._load_drafts)
        self.instance_counts: DataLoader[UUID, dict[int, tuple[int, int]]] = DataLoader(self._load_instance_counts)
        self._queries: dict[BranchPage, Query] = {}
        self._branches: DataLoader[tuple[BranchPage, UUID], Page] = DataLoader(self._load_branches)

    async def branch(
        self, query: Query, parent: str, parent_id: UUID, window: Slice, *, rows: bool, total: bool
    ) -> Page:
        """A page of a list that hangs on an object, read together with those on others; `query` asks the same for all of them."""
        after = None if window.after is None else tuple(window.after)
        wanted = BranchPage(query.listing.source, parent, window.limit, after, rows, total)
        self._queries[wanted] = query
        return await self._branches.load((wanted, parent_id))

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

    async def _load_versions(self, ids: Sequence[UUID]) -> list[list[Row]]:
        found: dict[UUID, list[Row]] = {key: [] for key in ids}
        async with self._database.reader(self._tenant_id) as connection:
            for row in await load_versions(connection, self._tenant_id, ids):
                found[row["definition_id"]].append(row)
        return [found[key] for key in ids]

    async def _load_documents(self, versions: Sequence[tuple[UUID, int]]) -> list[Row | None]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await load_documents(connection, self._tenant_id, versions)
        return [found.get(key) for key in versions]

    async def _load_drafts(self, processes: Sequence[str]) -> list[DraftRecord | None]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await load_drafts(connection, self._tenant_id, processes)
        return [found.get(key) for key in processes]

    async def _load_instance_counts(self, definitions: Sequence[UUID]) -> list[dict[int, tuple[int, int]]]:
        async with self._database.reader(self._tenant_id) as connection:
            found = await count_instances(connection, self._tenant_id, definitions)
        return [found.get(key, {}) for key in definitions]

    async def _load_branches(self, branches: Sequence[tuple[BranchPage, UUID]]) -> list[Page]:
        found: dict[tuple[BranchPage, UUID], Page] = {}
        async with self._database.reader(self._tenant_id) as connection:
            for wanted in dict.fromkeys(wanted for wanted, _ in branches):
                ids = [parent_id for other, parent_id in branches if other == wanted]
                pages = await read_branches(
                    connection,
                    self._tenant_id,
                    self._queries[wanted],
                    wanted.parent,
                    ids,
                    Slice(wanted.limit, wanted.after),
                    rows=wanted.rows,
                    total=wanted.total,
                )
                found |= {(wanted, parent_id): page for parent_id, page in pages.items()}
        return [found[branch] for branch in branches]
