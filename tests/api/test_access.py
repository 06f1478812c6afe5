"""Who may see and do what: the matrix of the role table, checked against the API, field by field and case by case."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_introspection_type,
)

from bpm_crm.api.ids import to_global
from bpm_crm.api.schema import build_schema
from bpm_crm.operations.access import EVERYTHING, ROLE_TABLE, Permission, Reach, Role
from bpm_crm.operations.commands import Assign, Capture, Recorded, Work
from bpm_crm.operations.companies import issue_key
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.records.reference import load_reference
from tests.api.client import Api, an_api
from tests.world import PUBLISHED_AT, World, customer, found

PERSONAS = {
    "admin": Role.ADMIN,
    "owner": Role.PROCESS_OWNER,
    "north": Role.MANAGER,
    "ann": Role.SALESPERSON,
    "analyst": Role.ANALYST,
    "robot": Role.CHANNEL_INTEGRATION,
}
"""One persona per role; `north` leads the north team, `ann` sells in it, `robot` reports call-back requests."""

CASES = ("own", "queue", "colleague", "other team", "other channel", "other tenant", "nothing")
"""Cases as ann sees them: her own, unowned in her team's queue, of a colleague, of the other team, of another tenant, of nobody."""

VISIBLE = {
    Reach.ALL: {"own", "queue", "colleague", "other team", "other channel"},
    Reach.TEAM: {"own", "queue", "colleague", "other channel"},
    Reach.OWN: {"own", "queue", "other channel"},
}


def visible(role: Role, permission: Permission) -> set[str]:
    """The cases a role reaches under a permission, by the role table."""
    reach = ROLE_TABLE[role].get(permission)
    if reach is None:
        return set()
    if role is Role.CHANNEL_INTEGRATION:
        return {"own", "queue", "colleague", "other team"} if reach is Reach.OWN else VISIBLE[reach]
    return VISIBLE[reach]


class Scene:
    """Two companies behind one API: the cases of `CASES` by name, and how to ask as a persona."""

    def __init__(self, api: Api, ids: dict[str, str], robot: str) -> None:
        self.api = api
        self.ids = ids
        self.robot = robot

    async def ask(self, persona: str, query: str, **variables: Any) -> dict[str, Any]:
        if persona == "robot":
            return await self.api.ask(query, by=None, token=self.robot, **variables)
        return await self.api.ask(query, by=persona, **variables)


async def cases_of(world: World, api: Api) -> dict[str, str]:
    """The global ids of one case of each kind."""
    users, teams = world.founded.users, world.founded.teams
    found = {}
    for number, (name, channel, team, owner) in enumerate(
        (
            ("own", "callback-request", "north", "ann"),
            ("queue", "callback-request", "north", None),
            ("colleague", "callback-request", "north", "bob"),
            ("other team", "callback-request", "south", "eve"),
            ("other channel", "web-form", "north", "ann"),
        )
    ):
        lead = world.capture(channel, team=team, customer=customer(number), external_id=name)
        owner_id = None if owner is None else users[f"{owner}@example.org"]
        case = await world.done(None, lead, Assign(owner_id, teams[team]), by="admin")
        answer = await api.data(
            "query ($e: String!, $c: String!) { processInstance(ref: {external: {channel: $c, externalId: $e}}) { id } }",
            e=name,
            c=channel,
        )
        found[name] = answer["processInstance"]["id"]
        assert case.instance.owner_id == owner_id
    return found


@pytest.fixture
async def scene(world: World, tmp_path: Path) -> AsyncIterator[Scene]:
    async with an_api(world, tmp_path) as api:
        ids = await cases_of(world, api)
        stranger = await a_stranger(world)
        async with world.owner.transaction(world.tenant_id) as connection:
            robot = await issue_key(
                connection,
                world.tenant_id,
                name="robot",
                role=Role.CHANNEL_INTEGRATION,
                channels=[world.founded.channels["callback-request"]],
                at=PUBLISHED_AT,
            )
        for _ in range(50):
            answer = await api.ask("{ viewer { name } }", by=None, token=robot)
            if "errors" not in answer:
                break
        yield Scene(
            api,
            {
                **ids,
                "other tenant": stranger,
                "nothing": "UHJvY2Vzc0luc3RhbmNlOjAwMDAwMDAwLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA",
            },
            robot,
        )


