"""Channels and campaigns in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id

_NEW = """
INSERT INTO channel (tenant_id, id, key, title_en, title_ru, definition_id, is_active, created_at)
VALUES ($1, $2, $3, $4, $5, $6, true, $7)
ON CONFLICT (tenant_id, key) DO NOTHING
"""
_ADOPT = """
UPDATE channel SET definition_id = $2 WHERE tenant_id = $1 AND key = ANY($3::text[]) AND definition_id IS NULL
"""
_RENAME = "UPDATE channel SET title_en = $3, title_ru = $4 WHERE tenant_id = $1 AND key = $2"
_CAMPAIGN = """
INSERT INTO campaign (tenant_id, id, key, title, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, key) DO UPDATE SET title = excluded.title
"""


async def insert_channel(
    connection: Connection,
    tenant_id: UUID,
    channel_id: UUID,
    key: str,
    titles: tuple[str, str],
    definition_id: UUID | None,
    at: datetime,
) -> None:
    """A channel, unless there is one of that key."""
    await connection.execute(_NEW, tenant_id, channel_id, key, *titles, definition_id, at)


async def adopt_channels(connection: Connection, tenant_id: UUID, definition_id: UUID, keys: Sequence[str]) -> None:
    """Let a definition handle those of its channels that nothing handles yet."""
    await connection.execute(_ADOPT, tenant_id, definition_id, list(keys))


async def rename_channel(connection: Connection, tenant_id: UUID, key: str, titles: tuple[str, str]) -> None:
    """Give a channel other titles."""
    await connection.execute(_RENAME, tenant_id, key, *titles)


async def put_campaign(connection: Connection, tenant_id: UUID, key: str, title: str, at: datetime) -> None:
    """A campaign of that key with this title, new or changed."""
    await connection.execute(_CAMPAIGN, tenant_id, new_id(), key, title, at)


async def channels_by_key(connection: Connection, tenant_id: UUID) -> dict[str, UUID]:
    """The channels of a tenant by key."""
    rows = await connection.fetch("SELECT c.key, c.id FROM channel AS c WHERE c.tenant_id = $1", tenant_id)
    return {row["key"]: row["id"] for row in rows}
