"""Rows of a company: tenant, users with roles, teams with members, keys of integrations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bpm_crm.records.database import Connection


async def insert_tenant(
    connection: Connection, tenant_id: UUID, key: str, title: str, zone: str, currency: str, at: datetime
) -> None:
    """A tenant."""
    statement = "INSERT INTO tenant (tenant_id, key, title, zone, currency, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
    await connection.execute(statement, tenant_id, key, title, zone, currency, at)


async def insert_user(
    connection: Connection, tenant_id: UUID, user_id: UUID, email: str, name: str, roles: Sequence[str], at: datetime
) -> None:
    """An active user with roles."""
    statement = """
    INSERT INTO app_user (tenant_id, id, email, name, is_active, created_at) VALUES ($1, $2, $3, $4, true, $5)
    """
    await connection.execute(statement, tenant_id, user_id, email, name, at)
    statement = "INSERT INTO user_role (tenant_id, user_id, role) SELECT $1, $2, unnest($3::text[])"
    await connection.execute(statement, tenant_id, user_id, list(roles))


async def insert_team(
    connection: Connection,
    tenant_id: UUID,
    team_id: UUID,
    key: str,
    name: str,
    lead_id: UUID | None,
    members: Sequence[UUID],
) -> None:
    """A team with its lead and members."""
    statement = "INSERT INTO team (tenant_id, id, key, name, lead_id) VALUES ($1, $2, $3, $4, $5)"
    await connection.execute(statement, tenant_id, team_id, key, name, lead_id)
    statement = "INSERT INTO team_member (tenant_id, team_id, user_id) SELECT $1, $2, unnest($3::uuid[])"
    await connection.execute(statement, tenant_id, team_id, list(members))


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
