"""GraphQL over HTTP: negotiation, requests, what of Strawberry works, request ids, errors of every code, authentication."""

import asyncio
import json
import logging
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
from graphql import get_introspection_query
from strawberry.extensions import MaskErrors

from bpm_crm.api.faults import STATUS, Code
from bpm_crm.api.guard import Limits
from tests.api import toy

HERE = Path(__file__).parent
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


# --- GraphQL over HTTP


async def test_graphql_http_finds_nothing_to_object_to(url: str) -> None:
    """The 61 audits of the reference implementation."""
    if shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed")
    folder = HERE / "http_audit"
    if not (folder / "node_modules").is_dir():
        code, output = await run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", folder=folder)
        if code:
            pytest.skip(f"graphql-http cannot be installed here: {output[-300:]}")
    code, output = await run("node", "audit.mjs", url, folder=folder)
    assert code == 0, output
    results = json.loads(output)
    assert len(results) == 61
    assert [result for result in results if result["status"] != "ok"] == []


async def run(*command: str, folder: Path) -> tuple[int, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=pipe, stderr=asyncio.subprocess.DEVNULL)
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", JSON),
        ("", JSON),
        ("application/*", JSON),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL};charset=utf-8, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0, */*", JSON),
        (URQL, GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        (f"{EVENTS}, {JSON};q=0.1", JSON),
    ],
)
async def test_the_answer_comes_in_the_media_type_that_is_liked_best(
    url: str, client: httpx.AsyncClient, accept: str, media: str
) -> None:
    response = await client.post(url, json=toy.ask("{ hello }"), headers={"accept": accept})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{media}; charset=utf-8"
    assert response.json()["data"] == {"hello": "world"}


@pytest.mark.parametrize("accept", ["text/plain", f"{JSON};q=0", "image/*", f"{JSON};q=nonsense"])
async def test_an_answer_that_cannot_be_given_in_any_accepted_type_is_refused(
    url: str, client: httpx.AsyncClient, accept: str
) -> None:
    response = await client.post(url, json=toy.ask("{ hello }"), headers={"accept": accept})
    assert response.status_code == 406
    assert toy.only_error(response)["extensions"]["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    "media", ["text/plain", "application/json; charset=utf-16", "multipart/form-data; boundary=x", ""]
)
async def test_a_body_that_is_not_json_in_utf8_is_refused(url: str, client: httpx.AsyncClient, media: str) -> None:
    response = await client.post(url, content=b'{"query": "{ hello }"}', headers={"content-type": media})
    assert response.status_code == 415
    assert toy.only_error(response)["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(("method", "allow"), [("PUT", "GET, POST"), ("DELETE", "GET, POST"), ("HEAD", "GET, POST")])
async def test_another_method_is_refused_and_told_which_are_allowed(
    url: str, client: httpx.AsyncClient, method: str, allow: str
) -> None:
    response = await client.request(method, url)
    assert response.status_code == 405
    assert response.headers["allow"] == allow


@pytest.mark.parametrize("query", ["mutation { noop }", "subscription { greetings }"])
async def test_only_queries_may_be_sent_by_get(url: str, client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(url, params={"query": query}, headers={"accept": URQL})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert "data" not in response.json()


async def test_a_query_by_get_takes_its_variables_from_the_url(url: str, client: httpx.AsyncClient) -> None:
    parameters = {
        "query": "query A($t: String!) { echo(text: $t) } query B { hello }",
        "variables": '{"t": "Ё & 😀"}',
        "operationName": "A",
    }
    response = await client.get(url, params=parameters)
    assert response.json()["data"] == {"echo": "Ё & 😀"}


@pytest.mark.parametrize(
    "query_string",
    ["", "query=", "query=%FF", "query={hello}&variables=[1]", "query={hello}&variables={", "&".join(["a=1"] * 50)],
)
async def test_a_bad_url_is_refused(url: str, client: httpx.AsyncClient, query_string: str) -> None:
    response = await client.get(f"{url}?{query_string}")
    assert response.status_code == 400
    assert toy.only_error(response)["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"query": "\xff"}', "not JSON"),
        (b"[" * 5_000, "not JSON"),
        (b'[{"query": "{ hello }"}]', "Batches are not served"),
        (b'"{ hello }"', "JSON object with `query`"),
        (b"{}", "`query` must be a string"),
        (b'{"query": ""}', "`query` must be a string"),
        (b'{"query": "{ hello }", "variables": "{}"}', "`variables` must be"),
        (b'{"query": "{ hello }", "operationName": 1}', "`operationName` must be"),
        (b'{"query": "{ hello }", "extensions": []}', "`extensions` must be"),
        (b'{"query": "{ hello }", "operationName": "X"}', "no operation named 'X'"),
    ],
)
@pytest.mark.parametrize("accept", [GRAPHQL, JSON])
async def test_what_is_no_graphql_request_is_refused(
    url: str, client: httpx.AsyncClient, body: bytes, said: str, accept: str
) -> None:
    response = await client.post(url, content=body, headers={"content-type": JSON, "accept": accept})
    assert response.status_code == 400
    assert said in toy.only_error(response)["message"]
    assert toy.only_error(response)["extensions"]["code"] == "BAD_REQUEST"
    assert "data" not in response.json()


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (toy.ask("{"), "GRAPHQL_PARSE_FAILED"),
        (toy.ask("{ nope }"), "GRAPHQL_VALIDATION_FAILED"),
        (toy.ask("{" + " hello" * 21 + " }"), "QUERY_TOO_COMPLEX"),
        (
            toy.ask(
                "query ($n: Int) { items(first: $n) { nodes { items { nodes { parts { name weight parts { name weight } } } } } } }",
                variables={"n": 200},
            ),
            "QUERY_TOO_COMPLEX",
        ),
        (
            toy.ask("{ hello }", variables={"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}),
            "QUERY_TOO_COMPLEX",
        ),
        (toy.ask("query ($n: Int!) { items(first: $n) { totalCount } }"), "BAD_USER_INPUT"),
        (toy.ask("query ($m: Money!) { pay(amount: $m) }", variables={"m": "much"}), "BAD_USER_INPUT"),
        (toy.ask("query ($p: Patch!) { patch(patch: $p) }", variables={"p": {"nope": 1}}), "BAD_USER_INPUT"),
    ],
)
async def test_a_request_that_cannot_be_run_has_no_data_and_the_status_its_media_type_asks_for(
    url: str, client: httpx.AsyncClient, request_: dict[str, Any], code: str
) -> None:
    modern = await client.post(url, json=request_)
    legacy = await client.post(url, json=request_, headers={"accept": JSON})
    assert (modern.status_code, legacy.status_code) == (400, 200)
    for response in (modern, legacy):
        assert toy.only_error(response)["extensions"]["code"] == code
        assert "data" not in response.json()


async def test_a_mistyped_member_of_a_variable_is_answered_with_a_suggestion_and_many_are_not(
    url: str, client: httpx.AsyncClient
) -> None:
    query = "query ($p: Patch!) { patch(patch: $p) }"
    one = await client.post(url, json=toy.ask(query, variables={"p": {"nane": "x"}}))
    many = await client.post(url, json=toy.ask(query, variables={"p": {f"nane{n}": "x" for n in range(1_000)}}))
    assert "Did you mean 'name'" in toy.only_error(one)["message"]
    assert "Did you mean" not in many.text
    assert len(many.json()["errors"]) <= Limits().errors + 1


async def test_the_cost_comes_with_the_answer(url: str, client: httpx.AsyncClient) -> None:
    response = await client.post(
        url, json=toy.ask("query ($n: Int) { items(first: $n) { nodes { id } } }", variables={"n": 3})
    )
    assert response.json()["extensions"]["cost"] == {"total": 5, "introspection": 0, "depth": 3, "fields": 3}


async def test_the_standard_introspection_is_answered_and_the_second_time_without_running(
    url: str, client: httpx.AsyncClient
) -> None:
    request = toy.ask(get_introspection_query(), operationName="IntrospectionQuery")
    first, second = [await client.post(url, json=request) for _ in range(2)]
    assert first.json()["data"]["__schema"]["queryType"] == {"name": "Query", "kind": "OBJECT"}
    assert first.json() == second.json()


@pytest.mark.parametrize(
    ("query", "variables", "data"),
    [
        (
            "{ items(first: 1) { nodes { id colour price parts { name } } } }",
            {},
            {"items": {"nodes": [{"id": "0", "colour": "RED", "price": "9.90", "parts": [{"name": "part"}] * 2}]}},
        ),
        (
            "query ($r: Reference!) { find(ref: $r) { __typename } }",
            {"r": {"key": "k"}},
            {"find": {"__typename": "NotFound"}},
        ),
        ('{ find(ref: {id: "7"}) { ... on Item { id } } }', {}, {"find": {"id": "7"}}),
        ("{ patch(patch: {}) }", {}, {"patch": "name None size None"}),
        ("{ patch(patch: {name: null, size: 1}) }", {}, {"patch": "name Some(None) size Some(1)"}),
        ("query ($p: Patch!) { patch(patch: $p) }", {"p": {"name": None}}, {"patch": "name Some(None) size None"}),
        ("{ paint(colour: BLUE) }", {}, {"paint": "BLUE"}),
        ('{ pay(amount: "1.10") }', {}, {"pay": "1.10"}),
        ("query ($a: Boolean!) { hello @include(if: $a) }", {"a": False}, {}),
        ("mutation { noop }", {}, {"noop": True}),
    ],
)
async def test_what_strawberry_puts_into_the_schema_works(
    url: str, client: httpx.AsyncClient, query: str, variables: dict[str, Any], data: dict[str, Any]
) -> None:
    response = await client.post(url, json=toy.ask(query, variables=variables))
    assert response.json()["data"] == data
    assert "errors" not in response.json()


async def test_resolvers_see_the_extensions_and_variables_of_the_request(url: str, client: httpx.AsyncClient) -> None:
    query = "query ($a: Int) { extensions items(first: $a) { totalCount } }"
    request = toy.ask(query, variables={"a": 1}, extensions={"trace": "t"})
    response = await client.post(url, json=request)
    assert response.json()["data"]["extensions"] == {"trace": "t", "variables": {"a": 1}}


def test_a_schema_with_strawberry_extensions_is_refused_since_they_would_not_run() -> None:
    schema = strawberry.Schema(toy.Query, config=toy.schema.config, extensions=[MaskErrors])
    with pytest.raises(TypeError, match="extensions"):
        toy.GraphQLEndpoint(schema, context_factory=toy.anybody, now=toy.now)


# --- Request ids


async def test_the_callers_request_id_comes_back_in_the_header_the_errors_and_the_context(
    url: str, client: httpx.AsyncClient
) -> None:
    response = await client.post(url, json=toy.ask("{ whoami forbidden }"), headers={"x-request-id": "a-1.b:2_C"})
    assert response.headers["x-request-id"] == "a-1.b:2_C"
    assert response.json()["data"]["whoami"] == "anonymous a-1.b:2_C"
    assert toy.only_error(response)["extensions"]["requestId"] == "a-1.b:2_C"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\tb", "<script>"])
async def test_a_bad_request_id_is_replaced(url: str, client: httpx.AsyncClient, given: str) -> None:
    ids = set()
    for _ in range(2):
        response = await client.post(url, json=toy.ask("{ hello }"), headers={"x-request-id": given})
        ids.add(response.headers["x-request-id"])
    assert given not in ids
    assert len(ids) == 2


# --- Errors


@pytest.mark.parametrize("code", list(Code))
async def test_a_fault_comes_with_its_code_its_message_and_its_extensions(
    url: str, client: httpx.AsyncClient, code: Code
) -> None:
    response = await client.post(
        url, json=toy.ask("query ($c: String!) { hello fault(code: $c) }", variables={"c": code})
    )
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "world", "fault": None}
    error = toy.only_error(response)
    assert error["message"] == "As you asked."
    assert error["path"] == ["fault"]
    assert error["extensions"] == {"hint": 1, "code": code, "requestId": response.headers["x-request-id"]}


@pytest.mark.parametrize("code", [Code.UNAUTHENTICATED, Code.UNAVAILABLE, Code.OVERLOADED, Code.DEADLINE_EXCEEDED])
async def test_what_concerns_the_whole_request_and_leaves_no_data_has_its_own_status(
    url: str, client: httpx.AsyncClient, code: Code
) -> None:
    response = await client.post(url, json=toy.ask("query ($c: String!) { failing(code: $c) }", variables={"c": code}))
    assert response.status_code == STATUS[code]
    assert "data" not in response.json()
    assert ("retry-after" in response.headers) == (STATUS[code] == 503)


async def test_what_concerns_one_field_and_leaves_no_data_is_an_answer(url: str, client: httpx.AsyncClient) -> None:
    response = await client.post(url, json=toy.ask('{ failing(code: "FORBIDDEN") }'))
    assert response.status_code == 200
    assert response.json()["data"] is None


@pytest.mark.parametrize(
    ("query", "variables", "code", "message"),
    [
        ("{ forbidden }", {}, "FORBIDDEN", "Only for others."),
        ("{ coded }", {}, "OVERLOADED", "The queue is full."),
        (
            'query ($k: String!) { find(ref: {key: $k, id: "1"}) { __typename } }',
            {"k": "k"},
            "GRAPHQL_VALIDATION_FAILED",
            "exactly one key",
        ),
        (
            "query ($s: Int) { patch(patch: {size: $s}) }",
            {"s": None},
            "BAD_USER_INPUT",
            "cannot be explicitly set to null",
        ),
    ],
)
async def test_errors_of_strawberry_and_graphql_core_get_a_code(
    url: str, client: httpx.AsyncClient, query: str, variables: dict[str, Any], code: str, message: str
) -> None:
    response = await client.post(url, json=toy.ask(query, variables=variables))
    assert toy.only_error(response)["extensions"]["code"] == code
    assert message in toy.only_error(response)["message"]


@pytest.mark.parametrize("query", ["{ boom }", "{ buggy }", "{ mistyped }"])
async def test_an_unexpected_error_is_masked_and_logged_once_without_personal_data(
    url: str, client: httpx.AsyncClient, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post(url, json=toy.ask(query), headers={"x-request-id": "find-me"})
    assert toy.only_error(response)["message"] == "Internal error; quote the request id."
    assert toy.only_error(response)["extensions"] == {"code": "INTERNAL", "requestId": "find-me"}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("bpm_crm.api", logging.ERROR)
    assert record.request_id == "find-me"  # type: ignore[attr-defined]
    assert "Traceback" in caplog.text
    assert toy.SECRET not in caplog.text + response.text


async def test_the_message_of_a_programming_error_is_logged(
    url: str, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.post(url, json=toy.ask("{ buggy }"))
    assert "no_such_attribute" in caplog.text


async def test_a_context_factory_that_fails_is_an_internal_error(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.broken)) as url:
        response = await client.post(url, json=toy.ask("{ hello }"))
    assert response.status_code == 500
    assert toy.only_error(response)["extensions"]["code"] == "INTERNAL"
    assert toy.SECRET not in caplog.text
    assert len(caplog.records) == 1


async def test_an_answer_that_cannot_be_written_as_json_is_an_internal_error(
    url: str, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    query = (
        "query ($m: Money!) { extensions pay(amount: $m) }"  # `extensions` returns the variables, a Decimal among them
    )
    response = await client.post(url, json=toy.ask(query, variables={"m": "1.5"}))
    assert response.status_code == 500
    assert toy.only_error(response)["extensions"]["code"] == "INTERNAL"


async def test_an_operation_that_takes_too_long_is_cancelled(client: httpx.AsyncClient) -> None:
    async with toy.serving(toy.endpoint(deadline_seconds=0.1)) as url:
        begin = time.perf_counter()
        response = await client.post(url, json=toy.ask("{ hello slow(seconds: 30) }"))
        assert time.perf_counter() - begin < 5
        assert response.status_code == 503
        assert toy.only_error(response)["extensions"]["code"] == "DEADLINE_EXCEEDED"
        assert response.headers["retry-after"] == "1"
        assert (await client.post(url, json=toy.ask("{ slow(seconds: 0) }"))).json()["data"] == {"slow": "done"}


# --- Authentication


async def test_without_credentials_nothing_is_read_or_run(client: httpx.AsyncClient) -> None:
    async with toy.serving(toy.endpoint(context_factory=toy.bearer)) as url:
        for body in (b'{"query": "{ hello }"}', b"not JSON"):
            response = await client.post(url, content=body, headers={"content-type": JSON})
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert toy.only_error(response)["extensions"]["code"] == "UNAUTHENTICATED"
        response = await client.post(url, json=toy.ask("{ whoami }"), headers={"authorization": f"Bearer {toy.TOKEN}"})
        assert response.json()["data"]["whoami"].startswith("ali ")
