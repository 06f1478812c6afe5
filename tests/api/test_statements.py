"""The number of statements does not grow with the rows: for every field below every list of the schema."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)
from strawberry.dataloader import DataLoader

from bpm_crm.embedded.server import Server
from bpm_crm.operations.commands import Assign, Fire
from tests.api.client import Api, an_api
from tests.api.walking import SCHEMA, arguments, own_types, root_fields, selection
from tests.databases import cloned
from tests.world import a_world, customer

ROWS = 12
"""Cases, deals and customers; every one of these lists is read by pages."""
MOST_FOR_ONE_FIELD = 7
"""Statements that a field may add below a list that is given whole: of two readers, one of them with a total as well."""
GIVEN = {
    "funnel": {"input": '{process: "callback-request", groupBy: [REGION]}'},
    "lossReasons": {"input": '{process: "callback-request", groupBy: [REGION]}'},
    "lossForensics": {"input": '{process: "callback-request", groupBy: [REGION]}'},
    "stageOutcomes": {"input": '{process: "callback-request", groupBy: [REGION]}'},
    "stageTimes": {
        "input": '{process: "callback-request", groupBy: [REGION], period: {fromDate: "2026-01-01", toDate: "2099-01-01"}}'
    },
    "managerComparison": {"input": '{process: "callback-request"}'},
    "processMap": {"input": '{process: "callback-request"}'},
    "checkpointKpis": {"process": '"callback-request"', "groupBy": "[REGION]"},
    "kpi": {"key": '"new_cases"', "groupBy": "[REGION]"},
}
"""What figures are asked, so that they have several segments."""
FIGURES_OF_THEIR_OWN = {"CorrectiveAction.effect", "ProcessRollout.readOut"}
"""Fields below a list that measure anew for each row: their price lets a request ask for a few."""

Way = tuple[tuple[str, GraphQLField], ...]


@pytest.fixture(scope="module")
async def crowd(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A company with many cases, each of a customer of its own; half of them lost, of two regions and owners."""
    async with cloned(postgres, template) as access, a_world(access) as world:
        users, north = world.founded.users, world.founded.teams["north"]
        for number in range(ROWS):
            lead = world.capture(customer=customer(number), campaign="spring", region=f"Region {number % 2}")
            owner = users["ann@example.org" if number % 2 else "bob@example.org"]
            end = Fire("lose", reason="no_need" if number % 4 == 1 else "competitor") if number % 2 else Fire("contact")
            await world.done(None, lead, Assign(owner, north), end, by="admin")
        async with an_api(world, tmp_path_factory.mktemp("crowd")) as api:
            yield api


def roots() -> Iterator[tuple[str, GraphQLField]]:
    """Every root field of Query that gives a list, by pages or whole, or an object made of lists; pages first."""
    found = [(name, field) for _, name, field in root_fields("Query") if is_many(name, field)]
    return iter(sorted(found, key=lambda item: "first" not in item[1].args))


def is_many(name: str, field: GraphQLField) -> bool:
    type_ = get_named_type(field.type)
    single = not is_list_type(get_nullable_type(field.type)) and "first" not in field.args
    if isinstance(type_, GraphQLUnionType):
        return False
    return not (single and ("id" in type_.fields or type_.name in {"Node", "Viewer"})) and name != "node"


def ways() -> dict[str, Way]:
    """The shortest way to each type below a list, by fields; the first is a root field."""
    found: dict[str, Way] = {}
    front: list[Way] = [((name, field),) for name, field in roots()]
    while front:
        following: list[Way] = []
        for way in front:
            type_ = get_named_type(way[-1][1].type)
            if type_.name in found or not isinstance(type_, GraphQLObjectType):
                continue
            found[type_.name] = way
            following += [
                (*way, (name, field))
                for name, field in type_.fields.items()
                if is_object(field) and f"{type_.name}.{name}" not in FIGURES_OF_THEIR_OWN
            ]
        front = following
    return found


def is_object(field: GraphQLField) -> bool:
    return not is_leaf_type(get_named_type(field.type))


