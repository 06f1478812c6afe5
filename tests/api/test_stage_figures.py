"""Figures of stages and managers over GraphQL: numbers that add up, and lists that are as long as their numbers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bpm_crm.embedded.server import Server
from tests.analytics.leads import arrival, assign, call, database_now, fire, hour, lead, leads, lose, up_to
from tests.api.client import Api
from tests.api.funnel_seed import REACHED, a_loaded_api
from tests.databases import cloned
from tests.world import World, a_world, customer

WEEK = {"from": "2026-09-07T00:00:00+03:00", "to": "2026-09-14T00:00:00+03:00"}
FATES = {
    "NEXT": "next",
    "SKIPPED_AHEAD": "skippedAhead",
    "BACK": "back",
    "LOST": "lost",
    "WON": "won",
    "STILL_THERE": "stillThere",
}
OUTCOMES = f"""
query ($input: StageOutcomeInput!) {{ stageOutcomes(input: $input) {{
  dimension {{ title }} checkpoint title number entered cancelled visits reworked {" ".join(FATES.values())}
  nextRate skippedAheadRate backRate lostRate wonRate stillThereRate frame {{ asOf }}
  instances(first: 1) {{ totalCount nodes {{ id }} }}
  {" ".join(f"{name}: instancesOf(number: {name}, first: 0) {{ totalCount }}" for name in FATES)} }} }}
"""
TIMES = """
query ($input: StageTimeInput!) { stageTimes(input: $input) {
  dimension { title } stage title entered open reworked
  first { ...V } latest { ...V } cumulative { ...V }
  target { target within late notYetDue untargeted judged lateRate lateLower lateUpper pace }
  history { period { from to } cases medianBusinessSeconds changeSeconds changeLowerSeconds pace }
  instances(first: 0) { totalCount } stillOpen: instancesOf(number: OPEN, first: 0) { totalCount }
  late: instancesOf(number: LATE, first: 0) { totalCount } within: instancesOf(number: WITHIN, first: 0) { totalCount } } }
fragment V on VisitTimes { cases open calendar { ...T } business { ...T } active { ...T } }
fragment T on StayTimes { medianSeconds medianLowerSeconds medianUpperSeconds p90Seconds completedMeanSeconds }
"""
FORENSICS = """
query ($input: LossInput!) {
  lossForensics(input: $input) { stage stageTitle reason reasonTitle evidence count reasonCount share
    causes { key title count instances(first: 5) { totalCount nodes { stage { key } } } } instances(first: 0) { totalCount } }
  lossReasons(input: $input) { stage reason count }
}
"""
MANAGERS = """
query ($input: ManagerComparisonInput!) { managerComparison(input: $input) { comparisons ownerBasis frame { asOf }
  managers { manager { key title } steps { checkpoint number cases converted pending rate lower upper adjustedRate adjustedLower
    adjustedUpper covered expected adjustedP verdict instances(first: 0) { totalCount }
    converts: instancesOf(number: CONVERTED, first: 0) { totalCount } waits: instancesOf(number: PENDING, first: 0) { totalCount }
    fails: instancesOf(number: FAILED, first: 0) { totalCount } } } } }
