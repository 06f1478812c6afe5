"""What callers are told while the database cannot be reached, and that all goes on when it is back."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect

from bpm_crm.api.faults import explain
from bpm_crm.embedded.server import Server, ensure_server
from bpm_crm.operations.commands import Recorded
from bpm_crm.records import database as databases
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import Access, prepare_server
from bpm_crm.records.database import Database
from bpm_crm.records.outages import CommitInterrupted, is_outage
from bpm_crm.records.roles import LOGINS
from tests.api.client import Api, an_api
from tests.api.serving import served
from tests.homes import an_open_home
from tests.world import World, a_world

KEEPING = {"fsync": "off"}
"""What was committed outlives a killed server, though not a power cut."""
CASES = "{ processInstances { totalCount } }"
ONE = 'query { processInstance(ref: {dealKey: "D-2026-000001"}) { id } }'
CHANGES = "subscription { instanceChanged { record { sequence } } }"


@dataclass
class Ground:
    """An API over a server of its own, which may be killed."""

    home: Path
    server: Server
    api: Api

    def revive(self) -> None:
        self.server = ensure_server(self.home, settings=KEEPING)


@pytest.fixture(scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    with an_open_home() as home, ensure_server(home, settings=KEEPING) as server:
        await prepare_server(server.dsn(server.superuser, "postgres"), "bpm_crm")
        access = Access(*(server.dsn(role, "bpm_crm") for role in LOGINS))
        await migrations.upgrade(access.owner)
        async with a_world(access) as world, an_api(world, tmp_path_factory.mktemp("api")) as api:
            found = Ground(home, server, api)
            yield found
        found.server.stop()


async def posted(api: Api, query: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {api.token('admin')}", "accept": "application/graphql-response+json"}
    return await api.client.post("/graphql", json={"query": query}, headers=headers)


def code(answer: httpx.Response) -> Any:
    return answer.json()["errors"][0]["extensions"]["code"]


async def answers_again(api: Api) -> None:
    for _ in range(200):
        answer = await posted(api, CASES)
        if answer.status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(answer.text)


async def test_reads_answer_503_and_nothing_else_while_the_server_is_gone_and_go_on_when_it_is_back(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    api = ground.api
    assert (await posted(api, CASES)).status_code == 200
    found = []
    for end in (signal.SIGKILL, signal.SIGINT):
        reading = asyncio.create_task(reads_until_refused(api))
        await asyncio.sleep(0.1)
        os.kill(ground.server.pid, end)
        found += [await reading, *[await posted(api, query) for query in (CASES, ONE, CASES, ONE)]]
        ground.revive()
        await answers_again(api)
    assert {(answer.status_code, code(answer), answer.headers.get("retry-after")) for answer in found} == {
        (503, "UNAVAILABLE", "1")
    }
    assert {answer.json()["errors"][0]["message"] for answer in found} == {
        "The database does not answer. Try again in a moment."
    }
    ours = [record for record in caplog.records if record.name == "bpm_crm.api"]
    assert ours
    assert {(record.levelno, record.exc_info) for record in ours} == {(logging.WARNING, None)}


async def reads_until_refused(api: Api) -> httpx.Response:
    """The first refusal, once no connection of the pool is left: backends outlive a killed server for a moment."""
    while (answer := await posted(api, CASES)).status_code == 200:
        continue
    await asyncio.sleep(0.3)
    return answer


async def test_a_socket_is_told_of_an_outage_and_a_new_one_serves_when_it_is_over(ground: Ground) -> None:
    api = ground.api
    async with served(api.application, lifespan="off") as url:
        address = url.replace("http", "ws") + "/graphql"
        payload = {"Authorization": f"Bearer {api.token('admin')}"}

        async def opened(socket: Any) -> None:
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"

        async def asked(socket: Any) -> dict[str, Any]:
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CASES}}))
            found: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
            return found

        async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
            await opened(socket)
            os.kill(ground.server.pid, signal.SIGKILL)
            await reads_until_refused(api)
            refused = await asked(socket)
        assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "UNAVAILABLE")
        ground.revive()
        await answers_again(api)
        async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
            await opened(socket)
            assert (await asked(socket))["type"] == "next"


async def test_a_pool_that_gives_no_connection_in_time_is_an_outage(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "ACQUIRE_SECONDS", 0.2)
    async with an_api(world, tmp_path, pool_size=2) as api:
        await api.data(CASES)
        pool = api.application.state.database
        async with pool.reader(world.tenant_id), pool.reader(world.tenant_id):
            refused = await posted(api, CASES)
            assert (refused.status_code, code(refused)) == (503, "UNAVAILABLE")
            ready = await api.client.get("/readyz")
            assert (ready.status_code, ready.json()["database"]) == (503, False)
        assert (await posted(api, CASES)).status_code == 200


async def test_who_is_behind_a_token_is_not_waited_for_longer_than_an_operation(world: World, tmp_path: Path) -> None:
    async with an_api(world, tmp_path, deadline_seconds=0.3, pool_size=2) as api:
        pool = api.application.state.database
        async with pool.reader(world.tenant_id), pool.reader(world.tenant_id):
            refused = await asyncio.wait_for(posted(api, CASES), 3)
        assert (refused.status_code, code(refused)) == (503, "UNAVAILABLE")


OUTAGES = (
    ConnectionRefusedError(111, "refused"),
    ConnectionResetError(104, "reset"),
    FileNotFoundError(2, "no socket"),
    TimeoutError(),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    asyncpg.CrashShutdownError("crash of another server process"),
    asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    asyncpg.DiskFullError("no space left on device"),
    asyncpg.InvalidPasswordError("password authentication failed"),
    asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    asyncpg.InterfaceError("pool is closing"),
    asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
    asyncpg.InterfaceError("cannot call Connection.fetch(): connection has been released back to the pool"),
)
BUGS = (
    asyncpg.DataError("invalid input for query argument $1"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.UndefinedColumnError("column does not exist"),
    asyncpg.UniqueViolationError("duplicate key"),
    LookupError("no"),
)


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: f"{type(error).__name__} {error}")
def test_an_outage_is_told_as_unavailable(error: Exception) -> None:
    assert is_outage(error)
    assert explain(error, request_id="r").code == "UNAVAILABLE"


@pytest.mark.parametrize("error", BUGS, ids=lambda error: f"{type(error).__name__} {error}")
def test_a_bug_is_not_taken_for_an_outage(error: Exception) -> None:
    assert not is_outage(error)
    assert explain(error, request_id="r").code == "INTERNAL"


def test_a_statement_that_takes_too_long_and_a_commit_that_was_cut_off_are_told_as_what_they_are() -> None:
    slow = explain(asyncpg.QueryCanceledError("canceling statement due to statement timeout"), request_id="r")
    assert slow.code == "DEADLINE_EXCEEDED"
    cut = explain(CommitInterrupted(), request_id="r")
    assert (cut.code, cut.extensions) == ("UNAVAILABLE", {"uncertain": True})


async def cut_off(world: World, connection: asyncpg.Connection) -> None:
    """End the server's side of a connection behind its back."""
    admin = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await admin.execute("SELECT pg_terminate_backend($1, 5000)", connection.get_server_pid())
    await admin.close()


async def test_a_commit_that_an_outage_cuts_off_is_uncertain(world: World) -> None:
    with pytest.raises(CommitInterrupted):
        async with world.database.transaction(world.tenant_id) as connection:
            await cut_off(world, connection)
    assert isinstance(await world.do(None, world.capture()), Recorded)


async def test_reading_is_never_uncertain(world: World) -> None:
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
        async with world.database.reader(world.tenant_id) as connection:
            await cut_off(world, connection)
    assert is_outage(caught.value)


async def test_a_transaction_cancelled_while_it_begins_leaves_none_open_in_the_pool(world: World) -> None:
    database = await Database.connect(world.access.app, size=1)
    try:
        for pause in range(40):
            task = asyncio.create_task(reading(database, world))
            for _ in range(pause // 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with database.across_tenants() as connection:
                assert not connection.is_in_transaction()
    finally:
        await database.close()


async def reading(database: Database, world: World) -> None:
    async with database.transaction(world.tenant_id) as connection:
        await connection.execute("SELECT pg_sleep(1)")
