"""The process map as clients see it: every number is the total of its list, titles, languages, limits, pages."""

from collections.abc import AsyncIterator

import pytest

from bpm_crm.api import figure_map
from bpm_crm.embedded.server import Server
from tests.analytics.leads import assign, force, hour, lead, lose, up_to
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.databases import cloned
from tests.world import World, a_world

LISTED = """
query ($classifier: EventClassifier!) { processMap(input: {process: "callback-request", classifier: $classifier}) {
  cases eventless events
  of_cases: instances(first: 0) { totalCount } of_ended: instances(number: ENDED, first: 0) { totalCount }
  of_open: instances(number: OPEN, first: 0) { totalCount } of_eventless: instances(number: EVENTLESS, first: 0) { totalCount }
  of_reworked: instances(number: REWORKED, first: 0) { totalCount }
  durations { ended open } rework { cases }
  activities { activity events cases starts ends standing reworked repeats
    of_cases: instances(first: 0) { totalCount } of_starts: instances(number: STARTS, first: 0) { totalCount }
    of_ends: instances(number: ENDS, first: 0) { totalCount } of_standing: instances(number: STANDING, first: 0) { totalCount }
    of_reworked: instances(number: REWORKED, first: 0) { totalCount } }
  edges { cases count of_cases: instances(first: 0) { totalCount } }
  loops { cases count of_cases: instances(first: 0) { totalCount } }
  handovers { cases count of_cases: instances(first: 0) { totalCount } }
  conformance { conforming deviating cases rate
    of_conforming: instances(number: CONFORMING, first: 0) { totalCount }
    of_deviating: instances(number: DEVIATING, first: 0) { totalCount }
    kinds { kind cases count of_cases: instances(first: 0) { totalCount } }
    deviations { cases count of_cases: instances(first: 0) { totalCount } } }
  variants(first: 200) { totalCount nodes { count of_count: instances(first: 0) { totalCount } } }
} }
"""


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("loaded")) as api,
    ):
        await strays(world)
        yield api


async def strays(world: World) -> None:
    """Cases that leave the way: forced, handed over, re-opened, with calls."""
    await lead(world, 0, force("offer", 2), lose(3, "price"), by="north")
    case = await lead(world, 0, *up_to(3), by="ann")
    await world.done(case, assign(world, "bob", 20), lose(22, "price"), by="bob")


@pytest.mark.parametrize("classifier", ["STAGE", "TRANSITION", "CHECKPOINT", "ACTIVITY"])
async def test_every_number_of_a_map_is_the_total_of_its_list(loaded: Api, classifier: str) -> None:
    found = (await loaded.data(LISTED, classifier=classifier))["processMap"]
    places = [found, *found["activities"], *found["edges"], *found["loops"], *found["handovers"], found["conformance"]]
    places += [*found["conformance"]["kinds"], *found["conformance"]["deviations"], *found["variants"]["nodes"]]
    checked = 0
    numbers = {**found, **found["durations"], "reworked": found["rework"]["cases"]}
    for place in places:
        for name, listed in place.items():
            if name.startswith("of_"):
                number = (numbers if place is found else place)[name.removeprefix("of_")]
                assert listed["totalCount"] == number, (classifier, name, place)
                checked += 1
    assert checked > (10 if classifier == "ACTIVITY" else 40)
    assert sum(item["events"] for item in found["activities"]) == found["events"]
    assert sum(item["starts"] for item in found["activities"]) == found["cases"] - found["eventless"]
    assert sum(item["ends"] + item["standing"] for item in found["activities"]) == found["cases"] - found["eventless"]
    assert sum(item["count"] for item in found["variants"]["nodes"]) == found["cases"] == 102
    edges = sum(item["count"] for item in found["edges"])
    assert edges == found["events"] - (found["cases"] - found["eventless"])
    conformance = found["conformance"]
    assert (conformance["conforming"], conformance["deviating"], conformance["rate"]) == (101, 1, "0.9901960784")