def query(way: Way, below: str, first: int) -> str:
    """The query that goes this way, `first` items of each page, and asks there for what is `below`."""
    text = below
    for name, field in reversed(way[1:]):
        page = arguments(field, {"first": str(first)} if "first" in field.args else {})
        text = f"{name}{page} {{ __typename {text} }}"
    name, field = way[0]
    given = GIVEN.get(name, {}) | ({"first": str(first)} if "first" in field.args else {})
    return f"{{ {name}{arguments(field, given)} {{ __typename {text} }} }}"


async def statements(api: Api, text: str) -> int:
    """How many statements a query takes at best, once what is kept in memory is there: what is asked in one moment is loaded together."""
    database = api.application.state.database
    await api.data(text)
    counts = []
    for _ in range(2):
        heard: list[str] = []
        database.log_statements(heard.append)
        await api.data(text)
        database.log_statements(None)
        counts.append(len(heard))
    return min(counts)


WAYS = ways()
PLACES = {
    f"{type_}.{name}": (way, name, field)
    for type_, way in WAYS.items()
    for name, field in SCHEMA.type_map[type_].fields.items()
}
"""Every field of every type below a list, by `Type.field`."""


@pytest.mark.parametrize("type_", WAYS)
async def test_a_field_below_a_list_takes_as_many_statements_for_many_rows_as_for_one(crowd: Api, type_: str) -> None:
    way = WAYS[type_]
    paged = "first" in way[0][1].args
    for place, (_, name, field) in PLACES.items():
        if not place.startswith(f"{type_}.") or place in FIGURES_OF_THEIR_OWN:
            continue
        page = arguments(field, {"first": "2"} if "first" in field.args else {})
        depth = 2 if "first" in field.args else 1
        below = f"{name}{page} {selection(field.type, depth, first=2)}"
        many = await statements(crowd, query(way, below, ROWS))
        if paged:
            assert many == await statements(crowd, query(way, below, 1)), place
        else:
            assert many <= await statements(crowd, query(way, "", ROWS)) + MOST_FOR_ONE_FIELD, place


@pytest.mark.parametrize(
    "place", ["Deal.instances", "Customer.timeline", "ProcessInstance.deal", "FunnelStep.instances"]
)
async def test_a_loader_that_loads_one_by_one_would_be_found(
    crowd: Api, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    for module in ("loaders", "figure_members"):
        monkeypatch.setattr(f"bpm_crm.api.{module}.DataLoader", partial(DataLoader, max_batch_size=1))
    way, name, field = PLACES[place]
    below = f"{name} {selection(field.type, 2, first=2)}"
    if "first" in way[0][1].args:
        assert await statements(crowd, query(way, below, ROWS)) > await statements(crowd, query(way, below, 1))
    else:
        without = await statements(crowd, query(way, "", ROWS))
        assert await statements(crowd, query(way, below, ROWS)) > without + MOST_FOR_ONE_FIELD


def test_every_type_with_fields_is_below_a_list_or_known_not_to_be() -> None:
    """A type that no list leads to is met by mutations and subscriptions only, which give one of it."""
    others = {type_.name for type_ in own_types() if isinstance(type_, GraphQLObjectType) and type_.name not in WAYS}
    for name in others - {"Query", "Mutation", "Subscription", "Viewer", "Grant", "Tenant"}:
        assert name.endswith(("Event", "Payload")) or is_answer(name), (
            f"{name} is below no list; give `GIVEN` a way to it"
        )


def is_answer(name: str) -> bool:
    """Whether a type is a member of what is answered once, or inside of one; figures of their own are answered once as well."""
    unions = [type_ for type_ in own_types() if isinstance(type_, GraphQLUnionType)]
    front = {member.name for union in unions for member in union.types}
    front |= {get_named_type(PLACES[place][2].type).name for place in FIGURES_OF_THEIR_OWN}
    known: set[str] = set()
    while front:
        known |= front
        fields = [field for item in front for field in getattr(SCHEMA.type_map[item], "fields", {}).values()]
        front = {get_named_type(field.type).name for field in fields} - known - set(WAYS)
    return name in known or name == "InputProblem"