"""


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        yield api


async def asked(api: Api, query: str, **given: Any) -> dict[str, Any]:
    return await api.data(query, input={"period": WEEK, **given})


@pytest.mark.parametrize("group_by", [[], ["CHANNEL"], ["OWNER", "REGION"]])
async def test_outcomes_add_up_and_each_number_is_as_long_as_its_list(loaded: Api, group_by: list[str]) -> None:
    rows = (await asked(loaded, OUTCOMES, groupBy=group_by))["stageOutcomes"]
    for row in rows:
        assert sum(row[field] for field in FATES.values()) == row["entered"] == row["instances"]["totalCount"]
        assert {name: row[name]["totalCount"] for name in FATES} == {name: row[field] for name, field in FATES.items()}
    entered = [sum(row["entered"] for row in rows if row["number"] == number) for number in range(1, 7)]
    assert entered == list(REACHED)


async def test_of_no_entries_there_are_rows_without_rates(loaded: Api) -> None:
    rows = (await loaded.data(OUTCOMES, input={"period": {"toDate": "2020-01-01"}}))["stageOutcomes"]
    assert len(rows) == 6
    assert {(row["entered"], row["nextRate"], row["stillThereRate"]) for row in rows} == {(0, None, None)}
    times = await loaded.data(TIMES, input={"period": {"toDate": "2020-01-01"}})
    assert times["stageTimes"] == []


async def test_stage_times_are_of_all_who_entered_the_stage(loaded: Api) -> None:
    rows = (await asked(loaded, TIMES))["stageTimes"]
    new = next(row for row in rows if row["stage"] == "new")
    assert (new["entered"], new["open"]) == (200, 50)
    for row in rows:
        assert row["instances"]["totalCount"] == row["entered"]
        assert row["stillOpen"]["totalCount"] == row["open"] == row["cumulative"]["open"]
        assert {row[visit]["cases"] for visit in ("first", "latest", "cumulative")} == {row["entered"]}
        target = row["target"]
        assert (row["late"]["totalCount"], row["within"]["totalCount"]) == (target["late"], target["within"])
        verdicts = [target[name] for name in ("within", "late", "notYetDue", "untargeted")]
        assert sum(verdicts) == row["entered"]
        assert row["history"]["cases"] == 0


async def test_an_open_period_has_no_history(loaded: Api) -> None:
    rows = (await loaded.data(TIMES, input={"period": {"fromDate": "2026-09-07"}}))["stageTimes"]
    assert {row["history"] is None for row in rows} == {True}


async def test_segments_of_stage_times_add_up(loaded: Api) -> None:
    whole = {row["stage"]: row["entered"] for row in (await asked(loaded, TIMES))["stageTimes"]}
    split = (await asked(loaded, TIMES, groupBy=["CHANNEL", "OWNER"]))["stageTimes"]
    assert {stage: sum(row["entered"] for row in split if row["stage"] == stage) for stage in whole} == whole


async def test_forensics_have_the_losses_of_the_loss_reasons(loaded: Api) -> None:
    found = await asked(loaded, FORENSICS)
    losses = {(row["stage"], row["reason"]): row["count"] for row in found["lossReasons"]}
    cells = found["lossForensics"]
    assert {(row["stage"], row["reason"]): row["reasonCount"] for row in cells} == losses
    for row in cells:
        assert row["instances"]["totalCount"] == row["count"]
        assert sum(cause["count"] for cause in row["causes"]) == row["count"]
        for cause in row["causes"]:
            assert cause["instances"]["totalCount"] == cause["count"]
            assert {case["stage"]["key"] for case in cause["instances"]["nodes"]} == {"lost"}


async def test_a_manager_opens_the_greatest_loss_and_sees_that_the_invoice_was_late(api: Api) -> None:
    world = api.world
    for _ in range(3):
        await lead(world, 6, call(6.1), *up_to(4, begins=6), lose(80, "invoice_late"))
    await lead(world, 6, call(6.1), lose(7))
    first = (await api.data(FORENSICS, input={"process": "callback-request"}))["lossForensics"][0]
    assert (first["stage"], first["evidence"], first["count"]) == ("invoicing", "DOCUMENT_LATE", 3)
    assert [(cause["key"], cause["title"], cause["count"]) for cause in first["causes"]] == [
        ("invoice", "Invoice sent after the contract", 3)
    ]


async def test_managers_are_compared_by_name_with_their_cases(api: Api) -> None:
    world = api.world
    await sold(world, "ann", converted=30, failed=10)
    await sold(world, "bob", converted=10, failed=30, pending=4)
    found = (await api.data(MANAGERS, input={"process": "callback-request", "ownerBasis": "CURRENT"}))[
        "managerComparison"
    ]
    ann, bob = found["managers"]
    assert (ann["manager"]["title"], bob["manager"]["title"], found["comparisons"]) == ("Ann Seller", "Bob Seller", 2)
    for manager, verdict in ((ann, "STRONG"), (bob, "WEAK")):
        step = manager["steps"][0]
        assert (step["checkpoint"], step["verdict"], step["cases"]) == ("interested", verdict, 40)
        assert float(step["lower"]) < float(step["rate"]) < float(step["upper"])
        assert float(step["adjustedP"]) < 0.05
    for step in (*ann["steps"], *bob["steps"]):
        counts = (step["cases"], step["converted"], step["cases"] - step["converted"], step["pending"])
        assert tuple(step[name]["totalCount"] for name in ("instances", "converts", "fails", "waits")) == counts
    assert bob["steps"][0]["pending"] == 4
    team = (await api.data(MANAGERS, input={"by": "TEAM"}))["managerComparison"]["managers"]
    assert [row["manager"]["title"] for row in team] == ["North"]


async def sold(world: World, name: str, converted: int, failed: int, pending: int = 0) -> None:
    ends = [[fire("contact", 1), fire("qualify", 2)]] * converted + [[lose(1)]] * failed + [[]] * pending
    await leads(world, ((arrival(world, 0), assign(world, name, 0), *end) for end in ends), by="north")


async def test_a_funnel_of_customers_counts_each_once_and_lists_a_case_for_each(api: Api) -> None:
    for at in (0, 5, 9):
        await lead(api.world, at, fire("contact", at + 1), fire("qualify", at + 2), customer=customer(1))
    await lead(api.world, 0, customer=customer(2))
    query = """query ($unit: FunnelUnit!) { funnel(input: {unit: $unit}) { unit total { entered
      steps { reached instances(first: 5) { totalCount nodes { id } } } } } }"""
    by_unit = {unit: (await api.data(query, unit=unit))["funnel"]["total"] for unit in ("CUSTOMER", "INSTANCE")}
    assert [step["reached"] for step in by_unit["CUSTOMER"]["steps"]][:3] == [2, 1, 0]
    assert [step["reached"] for step in by_unit["INSTANCE"]["steps"]][:3] == [4, 3, 0]
    for total in by_unit.values():
        for step in total["steps"]:
            assert step["instances"]["totalCount"] == step["reached"] == len(step["instances"]["nodes"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (OUTCOMES, "stageOutcomes"),
        (TIMES, "stageTimes"),
        (FORENSICS, "lossForensics"),
        (MANAGERS, "managerComparison"),
    ],
)
async def test_asked_again_for_the_same_instant_the_answer_is_the_same(api: Api, query: str, field: str) -> None:
    world = api.world
    cases = [await lead(world, 6, *up_to(2, begins=6)) for _ in range(3)]
    await lead(world, 6, lose(7))
    as_of = (await database_now(world)).isoformat()
    before = await api.data(query, input={"asOf": as_of})
    await world.done(cases[0], fire("make_offer", 10))
    await world.done(cases[1], lose(11, "price"))
    await lead(world, 3, lose(4))
    assert await api.data(query, input={"asOf": as_of}) == before
    now = await api.data(query, input={})
    assert now[field] != before[field]
    earlier = {"asOf": hour(8.5).isoformat(), "knownAt": (await database_now(world)).isoformat()}
    assert (await api.data(query, input=earlier))[field] != now[field]


@pytest.mark.parametrize(
    "field",
    [
        'stageOutcomes(input: {process: "no-such"})',
        'stageTimes(input: {process: "no-such"})',
        'lossForensics(input: {process: "no-such"})',
        'managerComparison(input: {process: "no-such"})',
        'stageTimes(input: {period: {fromDate: "2026-09-02", toDate: "2026-09-01"}})',
    ],
)
async def test_a_question_without_sense_is_refused(loaded: Api, field: str) -> None:
    answer = await loaded.ask(f"{{ {field} {{ __typename }} }}")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("figure", ["stageOutcomes", "stageTimes", "lossForensics"])
@pytest.mark.parametrize("dimension", ["MONTH", "PRODUCT", "CLOCK"])
async def test_a_dimension_that_only_kpis_have_is_refused(api: Api, figure: str, dimension: str) -> None:
    period = 'period: {fromDate: "2026-09-01", toDate: "2026-10-01"}'
    query = f'{{ {figure}(input: {{process: "callback-request", {period}, groupBy: [{dimension}]}}) {{ __typename }} }}'
    (error,) = (await api.ask(query))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith(f"Only KPIs can be grouped by {dimension}")
