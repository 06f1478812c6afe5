"""GraphQL over server-sent events."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.websockets import WebSocket

from bpm_crm.api import _event_stream
from tests.api import toy

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
URQL = f"{GRAPHQL}, application/graphql+json, {JSON}, {EVENTS}, multipart/mixed"


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with toy.serving(toy.endpoint(init_seconds=1, deadline_seconds=5)) as address:
        yield address


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers={"accept": GRAPHQL}, timeout=30) as http:
        yield http


def frames(text: str) -> list[tuple[str, Any]]:
    """The events of a stream; comments are left out."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":") and line)
        if lines:
            events.append((lines["event"], json.loads(lines["data"]) if lines["data"] else None))
    return events


@pytest.mark.parametrize("accept", [EVENTS, URQL, f"{JSON}, {EVENTS}"])
async def test_a_subscription_over_http_is_an_event_stream(url: str, client: httpx.AsyncClient, accept: str) -> None:
    response = await client.post(url, json=toy.ask("subscription { greetings }"), headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert "\r" not in response.text
    names = [event for event, _ in frames(response.text)]
    assert names == ["next"] * 5 + ["complete"]
    assert frames(response.text)[4][1]["data"] == {"greetings": "Zdravo"}


async def test_a_subscription_by_a_client_that_takes_no_event_stream_is_refused(
    url: str, client: httpx.AsyncClient
) -> None:
    response = await client.post(url, json=toy.ask("subscription { greetings }"))
    assert response.status_code == 406
    assert "WebSocket" in toy.only_error(response)["message"]


async def test_a_client_that_takes_only_event_streams_gets_queries_as_one(url: str, client: httpx.AsyncClient) -> None:
    response = await client.post(url, json=toy.ask("{ hello }"), headers={"accept": EVENTS})
    assert [(event, data and data["data"]) for event, data in frames(response.text)] == [
        ("next", {"hello": "world"}),
        ("complete", None),
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { secrets }", "FORBIDDEN"),
        ("query ($a: Int!) { items(first: $a) { totalCount } }", "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", "BAD_REQUEST"),
    ],
)
async def test_in_an_event_stream_a_refusal_is_an_event(
    url: str, client: httpx.AsyncClient, query: str, code: str
) -> None:
    response = await client.post(url, json=toy.ask(query), headers={"accept": EVENTS})
    assert response.status_code == 200
    (event, data), end = frames(response.text)
    assert (event, end) == ("next", ("complete", None))
    assert data["errors"][0]["extensions"]["code"] == code
    assert "data" not in data


async def test_an_event_that_cannot_be_written_as_json_ends_the_stream_with_a_masked_error(
    url: str, client: httpx.AsyncClient
) -> None:
    request = toy.ask("query ($m: Money!) { extensions pay(amount: $m) }", variables={"m": "1.5"})
    response = await client.post(url, json=request, headers={"accept": EVENTS})
    (_, data), end = frames(response.text)
    assert data["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert end == ("complete", None)


async def test_a_source_that_is_never_quiet_ends_when_the_credentials_expire(client: httpx.AsyncClient) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.expiring(0.2))) as url:
        response = await client.post(url, json=toy.ask("subscription { ticks(every: 0) }"), headers={"accept": EVENTS})
    assert frames(response.text)[-2][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_source_that_fails_ends_the_stream_with_a_masked_error(url: str, client: httpx.AsyncClient) -> None:
    response = await client.post(url, json=toy.ask("subscription { throwing }"), headers={"accept": EVENTS})
    first, second, end = frames(response.text)
    assert first[1]["data"] == {"throwing": 1}
    assert second[1]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert end == ("complete", None)
    assert toy.SECRET not in response.text


async def test_when_the_client_leaves_an_event_stream_its_source_is_closed(client: httpx.AsyncClient) -> None:
    context = toy.ToyContext()

    async def known(_connection: Request | WebSocket, _payload: dict[str, Any] | None) -> toy.ToyContext:
        return context

    app = toy.endpoint(context_factory=known)
    async with toy.serving(app) as url:
        async with client.stream(
            "POST", url, json=toy.ask("subscription { watched }"), headers={"accept": EVENTS}
        ) as response:
            assert (await anext(response.aiter_text())).startswith("event: next\n")
            assert app.streams.count == 1
        await toy.until(lambda: context.events == ["closed"])
        await toy.until(lambda: app.streams.count == 0)


async def test_a_stream_ends_when_the_credentials_expire(client: httpx.AsyncClient) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.expiring(0.3))) as url:
        response = await client.post(
            url, json=toy.ask("subscription { ticks(every: 0.05) }"), headers={"accept": EVENTS}
        )
    *ticks, error, end = frames(response.text)
    assert len(ticks) >= 2
    assert error[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert end == ("complete", None)


async def test_a_quiet_stream_is_kept_alive_by_comments(
    url: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_event_stream, "KEEP_ALIVE_SECONDS", 0.05)
    request = toy.ask("{ slow(seconds: 0.3) }")
    response = await client.post(url, json=request, headers={"accept": EVENTS})
    assert response.text.startswith(":\n\n:\n\n")
    assert [event for event, _ in frames(response.text)] == ["next", "complete"]
