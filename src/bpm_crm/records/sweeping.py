"""The only module that looks across tenants: which cases, effects, reviews, jobs and rollouts are due, claimed by lease, and what may be forgotten.

It calls functions of the sweeper role, which sees ids and due instants and nothing else; the rows themselves are then worked on
behind the wall of their tenant.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from bpm_crm.records.database import Database

Claim = tuple[UUID, UUID]
"""(tenant, case, effect, review schedule, job or rollout)."""


class Subject(StrEnum):
    """What can be due."""

    INSTANCES = "instances"
    EFFECTS = "effects"
    REVIEWS = "reviews"
    JOBS = "jobs"
    ROLLOUTS = "rollouts"


async def claim_due(database: Database, subject: Subject, *, most: int, lease: timedelta) -> Sequence[Claim]:
    """Take up to `most` due subjects that nobody holds, the longest due first; the lease runs out by itself."""
    statement = f"SELECT tenant_id, id FROM claim_due_{subject.value}(now(), $1, now() + $2)"
    async with database.across_tenants() as connection:
        rows = await connection.fetch(statement, most, lease)
    return [(row["tenant_id"], row["id"]) for row in rows]


async def forget_used_keys(database: Database, *, older_than: timedelta) -> int:
    """Forget idempotency keys used that long ago; how many."""
    async with database.across_tenants() as connection:
        forgotten: int = await connection.fetchval("SELECT forget_idempotency_keys(now() - $1::interval)", older_than)
    return forgotten


async def forget_files(database: Database, *, problems_older_than: timedelta) -> int:
    """Forget expired files, and what was wrong with rows so long ago, which may name people; how many files."""
    statement = "SELECT forget_files(now(), now() - $1::interval)"
    async with database.across_tenants() as connection:
        forgotten: int = await connection.fetchval(statement, problems_older_than)
    return forgotten


async def changed_tenants(database: Database) -> dict[UUID, int]:
    """The tenants with cases that are to be folded into the cells, and how many changes each, most first."""
    async with database.across_tenants() as connection:
        rows = await connection.fetch("SELECT tenant_id, changes FROM changed_tenants()")
    return {row["tenant_id"]: row["changes"] for row in rows}


async def unfilled_tenants(database: Database) -> set[UUID]:
    """The tenants with sheets that are not filled, or whose processes were published since they were last folded."""
    async with database.across_tenants() as connection:
        rows = await connection.fetch("SELECT tenant_id FROM unfilled_tenants()")
    return {row["tenant_id"] for row in rows}


async def until_next_due(database: Database) -> timedelta | None:
    """How long until anything is due, by the database's clock; None when nothing is planned."""
    planned = ", ".join(f"next_due_{subject.value}()" for subject in Subject)
    statement = f"SELECT least({planned}) AS due, clock_timestamp() AS now"
    async with database.across_tenants() as connection:
        row = await connection.fetchrow(statement)
    due: datetime | None = row["due"]
    return None if due is None else max(timedelta(0), due - row["now"])


async def until_next_job(database: Database) -> timedelta | None:
    """How long until a job is due that nobody holds, or a lease runs out; None when nothing is planned."""
    async with database.across_tenants() as connection:
        row = await connection.fetchrow("SELECT next_due_jobs() AS due, clock_timestamp() AS now")
    due: datetime | None = row["due"]
    return None if due is None else max(timedelta(0), due - row["now"])