async def a_stranger(world: World) -> str:
    """The global id of a case of another company in the same database."""
    other = await found(world.owner, "rival", ("callback-request",))
    async with world.owner.reader(other.tenant_id) as connection:
        reference = await load_reference(connection, other.tenant_id)
    assert reference is not None
    viewer = viewer_of_user(reference, other.users["admin@example.org"])
    assert viewer is not None
    capture = capture_of(reference, viewer, EVERYTHING, Lead("callback-request", external_id="secret"))
    assert isinstance(capture, Capture)
    outcome = await world.writer.submit(Work(other.tenant_id, (capture,), viewer.actor))
    assert isinstance(outcome, Recorded)
    return str(to_global("ProcessInstance", outcome.instance.id))


READ_ONE = "query ($id: ID!) { processInstance(ref: {id: $id}) { id } node(id: $id) { id } }"
READ_MANY = "{ processInstances(first: 100) { totalCount nodes { id } } }"


@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_role_sees_exactly_the_cases_of_the_role_table(scene: Scene, persona: str) -> None:
    expected = visible(PERSONAS[persona], Permission.VIEW_CASES)
    listed = await scene.ask(persona, READ_MANY)
    nodes = {node["id"] for node in listed["data"]["processInstances"]["nodes"]}
    assert nodes == {scene.ids[name] for name in expected}
    assert listed["data"]["processInstances"]["totalCount"] == len(expected)
    for name in CASES:
        answer = await scene.ask(persona, READ_ONE, id=scene.ids[name])
        found = {"id": scene.ids[name]} if name in expected else None
        assert answer["data"] == {"processInstance": found, "node": found}, name


WRITES = {
    Permission.FIRE_TRANSITION: (
        'mutation ($id: ID!) { answer: fireTransition(input: {instance: {id: $id}, transition: "contact"}) { __typename ... on UserError { code } } }',
        {"TransitionFired", "TransitionRefused"},
    ),
    Permission.FORCE_TRANSITION: (
        'mutation ($id: ID!) { answer: forceTransition(input: {instance: {id: $id}, stage: "offer", comment: "x"}) { __typename ... on UserError { code } } }',
        {"TransitionFired"},
    ),
    Permission.RECORD_ACTIVITY: (
        'mutation ($id: ID!) { answer: recordActivity(input: {instance: {id: $id}, kind: "note"}) { __typename ... on UserError { code } } }',
        {"ActivityRecorded"},
    ),
    Permission.ASSIGN_OWNER: (
        'mutation ($id: ID!) { answer: assignOwner(input: {instance: {id: $id}, comment: "x"}) { __typename ... on UserError { code } } }',
        {"OwnerAssigned"},
    ),
    Permission.EXCLUDE_CASE: (
        "mutation ($id: ID!) { answer: excludeInstance(input: {instance: {id: $id}, exclusion: TEST}) { __typename ... on UserError { code } } }",
        {"InstanceExcluded"},
    ),
}


@pytest.mark.parametrize("permission", WRITES)
@pytest.mark.parametrize("persona", PERSONAS)
async def test_a_role_writes_exactly_where_the_role_table_lets_it(
    scene: Scene, persona: str, permission: Permission
) -> None:
    query, done = WRITES[permission]
    expected = visible(PERSONAS[persona], permission)
    for name in CASES:
        before = await scene.api.world.counts(("history",))
        answer = await scene.ask(persona, query, id=scene.ids[name])
        if permission not in ROLE_TABLE[PERSONAS[persona]]:
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", answer
        elif name in expected:
            assert answer["data"]["answer"]["__typename"] in done, (name, answer)
            continue
        else:
            assert answer["data"]["answer"] == {"__typename": "NotFound", "code": "NOT_FOUND"}, (name, answer)
        assert await scene.api.world.counts(("history",)) == before


async def test_an_answer_about_another_tenant_equals_not_found_to_the_byte(scene: Scene) -> None:
    for query in (READ_ONE, *(query for query, _ in WRITES.values())):
        theirs = await scene.ask("admin", query, id=scene.ids["other tenant"])
        nobody = await scene.ask("admin", query, id=scene.ids["nothing"])
        assert theirs == nobody


@pytest.mark.parametrize("persona", PERSONAS)
async def test_capturing_a_lead_follows_the_role_table(scene: Scene, persona: str) -> None:
    query = "mutation ($c: String!) { captureLead(input: {channel: $c}) { __typename ... on UserError { code } } }"
    for channel in ("callback-request", "web-form"):
        answer = await scene.ask(persona, query, c=channel)
        if Permission.CAPTURE_LEAD not in ROLE_TABLE[PERSONAS[persona]]:
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        elif persona == "robot" and channel != "callback-request":
            assert answer["data"]["captureLead"] == {"__typename": "InvalidInput", "code": "UNKNOWN_CHANNEL"}
        else:
            assert answer["data"]["captureLead"]["__typename"] == "LeadCaptured"


