"""The journal of what was done to processes, in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row, hold
from bpm_crm.records.selection import Key, Listing

CHANGES = Listing(
    "c.id, c.process, c.kind, c.values, c.comment, c.actor_id, c.recorded_at",
    "process_change AS c",
    "c.tenant_id",
    Key("c.id", "uuid", descending=True),
)
_INSERT = """
INSERT INTO process_change (
    tenant_id, id, process, kind, "values", comment, actor_id, recorded_at, idempotency_key, fingerprint
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_BY_KEY = """
SELECT c.process, c.kind, c.values, c.fingerprint FROM process_change AS c
WHERE c.tenant_id = $1 AND c.actor_id = $2 AND c.idempotency_key = $3
"""


@dataclass(frozen=True, slots=True)
class ProcessChangeRecord:
    """Something done to a process; `values` say what, by the kind."""

    id: UUID
    process: str
    kind: str
    values: Mapping[str, Any]
    comment: str | None
    actor_id: UUID
    recorded_at: datetime


def change_of(row: Row) -> ProcessChangeRecord:
    """The change of a row of `CHANGES`."""
    return ProcessChangeRecord(**{name: row[name] for name in ProcessChangeRecord.__slots__})


async def insert_change(
    connection: Connection, tenant_id: UUID, record: ProcessChangeRecord, key: str | None, fingerprint: bytes
) -> None:
    """A change, with the idempotency key it came with and the digest of what was asked with it."""
    values = (record.id, record.process, record.kind, dict(record.values), record.comment)
    who = (record.actor_id, record.recorded_at, key, None if key is None else fingerprint)
    await connection.execute(_INSERT, tenant_id, *values, *who)


async def find_change(connection: Connection, tenant_id: UUID, actor_id: UUID, key: str) -> Row | None:
    """The change that came with a key of an actor; others with this key wait until this transaction ends."""
    await hold(connection, f"process_change/{tenant_id}/{actor_id}/{key}")
    return await connection.fetchrow(_BY_KEY, tenant_id, actor_id, key)
