"""Process definitions and versions in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row

_VERSION = """
SELECT v.definition_id, v.version, v.document, v.source, v.checksum, v.changelog, v.published_at, v.published_by, v.certificate
FROM process_version AS v WHERE v.tenant_id = $1 AND v.definition_id = $2 AND v.version = $3
"""
_DOCUMENTS = """
SELECT v.definition_id, v.version, v.document, v.source, v.checksum, v.changelog, v.published_at, v.published_by, v.certificate
FROM process_version AS v
JOIN unnest($2::uuid[], $3::int[]) AS wanted (definition_id, version)
  ON wanted.definition_id = v.definition_id AND wanted.version = v.version
WHERE v.tenant_id = $1
"""
_VERSIONS = """
SELECT v.definition_id, v.version, v.checksum, v.changelog, v.published_at, v.published_by
FROM process_version AS v WHERE v.tenant_id = $1 AND v.definition_id = ANY($2::uuid[])
ORDER BY v.definition_id, v.version DESC
"""
_LOCK = """
SELECT d.id, d.latest_version, v.checksum
FROM process_definition AS d
JOIN process_version AS v
  ON v.tenant_id = $1 AND v.tenant_id = d.tenant_id AND v.definition_id = d.id AND v.version = d.latest_version
WHERE d.tenant_id = $1 AND d.key = $2
FOR UPDATE OF d
"""
_NEW_DEFINITION = """
INSERT INTO process_definition (tenant_id, id, key, title_en, title_ru, latest_version, created_at)
VALUES ($1, $2, $3, $4, $5, 1, $6)
"""
_NEXT_VERSION = """
UPDATE process_definition SET latest_version = $3, title_en = $4, title_ru = $5 WHERE tenant_id = $1 AND id = $2
"""
_NEW_VERSION = """
INSERT INTO process_version (
    tenant_id, definition_id, version, document, source, checksum, changelog, published_at, published_by,
    certificate
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def load_version(connection: Connection, tenant_id: UUID, definition_id: UUID, version: int) -> Row | None:
    """One version with its document."""
    return await connection.fetchrow(_VERSION, tenant_id, definition_id, version)


async def load_documents(
    connection: Connection, tenant_id: UUID, versions: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Row]:
    """Some versions (definition, number) with their documents."""
    definitions, numbers = [definition for definition, _ in versions], [number for _, number in versions]
    rows = await connection.fetch(_DOCUMENTS, tenant_id, definitions, numbers)
    return {(row["definition_id"], row["version"]): row for row in rows}


async def load_versions(connection: Connection, tenant_id: UUID, definition_ids: Sequence[UUID]) -> Sequence[Row]:
    """All versions of some definitions without their documents, newest first."""
    rows: Sequence[Row] = await connection.fetch(_VERSIONS, tenant_id, definition_ids)
    return rows


async def lock_definition(connection: Connection, tenant_id: UUID, key: str) -> Row | None:
    """The definition of that key with the checksum of its newest version, locked."""
    return await connection.fetchrow(_LOCK, tenant_id, key)


async def insert_definition(
    connection: Connection, tenant_id: UUID, definition_id: UUID, key: str, titles: tuple[str, str], at: datetime
) -> None:
    """A new definition at version 1."""
    await connection.execute(_NEW_DEFINITION, tenant_id, definition_id, key, *titles, at)


async def advance_definition(
    connection: Connection, tenant_id: UUID, definition_id: UUID, version: int, titles: tuple[str, str]
) -> None:
    """Make `version` the one that new cases take."""
    await connection.execute(_NEXT_VERSION, tenant_id, definition_id, version, *titles)


async def insert_version(connection: Connection, tenant_id: UUID, values: Mapping[str, Any]) -> None:
    """A published version; `values` by column."""
    await connection.execute(
        _NEW_VERSION,
        tenant_id,
        values["definition_id"],
        values["version"],
        values["document"],
        values["source"],
        values["checksum"],
        values["changelog"],
        values["published_at"],
        values["published_by"],
        values["certificate"],
    )
