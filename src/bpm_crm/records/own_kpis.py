"""KPIs that a company defined itself, as they are stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row, hold

_CURRENT = """
SELECT DISTINCT ON (k.key) k.key, k.version, k.document
FROM own_kpi AS k
WHERE k.tenant_id = $1 AND ($2::text IS NULL OR k.key = $2)
ORDER BY k.key, k.version DESC
"""
_REPEATED = """
SELECT k.key, k.version, k.document, k.published_at, k.published_by, k.fingerprint
FROM own_kpi AS k
WHERE k.tenant_id = $1 AND k.published_by IS NOT DISTINCT FROM $2 AND k.idempotency_key = $3
"""
_INSERT = """
INSERT INTO own_kpi (tenant_id, key, version, document, changelog, published_at, published_by, idempotency_key, fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def current_kpis(connection: Connection, tenant_id: UUID, key: str | None = None) -> Sequence[Row]:
    """The newest row (key, version, document) of each KPI, retired ones (document None) among them; `key` names one."""
    rows: Sequence[Row] = await connection.fetch(_CURRENT, tenant_id, key)
    return rows


async def lock_kpi(connection: Connection, tenant_id: UUID, key: str) -> None:
    """Let nobody else publish a KPI of this key until the transaction ends."""
    await hold(connection, f"own_kpi/{tenant_id}/{key}")


async def repeated(connection: Connection, tenant_id: UUID, by: UUID | None, idempotency_key: str) -> Row | None:
    """The row that was written with this idempotency key; None: none."""
    return await connection.fetchrow(_REPEATED, tenant_id, by, idempotency_key)


async def insert_kpi(
    connection: Connection,
    tenant_id: UUID,
    *,
    key: str,
    version: int,
    document: dict[str, Any] | None,
    changelog: str,
    at: datetime,
    by: UUID | None,
    idempotency_key: str | None,
    fingerprint: bytes,
) -> None:
    """Keep a version of a KPI, or (document None) that it is retired."""
    await connection.execute(
        _INSERT, tenant_id, key, version, document, changelog, at, by, idempotency_key, fingerprint
    )