async def test_titles_are_in_the_language_of_the_request(loaded: Api) -> None:
    query = '{ processMap(input: {process: "callback-request", classifier: %s}) { activities { activity title } conformance { deviations { kind sourceTitle targetTitle } } } }'
    for language, stage, kind in (
        ("en", "To be called", "Forced move"),
        ("ru", "Надо позвонить", "Принудительный переход"),
    ):
        stages = (await loaded.ask(query % "STAGE", language=language))["data"]["processMap"]
        titles = {item["activity"]: item["title"] for item in stages["activities"]}
        moves = (await loaded.ask(query % "TRANSITION", language=language))["data"]["processMap"]["activities"]
        assert {item["activity"]: item["title"] for item in moves}["force"] == kind
        if language == "en":
            assert titles["new"] == stage
        assert all(item["targetTitle"] for item in stages["conformance"]["deviations"])


async def test_handovers_name_users(loaded: Api) -> None:
    query = '{ processMap(input: {process: "callback-request"}) { handovers { giver { name user { name email } } taker { user { name } } medianSeconds } } }'
    found = (await loaded.data(query))["processMap"]["handovers"]
    assert {
        "giver": {"name": "Ann Seller", "user": {"name": "Ann Seller", "email": "ann@example.org"}},
        "taker": {"user": {"name": "Bob Seller"}},
        "medianSeconds": "68400",
    } in found


async def test_variants_are_read_page_by_page_in_one_order(loaded: Api) -> None:
    query = """query ($first: Int, $after: String) { processMap(input: {process: "callback-request"}) { variants(first: $first, after: $after) {
        totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { rank count activities } } } } }"""
    whole = (await loaded.data(query, first=200))["processMap"]["variants"]
    pages, after = [], None
    while True:
        page = (await loaded.data(query, first=2, after=after))["processMap"]["variants"]
        pages += page["edges"]
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert pages == whole["edges"]
    assert len(pages) == whole["totalCount"] > 3
    refused = await loaded.ask(query, first=2, after="nonsense")
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_map_with_more_parts_than_anybody_reads_is_refused(
    loaded: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_map, "MOST_CELLS", 5)
    answer = await loaded.ask('{ processMap(input: {process: "callback-request"}) { edges { count } } }')
    assert answer["errors"][0]["extensions"]["maximum"] == 5


async def test_a_map_asked_again_for_the_same_instant_is_the_same(api: Api) -> None:
    case = await lead(api.world, 0, *up_to(2))
    query = 'query ($asOf: DateTime) { processMap(input: {process: "callback-request", asOf: $asOf}) { frame { asOf } events edges { source target count meanSeconds } } }'
    before = (await api.data(query))["processMap"]
    await api.world.done(case, lose(50), by="north")
    again = (await api.data(query, asOf=before["frame"]["asOf"]))["processMap"]
    assert again == before
    assert (await api.data(query))["processMap"]["events"] == before["events"] + 1
    past = (await api.data(query, asOf=hour(1.5).isoformat()))["processMap"]
    assert past["events"] == 0, "nothing was known then"


async def test_a_map_takes_one_statement_whatever_is_asked_and_variants_one_more(api: Api) -> None:
    await lead(api.world, 0, *up_to(2))
    database = api.application.state.database
    counts = []
    for below in (
        "cases",
        "edges { count } activities { cases } loops { count } handovers { count } conformance { rate }",
        "variants { totalCount }",
    ):
        await api.data(f'{{ processMap(input: {{process: "callback-request"}}) {{ {below} }} }}')
        seen: list[str] = []
        database.log_statements(seen.append)
        await api.data(f'{{ processMap(input: {{process: "callback-request"}}) {{ {below} }} }}')
        database.log_statements(None)
        counts.append(sum(1 for text in seen if "happenings" in text))
    assert counts == [1, 1, 2]
