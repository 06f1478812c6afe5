"""A desk in a company of the test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.excel.desk import Desk, a_desk
from tests.world import World


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    """A company, and what its jobs are carried out with."""
    async with a_desk(world) as found:
        yield found
