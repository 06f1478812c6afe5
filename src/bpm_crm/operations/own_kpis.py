"""Publishing and retiring KPIs that a company defined itself: every version stays, the newest one counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.analytics.own_kpi import OwnKpi, document_of
from bpm_crm.operations.requests import digest_of
from bpm_crm.records.database import Connection
from bpm_crm.records.own_kpis import current_kpis, insert_kpi, lock_kpi, repeated


@dataclass(frozen=True, slots=True)
class KpiVersion:
    """A version of a KPI as it was published or (document None) retired."""

    key: str
    version: int
    document: Mapping[str, Any] | None
    published_at: datetime
    published_by: UUID | None
    is_repeated: bool


class KeyUsedOtherwise(Exception):
    """The idempotency key was used for something else."""


class NoSuchKpi(LookupError):
    """There is no KPI of that key that could be retired."""


async def publish_kpi(
    connection: Connection,
    tenant_id: UUID,
    own: OwnKpi,
    *,
    changelog: str,
    at: datetime,
    by: UUID | None,
    idempotency_key: str | None,
) -> KpiVersion:
    """Publish a definition that was found sound as the next version of its key. `KeyUsedOtherwise` for a reused idempotency key."""
    return await _write(connection, tenant_id, own.key, document_of(own), changelog, at, by, idempotency_key)


async def retire_kpi(
    connection: Connection,
    tenant_id: UUID,
    key: str,
    *,
    changelog: str,
    at: datetime,
    by: UUID | None,
    idempotency_key: str | None,
) -> KpiVersion:
    """Retire a KPI: it is asked no more; its versions stay. `NoSuchKpi` where there is none, `KeyUsedOtherwise` as above."""
    return await _write(connection, tenant_id, key, None, changelog, at, by, idempotency_key)


async def _write(
    connection: Connection,
    tenant_id: UUID,
    key: str,
    document: dict[str, Any] | None,
    changelog: str,
    at: datetime,
    by: UUID | None,
    idempotency_key: str | None,
) -> KpiVersion:
    await lock_kpi(connection, tenant_id, key)
    fingerprint = digest_of([key, document, changelog])
    if idempotency_key is not None:
        row = await repeated(connection, tenant_id, by, idempotency_key)
        if row is not None:
            if row["fingerprint"] != fingerprint:
                raise KeyUsedOtherwise(idempotency_key)
            return KpiVersion(
                row["key"], row["version"], row["document"], row["published_at"], row["published_by"], is_repeated=True
            )
    known = await current_kpis(connection, tenant_id, key)
    if document is None and not (known and known[0]["document"] is not None):
        raise NoSuchKpi(key)
    version = known[0]["version"] + 1 if known else 1
    await insert_kpi(
        connection,
        tenant_id,
        key=key,
        version=version,
        document=document,
        changelog=changelog,
        at=at,
        by=by,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
    )
    return KpiVersion(key, version, document, at, by, is_repeated=False)
