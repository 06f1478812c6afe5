"""Lists: filters, orders, pages, and a number of statements that does not grow with the rows."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bpm_crm.api.connections import cut, page_info, write_cursor
from bpm_crm.api.ids import to_global
from bpm_crm.operations.commands import Fire
from bpm_crm.records.bootstrap import Access
from bpm_crm.records.listings import INSTANCES
from bpm_crm.records.selection import All, Compare, Operator, Query, read_page
from tests.api.client import Api, an_api
from tests.world import World, a_world, customer

EVERYTHING = """
{ processInstances(first: %d) { totalCount nodes {
    id version sequence status startedAt
    stage { key title kind } definition { key title } channel { key } campaign { key }
    owner { name teams { name lead { name } } } team { name }
    deal { key amount { amount } customer { name phone } owner { name } instance { id stage { key } } }
    clocks { key state dueAt remainingBusiness segments { kind } } checkpoints { key reachedAt }
    availableTransitions { key enabled blockedBy { code message } }
    history(first: 5) { totalCount nodes { kind transition actor { name } visit { stage business } clockEvents { kind } } }
} } }
"""


async def test_a_list_takes_the_same_number_of_statements_for_1_row_and_for_50(access: Access, tmp_path: Path) -> None:
    async with a_world(access) as world:
        for number in range(50):
            await world.done(None, world.capture(customer=customer(number)), Fire("contact"))
        async with an_api(world, tmp_path) as api:
            counts = {}
            for rows in (1, 50, 1, 50):
                statements: list[str] = []
                database = api.application.state.database
                database.log_statements(statements.append)
                found = await api.data(EVERYTHING % rows)
                database.log_statements(None)
                assert len(found["processInstances"]["nodes"]) == rows
                counts.setdefault(rows, []).append(len(statements))
            assert counts[1][1] == counts[50][1], counts


async def five(world: World) -> list[str]:
    """Five cases, oldest first."""
    ids = []
    for number in range(5):
        done = await world.done(None, world.capture(external_id=str(number)))
        ids.append(str(to_global("ProcessInstance", done.instance.id)))
    return ids


async def test_pages_follow_the_relay_vectors(world: World, test_data: Path) -> None:
    """2,744 cases of first, last, after and before over the list A–E, against pages read from the database.

    We refuse `first` with `last`, and with neither read `first: 50`; what lies around an interval that ends before it begins
    is not defined.
    """
    vectors = json.loads((test_data / "graphql" / "relay_vectors.json").read_text())
    for number in range(5):
        await world.done(None, world.capture(external_id=str(number)))
    query = Query(INSTANCES, All())
    async with world.database.reader(world.tenant_id) as connection:
        whole = await read_page(connection, world.tenant_id, query, cut(query.keys, 200, None))
        cursors = [write_cursor(keys) for keys in whole.keys]
        for case in vectors["cases"]:
            arguments = case["args"]
            if arguments["first"] is not None and arguments["last"] is not None:
                continue
            if any(arguments[end] is not None and not 0 <= arguments[end] <= 4 for end in ("after", "before")):
                continue
            after, before = (None if arguments[end] is None else cursors[arguments[end]] for end in ("after", "before"))
            window = cut(query.keys, arguments["first"], after, arguments["last"], before)
            page = await read_page(connection, world.tenant_id, query, window)
            found = ["ABCDE"[cursors.index(write_cursor(keys))] for keys in page.keys]
            assert found == case["nodes"], arguments
            if arguments["first"] is None and arguments["last"] is None:
                continue
            if after is not None and before is not None and arguments["after"] >= arguments["before"]:
                continue
            info = page_info(page, window)
            shown = {"hasNextPage": info.has_next_page, "hasPreviousPage": info.has_previous_page}
            assert shown == case["full"], (arguments, shown, case)


@pytest.mark.parametrize(
    "arguments",
    ["first: -1", "last: -1", "first: 1, last: 1", "first: 201", 'after: "nonsense"', 'after: "W10"', 'before: "!!!"'],
)
async def test_paging_arguments_that_make_no_sense_are_refused(api: Api, arguments: str) -> None:
    answer = await api.ask(f"{{ processInstances({arguments}) {{ nodes {{ id }} }} }}")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", answer


async def test_a_cursor_of_another_order_is_refused(api: Api) -> None:
    await five(api.world)
    found = await api.data("{ processInstances(first: 1) { pageInfo { endCursor } } }")
    cursor = found["processInstances"]["pageInfo"]["endCursor"]
    query = f'{{ processInstances(after: "{cursor}", orderBy: [{{field: STARTED_AT}}]) {{ nodes {{ id }} }} }}'
    assert (await api.ask(query))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    "field", ["STARTED_AT", "ENTERED_AT", "ENDED_AT", "NEXT_DUE_AT", "OVERDUE_SINCE", "STAGE", "AMOUNT"]
)
async def test_paging_through_any_order_shows_every_row_once(api: Api, field: str, direction: str) -> None:
    world = api.world
    monday = datetime(2026, 11, 16, 7, tzinfo=UTC)
    for number in range(7):
        steps = [
            Fire("contact"),
            Fire("qualify", {"need": "x"}),
            Fire("make_offer", {"amount": str(100 + number // 2)}),
        ]
        lead = world.capture(external_id=str(number), occurred_at=monday + timedelta(minutes=number))
        await world.done(None, lead, *steps[: number % 4])
    await world.done(None, world.capture(external_id="lost"), Fire("lose", reason="no_need"))
    order = f"orderBy: [{{field: {field}, direction: {direction}}}]"
    seen: list[str] = []
    after = None
    while True:
        cursor = "" if after is None else f', after: "{after}"'
        page = (
            await api.data(
                f"{{ processInstances(first: 3, {order}{cursor}) {{ nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"
            )
        )["processInstances"]
        seen.extend(node["id"] for node in page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == len(set(seen)) == 8
    whole = await api.data(f"{{ processInstances(first: 100, {order}) {{ nodes {{ id }} }} }}")
    assert seen == [node["id"] for node in whole["processInstances"]["nodes"]]


FILTERS: dict[str, set[str]] = {
    'stage: {eq: "qualification"}': {"b"},
    'stage: {in: ["new", "lost"]}': {"a", "d"},
    'stage: {ne: "new"}': {"b", "c", "d"},
    'stage: {contains: "QUAL"}': {"b"},
    "status: {eq: LOST}": {"d"},
    "status: {ne: RUNNING}": {"d"},
    'channel: {eq: "web-form"}': {"c"},
    'channel: {startsWith: "call"}': {"a", "b", "d"},
    'channel: {eq: "no-such"}': set(),
    'process: {notIn: ["web-form"]}': {"a", "b", "d"},
    'team: {eq: "north"}': {"a", "b", "d"},
    'lossReason: {eq: "no_need"}': {"d"},
    "lossReason: {isNull: true}": {"a", "b", "c"},
    'or: [{stage: {eq: "new"}}, {status: {eq: LOST}}]': {"a", "d"},
    'not: {stage: {eq: "new"}}': {"b", "c", "d"},
    'not: {lossReason: {eq: "no_need"}}': {"a", "b", "c"},
    'and: [{channel: {eq: "callback-request"}}, {not: {status: {eq: LOST}}}]': {"a", "b"},
    'amount: {gte: "500"}': {"c"},
    'region: {eq: "Tula"}': {"c"},
    "region: {isNull: true}": {"a", "b", "d"},
    'startedAt: {gte: "2026-11-01T00:00:00Z"}': {"a", "b", "c", "d"},
    'startedAt: {lt: "2026-11-01T00:00:00+03:00"}': set(),
    "overdue: false": {"a", "b", "c", "d"},
    "or: []": set(),
    "and: []": {"a", "b", "c", "d"},
    "owner: {isNull: false}": {"b", "c"},
}


@pytest.fixture
async def four(api: Api) -> AsyncIterator[Api]:
    """Four cases that differ: a new, b in qualification, c from the web with an offer, d lost."""
    world = api.world
    offer = (Fire("contact"), Fire("qualify", {"need": "x"}), Fire("make_offer", {"amount": "700"}))
    await world.done(None, world.capture(external_id="a"))
    await world.done(None, world.capture(external_id="b"), Fire("contact"))
    lead = world.capture("web-form", external_id="c", region="Tula", team="south", customer=customer(3))
    await world.done(None, lead, *offer, by="eve")
    await world.done(None, world.capture(external_id="d"), Fire("lose", reason="no_need"))
    return api


@pytest.mark.parametrize("where", FILTERS)
async def test_a_filter_finds_exactly_what_it_says(four: Api, where: str) -> None:
    found = await four.data(f"{{ processInstances(where: {{{where}}}) {{ totalCount nodes {{ externalId }} }} }}")
    assert {node["externalId"] for node in found["processInstances"]["nodes"]} == FILTERS[where]
    assert found["processInstances"]["totalCount"] == len(FILTERS[where])


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("Customer 3", {"c"}),
        ("9990000003", {"c"}),
        ("c3@", {"c"}),
        ("b", {"b"}),
        ("%", set()),
        ("D-", {"a", "b", "c", "d"}),
    ],
)
async def test_search_looks_at_deals_external_ids_and_customers(four: Api, search: str, expected: set[str]) -> None:
    query = "query ($s: String!) { processInstances(search: $s) { nodes { externalId } } }"
    found = await four.data(query, s=search)
    assert {node["externalId"] for node in found["processInstances"]["nodes"]} == expected


async def test_deals_and_customers_are_filtered_and_searched_too(four: Api) -> None:
    found = await four.data(
        """{
        lost: deals(where: {status: {eq: LOST}}) { totalCount nodes { outcome } }
        dear: deals(where: {amount: {gt: "1"}}, orderBy: [{field: AMOUNT, direction: DESC}]) { nodes { amount { amount } } }
        named: deals(search: "Customer 3") { totalCount }
        people: customers(where: {region: {eq: "Moscow"}}, orderBy: [{field: NAME}]) { nodes { name deals: instances { totalCount } } }
        }"""
    )
    assert found["lost"] == {"totalCount": 1, "nodes": [{"outcome": "LOST"}]}
    assert found["dear"]["nodes"] == [{"amount": {"amount": "700"}}]
    assert found["named"]["totalCount"] == 1
    assert found["people"]["nodes"] == [{"name": "Customer 3", "deals": {"totalCount": 1}}]


async def test_a_total_is_counted_only_when_it_is_selected(four: Api) -> None:
    statements: list[str] = []
    four.application.state.database.log_statements(statements.append)
    await four.data("{ processInstances { nodes { id } } }")
    assert not any("count(*)" in statement for statement in statements)
    await four.data("{ processInstances { totalCount } }")
    assert any("count(*)" in statement for statement in statements)


async def test_refusals_speak_russian_where_that_is_asked_for_and_keep_their_codes(api: Api) -> None:
    case = (await api.world.done(None, api.world.capture())).instance.id
    query = """mutation ($id: ID!) { fireTransition(input: {instance: {id: $id}, transition: "make_offer"}) {
        ... on TransitionRefused { code message blockedBy { code message unblock } } } }"""
    answers: dict[str, Any] = {}
    for language in ("en", "ru", "de, ru;q=0.5", "fr"):
        answer = await api.ask(query, by="ann", language=language, id=to_global("ProcessInstance", case))
        answers[language] = answer["data"]["fireTransition"]
    assert len({answer["blockedBy"][0]["code"] for answer in answers.values()}) == 1
    assert "does not lead out of stage" in answers["en"]["blockedBy"][0]["message"]
    assert "не выходит из стадии" in answers["ru"]["blockedBy"][0]["message"]
    assert answers["de, ru;q=0.5"] == answers["ru"]
    assert answers["fr"] == answers["en"]


async def test_conditions_compare_nulls_as_values(world: World) -> None:
    await world.done(None, world.capture(external_id="x"))
    missing = Compare("i.region", Operator.EQ, None, "text")
    other = Compare("i.region", Operator.NE, "Tula", "text")
    async with world.database.reader(world.tenant_id) as connection:
        for condition in (missing, other):
            page = await read_page(
                connection, world.tenant_id, Query(INSTANCES, condition), cut((INSTANCES.identity,), 10, None)
            )
            assert len(page.rows) == 1
