"""Versions that figures read: what was read before is not read again, and what is kept does not grow without end."""

from typing import Any

from bpm_crm.analytics.frames import load_versions
from bpm_crm.analytics.version_cache import VersionCache
from bpm_crm.records.database import Connection
from tests.world import World


class Counting:
    """A connection that counts what it is asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.asked = 0

    async def fetch(self, text: str, *values: Any) -> Any:
        self.asked += 1
        return await self._connection.fetch(text, *values)


async def test_versions_are_read_once_in_the_order_asked_for(world: World) -> None:
    wanted = sorted((key, 1) for key in world.reference.definitions)
    cache = VersionCache(100, load_versions)
    async with world.database.reader(world.tenant_id) as connection:
        counting: Any = Counting(connection)
        first = await cache.read(counting, world.tenant_id, wanted[:2])
        again = await cache.read(counting, world.tenant_id, wanted[1::-1])
        assert (again, counting.asked) == (first[::-1], 1)
        more = await cache.read(counting, world.tenant_id, wanted)
        assert counting.asked == 2
    assert more[:2] == first
    assert [(item.definition_id, item.number) for item in more] == wanted


async def test_a_cache_that_is_full_begins_anew_and_still_answers(world: World) -> None:
    wanted = sorted((key, 1) for key in world.reference.definitions)
    assert len(wanted) > 3
    cache = VersionCache(3, load_versions)
    async with world.database.reader(world.tenant_id) as connection:
        counting: Any = Counting(connection)
        await cache.read(counting, world.tenant_id, wanted[:3])
        found = await cache.read(counting, world.tenant_id, wanted)
        assert [item.definition_id for item in found] == [item[0] for item in wanted]
        await cache.read(counting, world.tenant_id, wanted[-1:])
        assert counting.asked == 2
        await cache.read(counting, world.tenant_id, [wanted[0]])
        assert counting.asked == 2, "what is wanted at once is kept together"
