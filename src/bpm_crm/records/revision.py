"""Which revision of the schema this code needs, and which one a database has; without Alembic, which only migrations load."""

import asyncpg

HEAD = "0017"
"""The newest migration; a test holds it to the `migrations/` folder."""


async def current(connection: asyncpg.Connection) -> str | None:
    """The revision a database is at; None for one that was never migrated."""
    known = await connection.fetchval("SELECT to_regclass('alembic_version')")
    if known is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found