@pytest.mark.parametrize("persona", PERSONAS)
async def test_customers_are_seen_where_the_role_table_says_and_personal_data_nowhere_else(
    scene: Scene, persona: str
) -> None:
    role = PERSONAS[persona]
    expected = visible(role, Permission.VIEW_CUSTOMERS)
    answer = await scene.ask(persona, "{ customers(first: 100) { nodes { name } } }")
    if Permission.VIEW_CUSTOMERS not in ROLE_TABLE[role]:
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        deals = await scene.ask(persona, "{ deals { nodes { key customer { name } } } }")
        assert deals["data"]["deals"]["nodes"]
        assert all(deal["customer"] is None for deal in deals["data"]["deals"]["nodes"])
        search = await scene.ask(persona, '{ processInstances(search: "Customer") { nodes { id } } }')
        assert search["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    else:
        assert len(answer["data"]["customers"]["nodes"]) == len(expected)


async def test_personal_data_fields_are_hidden_from_those_who_may_not_see_customers(scene: Scene) -> None:
    world = scene.api.world
    await world.done(None, world.capture(external_id="p", data={"delivery_address": "Arbat 1", "page": "/"}))
    query = '{ processInstance(ref: {external: {channel: "callback-request", externalId: "p"}}) { data } }'
    assert (await scene.ask("admin", query))["data"]["processInstance"]["data"] == {
        "delivery_address": "Arbat 1",
        "page": "/",
    }
    assert (await scene.ask("analyst", query))["data"]["processInstance"]["data"] == {"page": "/"}


PUBLIC = {"__typename"}


async def test_without_credentials_only_the_schema_can_be_read(scene: Scene) -> None:
    """Every root field asks for credentials: an access rule for each, found by walking the schema."""
    schema = build_schema()._schema
    for root in (schema.query_type, schema.mutation_type):
        assert root is not None
        for name, field in root.fields.items():
            arguments = ", ".join(
                f"{key}: {_literal(arg.type)}" for key, arg in field.args.items() if str(arg.type).endswith("!")
            )
            below = (
                " { __typename }"
                if isinstance(get_named_type(field.type), GraphQLObjectType | GraphQLUnionType | GraphQLInterfaceType)
                else ""
            )
            operation = "mutation" if root is schema.mutation_type else "query"
            query = f"{operation} {{ {name}{f'({arguments})' if arguments else ''}{below} }}"
            answer = await scene.api.ask(query, by=None)
            assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", (query, answer)
    answer = await scene.api.ask("{ __typename __schema { queryType { name } } }", by=None)
    assert answer["data"] == {"__typename": "Query", "__schema": {"queryType": {"name": "Query"}}}


def _literal(type_: Any) -> str:
    """The shortest literal of an input type."""
    if isinstance(type_, GraphQLNonNull):
        return _literal(type_.of_type)
    if isinstance(type_, GraphQLList):
        return "[]"
    if isinstance(type_, GraphQLInputObjectType):
        if type_.name == "InstanceRef":
            return '{id: "x"}'
        needed = {
            key: item
            for key, item in type_.fields.items()
            if isinstance(item.type, GraphQLNonNull) and item.default_value is Undefined
        }
        return "{" + ", ".join(f"{key}: {_literal(item.type)}" for key, item in needed.items()) + "}"
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    return {"Int": "1", "Boolean": "true", "DateTime": '"2026-01-01T00:00:00Z"', "Date": '"2026-01-01"'}.get(
        type_.name, '"x"'
    )


def test_every_type_field_argument_and_enum_value_has_a_description() -> None:
    missing = []
    for name, type_ in build_schema()._schema.type_map.items():
        if is_introspection_type(type_) or name in {
            "Query",
            "Mutation",
            "Subscription",
            "String",
            "Int",
            "Boolean",
            "ID",
            "Float",
        }:
            continue
        if not type_.description:
            missing.append(name)
    for name, type_ in build_schema()._schema.type_map.items():
        if is_introspection_type(type_):
            continue
        for key, field in getattr(type_, "fields", {}).items():
            if not field.description:
                missing.append(f"{name}.{key}")
        for key, value in getattr(type_, "values", {}).items():
            if not value.description:
                missing.append(f"{name}.{key}")
    assert missing == []
