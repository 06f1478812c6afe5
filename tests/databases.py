"""Databases for tests: each a clone of the migrated template."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg

from bpm_crm.embedded.server import Server
from bpm_crm.records.bootstrap import Access

ROLES = ("bpm_crm_owner", "bpm_crm_app", "bpm_crm_worker")


@asynccontextmanager
async def cloned(postgres: Server, template: str) -> AsyncIterator[Access]:
    """A database of its own, and how each role reaches it; dropped at the end."""
    name = f"test_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres.dsn(postgres.superuser, "postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLES[0]} STRATEGY wal_log")
        yield Access(*(postgres.dsn(role, name) for role in ROLES))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()
