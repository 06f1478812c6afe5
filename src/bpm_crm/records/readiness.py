"""Whether the database is ready for this code, and whether a worker is at work."""

from dataclasses import dataclass

from bpm_crm.records.database import Connection, Database
from bpm_crm.records.revision import HEAD, current

WORKER_LOCK = 5_306_441
"""The advisory lock that every worker shares while it lives."""

_WORKERS = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (0, $1, 1)
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
# pg_locks shows those of every database of the server; 0 and 1 stand beside a lock's number where that is one bigint.


@dataclass(frozen=True, slots=True)
class Readiness:
    """What was found; `changes_waiting` counts the changes of cases that are not folded into the cells of figures yet."""

    is_migrated: bool
    has_worker: bool
    changes_waiting: int


async def readiness(database: Database) -> Readiness:
    """Ask the database for its revision and for workers at work."""
    async with database.across_tenants() as connection:
        revision = await current(connection)
        worker = await connection.fetchval(_WORKERS, WORKER_LOCK)
        is_migrated = revision == HEAD
        waiting = await connection.fetchval("SELECT count_changes()") if is_migrated else 0
    return Readiness(is_migrated=is_migrated, has_worker=worker, changes_waiting=waiting)


async def announce_worker(connection: Connection) -> None:
    """Hold the workers' lock for as long as this connection lives."""
    await connection.execute("SELECT pg_advisory_lock_shared($1)", WORKER_LOCK)
