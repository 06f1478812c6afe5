"""What a new case is checked against: known customers, leads already captured, and the next numbers."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from bpm_crm.records.database import Connection

# LATERAL with LIMIT 1 pins each plan to one index lookup per item, also on a young table without statistics.
_CONTACTS = """
SELECT found.*
FROM unnest($2::text[], $3::text[]) AS wanted (kind, value)
CROSS JOIN LATERAL (
    SELECT k.kind, k.value, k.customer_id
    FROM customer_contact AS k
    WHERE k.tenant_id = $1 AND k.kind = wanted.kind AND k.value = wanted.value
    LIMIT 1
) AS found
"""
_CAPTURED = """
SELECT found.*
FROM unnest($2::uuid[], $3::text[]) AS wanted (channel_id, external_id)
CROSS JOIN LATERAL (
    SELECT i.id, i.channel_id, i.external_id
    FROM process_instance AS i
    WHERE i.tenant_id = $1 AND i.channel_id = wanted.channel_id AND i.external_id = wanted.external_id
    LIMIT 1
) AS found
"""
_NUMBERS = """
INSERT INTO counter AS c (tenant_id, name, value) VALUES ($1, $2, $3)
ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value + excluded.value
WHERE c.tenant_id = $1
RETURNING value
"""


async def known_customers(
    connection: Connection, tenant_id: UUID, contacts: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The customers to whom these addresses (kind, value) belong."""
    kinds, values = _columns(contacts)
    rows = await connection.fetch(_CONTACTS, tenant_id, kinds, values)
    return {(row["kind"], row["value"]): row["customer_id"] for row in rows}


async def captured_leads(
    connection: Connection, tenant_id: UUID, references: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, str], UUID]:
    """The cases that these leads (channel, external id) became."""
    channels, externals = _columns(references)
    rows = await connection.fetch(_CAPTURED, tenant_id, channels, externals)
    return {(row["channel_id"], row["external_id"]): row["id"] for row in rows}


async def take_numbers(connection: Connection, tenant_id: UUID, name: str, count: int) -> range:
    """The next `count` numbers of a counter; the counter stays locked until the transaction ends."""
    last: int = await connection.fetchval(_NUMBERS, tenant_id, name, count)
    return range(last - count + 1, last + 1)


def _columns(pairs: Iterable[tuple[object, object]]) -> tuple[Sequence[object], Sequence[object]]:
    listed = list(pairs)
    return [first for first, _ in listed], [second for _, second in listed]
