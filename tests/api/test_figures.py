"""Figures over GraphQL: the worked example, loaded through the API and asked for in every way."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bpm_crm.embedded.server import Server
from tests.api.client import Api
from tests.api.funnel_seed import REACHED, STOPS_AT, a_loaded_api, stories
from tests.databases import cloned
from tests.world import a_world

FUNNEL = """
query ($input: FunnelInput!) { funnel(input: $input) {
  mode orderMode ownerBasis asOf otherProcesses
  frame { asOf knownAt period { from to } filter processes { process firstVersion latestVersion } }
  total { ...S } segments { ...S } unmappedStages { process stage title count }
} }
fragment S on FunnelSegment { dimension { dimension key title } entered greatestLossByCount greatestLossByRate
  steps { checkpoint title number entered reached lost open missed base advanced dropped loss lossRate
    stepConversion overallConversion lowerBound upperBound medianSecondsFromPrevious
    estimate { rate lower upper cases settled insufficientHistory } instances(first: 0) { totalCount } } }
"""
STEPS = ["lead", "interested", "offer", "contract", "paid", "delivered"]
WEEK = {"from": "2026-09-07T00:00:00+03:00", "to": "2026-09-14T00:00:00+03:00"}


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        yield api


async def funnel(api: Api, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(FUNNEL, input=asked))["funnel"]
    return found


def row(segment: dict[str, Any], name: str) -> list[Any]:
    return [step[name] for step in segment["steps"]]


async def test_a_cohort_gives_the_rates_of_the_worked_example(loaded: Api) -> None:
    total = (await funnel(loaded, period=WEEK))["total"]
    assert row(total, "checkpoint") == STEPS
    assert row(total, "reached") == list(REACHED)
    assert row(total, "stepConversion") == [None, "0.5", "0.5", "0.6", "0.8333333333", "1"]
    assert row(total, "overallConversion") == ["1", "0.5", "0.25", "0.15", "0.125", "0.125"]
    assert row(total, "loss") == [0, 100, 50, 20, 5, 0]
    assert row(total, "lossRate") == [None, "0.5", "0.5", "0.4", "0.1666666667", "0"]
    assert (total["entered"], total["greatestLossByCount"], total["greatestLossByRate"]) == (
        200,
        "interested",
        "interested",
    )
    assert row(total, "medianSecondsFromPrevious") == [None, 7_200, 3_600, 7_200, 7_200, 3_600]
    assert [step["instances"]["totalCount"] for step in total["steps"]] == list(REACHED)


async def test_open_leads_bound_the_rate_and_the_estimate_lies_between(loaded: Api) -> None:
    now = await funnel(loaded, period=WEEK)
    offer = now["total"]["steps"][2]
    assert (offer["entered"], offer["reached"], offer["lost"], offer["open"]) == (200, 50, 75, 75)
    assert (offer["lowerBound"], offer["overallConversion"], offer["upperBound"]) == ("0.25", "0.25", "0.625")
    assert offer["estimate"] == {
        "rate": "0.25",
        "lower": "0.1950816801",
        "upper": "0.3143409831",
        "cases": 200,
        "settled": 125,
        "insufficientHistory": False,
    }
    tuesday = {"asOf": "2026-09-08T11:30:00+03:00", "knownAt": now["frame"]["knownAt"]}
    before_the_offers = (await funnel(loaded, period=WEEK, **tuesday))["total"]["steps"][2]
    assert (before_the_offers["lowerBound"], before_the_offers["upperBound"]) == ("0.125", "0.625")
    assert before_the_offers["estimate"]["rate"] == "0.25"


async def test_only_a_cohort_with_cases_has_an_estimate_and_few_cases_make_an_insufficient_one(loaded: Api) -> None:
    for asked in ({"mode": "PERIOD"}, {"mode": "SNAPSHOT"}, {"period": {"toDate": "2020-01-01"}}):
        assert row((await funnel(loaded, **asked))["total"], "estimate") == [None] * 6
    few = await funnel(loaded, where={"region": {"eq": "Tula"}})
    assert row(few["total"], "estimate") == [None] * 6
    one = await funnel(loaded, period={"toDate": "2026-09-08"}, groupBy=["OWNER"])
    estimates = [segment["steps"][4]["estimate"] for segment in (one["total"], *one["segments"])]
    assert [(found["settled"], found["insufficientHistory"]) for found in estimates] == [
        (100, False),
        (25, True),
        (25, True),
        (50, False),
    ]


@pytest.mark.parametrize("dimension", ["CHANNEL", "OWNER", "PROCESS"])
@pytest.mark.parametrize("mode", ["COHORT", "PERIOD", "SNAPSHOT"])
async def test_segments_are_named_and_add_up_to_the_whole(loaded: Api, mode: str, dimension: str) -> None:
    found = await funnel(loaded, mode=mode, period=WEEK, groupBy=[dimension])
    for name in ("reached", "lost", "open", "missed", "entered"):
        rows = [row(segment, name) for segment in found["segments"]]
        assert [sum(column) for column in zip(*rows, strict=True)] == row(found["total"], name), name
    names = [segment["dimension"][0]["title"] for segment in found["segments"]]
    assert (
        names
        == {
            "CHANNEL": ["callback-request", "web-form"],
            "OWNER": ["Ann Seller", "Bob Seller", "None"],
            "PROCESS": ["Call-back request", "Web form"],
        }[dimension]
    )
    assert {segment["dimension"][0]["dimension"] for segment in found["segments"]} == {dimension}


async def test_each_channel_has_the_funnel_of_its_own_leads(loaded: Api) -> None:
    found = await funnel(loaded, period=WEEK, groupBy=["CHANNEL"])
    for segment in found["segments"]:
        channel = segment["dimension"][0]["key"]
        steps = [story.steps for story in stories() if story.channel == channel]
        assert row(segment, "reached") == [sum(1 for reached in steps if reached >= step) for step in range(1, 7)]
    call_back, web_form = found["segments"]
    assert (row(call_back, "open"), row(web_form, "lost")) == ([0] * 6, [0] * 6)


async def test_a_lead_counts_as_the_sellers_from_the_step_at_which_they_had_it(loaded: Api) -> None:
    ann, bob, nobody = (await funnel(loaded, period=WEEK, groupBy=["OWNER"]))["segments"]
    steps = Counter(story.seller for story in stories() if story.steps > 1)
    assert (row(ann, "reached")[1], row(bob, "reached")[1]) == (steps["ann"], steps["bob"])
    assert row(nobody, "reached") == [200, 0, 0, 0, 0, 0]
    assert (row(nobody, "advanced")[1], row(nobody, "stepConversion")[1]) == (100, "0.5")


async def test_a_period_counts_the_first_entries_of_its_days_in_the_zone_of_the_company(loaded: Api) -> None:
    monday = {"fromDate": "2026-09-07", "toDate": "2026-09-08"}
    found = await funnel(loaded, mode="PERIOD", period=monday)
    assert row(found["total"], "reached") == [100, 50, 25, 15, 12, 12]
    assert row(found["total"], "stepConversion")[:3] == [None, "0.5", "0.5"]
    assert found["frame"]["period"] == {"from": "2026-09-06T21:00:00Z", "to": "2026-09-07T21:00:00Z"}
    afternoon = {"from": "2026-09-08T12:00:00+03:00", "to": "2026-09-08T16:00:00+03:00"}
    found = await funnel(loaded, mode="PERIOD", period=afternoon)
    assert row(found["total"], "reached") == [0, 0, 25, 15, 0, 0]
    assert row(found["total"], "stepConversion") == [None, None, None, "0.6", "0", None]
    assert row(found["total"], "overallConversion") == [None] * 6


async def test_a_snapshot_says_where_the_leads_stand(loaded: Api) -> None:
    found = await funnel(loaded, mode="SNAPSHOT", period=WEEK)
    total = found["total"]
    assert row(total, "reached") == list(STOPS_AT)
    assert row(total, "lost") == [50, 25, 10, 3, 0, 0]
    assert row(total, "open") == [50, 25, 10, 2, 0, 0]
    assert row(total, "missed") == [0, 0, 0, 0, 0, 25]
    assert row(total, "stepConversion") == [None] * 6
    assert (total["entered"], found["orderMode"]) == (200, None)
    known_at = found["frame"]["knownAt"]
    noon = "2026-09-07T12:30:00+03:00"
    then = await funnel(loaded, mode="SNAPSHOT", period=WEEK, asOf=noon, knownAt=known_at)
    assert row(then["total"], "reached") == [50, 25, 25, 0, 0, 0]
    assert row(then["total"], "open") == [50, 25, 25, 0, 0, 0]


LOSSES = """
query ($input: LossInput!) { lossReasons(input: $input) { stage stageTitle reason reasonTitle count stageCount share withoutAmount
  amount { amount currency } dimension { key } instances(first: 1) { totalCount nodes { stage { key } lossReason { key } } } } }
