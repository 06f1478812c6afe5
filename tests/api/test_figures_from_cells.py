"""Figures through the API are the same from cells as from history, for everybody who may see them."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.analytics.stage_times import StageTimeFigures
from bpm_crm.api._executor import FastExecutor
from bpm_crm.api.context import RequestContext
from bpm_crm.embedded.server import Server
from bpm_crm.operations.compactor import compact
from bpm_crm.records.database import Connection, Database
from tests.analytics.leads import lead
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.databases import cloned
from tests.world import a_world

FUNNEL = """
query ($input: FunnelInput!) { funnel(input: $input) { total { ...S } segments { ...S } } }
fragment S on FunnelSegment { dimension { dimension key title } entered greatestLossByCount greatestLossByRate
  steps { checkpoint entered reached lost cancelled open missed forced visits reworked unmapped base advanced dropped loss lossRate
    stepConversion overallConversion lowerBound upperBound medianSecondsFromPrevious p90SecondsFromPrevious
    estimate { rate cases settled } instances(first: 1) { totalCount nodes { id } } } }
"""
LOSSES = """
query ($input: LossInput!) { lossReasons(input: $input) { stage stageTitle reason reasonTitle count stageCount share withoutAmount
  amount { amount currency } dimension { key } instances(first: 1) { totalCount } } }
"""
STAGES = """
query ($input: StageTimeInput!) { stageTimes(input: $input) { dimension { key } stage entered open reworked
  first { cases open calendar { medianSeconds completedMeanSeconds } business { medianSeconds } }
  target { within late notYetDue } instances(first: 1) { totalCount } } }
"""
MONDAY = {"fromDate": "2026-09-07", "toDate": "2026-09-08"}
ASKED = [
    (query, {**period, **grouping})
    for query in (FUNNEL, LOSSES)
    for period in ({}, {"period": MONDAY}, {"period": {"from": "2026-09-07T10:00:00+03:00"}})
    for grouping in ({}, *({"groupBy": [name]} for name in ("CHANNEL", "OWNER", "PROCESS", "TEAM", "REGION")))
]
CUTS = [
    (query, asked)
    for query in (FUNNEL, LOSSES, STAGES)
    for asked in (
        {"where": {"region": {"eq": "Tula"}}},
        {"where": {"region": {"contains": "tU"}}, "groupBy": ["OWNER"]},
        {"where": {"or": [{"status": {"eq": "LOST"}}, {"stage": {"in": ["offer", "interest"]}}]}},
        {"where": {"not": {"lossReason": {"eq": "price"}}}, "groupBy": ["VERSION", "CAMPAIGN"]},
        {"groupBy": ["OWNER", "REGION"], "ownerBasis": "CURRENT"},
        {"groupBy": ["CHANNEL", "TEAM", "PROCESS"], "period": MONDAY},
        {"process": "callback-request", "groupBy": ["REGION"]},
    )
]
PEOPLE = ("admin", "north", "south", "ann", "analyst")


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("cells")) as api,
    ):
        yield api


PLAIN_STAGES = STAGES.replace("instances(first: 1) { totalCount }", "")


async def test_an_answer_is_freed_as_soon_as_it_is_sent(loaded: Api) -> None:
    """It holds megabytes: in a cycle it would wait for the garbage collector, which then stops everybody for as long as it takes."""
    await loaded.data(PLAIN_STAGES, by="admin", input={"groupBy": ["OWNER"]})
    gc.collect()
    gc.disable()
    try:
        await loaded.data(PLAIN_STAGES, by="admin", input={"groupBy": ["OWNER"]})
        left = [thing for thing in gc.get_objects() if type(thing) in {FastExecutor, RequestContext, StageTimeFigures}]
    finally:
        gc.enable()
    assert not left


async def answers(api: Api) -> list[Any]:
    """Every answer to somebody who sees some of the cases, and to the others those that are their turn."""
    questions = (*ASKED, *CUTS)
    asked = {name: questions[number :: len(PEOPLE)] for number, name in enumerate(PEOPLE)} | {"south": questions}
    return [await api.data(query, by=name, input=given) for name, some in asked.items() for query, given in some]


def near(value: Any) -> Any:
    """The same, lengths of time within 1 % and the half second of rounding."""
    if isinstance(value, dict):
        return {
            name: pytest.approx(item, rel=0.0101, abs=1) if "Seconds" in name and item is not None else near(item)
            for name, item in value.items()
        }
    return [near(item) for item in value] if isinstance(value, list) else value


async def read_from_cells(api: Api, name: str, query: str, asked: dict[str, Any]) -> bool:
    heard: list[str] = []
    database = api.application.state.database
    database.log_statements(heard.append)
    await api.data(query, by=name, input=asked)
    database.log_statements(None)
    return any("FROM cell AS" in text for text in heard)


async def test_everybody_sees_the_figures_of_history_and_they_are_read_from_cells(loaded: Api) -> None:
    before = await answers(loaded)
    worker = await Database.connect(loaded.world.access.worker, size=1)
    while await compact(worker, loaded.world.tenant_id):
        pass
    await worker.close()
    for found, expected in zip(await answers(loaded), before, strict=True):
        assert found == near(expected)
    ways = {name: await read_from_cells(loaded, name, FUNNEL, {"groupBy": ["OWNER"]}) for name in PEOPLE}
    assert ways == dict.fromkeys(PEOPLE, True)
    assert [asked for query, asked in CUTS if not await read_from_cells(loaded, "south", query, asked)] == []
    given: list[dict[str, Any]] = [
        {"where": {"startedAt": {"gt": "2026-09-07T12:00:00+03:00"}}},
        {"asOf": "2026-09-08T12:00:00+03:00"},
        {"knownAt": "2026-10-08T12:00:00+03:00"},
        {"mode": "SNAPSHOT"},
        {"orderMode": "IMPLIED"},
        {"window": "PT1H"},
        {"groupBy": ["OWNER"], "ownerBasis": "ACTOR"},
    ]
    assert [asked for asked in given if await read_from_cells(loaded, "admin", FUNNEL, asked)] == []


SERIES = """{ kpi(key: "new_cases", period: {fromDate: "2026-08-01", toDate: "2026-10-01"}) {
  total { value } series(by: MONTH) { value { value } } } }"""


async def test_a_series_is_of_the_instant_of_its_total_whatever_is_folded_meanwhile(
    loaded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, read = loaded.application.state.database, Database.reader
    worker = await Database.connect(loaded.world.access.worker, size=1)

    @asynccontextmanager
    async def reader(database: Database, tenant_id: UUID) -> AsyncIterator[Connection]:
        async with read(database, tenant_id) as connection:
            yield connection
        if database is asked:
            await lead(loaded.world, 0)
            while await compact(worker, tenant_id):
                pass

    monkeypatch.setattr(Database, "reader", reader)
    totals = set()
    for _ in range(3):
        found = (await loaded.data(SERIES))["kpi"]
        assert [float(point["value"]["value"]) for point in found["series"]] == [0, float(found["total"]["value"])]
        totals.add(found["total"]["value"])
    assert len(totals) == 3, "leads came meanwhile"
    monkeypatch.undo()
    await worker.close()
