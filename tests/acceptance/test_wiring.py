"""How commands, API and worker are put together: poolers, event loop, whose workers count, when parts are started again."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from bpm_crm import worker
from bpm_crm.cli.main import app
from bpm_crm.cli.provision import Provision
from bpm_crm.cli.supervisor import LONGEST_PAUSE, STEADY_SECONDS, Part, Supervisor
from bpm_crm.config import Settings
from bpm_crm.embedded.server import Server
from bpm_crm.operations.demo import loading
from bpm_crm.records.bootstrap import Access
from bpm_crm.records.database import Database
from bpm_crm.records.readiness import WORKER_LOCK, announce_worker, readiness
from tests.databases import cloned

LOG = """<log xes.version="1.0"><trace><string key="concept:name" value="1"/><string key="channel" value="web"/>
<event><string key="concept:name" value="asked"/><date key="time:timestamp" value="2026-11-02T10:00:00Z"/></event>
<event><string key="concept:name" value="answered"/><date key="time:timestamp" value="2026-11-02T11:00:00Z"/></event>
</trace></log>"""


@pytest.fixture
async def listener(access: Access) -> AsyncIterator[asyncpg.Connection]:
    """A connection by which a worker of this database announces itself."""
    connection = await asyncpg.connect(access.worker)
    yield connection
    await connection.close()


async def test_a_worker_of_another_database_of_the_server_does_not_count(
    access: Access, listener: asyncpg.Connection, postgres: Server, template: str
) -> None:
    async with cloned(postgres, template) as other:
        ours, theirs = await Database.connect(access.app, size=2), await Database.connect(other.app, size=2)
        try:
            assert [(await readiness(database)).has_worker for database in (ours, theirs)] == [False, False]
            await announce_worker(listener)
            assert [(await readiness(database)).has_worker for database in (ours, theirs)] == [True, False]
        finally:
            await ours.close()
            await theirs.close()


async def test_a_lock_that_only_shares_the_number_is_no_worker(access: Access, listener: asyncpg.Connection) -> None:
    database = await Database.connect(access.app, size=2)
    await listener.execute("SELECT pg_advisory_lock_shared(1, $1)", WORKER_LOCK)
    assert not (await readiness(database)).has_worker
    await database.close()


@pytest.mark.parametrize("through_pooler", [False, True])
async def test_every_command_connects_as_a_worker_does(
    access: Access,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    through_pooler: bool,
) -> None:
    heard: dict[str, set[bool]] = {}
    connect = Database.connect

    async def heard_connect(dsn: str, *, size: int = 8, through_pooler: bool = False) -> Database:
        heard.setdefault(dsn, set()).add(through_pooler)
        return await connect(dsn, size=size, through_pooler=through_pooler)

    async def load_nothing(*_: Any, **__: Any) -> None:
        return

    monkeypatch.setattr(Database, "connect", heard_connect)
    monkeypatch.setattr(loading, "load_year", load_nothing)
    log = tmp_path / "small.xes"
    log.write_text(LOG, encoding="utf-8")
    pooled = f"{access.worker}&application_name=pooler"
    environment = {
        "BPM_CRM_HOME": str(tmp_path),
        "BPM_CRM_DATABASE_URL": access.owner,
        "BPM_CRM_APP_DATABASE_URL": access.app,
        "BPM_CRM_WORKER_DATABASE_URL": pooled,
        "BPM_CRM_THROUGH_POOLER": str(through_pooler).lower(),
    }
    for command in (["demo"], ["import-log", str(log)], ["verify"], ["rebuild"]):
        heard.clear()
        done = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
        assert done.exit_code == 0, done.output
        assert heard == {access.owner: {False}, pooled: {through_pooler}}, command[0]


def test_the_worker_runs_on_the_loop_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[str] = []

    async def told(_settings: Settings) -> None:
        loops.append(type(asyncio.get_running_loop()).__module__)

    monkeypatch.setattr(worker, "run", told)
    monkeypatch.setattr(worker, "set_up_logs", lambda _form: None)
    worker.main()
    assert loops == ["uvloop"]


def test_a_first_death_is_not_paused_for_and_later_ones_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead:
        returncode = 1

        def poll(self) -> int:
            return self.returncode

    launched: list[float] = []
    now = 100.0

    def launch(_self: Supervisor, part: Part) -> None:
        launched.append(round(now, 2))
        part.process, part.started_at = Dead(), now  # type: ignore[assignment]

    monkeypatch.setattr(Supervisor, "_launch", launch)
    provision = Provision(Settings(), Access("", "", ""), None)
    supervisor, part = Supervisor(provision, {}, lambda _text: None), Part("api", [])
    launch(supervisor, part)
    while len(launched) < 10:
        supervisor._keep(part, now)
        now = max(now, part.due_at)
    pauses = [round(later - earlier, 2) for earlier, later in pairwise(launched)]
    assert pauses == [0, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, LONGEST_PAUSE, LONGEST_PAUSE]
    now += STEADY_SECONDS + 1
    supervisor._keep(part, now)
    assert launched[-1] == round(now, 2)
