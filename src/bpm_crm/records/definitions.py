"""Process definitions and versions in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row
from bpm_crm.records.selection import Key, Listing

_VERSION = """
SELECT v.definition_id, v.version, v.document, v.source, v.checksum, v.changelog, v.published_at, v.published_by, v.certificate
FROM process_version AS v WHERE v.tenant_id = $1 AND v.definition_id = $2 AND v.version = $3
"""
_FIND_DOCUMENT = """
SELECT v.document
FROM process_definition AS d
JOIN process_version AS v ON v.tenant_id = d.tenant_id AND v.definition_id = d.id
WHERE d.tenant_id = $1 AND d.key = $2 AND v.version = coalesce($3::int, d.latest_version)
"""
_DOCUMENTS = """
SELECT v.definition_id, v.version, v.document, v.source, v.checksum, v.changelog, v.published_at, v.published_by, v.certificate
FROM process_version AS v
JOIN unnest($2::uuid[], $3::int[]) AS wanted (definition_id, version)
  ON wanted.definition_id = v.definition_id AND wanted.version = v.version
WHERE v.tenant_id = $1
"""
_VERSIONS = """
SELECT v.definition_id, v.version, v.checksum, v.changelog, v.published_at, v.published_by, v.origin
FROM process_version AS v WHERE v.tenant_id = $1 AND v.definition_id = ANY($2::uuid[])
ORDER BY v.definition_id, v.version DESC
"""
VERSIONS = Listing(
    "v.definition_id, v.version, v.checksum, v.changelog, v.published_at, v.published_by, v.origin",
    "process_version AS v",
    "v.tenant_id",
    Key("v.version", "int", descending=True),
)
_LOCK = """
SELECT
    d.id, d.key, d.latest_version, d.current_version, d.retired_at,
    v.checksum, v.source, v.origin, v.changelog, v.published_at, v.published_by
FROM process_definition AS d
JOIN process_version AS v
  ON v.tenant_id = $1 AND v.tenant_id = d.tenant_id AND v.definition_id = d.id AND v.version = d.latest_version
WHERE d.tenant_id = $1 AND d.key = $2
FOR UPDATE OF d
"""
_FIND = """
SELECT d.id, d.key, d.latest_version, d.current_version, d.retired_at
FROM process_definition AS d WHERE d.tenant_id = $1 AND d.key = $2
"""
_NEW_DEFINITION = """
INSERT INTO process_definition (tenant_id, id, key, title_en, title_ru, latest_version, created_at)
VALUES ($1, $2, $3, $4, $5, 1, $6)
"""
_NEXT_VERSION = """
UPDATE process_definition
SET latest_version = $3, title_en = $4, title_ru = $5, current_version = CASE WHEN $6 THEN coalesce(current_version, latest_version) END
WHERE tenant_id = $1 AND id = $2
"""
_CURRENT = "UPDATE process_definition SET current_version = $3 WHERE tenant_id = $1 AND id = $2"
_RETIRED = "UPDATE process_definition SET retired_at = $3, retired_by = $4 WHERE tenant_id = $1 AND id = $2"
_COUNTS = """
SELECT i.definition_id, i.version, count(*) AS total, count(*) FILTER (WHERE i.ended_at IS NULL) AS open
FROM process_instance AS i WHERE i.tenant_id = $1 AND i.definition_id = ANY($2::uuid[]) GROUP BY 1, 2
"""
_NEW_VERSION = """
INSERT INTO process_version (
    tenant_id, definition_id, version, document, source, checksum, changelog, published_at, published_by, origin, certificate
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def load_version(connection: Connection, tenant_id: UUID, definition_id: UUID, version: int) -> Row | None:
    """One version with its document."""
    return await connection.fetchrow(_VERSION, tenant_id, definition_id, version)


async def find_document(connection: Connection, tenant_id: UUID, key: str, version: int | None) -> Any:
    """The document of a version (None: the newest) of the definition of that key; None where there is none."""
    return await connection.fetchval(_FIND_DOCUMENT, tenant_id, key, version)


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


async def find_definition(connection: Connection, tenant_id: UUID, key: str) -> Row | None:
    """The definition of that key as it is in this transaction."""
    return await connection.fetchrow(_FIND, tenant_id, key)


async def lock_definition(connection: Connection, tenant_id: UUID, key: str) -> Row | None:
    """The definition of that key with the checksum, source and origin of its newest version, locked."""
    return await connection.fetchrow(_LOCK, tenant_id, key)


async def insert_definition(
    connection: Connection, tenant_id: UUID, definition_id: UUID, key: str, titles: tuple[str, str], at: datetime
) -> None:
    """A new definition at version 1."""
    await connection.execute(_NEW_DEFINITION, tenant_id, definition_id, key, *titles, at)


async def advance_definition(
    connection: Connection,
    tenant_id: UUID,
    definition_id: UUID,
    version: int,
    titles: tuple[str, str],
    *,
    is_held: bool = False,
) -> None:
    """Make `version` the newest, and the one that new cases take; if it is held, they go on taking the one they took."""
    await connection.execute(_NEXT_VERSION, tenant_id, definition_id, version, *titles, is_held)


async def set_current(connection: Connection, tenant_id: UUID, definition_id: UUID, version: int | None) -> None:
    """Let new cases take this version; None: the newest, whichever that is."""
    await connection.execute(_CURRENT, tenant_id, definition_id, version)


async def set_retired(
    connection: Connection, tenant_id: UUID, definition_id: UUID, at: datetime | None, by: UUID | None
) -> None:
    """Retire a definition, or (None) bring it back."""
    await connection.execute(_RETIRED, tenant_id, definition_id, at, by)


async def count_instances(
    connection: Connection, tenant_id: UUID, definition_ids: Sequence[UUID]
) -> dict[UUID, dict[int, tuple[int, int]]]:
    """Of each definition, by version that has any: all its cases, and those still open."""
    found: dict[UUID, dict[int, tuple[int, int]]] = {}
    for row in await connection.fetch(_COUNTS, tenant_id, list(definition_ids)):
        found.setdefault(row["definition_id"], {})[row["version"]] = (row["total"], row["open"])
    return found


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
        values["origin"],
        values["certificate"],
    )
