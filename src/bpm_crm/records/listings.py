"""The lists people page through, and the rows that go with a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.records import history, instances, jobs
from bpm_crm.records.database import Connection
from bpm_crm.records.selection import Key, Listing

INSTANCES = Listing(instances.COLUMNS, instances.SOURCE, "i.tenant_id", Key("i.id", "uuid", descending=True))

_DEAL_COLUMNS = """
    d.id, d.key, d.title, d.customer_id, d.channel_id, d.campaign_id, d.region, d.owner_id, d.team_id, d.instance_id, d.amount,
    d.currency, d.outcome, d.started_at
"""
DEALS = Listing(_DEAL_COLUMNS, "deal AS d", "d.tenant_id", Key("d.id", "uuid", descending=True))

_CUSTOMER_COLUMNS = "cu.id, cu.name, cu.phone, cu.email, cu.region, cu.created_at, cu.erased_at"
CUSTOMERS = Listing(_CUSTOMER_COLUMNS, "customer AS cu", "cu.tenant_id", Key("cu.id", "uuid", descending=True))

JOBS = Listing(jobs.COLUMNS, jobs.SOURCE, "j.tenant_id", Key("j.id", "uuid", descending=True))

_OWN_KPI_COLUMNS = """
    k.key, k.version, k.document, k.changelog, k.published_at, k.published_by,
    NOT EXISTS (
        SELECT FROM own_kpi AS newer WHERE newer.tenant_id = $1 AND newer.key = k.key AND newer.version > k.version
    ) AS is_current
"""
OWN_KPIS = Listing(_OWN_KPI_COLUMNS, "own_kpi AS k", "k.tenant_id", Key("k.version", "int", descending=True))

HISTORY = Listing(f"{history.SELECTION}, x.comment", history.SOURCE, "h.tenant_id", Key("h.sequence", "int"))
TIMELINE = Listing(
    f"{history.SELECTION}, x.comment",
    f"{history.SOURCE} JOIN process_instance AS i ON i.tenant_id = $1 AND i.tenant_id = h.tenant_id AND i.id = h.instance_id",
    "h.tenant_id",
    Key("h.sequence", "int", descending=True),
)


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal as stored."""

    id: UUID
    key: str
    title: str | None
    customer_id: UUID | None
    channel_id: UUID
    campaign_id: UUID | None
    region: str | None
    owner_id: UUID | None
    team_id: UUID | None
    instance_id: UUID
    amount: Decimal | None
    currency: str
    outcome: str | None
    started_at: datetime


_DEAL_OF_CASE = {name: f"deals_{name}" for name in DealRecord.__slots__}
INSTANCES_WITH_DEALS = Listing(
    f"{instances.COLUMNS}, {', '.join(f'd.{name} AS {alias}' for name, alias in _DEAL_OF_CASE.items())}",
    f"{instances.SOURCE} LEFT JOIN deal AS d ON d.tenant_id = $1 AND d.tenant_id = i.tenant_id AND d.id = i.deal_id",
    INSTANCES.tenant,
    INSTANCES.identity,
)
"""Cases, each with the columns of the deal it runs over."""


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer as stored; the personal columns are empty once erased."""

    id: UUID
    name: str | None
    phone: str | None
    email: str | None
    region: str | None
    created_at: datetime
    erased_at: datetime | None


def deal_of(row: Any) -> DealRecord:
    """The deal of a row of `DEALS`."""
    return DealRecord(**{name: row[name] for name in DealRecord.__slots__})


def deal_of_case(row: Any) -> DealRecord | None:
    """The deal of a row of `INSTANCES_WITH_DEALS`; None for a case without one."""
    return None if row["deals_id"] is None else DealRecord(*map(row.__getitem__, _DEAL_OF_CASE.values()))


def customer_of(row: Any) -> CustomerRecord:
    """The customer of a row of `CUSTOMERS`."""
    return CustomerRecord(**{name: row[name] for name in CustomerRecord.__slots__})


async def load_deals(connection: Connection, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, DealRecord]:
    """Deals by id."""
    statement = f"SELECT {_DEAL_COLUMNS} FROM deal AS d WHERE d.tenant_id = $1 AND d.id = ANY($2::uuid[])"
    return {row["id"]: deal_of(row) for row in await connection.fetch(statement, tenant_id, list(ids))}


async def load_customers(connection: Connection, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, CustomerRecord]:
    """Customers by id."""
    statement = f"SELECT {_CUSTOMER_COLUMNS} FROM customer AS cu WHERE cu.tenant_id = $1 AND cu.id = ANY($2::uuid[])"
    return {row["id"]: customer_of(row) for row in await connection.fetch(statement, tenant_id, list(ids))}


async def cases_of_deals(connection: Connection, tenant_id: UUID, keys: Iterable[str]) -> dict[str, UUID]:
    """The cases that run deals, by the deals' keys."""
    statement = "SELECT d.key, d.instance_id FROM deal AS d WHERE d.tenant_id = $1 AND d.key = ANY($2::text[])"
    return {row["key"]: row["instance_id"] for row in await connection.fetch(statement, tenant_id, list(keys))}


async def load_histories(
    connection: Connection, tenant_id: UUID, ids: Sequence[UUID], *, first: int, after: int
) -> dict[UUID, list[history.HistoryRecord]]:
    """The first rows of several cases' histories after a sequence: one row more than `first`, to tell whether there are more."""
    statement = f"""
    SELECT {history.SELECTION}, x.comment
    FROM {history.SOURCE}
    WHERE h.tenant_id = $1 AND h.instance_id = ANY($2::uuid[]) AND h.sequence > $3 AND h.sequence <= $3 + $4
    ORDER BY h.instance_id, h.sequence
    """
    found: dict[UUID, list[history.HistoryRecord]] = {case: [] for case in ids}
    for row in await connection.fetch(statement, tenant_id, ids, after, first + 1):
        found[row["instance_id"]].append(history.record_of(row, row["comment"]))
    return found
