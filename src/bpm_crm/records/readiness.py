"""Whether the database is ready for this code, and whether a worker is at work."""

from dataclasses import dataclass

from bpm_crm.records.database import Connection, Database
from bpm_crm.records.revision import HEAD, current

WORKER_LOCK = 5_306_441
"""The advisory lock that every worker shares while it lives."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found."""

    is_migrated: bool
    has_worker: bool


async def readiness(database: Database) -> Readiness:
    """Ask the database for its revision and for workers at work."""
    async with database.across_tenants() as connection:
        revision = await current(connection)
        worker = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted)", WORKER_LOCK
        )
    return Readiness(is_migrated=revision == HEAD, has_worker=worker)


async def announce_worker(connection: Connection) -> None:
    """Hold the workers' lock for as long as this connection lives."""
    await connection.execute("SELECT pg_advisory_lock_shared($1)", WORKER_LOCK)
