"""Files that somebody sent, or that a job made for them: kept for a while, for those who own them only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from bpm_crm.records.database import Connection

_INSERT = """
INSERT INTO stored_file (tenant_id, id, name, media_type, size, digest, content, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp() + $9)
RETURNING expires_at
"""
_LOAD = """
SELECT id, name, media_type, size, content, created_by, expires_at
FROM stored_file WHERE tenant_id = $1 AND id = $2 AND expires_at > clock_timestamp()
"""
_STORED = (
    "SELECT coalesce(sum(size), 0)::bigint FROM stored_file WHERE tenant_id = $1 AND expires_at > clock_timestamp()"
)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file with its content."""

    id: UUID
    name: str
    media_type: str
    size: int
    content: bytes
    created_by: UUID
    expires_at: datetime


async def insert_file(
    connection: Connection,
    tenant_id: UUID,
    file_id: UUID,
    *,
    name: str,
    media_type: str,
    content: bytes,
    by: UUID,
    kept: timedelta,
) -> datetime:
    """Keep a file; until when."""
    digest = sha256(content).digest()
    values = (file_id, name, media_type, len(content), digest, content, by, kept)
    expires_at: datetime = await connection.fetchval(_INSERT, tenant_id, *values)
    return expires_at


async def load_file(connection: Connection, tenant_id: UUID, file_id: UUID) -> FileRecord | None:
    """A file that has not expired."""
    row = await connection.fetchrow(_LOAD, tenant_id, file_id)
    return None if row is None else FileRecord(**row)


async def stored_bytes(connection: Connection, tenant_id: UUID) -> int:
    """How many bytes of files the tenant has in store."""
    found: int = await connection.fetchval(_STORED, tenant_id)
    return found


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file without its content."""

    id: UUID
    name: str
    media_type: str
    size: int
    created_by: UUID
    expires_at: datetime


_INFO = """
SELECT id, name, media_type, size, created_by, expires_at
FROM stored_file WHERE tenant_id = $1 AND id = $2 AND expires_at > clock_timestamp()
"""


async def file_info(connection: Connection, tenant_id: UUID, file_id: UUID) -> FileInfo | None:
    """What is known of a file that has not expired."""
    row = await connection.fetchrow(_INFO, tenant_id, file_id)
    return None if row is None else FileInfo(**row)
