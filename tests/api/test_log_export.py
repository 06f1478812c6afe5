"""Event logs as downloads: what is in them, that they can be read again, and who is told what."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import httpx
import jsonschema
import pytest

from bpm_crm.analytics import log_pages
from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.log_pages import LogRequest
from bpm_crm.api import log_export
from bpm_crm.api.ids import to_global
from bpm_crm.exchange import xes_export
from bpm_crm.exchange.log_import import Imported, import_log
from bpm_crm.exchange.sources import xes_source
from bpm_crm.exchange.xes import Trace, open_log
from bpm_crm.operations.commands import Fire
from tests.analytics.leads import assign, exclude, fire, force, hour, lead, lose, up_to
from tests.api.client import Api
from tests.api.funnel_seed import key_of_integration
from tests.api.stage import Stage
from tests.world import World, customer

ATTRIBUTES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "type"],
        "properties": {
            "name": {"type": "string"},
            "type": {"enum": ["string", "time", "integer", "float", "boolean"]},
        },
    },
}
TYPES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "attributes"],
        "properties": {"name": {"type": "string"}, "attributes": ATTRIBUTES},
    },
}
RELATED = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["objectId", "qualifier"],
        "properties": {"objectId": {"type": "string"}, "qualifier": {"type": "string"}},
    },
}


def values(*required: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "required": list(required),
            "properties": {"name": {"type": "string"}, "time": {"type": "string", "format": "date-time"}},
        },
    }


OCEL = {
    "type": "object",
    "required": ["objectTypes", "eventTypes", "objects", "events"],
    "properties": {
        "objectTypes": TYPES,
        "eventTypes": TYPES,
        "objects": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type"],
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "attributes": values("name", "time", "value"),
                    "relationships": RELATED,
                },
            },
        },
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "time"],
                "properties": {
                    "id": {"type": "string"},
                    "type": {"type": "string"},
                    "time": {"type": "string", "format": "date-time"},
                    "attributes": values("name", "value"),
                    "relationships": RELATED,
                },
            },
        },
    },
}
"""The structure of OCEL 2.0 in JSON (ocel-standard.org), as we understand its published schema."""


async def download(
    api: Api, process: str, by: str | None = "admin", token: str | None = None, **asked: str | list[str]
) -> httpx.Response:
    headers = {}
    if by is not None or token is not None:
        headers["authorization"] = f"Bearer {token or api.token(str(by))}"
    return await api.client.get(f"/event-logs/{process}", params=asked, headers=headers)


async def ocel(api: Api, **options: Any) -> dict[str, Any]:
    answer = await download(api, "callback-request", format="ocel", **options)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    jsonschema.validate(found, OCEL)
    return found


async def xes(api: Api, folder: Path, process: str = "callback-request", **options: Any) -> list[Trace]:
    answer = await download(api, process, **options)
    assert answer.status_code == 200, answer.text
    file = folder / "log.xes"
    file.write_bytes(answer.content)
    with open_log(file) as log:
        return list(log)


def activities(trace: Trace) -> list[str]:
    return [str(event.attributes["concept:name"]) for event in trace.events]


async def take_in(world: World, file: Path, key: str) -> Imported:
    imported = await import_log(
        xes_source(file),
        owner=world.owner,
        writer=world.writer,
        tenant_id=world.tenant_id,
        key=key,
        title=key,
        channel_attribute="channel",
        at=datetime.now(UTC),
        progress=lambda *_: None,
    )
    await world.refresh()
    return imported


@pytest.mark.parametrize("name", ["running-example.xes", "roadtraffic100traces.xes", "receipt.xes.gz"])
async def test_a_log_that_was_imported_is_exported_as_it_came_and_read_again(
    api: Api, test_data: Path, tmp_path: Path, name: str
) -> None:
    await take_in(api.world, test_data / "eventlogs" / name, "foreign")
    exported = {trace.name: trace for trace in await xes(api, tmp_path, "foreign")}
    with xes_source(test_data / "eventlogs" / name)() as log:
        came = {trace.name: trace for trace in log}

    def told(trace: Trace) -> Iterator[tuple[object, ...]]:
        for event in trace.ordered_events():
            yield tuple(event.attributes.get(key) for key in ("concept:name", "time:timestamp", "org:resource"))

    assert exported.keys() == came.keys()
    for number, trace in came.items():
        assert list(told(exported[number])) == list(told(trace))

    again = await take_in(api.world, tmp_path / "log.xes", "foreign-again")
    assert (again.new, again.profile.events) == (len(came), sum(len(trace.events) for trace in came.values()))
    query = "query ($p: String!) { processMap(input: {process: $p}) { events edges { sourceTitle targetTitle count meanSeconds } variants(first: 200) { totalCount nodes { titles count } } } }"
    maps = [(await api.data(query, p=process))["processMap"] for process in ("foreign", "foreign-again")]
    for found in maps:
        found["variants"]["nodes"].sort(key=lambda item: (item["count"], item["titles"]))
        found["edges"].sort(key=lambda item: (item["sourceTitle"], item["targetTitle"]))
    assert maps[0] == maps[1]


async def test_a_log_has_the_extensions_of_the_standard_and_says_what_it_is_of(api: Api, tmp_path: Path) -> None:
    case = await lead(api.world, 0, fire("contact", 1), force("offer", 2), by="north", external_id="A-1")
    (trace,) = await xes(api, tmp_path)
    root = Xml.fromstring((tmp_path / "log.xes").read_text())  # noqa: S314  # our own document
    prefixes = {item.get("prefix") for item in root if item.tag.endswith("extension")}
    assert prefixes == {"concept", "time", "lifecycle", "org"}
    assert (trace.name, trace.attributes["bpm:case"]) == ("A-1", str(case))
    assert activities(trace) == ["To be called", "Qualification", "Offer"]
    forced = trace.events[2].attributes
    assert (forced["bpm:forced"], forced["org:resource"], forced["lifecycle:transition"]) == (
        True,
        "Mira Manager",
        "complete",
    )
    assert forced["time:timestamp"] == hour(2)


async def test_texts_that_xml_cannot_hold_or_would_misread_survive(api: Api, tmp_path: Path) -> None:
    await lead(api.world, 0, external_id="<\"&' \t\n ☎>", region="a\x07b\ufffe")
    (trace,) = await xes(api, tmp_path)
    assert (trace.name, trace.attributes["region"]) == ("<\"&' \t\n ☎>", "ab")


async def seeded(world: World) -> None:
    await lead(world, 0, assign(world, "ann", 0), *up_to(2), customer=customer(1), external_id="1")
    await lead(world, 1, assign(world, "eve", 1), lose(3), customer=customer(2), external_id="2", by="admin")
    await lead(world, 2, customer=customer(1), external_id="3")
    await lead(world, 3, exclude("test", 3), external_id="4")


async def test_an_object_centric_log_links_events_to_cases_deals_customers_and_users(api: Api) -> None:
    await seeded(api.world)
    found = await ocel(api)
    objects = {item["id"]: item for item in found["objects"]}
    kinds = [item["type"] for item in found["objects"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"case": 3, "deal": 3, "customer": 2, "user": 8}
    assert len(objects) == len(found["objects"])
    assert len({item["id"] for item in found["events"]}) == len(found["events"]) == 6

    declared = {item["name"]: {part["name"] for part in item["attributes"]} for item in found["objectTypes"]}
    of_events = {item["name"]: {part["name"] for part in item["attributes"]} for item in found["eventTypes"]}
    for kind, items in ((declared, found["objects"]), (of_events, found["events"])):
        for item in items:
            assert {part["name"] for part in item["attributes"]} <= kind[item["type"]]
            assert {part["objectId"] for part in item["relationships"]} <= objects.keys()
    (first,) = [
        item
        for item in found["objects"]
        if {"name": "number", "value": "1"}.items() <= next(iter(item["attributes"]), {}).items()
    ]
    linked = {part["qualifier"]: part["objectId"].split(":")[0] for part in first["relationships"]}
    assert linked == {"runs over": "deal", "concerns": "customer", "owned by": "user"}
    names = {part["value"] for item in found["objects"] for part in item["attributes"] if part["name"] == "name"}
    assert {"Customer 1", "Customer 2", "Ann Seller"} <= names


@pytest.mark.parametrize(("by", "cases"), [("admin", 3), ("north", 3), ("ann", 2), ("eve", 1), ("analyst", 3)])
async def test_everybody_gets_the_cases_within_reach_and_customers_only_where_the_role_sees_them(
    api: Api, tmp_path: Path, by: str, cases: int
) -> None:
    await seeded(api.world)
    assert len(await xes(api, tmp_path, by=by)) == cases
    found = await ocel(api, by=by)
    assert sum(1 for item in found["objects"] if item["type"] == "case") == cases
    sees_customers = by != "analyst"
    whole = json.dumps(found) + (tmp_path / "log.xes").read_text()
    assert ("Customer 1" in json.dumps(found)) is (sees_customers and by != "eve")
    assert ("customer" in whole) is sees_customers
    assert "+7999" not in whole
    assert "@example" not in whole


async def test_a_period_and_a_moment_narrow_the_log(api: Api, tmp_path: Path) -> None:
    await seeded(api.world)
    assert len(await xes(api, tmp_path, fromDate="2026-09-07", to=hour(1).isoformat())) == 1
    assert await xes_of_nothing(api) == 0
    then = await xes(api, tmp_path, asOf=hour(1.5).isoformat(), knownAt="2999-01-01T00:00:00Z")
    assert sorted(len(trace.events) for trace in then) == [1, 2]


async def test_a_log_is_narrowed_by_what_cases_are(api: Api, tmp_path: Path) -> None:
    world = api.world
    ann, eve = (to_global("User", world.founded.users[f"{name}@example.org"]) for name in ("ann", "eve"))
    await lead(world, 0, assign(world, "ann", 0), external_id="1", region="Tula")
    about_roofs = Fire("contact", {"product": "roof"}, None, occurred_at=hour(2))
    await lead(world, 1, assign(world, "eve", 1), about_roofs, external_id="2", by="admin")
    await lead(world, 2, external_id="3", region="Omsk", channel="web-form")
    await lead(world, 3, external_id="4", region="Omsk")

    async def cases(**asked: Any) -> list[str]:
        answer = await download(api, "callback-request", **asked)
        assert answer.status_code == 200, answer.text
        root = Xml.fromstring(answer.text)  # noqa: S314  # our own document
        names = (part.get("value") for part in root.findall("{*}trace/{*}string[@key='concept:name']"))
        return sorted(str(name) for name in names)

    assert await cases(owner=ann) == ["1"]
    assert await cases(owner=[ann, eve]) == ["1", "2"]
    assert await cases(region=["Tula", "Omsk"]) == ["1", "4"]
    assert await cases(region="Omsk", owner=ann) == []
    assert await cases(region="Om\x00sk") == await cases(product="\x00") == [], "no row holds it"
    assert await cases(product="roof") == ["2"]
    assert await cases(version="1") == await cases(channel="callback-request") == ["1", "2", "4"]
    assert await cases(channel="web-form") == await cases(version="2") == []
    by = {"classifier": "ACTIVITY", "channel": "callback-request"}
    assert await cases(**by) == ["1", "2", "4"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"channel": "fax"}, "there are: callback-request"),
        ({"team": "x"}, "There is no team “x”"),
        ({"campaign": "x"}, "There is no campaign “x”"),
        ({"owner": "ann@example.org"}, "a global id"),
        ({"version": "one"}, "numbers from 1"),
        ({"product": "roof"}, "Cases of post-payment have no product"),
    ],
)
async def test_a_filter_of_a_log_by_what_is_not_there_is_refused(api: Api, asked: dict[str, str], told: str) -> None:
    answer = await download(api, "post-payment" if "product" in asked else "callback-request", **asked)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert told in error["message"]


async def xes_of_nothing(api: Api) -> int:
    answer = await download(api, "callback-request", toDate="2020-01-01")
    assert answer.status_code == 200
    return answer.text.count("<trace>")


@pytest.mark.parametrize(
    ("process", "asked", "status", "code"),
    [
        ("no-such", {}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"format": "pdf"}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"classifier": "x"}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"fromDate": "yesterday"}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"asOf": "2026-09-01T00:00:00"}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"from": hour(2).isoformat(), "to": hour(1).isoformat()}, 400, "BAD_USER_INPUT"),
        ("callback-request", {"where": "{}"}, 400, "BAD_USER_INPUT"),
    ],
)
async def test_a_question_without_sense_is_refused_with_its_cure(
    api: Api, process: str, asked: dict[str, str], status: int, code: str
) -> None:
    answer = await download(api, process, **asked)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (status, code)
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]


async def test_without_credentials_or_permission_nothing_is_told(api: Api) -> None:
    assert (await download(api, "callback-request", by=None)).status_code == 401
    assert (await download(api, "callback-request", by=None, token="wrong")).status_code == 401
    token = await key_of_integration(api.world)
    for _ in range(50):
        if "errors" not in await api.ask("{ viewer { name } }", by=None, token=token):
            break
    assert (await download(api, "callback-request", by=None, token=token)).status_code == 403


async def log_request(world: World) -> LogRequest:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process="callback-request")
    return LogRequest(frame, Question(world.tenant_id), EventClassifier.STAGE)


async def test_the_log_comes_in_pieces_that_do_not_grow_with_the_number_of_cases(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "PAGE", 3)
    database = api.application.state.database
    longest: dict[int, int] = {}
    for many in (6, 13):
        for number in range(many):
            await lead(api.world, number, fire("contact", number + 1), external_id=f"{many}-{number:02}")
        seen: list[str] = []
        database.log_statements(lambda text, seen=seen: seen.append(text) if "page_bound" in text else None)
        traces = await xes(api, tmp_path)
        database.log_statements(None)
        assert len(seen) == len(traces) // 3 + 1
        async for piece in xes_export.write_xes(database, await log_request(api.world), api.world.reference):
            longest[many] = max(longest.get(many, 0), len(piece))
    assert longest[13] < 2 * longest[6]
    assert len(traces) == 19
    assert len({trace.name for trace in traces}) == 19
    found = await ocel(api)
    assert sum(1 for item in found["objects"] if item["type"] == "deal") == 19


async def test_more_downloads_than_are_written_at_once_are_told_to_wait(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lead(api.world, 0)
    monkeypatch.setattr(log_export, "AT_ONCE", 0)
    answer = await download(api, "callback-request")
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "OVERLOADED")
    monkeypatch.undo()
    for _ in range(log_export.AT_ONCE + 1):
        assert (await download(api, "callback-request")).status_code == 200, (
            "a download that ended gives its place back"
        )


@pytest.mark.parametrize("process", ["rivalry", "no-such"])
async def test_the_process_of_another_company_is_none(stage: Stage, process: str) -> None:
    answer = await download(stage.api, process)
    assert (answer.status_code, "Rival" in answer.text) == (400, False)
    own = await download(stage.api, "callback-request")
    assert own.status_code == 200
    assert "rival" not in own.text.lower()