"""


async def test_losses_come_by_stage_and_reason_with_their_share_their_money_and_their_cases(loaded: Api) -> None:
    cells = (await loaded.data(LOSSES, input={"process": "callback-request"}))["lossReasons"]
    assert [(cell["stage"], cell["reason"], cell["count"]) for cell in cells] == [
        ("new", "no_response", 50),
        ("interest", "price", 25),
        ("offer", "competitor", 10),
        ("invoicing", "invoice_late", 3),
    ]
    offer = cells[2]
    assert (offer["stageCount"], offer["share"], offer["withoutAmount"]) == (10, "1", 0)
    assert offer["amount"] == [{"amount": "10000", "currency": "RUB"}]
    assert (cells[0]["amount"], cells[0]["withoutAmount"]) == ([], 50)
    for cell in cells:
        assert cell["instances"]["totalCount"] == cell["count"]
        assert cell["instances"]["nodes"] == [{"stage": {"key": "lost"}, "lossReason": {"key": cell["reason"]}}]


NUMBERS = [
    "ENTERED",
    "REACHED",
    "LOST",
    "CANCELLED",
    "OPEN",
    "MISSED",
    "FORCED",
    "REWORKED",
    "UNMAPPED",
    "ADVANCED",
    "DROPPED",
]
LISTS = " ".join(
    f"{number.lower()}: {number.lower()} {number.lower()}Of: instancesOf(number: {number}, first: 0) {{ totalCount }}"
    for number in NUMBERS
)


@pytest.mark.parametrize("mode", ["COHORT", "PERIOD", "SNAPSHOT"])
async def test_every_number_is_the_total_of_its_list(loaded: Api, mode: str) -> None:
    query = f"query ($input: FunnelInput!) {{ funnel(input: $input) {{ total {{ ...S }} segments {{ ...S }} }} }} fragment S on FunnelSegment {{ steps {{ {LISTS} }} }}"
    found = (await loaded.data(query, input={"mode": mode, "groupBy": ["OWNER"]}))["funnel"]
    steps = [step for segment in (found["total"], *found["segments"]) for step in segment["steps"]]
    assert len(steps) == 24
    for step in steps:
        for number in NUMBERS:
            assert step[f"{number.lower()}Of"]["totalCount"] == step[number.lower()], number
