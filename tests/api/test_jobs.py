"""Jobs in a list, and one of them followed while a worker carries it out."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from bpm_crm.api.ids import to_global
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.identifiers import new_id
from tests.api.client import Api
from tests.api.serving import served
from tests.api.test_imports import ROWS, mutate, send
from tests.api.test_subscriptions import events, following, silence
from tests.excel.desk import Desk, a_desk, xlsx

LIST = """query ($where: JobWhere, $orderBy: [JobOrder!], $first: Int, $after: String) {
  jobs(where: $where, orderBy: $orderBy, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { __typename id status total done createdAt finishedAt failure { code }
      ... on ImportJob { kind isDryRun accepted refused errorFile { name } } ... on ExportJob { file { name } } } } }"""
PROGRESS = """subscription ($id: ID!) { jobProgress(id: $id) { __typename id status total done
  ... on ImportJob { accepted refused } ... on ExportJob { file { name } } } }"""


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    """The worker's side of the same company."""
    async with a_desk(api.world) as found:
        yield found


@pytest.fixture
async def url(api: Api) -> AsyncIterator[str]:
    async with served(api.application, lifespan="off") as found:
        yield found


async def jobs(api: Api, by: str = "admin", **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(LIST, by, **asked))["jobs"]
    return found


async def asked_for(api: Api, rows: list[list[Any]] = ROWS, by: str = "admin") -> str:
    file = await send(api, xlsx(rows), by=by)
    return str((await mutate(api, "importLeads", by=by, file=file, channel="callback-request"))["job"]["id"])


async def test_jobs_are_listed_to_who_asked_for_them_newest_first(api: Api, desk: Desk) -> None:
    first = await asked_for(api)
    await desk.runner.drain()
    export = (await mutate(api, "exportWorkbook", process="callback-request"))["job"]["id"]
    other = await asked_for(api, by="north")
    found = await jobs(api)
    assert [item["id"] for item in found["nodes"]] == [export, first]
    assert found["totalCount"] == 2
    waiting, done = found["nodes"]
    assert (waiting["__typename"], waiting["status"], waiting["file"]) == ("ExportJob", "WAITING", None)
    assert (done["__typename"], done["kind"], done["status"], done["done"]) == ("ImportJob", "LEADS", "DONE", 3)
    assert (done["accepted"], done["refused"], done["errorFile"]["name"].endswith(".xlsx")) == (2, 1, True)
    assert [item["id"] for item in (await jobs(api, "north"))["nodes"]] == [other]
    assert (await jobs(api, "owner"))["totalCount"] == 0
    robot = await api.ask(LIST, by=None)
    assert robot["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_jobs_are_filtered_sorted_and_paged(api: Api, desk: Desk) -> None:
    imports = [await asked_for(api, [*ROWS[:2], [str(number), "Nina", "79161234567", None]]) for number in range(4)]
    await desk.runner.drain()
    export = (await mutate(api, "exportWorkbook", process="callback-request"))["job"]["id"]
    bad = (await mutate(api, "undoImport", job=imports[0]))["job"]["id"]

    async def ids(**asked: Any) -> list[str]:
        return [item["id"] for item in (await jobs(api, **asked))["nodes"]]

    assert await ids(where={"kind": {"eq": "WORKBOOK"}}) == [export]
    assert await ids(where={"kind": {"in": ["UNDO", "WORKBOOK"]}}) == [bad, export]
    assert await ids(where={"status": {"eq": "DONE"}}) == imports[::-1]
    assert await ids(where={"status": {"ne": "DONE"}, "kind": {"ne": "UNDO"}}) == [export]
    assert await ids(where={"status": {"eq": "FAILED"}}) == []
    assert await ids(where={"finishedAt": {"isNull": True}}) == [bad, export]
    begun = (await jobs(api))["nodes"][-1]["createdAt"]
    assert await ids(where={"not": {"createdAt": {"gt": begun}}}) == imports[:1]
    order = [{"field": "FINISHED_AT", "direction": "DESC"}, {"field": "CREATED_AT"}]
    every = (await jobs(api))["nodes"]
    ended = sorted((item for item in every if item["finishedAt"]), key=lambda item: item["finishedAt"], reverse=True)
    expected = [*(item["id"] for item in ended), export, bad]
    assert await ids(orderBy=order) == expected

    seen, after = [], None
    while True:
        page = await jobs(api, orderBy=order, first=2, after=after)
        seen += [item["id"] for item in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == expected


async def test_a_job_is_followed_from_its_asking_to_its_end(api: Api, desk: Desk, url: str) -> None:
    rows = [*ROWS[:2], *([str(number), f"Nina {number}", f"7916{number:07}", None] for number in range(1_200))]
    job = await asked_for(api, rows)
    async with following(api, url, "admin", PROGRESS, id=job) as socket:
        (waiting,) = await events(socket, 1, "jobProgress")
        assert (waiting["__typename"], waiting["id"], waiting["status"]) == ("ImportJob", job, "WAITING")
        assert await silence(socket)
        work = asyncio.create_task(desk.runner.drain())
        seen = [waiting, *await to_the_end(socket)]
        await work
    assert {item["status"] for item in seen} == {"WAITING", "RUNNING", "DONE"}
    assert [item["done"] for item in seen] == sorted(item["done"] for item in seen)
    assert any(0 < item["done"] < 1_200 for item in seen), "something is heard before the end"
    assert (seen[-1]["done"], seen[-1]["accepted"], seen[-1]["total"]) == (1_200, 1_200, 1_200)


async def to_the_end(socket: ClientConnection) -> list[dict[str, Any]]:
    """The events of a subscription until it completes by itself."""
    found = []
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), 30))
        if message["type"] == "complete":
            return found
        assert "errors" not in message["payload"], message
        found.append(message["payload"]["data"]["jobProgress"])


