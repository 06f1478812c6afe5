"""Subscriptions over a real socket: steps as they are committed, alarms of clocks, scope, filters, resuming."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from bpm_crm.api.ids import to_global
from bpm_crm.operations.clocks import sweep_due
from bpm_crm.operations.commands import Assign, Fire
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from tests.api.client import Api
from tests.api.serving import served
from tests.world import World

CHANGES = "subscription ($where: InstanceWhere, $after: String) { instanceChanged(where: $where, after: $after) { revision record { sequence kind transition } instance { id stage { key } } } }"
ALARMS = "subscription { slaEvent { revision event { kind clock to user { name } } instance { id } } }"
MONDAY = datetime(2026, 11, 16, 7, tzinfo=UTC)


@asynccontextmanager
async def following(api: Api, url: str, by: str, query: str, **variables: Any) -> AsyncIterator[ClientConnection]:
    """A socket on which a person follows a subscription."""
    async with connect(
        url.replace("http", "ws") + "/graphql", subprotocols=["graphql-transport-ws"], proxy=None
    ) as socket:  # type: ignore[list-item]
        payload = {"Authorization": f"Bearer {api.token(by)}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(
            json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}})
        )
        await asyncio.sleep(0.2)
        yield socket


async def events(socket: ClientConnection, count: int, name: str = "instanceChanged") -> list[dict[str, Any]]:
    found = []
    for _ in range(count):
        message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        found.append(message["payload"]["data"][name])
    return found


async def silence(socket: ClientConnection) -> bool:
    try:
        await asyncio.wait_for(socket.recv(), 0.4)
    except TimeoutError:
        return True
    return False


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    async with served(api.application, lifespan="off") as found:
        yield found


async def test_steps_arrive_as_they_are_committed_in_order(api: Api, url: str) -> None:
    async with following(api, url, "admin", CHANGES) as socket:
        case = (await api.world.done(None, api.world.capture())).instance.id
        await api.world.done(case, Fire("contact"))
        found = await events(socket, 2)
    assert [(event["record"]["sequence"], event["record"]["kind"]) for event in found] == [
        (1, "STARTED"),
        (2, "TRANSITION"),
    ]
    assert found[0]["instance"]["id"] == to_global("ProcessInstance", case)


async def test_only_cases_inside_the_scope_are_seen(api: Api, url: str) -> None:
    async with following(api, url, "eve", CHANGES) as socket:
        await api.world.done(None, api.world.capture(team="north"))
        assert await silence(socket)
        mine = await api.world.done(None, api.world.capture(team="south"))
        assert (await events(socket, 1))[0]["instance"]["id"] == to_global("ProcessInstance", mine.instance.id)


async def test_a_filter_narrows_what_arrives(api: Api, url: str) -> None:
    where = {"stage": {"eq": "qualification"}}
    async with following(api, url, "admin", CHANGES, where=where) as socket:
        case = (await api.world.done(None, api.world.capture())).instance.id
        assert await silence(socket)
        await api.world.done(case, Fire("contact"))
        assert (await events(socket, 1))[0]["instance"]["stage"] == {"key": "qualification"}


async def test_a_follower_resumes_from_a_revision(api: Api, url: str) -> None:
    async with following(api, url, "admin", CHANGES) as socket:
        case = (await api.world.done(None, api.world.capture())).instance.id
        revision = (await events(socket, 1))[0]["revision"]
    await api.world.done(case, Fire("contact"))
    await api.world.done(case, Fire("qualify", {"need": "x"}))
    async with following(api, url, "admin", CHANGES, after=revision) as socket:
        found = await events(socket, 3)
    assert [event["record"]["sequence"] for event in found] == [1, 2, 3]


async def test_a_revision_that_is_none_is_refused(api: Api, url: str) -> None:
    async with following(api, url, "admin", CHANGES, after="nonsense") as socket:
        message = json.loads(await asyncio.wait_for(socket.recv(), 5))
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_alarms_of_clocks_arrive_with_whom_they_go_to(api: Api, url: str) -> None:
    world = api.world
    async with following(api, url, "north", ALARMS) as socket:
        await world.done(
            None,
            world.capture(occurred_at=MONDAY),
            Assign(world.founded.users["ann@example.org"], None, occurred_at=MONDAY),
            by="admin",
        )
        async with sweeping(world):
            found = await events(socket, 5, "slaEvent")
    kinds = [(event["event"]["clock"], event["event"]["kind"], event["event"]["to"]) for event in found]
    assert ("response", "BREACHED", None) in kinds
    assert ("response", "ESCALATED", "team_lead") in kinds
    to_lead = next(event for event in found if event["event"]["to"] == "team_lead")
    assert to_lead["event"]["user"] == {"name": "Mira Manager"}


@asynccontextmanager
async def sweeping(world: World) -> AsyncIterator[None]:
    """One sweep by the worker's role."""
    database = await Database.connect(world.access.worker)
    writer = Writer(database, ProcessCache())
    writer.start()
    await sweep_due(database, writer)
    yield
    await writer.stop()
    await database.close()


async def test_a_socket_with_a_bad_token_is_closed_as_forbidden(api: Api, url: str) -> None:
    async with connect(
        url.replace("http", "ws") + "/graphql", subprotocols=["graphql-transport-ws"], proxy=None
    ) as socket:  # type: ignore[list-item]
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": "Bearer forged"}}))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_an_event_stream_carries_the_same(api: Api, url: str) -> None:
    headers = {"authorization": f"Bearer {api.token('admin')}", "accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(timeout=10) as client,
        client.stream("POST", f"{url}/graphql", json={"query": CHANGES}, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        await asyncio.sleep(0.2)
        await api.world.done(None, api.world.capture())
        lines = answer.aiter_lines()
        async for line in lines:
            if line.startswith("data:"):
                break
    assert json.loads(line[5:])["data"]["instanceChanged"]["record"]["kind"] == "STARTED"


async def test_a_lost_connection_of_the_listener_loses_no_event(api: Api, url: str) -> None:
    world = api.world
    async with following(api, url, "admin", CHANGES) as socket:
        await world.done(None, world.capture())
        await events(socket, 1)
        admin = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bpm_crm listener' AND datname = current_database()"
        )
        second = await world.done(None, world.capture())
        await admin.close()
        wanted = str(to_global("ProcessInstance", second.instance.id))
        async with asyncio.timeout(10):
            while (await events(socket, 1))[0]["instance"]["id"] != wanted:
                continue
