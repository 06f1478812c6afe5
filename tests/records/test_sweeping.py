"""What is forgotten across tenants: idempotency keys of the distant past, and nothing else."""

from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from bpm_crm.records.database import Database
from bpm_crm.records.sweeping import forget_used_keys
from tests.world import World

MONTH = timedelta(days=30)


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=2)
    yield database
    await database.close()


async def captured_with(world: World, key: str) -> None:
    await world.done(None, world.capture(), idempotency_key=key, fingerprint=key.encode())


async def aged(world: World, key: str, days: int) -> None:
    owner = await asyncpg.connect(world.access.owner)
    try:
        await owner.execute("BEGIN")
        await owner.execute(f"SET LOCAL app.tenant_id = '{world.tenant_id}'")
        statement = (
            "UPDATE idempotency_key SET recorded_at = recorded_at - $1::interval WHERE tenant_id = $2 AND key = $3"
        )
        assert await owner.execute(statement, timedelta(days=days), world.tenant_id, key) == "UPDATE 1"
        await owner.execute("COMMIT")
    finally:
        await owner.close()


async def keys_of(world: World) -> set[str]:
    async with world.database.reader(world.tenant_id) as connection:
        rows = await connection.fetch("SELECT key FROM idempotency_key WHERE tenant_id = $1", world.tenant_id)
    return {row["key"] for row in rows}


async def test_only_keys_older_than_asked_are_forgotten(world: World, worker: Database) -> None:
    for key, days in (("old", 31), ("young", 29), ("new", 0)):
        await captured_with(world, key)
        await aged(world, key, days)
    assert await forget_used_keys(worker, older_than=MONTH) == 1
    assert await keys_of(world) == {"young", "new"}


async def test_the_api_may_not_forget(world: World) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await forget_used_keys(world.database, older_than=MONTH)
