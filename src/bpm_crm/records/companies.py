"""Rows of a company: tenant, users with roles, teams with members, keys of integrations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id

_TENANT = """
INSERT INTO tenant (tenant_id, key, title, zone, currency, created_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id) DO UPDATE SET title = excluded.title
"""
_USER = """
INSERT INTO app_user (tenant_id, id, email, name, subject, is_active, created_at) VALUES ($1, $2, $3, $4, $5, true, $6)
ON CONFLICT (tenant_id, email) DO UPDATE SET name = excluded.name, subject = excluded.subject, is_active = true
RETURNING id
"""
_TEAM = """
INSERT INTO team (tenant_id, id, key, name, lead_id) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant_id, key) DO UPDATE SET name = excluded.name, lead_id = excluded.lead_id
RETURNING id
"""


async def put_tenant(
    connection: Connection, tenant_id: UUID, key: str, title: str, zone: str, currency: str, at: datetime
) -> None:
    """A tenant, or its new title: key, zone and currency stay what they were."""
    await connection.execute(_TENANT, tenant_id, key, title, zone, currency, at)


async def put_user(
    connection: Connection,
    tenant_id: UUID,
    email: str,
    name: str,
    subject: str | None,
    roles: Sequence[str],
    at: datetime,
) -> UUID:
    """An active user of that address with exactly these roles, new or changed."""
    user_id: UUID = await connection.fetchval(_USER, tenant_id, new_id(), email, name, subject, at)
    await connection.execute("DELETE FROM user_role WHERE tenant_id = $1 AND user_id = $2", tenant_id, user_id)
    statement = "INSERT INTO user_role (tenant_id, user_id, role) SELECT $1, $2, unnest($3::text[])"
    await connection.execute(statement, tenant_id, user_id, list(roles))
    return user_id


async def deactivate_users(connection: Connection, tenant_id: UUID, users: Sequence[UUID]) -> None:
    """Shut users out. What they did stays theirs."""
    statement = "UPDATE app_user SET is_active = false WHERE tenant_id = $1 AND id = ANY ($2::uuid[])"
    await connection.execute(statement, tenant_id, list(users))


async def put_team(
    connection: Connection, tenant_id: UUID, key: str, name: str, lead_id: UUID | None, members: Sequence[UUID]
) -> UUID:
    """A team of that key with its lead and exactly these members, new or changed."""
    team_id: UUID = await connection.fetchval(_TEAM, tenant_id, new_id(), key, name, lead_id)
    await connection.execute("DELETE FROM team_member WHERE tenant_id = $1 AND team_id = $2", tenant_id, team_id)
    statement = "INSERT INTO team_member (tenant_id, team_id, user_id) SELECT $1, $2, unnest($3::uuid[])"
    await connection.execute(statement, tenant_id, team_id, list(members))
    return team_id


async def insert_api_key(
    connection: Connection,
    tenant_id: UUID,
    key_id: UUID,
    name: str,
    secret_hash: bytes,
    role: str,
    channel_ids: Sequence[UUID],
    at: datetime,
    expires_at: datetime | None,
) -> None:
    """A key of an integration."""
    statement = """
    INSERT INTO api_key (tenant_id, id, name, secret_hash, role, channel_ids, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
    await connection.execute(statement, tenant_id, key_id, name, secret_hash, role, list(channel_ids), at, expires_at)


async def find_tenant(connection: Connection, key: str) -> UUID | None:
    """The tenant of that key. Only the owner role sees tenants without naming one."""
    found: UUID | None = await connection.fetchval("SELECT tenant_id FROM tenant WHERE key = $1", key)
    return found


async def tenant_keys(connection: Connection) -> dict[str, UUID]:
    """Every tenant by its key. Only the owner role sees tenants without naming one."""
    rows = await connection.fetch("SELECT key, tenant_id FROM tenant ORDER BY key")
    return {row["key"]: row["tenant_id"] for row in rows}


async def is_marked(connection: Connection, tenant_id: UUID, name: str) -> bool:
    """Whether something was marked as done for a tenant."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM counter AS c WHERE c.tenant_id = $1 AND c.name = $2)", tenant_id, name
    )
    return found


async def mark(connection: Connection, tenant_id: UUID, name: str) -> None:
    """Mark something as done for a tenant."""
    statement = (
        "INSERT INTO counter (tenant_id, name, value) VALUES ($1, $2, 1) ON CONFLICT (tenant_id, name) DO NOTHING"
    )
    await connection.execute(statement, tenant_id, name)
