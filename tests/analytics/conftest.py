"""Walked worlds, each made once for a module."""

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite(
    "tests.analytics.checking", "tests.analytics.checking_stages"
)  # before it is imported: its failures show the values

from bpm_crm.embedded.server import Server  # noqa: E402
from tests.analytics.checking import Walked, walk  # noqa: E402
from tests.databases import cloned  # noqa: E402
from tests.world import a_world  # noqa: E402


@pytest.fixture(params=[1, 2], scope="package")
async def walked(request: pytest.FixtureRequest, postgres: Server, template: str) -> AsyncIterator[Walked]:
    """A world in which cases have walked at random; nobody changes it any more."""
    async with cloned(postgres, template) as access, a_world(access) as world:
        yield await walk(world, request.param)
