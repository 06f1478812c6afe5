"""Reference data in memory: what is at hand is never older than what was read before it."""

import asyncio
from collections import defaultdict
from itertools import count
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
    """A read that a notice began takes long: what was done since has been answered when it ends, and its data are of before."""
    numbers, has_read, may_end = count(), defaultdict[int, asyncio.Event](asyncio.Event), asyncio.Event()

    async def slow(connection: Connection, tenant_id: UUID) -> Reference | None:
        number, found = next(numbers), await load_reference(connection, tenant_id)
        has_read[number].set()
        if number == 1:
            await may_end.wait()
        return found

    monkeypatch.setattr(reference, "load_reference", slow)
    cache = ReferenceCache(world.database)
    await cache.get(world.tenant_id)
    cache.forget(world.tenant_id)
    slowly = asyncio.create_task(cache.get(world.tenant_id))
    await has_read[1].wait()
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE tenant SET title = 'New name' WHERE tenant_id = $1", world.tenant_id)
    cache.forget(world.tenant_id)
    await cache.get(world.tenant_id)
    may_end.set()
    of_before, known = await slowly, cache.current(world.tenant_id)
    assert of_before is not None
    assert known is not None
    assert (of_before.tenant.title == "New name", known.tenant.title) == (False, "New name")
