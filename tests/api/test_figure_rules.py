"""What holds for every figure: whose cases count, what is known when, empty sets, limits, and a constant number of statements."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bpm_crm.api.ids import to_global
from bpm_crm.operations.access import ROLE_TABLE, Permission, Reach, Role
from bpm_crm.operations.commands import Assign
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import arrival, assign, database_now, hour, lead, leads, lose, up_to
from tests.api.client import Api
from tests.api.funnel_seed import key_of_integration
from tests.world import World

PERIOD = '{from: "2026-09-01T00:00:00Z", to: "2026-10-01T00:00:00Z"}'
EVERY = f"""
query ($where: FactWhere, $asOf: DateTime, $groupBy: [Dimension!], $first: Int = 50) {{
  funnel(input: {{process: "callback-request", where: $where, asOf: $asOf, groupBy: $groupBy, period: {PERIOD}}}) {{
    frame {{ asOf filter }} segments {{ dimension {{ key title }} entered
      steps {{ reached stepConversion overallConversion lowerBound estimate {{ rate }}
        instances(first: 3) {{ totalCount nodes {{ id }} }} lostInstances(first: 3) {{ totalCount nodes {{ id }} }} }} }}
    unmappedStages {{ stage count }} }}
  lossReasons(input: {{process: "callback-request", where: $where, asOf: $asOf, groupBy: $groupBy, period: {PERIOD}}}) {{
    count share instances(first: 3) {{ totalCount nodes {{ id }} }} }}
  checkpointKpis(process: "callback-request", where: $where, asOf: $asOf, groupBy: $groupBy, period: {PERIOD}) {{
    checkpoint dimension {{ title }} started reached rate medianSeconds medianBusinessSeconds expectedMedianSeconds
    attainment {{ judged rate medianBusinessSeconds }}
    instances(first: 3) {{ totalCount nodes {{ id }} }} startedInstances(first: $first) {{ totalCount nodes {{ id }} }} }}
  processMap(input: {{process: "callback-request", where: $where, asOf: $asOf, period: {PERIOD}}}) {{
    cases activities {{ activity cases instances(first: 3) {{ totalCount nodes {{ id }} }} }}
    edges {{ source target cases medianSeconds instances(first: 3) {{ totalCount nodes {{ id }} }} }}
    loops {{ activities }} handovers {{ giver {{ name }} taker {{ name }} }} durations {{ ended open medianSeconds }} rework {{ rate }}
    conformance {{ rate kinds {{ kind count }} deviations {{ count }} }}
    variants {{ totalCount nodes {{ activities count }} }} instances(first: $first) {{ totalCount nodes {{ id }} }} }}
}}
"""


async def everything(api: Api, by: str = "admin", **asked: Any) -> dict[str, Any]:
    return await api.data(EVERY, by=by, **asked)


def code(answer: dict[str, Any]) -> str:
    found: str = answer["errors"][0]["extensions"]["code"]
    return found


async def refused(api: Api, field: str) -> dict[str, Any]:
    answer = await api.ask(f"{{ {field} {{ __typename }} }}")
    assert code(answer) == "BAD_USER_INPUT", answer
    return answer


# Whose cases count


async def cases_of_everybody(world: World) -> dict[str, str]:
    """A lost lead of each kind, as ann sees them."""
    north, south = world.founded.teams["north"], world.founded.teams["south"]
    found = {}
    for name, owner, team in (
        ("own", "ann", north),
        ("queue", None, north),
        ("colleague", "bob", north),
        ("other team", "eve", south),
    ):
        owner_id = None if owner is None else world.founded.users[f"{owner}@example.org"]
        case = await lead(world, 0, Assign(owner_id, team, occurred_at=hour(0)), lose(1), by="admin")
        found[name] = str(to_global("ProcessInstance", case))
    return found


SEEN = {
    "admin": {"own", "queue", "colleague", "other team"},
    "owner": {"own", "queue", "colleague", "other team"},
    "analyst": {"own", "queue", "colleague", "other team"},
    "north": {"own", "queue", "colleague"},
    "ann": {"own", "queue"},
    "bob": {"queue", "colleague"},
    "eve": {"other team"},
    "south": {"other team"},
}


async def test_a_figure_counts_and_lists_exactly_the_cases_its_reader_may_see(api: Api) -> None:
    cases = await cases_of_everybody(api.world)
    for reader, seen in SEEN.items():
        found = await everything(api, by=reader)
        (segment,) = found["funnel"]["segments"]
        (loss,) = found["lossReasons"]
        first = found["checkpointKpis"][0]
        shown = found["processMap"]
        counts = (segment["entered"], loss["count"], first["started"], shown["cases"], shown["edges"][0]["cases"])
        assert counts == (len(seen),) * 5, reader
        wanted = {cases[name] for name in seen}
        assert {case["id"] for case in first["startedInstances"]["nodes"]} == wanted
        assert {case["id"] for case in shown["instances"]["nodes"]} == wanted
        listed = await api.data("{ processInstances(first: 100) { nodes { id } } }", by=reader)
        assert {case["id"] for case in listed["processInstances"]["nodes"]} == wanted


async def test_owners_outside_the_reach_are_no_segments(api: Api) -> None:
    await cases_of_everybody(api.world)
    found = await everything(api, by="ann", groupBy=["OWNER", "TEAM"])
    titles = {tuple(value["title"] for value in item["dimension"]) for item in found["checkpointKpis"]}
    assert titles == {("Ann Seller", "North"), ("None", "North")}


async def test_an_integration_reads_no_figures(api: Api) -> None:
    token = await key_of_integration(api.world)
    for _ in range(50):
        if "errors" not in await api.ask("{ viewer { name } }", by=None, token=token):
            break
    for field in (
        "funnel(input: {}) { mode }",
        "lossReasons(input: {}) { count }",
        f'checkpointKpis(process: "callback-request", period: {PERIOD}) {{ started }}',
        'processMap(input: {process: "callback-request"}) { cases }',
    ):
        assert code(await api.ask(f"{{ {field} }}", by=None, token=token)) == "FORBIDDEN"


def test_who_reads_figures_of_cases_may_read_these_cases() -> None:
    width = [None, Reach.OWN, Reach.TEAM, Reach.ALL]
    for role in Role:
        figures, cases = (ROLE_TABLE[role].get(name) for name in (Permission.VIEW_FIGURES, Permission.VIEW_CASES))
        assert width.index(figures) <= width.index(cases), role


# The same question has the same answer


async def test_a_figure_asked_again_for_the_same_instant_is_the_same_whatever_happened_since(api: Api) -> None:
    world = api.world
    cases = [await lead(world, 0, assign(world, "ann", 0), *up_to(2)) for _ in range(3)]
    ann = to_global("User", world.founded.users["ann@example.org"])
    as_of = (await database_now(world)).isoformat()
    where = {"owner": {"eq": ann}, "status": {"eq": "RUNNING"}, "stage": {"eq": "interest"}}
    asked = {"where": where, "asOf": as_of, "groupBy": ["REGION"]}
    before = await everything(api, **asked)
    assert [step["reached"] for step in before["funnel"]["segments"][0]["steps"]] == [3, 3, 0, 0, 0, 0]
    await world.done(cases[0], assign(world, "bob", 50), by="north")
    await world.done(cases[1], lose(60), by="north")
    now = await everything(api, where=where)
    assert now["funnel"]["segments"][0]["entered"] == 1
    assert await everything(api, **asked) == before
    assert before["funnel"]["frame"]["filter"] == {
        "owner": {"eq": ann},
        "status": {"eq": "RUNNING"},
        "stage": {"eq": "interest"},
    }


async def test_cases_are_filtered_by_every_comparator(api: Api) -> None:
    world = api.world
    lost = await lead(world, 0, lose(3, "competitor"), region="Tula", campaign="spring")
    await lead(world, 5, channel="web-form")
    running: Callable[..., dict[str, Any]] = lambda **part: {"not": {"or": [part]}}  # noqa: E731
    selected = [
        {"id": {"eq": to_global("ProcessInstance", lost)}},
        {"process": {"eq": "callback-request"}},
        {"channel": {"in": ["callback-request"]}},
        {"campaign": {"eq": "spring"}},
        {"region": {"startsWith": "tu"}},
        {"stage": {"eq": "lost"}},
        {"status": {"in": ["LOST"]}},
        {"lossReason": {"eq": "competitor"}},
        {"startedAt": {"lt": hour(5).isoformat()}},
        {"owner": {"isNull": False}},
        {"and": [{"version": {"eq": 1}}, {"region": {"isNull": False}}, {"team": {"eq": "north"}}]},
    ]
    query = "query ($w: FactWhere) { funnel(input: {where: $w}) { total { entered } segments { steps { instances(first: 2) { nodes { region } } } } } }"
    for where in selected:
        for chosen, region in ((where, "Tula"), (running(**where), None)):
            if "owner" in where:
                continue
            found = (await api.data(query, w=chosen))["funnel"]
            assert found["total"]["entered"] == 1, chosen
            assert found["segments"][0]["steps"][0]["instances"]["nodes"] == [{"region": region}], chosen


# Nothing, and too much


async def test_of_nothing_there_are_rows_without_rates(api: Api) -> None:
    found = await everything(api)
    (segment,) = found["funnel"]["segments"]
    assert (segment["entered"], found["lossReasons"]) == (0, [])
    shown = found["processMap"]
    assert (shown["cases"], shown["activities"], shown["edges"], shown["variants"]["nodes"]) == (0, [], [], [])
    assert (shown["durations"]["medianSeconds"], shown["rework"]["rate"], shown["conformance"]["rate"]) == (None,) * 3
    for step in segment["steps"]:
        assert (step["reached"], step["instances"]) == (0, {"totalCount": 0, "nodes": []})
        assert {step[name] for name in ("stepConversion", "overallConversion", "lowerBound", "estimate")} == {None}
    assert len(found["checkpointKpis"]) == 9
    for kpi in found["checkpointKpis"]:
        assert (kpi["started"], kpi["reached"]) == (0, 0)
        assert {kpi[name] for name in ("rate", "medianSeconds", "medianBusinessSeconds", "expectedMedianSeconds")} == {
            None
        }
        assert kpi["attainment"] == {"judged": 0, "rate": None, "medianBusinessSeconds": None}


@pytest.mark.parametrize(
    "field",
    [
        'funnel(input: {process: "no-such"})',
        'lossReasons(input: {process: "no-such"})',
        f'checkpointKpis(process: "no-such", period: {PERIOD})',
        'processMap(input: {process: "no-such"})',
        'processMap(input: {process: "callback-request", period: {fromDate: "2026-09-02", toDate: "2026-09-01"}})',
        'funnel(input: {mode: PERIOD, window: "PT1H"})',
        'funnel(input: {period: {from: "2026-09-02T00:00:00Z", to: "2026-09-02T00:00:00Z"}})',
        'funnel(input: {period: {fromDate: "2026-09-02", toDate: "2026-09-01"}})',
        'funnel(input: {period: {from: "2026-09-02T00:00:00Z", fromDate: "2026-09-02"}})',
        'funnel(input: {period: {fromDate: "0001-01-01"}})',
    ],
)
async def test_a_question_without_sense_is_refused_with_its_cure(api: Api, field: str) -> None:
    message = (await refused(api, field))["errors"][0]["message"]
    assert message.endswith((".", "”"))
    assert "Internal" not in message


async def test_a_period_may_be_open_and_begins_and_ends_with_days_of_the_company(api: Api) -> None:
    world = api.world
    for at in (-3.1, -3, 20.9, 21):
        await lead(world, at)
    query = "query ($p: PeriodInput) { funnel(input: {period: $p}) { total { entered } frame { period { from to } } } }"
    for period, entered in (
        ({"fromDate": "2026-09-07", "toDate": "2026-09-08"}, 2),
        ({"fromDate": "2026-09-07"}, 3),
        ({"toDate": "2026-09-07"}, 1),
        ({}, 4),
        (None, 4),
    ):
        assert (await api.data(query, p=period))["funnel"]["total"]["entered"] == entered, period
    found = await api.data(query, p={"fromDate": "2026-09-07"})
    assert found["funnel"]["frame"]["period"] == {"from": "2026-09-06T21:00:00Z", "to": None}


async def test_the_lists_of_a_figure_are_bounded_together(api: Api) -> None:
    await leads(api.world, [(arrival(api.world, 0, region=f"Region {number}"),) for number in range(30)])
    query = "{ funnel(input: {groupBy: [REGION]}) { segments { steps { instances(first: %d) { nodes { id } } } } } }"
    assert "errors" not in await api.ask(query % 20)
    answer = await api.ask(query % 60)
    assert code(answer) == "QUERY_TOO_COMPLEX"
    assert answer["errors"][0]["extensions"]["limit"] == "listed_cases"


# Statements

OF_THE_DRIVER = ("typeinfo_tree", "current_setting('jit')", "pg_catalog.pg_type")
"""What asyncpg asks once of every connection."""


async def test_a_figure_takes_as_many_statements_for_1_segment_as_for_50(api: Api) -> None:
    world = api.world
    await leads(world, [(arrival(world, 0, region="Region 0"), *up_to(2), lose(5)) for _ in range(2)])
    for_one = await fewest_statements(api, segments=1)
    await leads(world, [(arrival(world, 0, region=f"Region {number}"), *up_to(3), lose(6)) for number in range(1, 50)])
    assert await fewest_statements(api, segments=50) == for_one


async def fewest_statements(api: Api, segments: int) -> int:
    """Of several times: what lists are loaded together depends on which of them are asked for in the same moment."""
    database = api.application.state.database
    counts = []
    for _ in range(4):
        statements: list[str] = []
        database.log_statements(statements.append)
        found = await everything(api, groupBy=["REGION"], first=1)
        database.log_statements(None)
        assert len(found["funnel"]["segments"]) == segments
        counts.append(sum(1 for statement in statements if not any(word in statement for word in OF_THE_DRIVER)))
    return min(counts)


# Cases in no row


UNMAPPED = """
query { funnel(input: {process: "callback-request"}) { total { entered steps { checkpoint } }
  unmappedStages { process stage title count instances(first: 5) { totalCount nodes { stage { key } } } } } }
"""


async def test_cases_that_reached_no_step_are_reported_by_the_stage_they_stand_in(api: Api) -> None:
    world = api.world
    text = shipped_text("callback-request").replace(
        "\ncheckpoints:\n", "\ncheckpoints:\n  lead:\n    reached: [{transition: contact}]\n"
    )
    async with world.owner.transaction(world.tenant_id) as connection:
        at = await connection.fetchval("SELECT now()") - timedelta(seconds=1)
        await publish(connection, world.tenant_id, text, changelog="later", at=at, by=None)
    await world.refresh()
    await lead(world, 0)
    await lead(world, 0, *up_to(2))
    found = (await api.data(UNMAPPED))["funnel"]
    assert found["total"]["entered"] == 1
    assert found["unmappedStages"] == [
        {
            "process": "callback-request",
            "stage": "new",
            "title": "To be called",
            "count": 1,
            "instances": {"totalCount": 1, "nodes": [{"stage": {"key": "new"}}]},
        }
    ]
