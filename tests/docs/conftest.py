"""The application over a company of this test's own, for the examples of the documentation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.client import Api, an_api
from tests.world import World


@pytest.fixture
async def api(world: World, tmp_path: Path) -> AsyncIterator[Api]:
    """The application over a company of this test's own."""
    async with an_api(world, tmp_path) as found:
        yield found
