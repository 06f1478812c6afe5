"""GraphQL over WebSockets: the protocol graphql-transport-ws, authentication, limits."""

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.guard import Limits
from bpm_crm.engine.definition import Title
from tests.api import toy

HERE = Path(__file__).parent
DATA = Path(os.environ.get("BPM_CRM_TEST_DATA", HERE.parents[1] / ".." / "shared" / "data"))
VECTORS = DATA / "graphql" / "graphql_ws_vectors.json"
EVENTS = "text/event-stream"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with toy.serving(toy.endpoint(init_seconds=1, deadline_seconds=5)) as address:
        yield address


@asynccontextmanager
async def connected(url: str, **options: Any) -> AsyncIterator[ClientConnection]:
    address = url.replace("http", "ws", 1)
    async with connect(
        address, subprotocols=options.pop("subprotocols", ["graphql-transport-ws"]), proxy=None, **options
    ) as socket:
        yield socket


@asynccontextmanager
async def acknowledged(url: str, payload: dict[str, Any] | None = None) -> AsyncIterator[ClientConnection]:
    async with connected(url) as socket:
        await send(socket, type="connection_init", payload=payload)
        assert await receive(socket) == {"type": "connection_ack"}
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def subscribe(socket: ClientConnection, id_: str, query: str, **others: Any) -> None:
    await send(socket, id=id_, type="subscribe", payload=toy.ask(query, **others))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def closed(socket: ClientConnection) -> int | None:
    """The code the server closes with, after whatever it still sends."""
    async with asyncio.timeout(10):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as closing:
            return closing.rcvd.code if closing.rcvd else None


def matches(expected: Any, got: Any) -> bool:
    if expected == "@errors":
        return isinstance(got, list) and bool(got) and all("message" in error for error in got)
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(key in got and matches(value, got[key]) for key, value in expected.items())
    return expected == got


async def play(socket: ClientConnection, step: dict[str, Any]) -> None:
    match step:
        case {"send": message}:
            await send(socket, **message)
        case {"send_raw": text}:
            await socket.send(text)
        case {"expect": expected}:
            got = await receive(socket)
            assert matches(expected, got), f"expected {expected}, got {got}"
        case {"silence": seconds}:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), seconds)
        case {"at_most": count, "during": seconds}:
            types = await types_of_messages(socket, seconds)
            assert len(types) <= count
            assert set(types) <= {"next"}


async def types_of_messages(socket: ClientConnection, seconds: float) -> list[str]:
    types = []
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                types.append(json.loads(await socket.recv())["type"])
    return types


def vectors() -> list[Any]:
    if not VECTORS.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"the test data is not here: {VECTORS}"))]
    return [pytest.param(vector, id=vector["id"]) for vector in json.loads(VECTORS.read_text())["vectors"]]


@pytest.mark.parametrize("vector", vectors())
async def test_the_websocket_protocol_is_kept(url: str, vector: dict[str, Any]) -> None:
    code = None
    async with connected(url, subprotocols=[vector.get("subprotocol", "graphql-transport-ws")]) as socket:
        try:
            for step in vector["steps"]:
                await play(socket, step)
            if "close" in vector:
                code = await closed(socket)
        except ConnectionClosed as closing:
            code = closing.rcvd.code if closing.rcvd else -1
    assert code == vector.get("close") or code in vector.get("close_any", ())


async def test_a_socket_is_authenticated_by_its_first_message(caplog: pytest.LogCaptureFixture) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.bearer)) as url:
        async with acknowledged(url, {"Authorization": f"Bearer {toy.TOKEN}"}) as socket:
            await subscribe(socket, "1", "{ whoami }")
            assert (await receive(socket))["payload"]["data"]["whoami"].startswith("ali ")
        async with connected(url) as socket:
            await send(socket, type="connection_init", payload={"Authorization": "Bearer nonsense"})
            assert await closed(socket) == 4403


async def test_a_context_factory_that_fails_closes_the_socket_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.broken)) as url, connected(url) as socket:
        await send(socket, type="connection_init")
        assert await closed(socket) == 4500
    assert toy.SECRET not in caplog.text
    assert len(caplog.records) == 1


async def test_each_operation_on_a_socket_has_a_context_and_a_request_id_of_its_own(url: str) -> None:
    async with acknowledged(url) as socket:
        seen = set()
        for number in range(2):
            await subscribe(socket, str(number), "{ whoami forbidden }")
            payload = (await receive(socket))["payload"]
            seen.add(payload["data"]["whoami"])
            assert payload["data"]["whoami"].endswith(payload["errors"][0]["extensions"]["requestId"])
            assert (await receive(socket))["type"] == "complete"
    assert len(seen) == 2


async def test_a_socket_is_closed_when_its_credentials_expire() -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.expiring(0.3))) as url, acknowledged(url) as socket:
        await subscribe(socket, "1", "subscription { ticks(every: 60) }")
        assert (await receive(socket))["type"] == "next"
        begin = time.perf_counter()
        assert await closed(socket) == 4403
        assert time.perf_counter() - begin < 5


