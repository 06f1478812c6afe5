"""A real PostgreSQL for the suite: one server per worker, one database per test, cloned from a migrated template."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import Access, prepare_server
from tests.databases import cloned
from tests.homes import an_open_home
from tests.world import World, a_world

ACCEPTANCE = "tests/acceptance/"
TEMPLATE = "bpm_crm_template"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


class WholeFiles(LoadScopeScheduling):
    """A file's tests run in one worker, so that what they share is set up once; so do all that share the running product."""

    def _split_scope(self, nodeid: str) -> str:
        return ACCEPTANCE if nodeid.startswith(ACCEPTANCE) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeFiles:
    return WholeFiles(config, log)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of shared test data; tests that need it skip where it is absent."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BPM_CRM_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"shared test data is not in {folder}")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server of this test process: without fsync, since nothing here must outlive it."""
    with an_open_home() as home, ensure_server(home, settings=FAST) as server:
        yield server


@pytest.fixture(scope="session")
async def template(postgres: Server) -> str:
    """A migrated database that every test's own is cloned from."""
    await prepare_server(postgres.dsn(postgres.superuser, "postgres"), TEMPLATE)
    await migrations.upgrade(postgres.dsn("bpm_crm_owner", TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def access(postgres: Server, template: str) -> AsyncIterator[Access]:
    """A database of this test's own, and how each role reaches it."""
    async with cloned(postgres, template) as found:
        yield found


@pytest.fixture
async def world(access: Access) -> AsyncIterator[World]:
    """A company in a database of its own, ready to work."""
    async with a_world(access) as found:
        yield found
