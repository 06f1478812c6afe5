"""The application over a company of this test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bpm_crm.embedded.server import Server
from tests.api.client import Api, an_api
from tests.api.stage import Stage, a_stage
from tests.world import World


@pytest.fixture
async def api(world: World, tmp_path: Path) -> AsyncIterator[Api]:
    """The application over a company of this test's own."""
    async with an_api(world, tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
async def stage(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Two companies behind one API, shared by the tests of one worker that leave them as they are."""
    async with a_stage(postgres, template, tmp_path_factory.mktemp("stage")) as found:
        yield found