async def test_an_event_stream_ends_with_the_job(api: Api, desk: Desk, url: str) -> None:
    job = (await mutate(api, "exportWorkbook", process="callback-request"))["job"]["id"]
    headers = {"authorization": f"Bearer {api.token('admin')}", "accept": "text/event-stream"}
    body = {"query": PROGRESS, "variables": {"id": job}}
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("POST", f"{url}/graphql", json=body, headers=headers) as answer,
    ):
        work = asyncio.create_task(desk.runner.drain())
        lines = [line[5:] async for line in answer.aiter_lines() if line.startswith("data:") and line[5:].strip()]
        await work
    seen = [json.loads(line)["data"]["jobProgress"] for line in lines]
    assert (seen[-1]["status"], seen[-1]["file"] is not None) == ("DONE", True)


async def test_a_job_that_has_ended_is_told_once(api: Api, desk: Desk, url: str) -> None:
    job = await asked_for(api)
    await desk.runner.drain()
    async with following(api, url, "admin", PROGRESS, id=job) as socket:
        assert [item["status"] for item in await to_the_end(socket)] == ["DONE"]


async def test_a_job_of_somebody_else_is_followed_by_nobody(api: Api, url: str) -> None:
    job = await asked_for(api)
    nothing = [job, str(to_global("ImportJob", new_id())), str(to_global("Deal", new_id())), "x"]
    for by, sent in (("north", nothing[0]), *(("admin", item) for item in nothing[1:])):
        async with following(api, url, by, PROGRESS, id=sent) as socket:
            message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        errors = message["payload"]["errors"] if message["type"] == "next" else message["payload"]
        assert errors[0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert "no job of yours" in errors[0]["message"]


def test_every_kind_of_job_is_in_the_schema() -> None:
    assert {kind.name for kind in JobKind} == {
        *("LEADS", "HISTORY", "UNDO", "WORKBOOK"),
        *("REPLAY", "MIGRATION", "MIGRATION_UNDO"),
    }


async def cancelled(api: Api, job: str, by: str = "admin") -> dict[str, Any]:
    shown = "__typename ... on JobCancelled { isRepeated job { id status done failure { code } } } ... on UserError { code path }"
    found: dict[str, Any] = (
        await api.data(
            f"mutation ($input: CancelJobInput!) {{ a: cancelJob(input: $input) {{ {shown} }} }}",
            by,
            input={"job": job},
        )
    )["a"]
    return found


async def test_a_job_that_waits_is_cancelled_at_once_and_never_begun(api: Api, desk: Desk) -> None:
    job = await asked_for(api)
    assert (await cancelled(api, job, by="north"))["code"] == "NOT_FOUND"
    first = await cancelled(api, job)
    assert first == {
        "__typename": "JobCancelled",
        "isRepeated": False,
        "job": {"id": job, "status": "FAILED", "done": 0, "failure": {"code": "CANCELLED"}},
    }
    assert await cancelled(api, job) == {**first, "isRepeated": True}
    before = await api.world.counts()
    await desk.runner.drain()
    assert await api.world.counts() == before
    assert (await jobs(api))["nodes"][0]["done"] == 0


async def test_a_job_under_way_ends_after_its_step_and_what_it_did_can_be_undone(
    api: Api, desk: Desk, url: str
) -> None:
    rows = [*ROWS[:2], *([str(number), f"Nina {number}", f"7916{number:07}", None] for number in range(1_200))]
    job = await asked_for(api, rows)
    async with following(api, url, "admin", PROGRESS, id=job) as socket:
        work = asyncio.create_task(desk.runner.drain())
        while (await events(socket, 1, "jobProgress"))[0]["done"] == 0:
            pass
        answer = await cancelled(api, job)
        (*_, last) = [answer["job"], *await to_the_end(socket)]
        await work
    assert (answer["__typename"], answer["job"]["status"], last["status"]) == ("JobCancelled", "RUNNING", "FAILED")
    (found,) = (await jobs(api))["nodes"]
    assert 0 < found["done"] < 1_200
    assert (found["failure"]["code"], found["accepted"]) == ("CANCELLED", found["done"])
    assert (await api.world.counts())["process_instance"] == found["done"]

    undo = (await mutate(api, "undoImport", job=job))["job"]["id"]
    await desk.runner.drain()
    (undone,) = (await jobs(api, where={"kind": {"eq": "UNDO"}}))["nodes"]
    assert (undone["id"], undone["status"], undone["done"]) == (undo, "DONE", found["done"])
    assert (await cancelled(api, undo))["code"] == "ENDED"


async def test_a_cancelled_job_that_a_dead_worker_left_is_not_gone_on_with(api: Api, desk: Desk) -> None:
    job = await asked_for(api)
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await connection.execute("UPDATE job SET started_at = clock_timestamp(), attempts = 1")
    assert (await cancelled(api, job))["job"]["status"] == "RUNNING"
    before = await api.world.counts()
    await desk.runner.drain()
    assert await api.world.counts() == before
    (found,) = (await jobs(api))["nodes"]
    assert (found["status"], found["failure"]["code"]) == ("FAILED", "CANCELLED")
