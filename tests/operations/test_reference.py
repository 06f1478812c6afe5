"""Reference data in memory: what is at hand is never older than what was read before it."""

import asyncio
from uuid import UUID

import pytest

from bpm_crm.operations import reference
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.records.database import Connection
from bpm_crm.records.reference import Reference, load_reference
from tests.world import World


async def test_data_read_before_a_change_does_not_take_the_place_of_data_read_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that a notice began takes long: it ends when what was done since has been answered, and its data are of before."""
    answers: list[asyncio.Event] = []

    async def slow(connection: Connection, tenant_id: UUID) -> Reference | None:
        answers.append(asyncio.Event())
        mine, found = answers[-1], await load_reference(connection, tenant_id)
        await mine.wait()
        return found

    async def renamed(title: str) -> None:
        async with world.owner.transaction(world.tenant_id) as connection:
            await connection.execute("UPDATE tenant SET title = $2 WHERE tenant_id = $1", world.tenant_id, title)
        cache.forget(world.tenant_id)
        while len(answers) < 3:
            await asyncio.sleep(0.001)
        answers[-1].set()
        await cache.get(world.tenant_id)

    monkeypatch.setattr(reference, "load_reference", slow)
    cache = ReferenceCache(world.database)
    begun = asyncio.create_task(cache.get(world.tenant_id))
    while not answers:
        await asyncio.sleep(0.001)
    answers[0].set()
    await begun
    cache.forget(world.tenant_id)
    while len(answers) < 2:
        await asyncio.sleep(0.001)
    await renamed("New name")
    answers[1].set()
    for _ in range(100):
        await asyncio.sleep(0.001)
    known = cache.current(world.tenant_id)
    assert known is not None
    assert known.tenant.title == "New name"