async def test_a_socket_whose_credentials_are_renewed_lives_on() -> None:
    async with (
        toy.serving(toy.endpoint(context_factory=toy.expiring(0.2, times=3))) as url,
        acknowledged(url) as socket,
    ):
        await asyncio.sleep(0.4)
        await subscribe(socket, "1", "{ hello }")
        assert (await receive(socket))["type"] == "next"
        assert await closed(socket) == 4403


async def test_credentials_that_have_expired_already_are_refused() -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.expiring(-1))) as url, connected(url) as socket:
        await send(socket, type="connection_init")
        assert await closed(socket) == 4403


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [(None, True), ("https://app.example", True), ("https://evil.example", False), ("null", False), ("same", True)],
)
async def test_a_page_of_another_origin_may_not_open_a_socket(origin: str | None, is_allowed: bool) -> None:
    async with toy.serving(toy.endpoint(allowed_origins=["https://app.example"])) as url:
        own = url.removesuffix("/graphql")
        status = 101
        try:
            async with connected(url, origin=own if origin == "same" else origin):
                pass
        except InvalidStatus as refused:
            status = refused.response.status_code
    assert status == (101 if is_allowed else 403)


async def test_a_message_that_is_too_long_or_binary_closes_the_socket() -> None:
    async with toy.serving(toy.endpoint(limits=Limits(body_bytes=1_000))) as url:
        async with connected(url) as socket:
            await socket.send("x" * 1_001)
            assert await closed(socket) == 1009
        async with connected(url) as socket:
            await socket.send(b'{"type": "connection_init"}')
            assert await closed(socket) == 4400


async def test_operations_in_flight_are_counted_for_each_connection_and_for_the_process() -> None:
    app = toy.endpoint(limits=Limits(operations_per_connection=2, streams=3))
    async with toy.serving(app) as url:
        async with acknowledged(url) as one, acknowledged(url) as other:
            for id_ in ("a", "b", "c"):
                await subscribe(one, id_, "subscription { ticks(every: 60) }")
            answers = [await receive(one) for _ in range(3)]
            refused = [answer for answer in answers if answer["type"] == "error"]
            assert [(answer["id"], answer["payload"][0]["extensions"]["code"]) for answer in refused] == [
                ("c", "OVERLOADED")
            ]
            for id_ in ("d", "e"):
                await subscribe(other, id_, "subscription { ticks(every: 60) }")
            answers = [await receive(other) for _ in range(2)]
            refused = [answer for answer in answers if answer["type"] == "error"]
            assert [(answer["id"], answer["payload"][0]["extensions"]["code"]) for answer in refused] == [
                ("e", "OVERLOADED")
            ]
            async with httpx.AsyncClient(headers={"accept": EVENTS}) as http:
                assert (await http.post(url, json=toy.ask("subscription { greetings }"))).status_code == 503
            await send(one, id="a", type="complete")
            await toy.until(lambda: app.streams.count == 2)
            await subscribe(other, "f", "subscription { ticks(every: 60) }")
            assert (await receive(other))["type"] == "next"
        await toy.until(lambda: app.streams.count == 0)


async def test_the_guard_and_the_documents_hold_on_sockets_too(url: str) -> None:
    async with acknowledged(url) as socket:
        for query, code in (
            ("{" + " hello" * 21 + " }", "QUERY_TOO_COMPLEX"),
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("{ boom }", None),
        ):
            await subscribe(socket, "1", query)
            answer = await receive(socket)
            assert answer["type"] == ("error" if code else "next")
            errors = answer["payload"] if code else answer["payload"]["errors"]
            assert errors[0]["extensions"]["code"] == (code or "INTERNAL")
            if not code:
                assert (await receive(socket))["type"] == "complete"


async def test_when_a_socket_closes_its_sources_are_closed() -> None:
    context = toy.ToyContext()

    async def known(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> toy.ToyContext:
        return context

    async with toy.serving(toy.endpoint(context_factory=known)) as url:
        async with acknowledged(url) as socket:
            await subscribe(socket, "1", "subscription { watched }")
            assert (await receive(socket))["type"] == "next"
        await toy.until(lambda: context.events == ["closed"])


async def test_a_client_that_vanishes_leaves_nothing_behind_and_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    app = toy.endpoint()
    async with toy.serving(app) as url, acknowledged(url) as socket:
        await subscribe(socket, "1", "subscription { ticks(every: 0) }")
        await subscribe(socket, "2", "{ slow(seconds: 60) }")
        assert (await receive(socket))["type"] == "next"
        assert app.streams.count == 2
        socket.transport.abort()
        await toy.until(lambda: app.streams.count == 0)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_context_that_cannot_be_made_for_an_operation_ends_only_that_operation() -> None:
    class Deactivated(toy.ToyContext):
        def for_operation(self, request_id: str) -> toy.ToyContext:
            raise Fault(Code.UNAUTHENTICATED, Title("Nobody active is behind these credentials.", "Никого нет."))

    async def factory(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> toy.ToyContext:
        return Deactivated()

    async with toy.serving(toy.endpoint(context_factory=factory)) as url, acknowledged(url) as socket:
        await subscribe(socket, "1", "{ hello }")
        answer = await receive(socket)
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        await send(socket, type="ping")
        assert (await receive(socket))["type"] == "pong"
