"""The tenant wall, met by every value that can be sent with any query or mutation: what is another company's does not exist."""

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLField, GraphQLObjectType

from bpm_crm.api.ids import from_global
from tests.api.stage import Ids, Stage
from tests.api.walking import own_types, root_fields, selection, slots

OPERATORS = {"eq", "ne", "in", "notIn", "contains", "startsWith", "gt", "gte", "lt", "lte", "isNull"}
SAME_WAY = {"ne", "notIn", "startsWith"}
"""Operators that read their value as others do, which are tried."""
NODE_OF = {
    "owner": "User",
    "caseOwner": "User",
    "customer": "Customer",
    "instance": "ProcessInstance",
    "ref": "ProcessInstance",
    "review": "Review",
    "action": "CorrectiveAction",
    "plan": "MigrationPlan",
}
NODE_OF_ID = {
    "deals": "Deal",
    "customers": "Customer",
    "review": "Review",
    "correctiveAction": "CorrectiveAction",
    "correctiveActions": "CorrectiveAction",
    "importJob": "ImportJob",
    "exportJob": "ExportJob",
    "replay": "Replay",
    "migrationPlan": "MigrationPlan",
    "migration": "Migration",
    "undoMigration": "Migration",
}
"""What `where.id` means, where it is not a case."""
KEY_OF = {
    "process": "process",
    "processes": "process",
    "channel": "channel",
    "campaign": "campaign",
    "region": "region",
    "product": "product",
    "team": "team",
    "dealKey": "deal",
    "externalId": "external",
    "search": "deal",
    "phone": "customer",
    "kpi": "kpi",
}
KEY_OF_KEY = {
    "deals": "deal",
    "processDefinitions": "process",
    "processDefinition": "process",
    **dict.fromkeys(
        ("kpi", "kpiDrivers", "ownKpiVersions", "previewKpi", "publishKpi", "retireKpi", "planMigration"), "kpi"
    ),
}
DEPTH = {"kpi": 3}
"""How deep to look, where two levels do not show what was found."""
NEVER_OURS = {"retireKpi", "retireProcess", "reinstateProcess"}
"""What would be gone if it were asked for."""
NO_REFERENCE = {
    *("stage", "lossReason", "exclusion", "title", "name", "email", "comment", "transition", "reason", "kind"),
    *("sheet", "column", "target", "country"),
    *("idempotencyKey", "after", "before", "changelog", "source", "document"),
    *("clock", "checkpoint", "description", "en", "ru", "filter", "condition", "value", "begins", "ends"),
    *("to", "waivedClocks", "waivedFields", "startedClocks"),
}
"""Texts that refer to nothing a company has alone. A new text is to be entered here or above."""

NOT_LOST = {("lossReasons", "id", "eq"), ("lossForensics", "id", "eq")}
"""Our case is not a lost one, so that losses are the same with and without it."""
Slot = tuple[tuple[str, ...], Any, Callable[[str], str]]
ASKED_ONLY = {"exportWorkbook", "replayDraft", "slaWhatIf", "dryRunMigration", "migrateInstances"}
"""Asking for a job writes the job; what comes of it is tested with the jobs."""
FIELDS = [(kind, name, field) for kind, name, field in root_fields("Query", "Mutation") if name not in ASKED_ONLY]


def reference(root: str, path: tuple[str, ...], scalar: str, ids: Ids) -> str | None:
    """What a value at this place refers to in a company; None for a value that is no reference."""
    *before, name = [part for part in path if part not in OPERATORS] or ["id"]
    if scalar == "ID":
        kind = NODE_OF.get(name) or NODE_OF.get(before[-1] if before else "")
        return ids.nodes[kind or NODE_OF_ID.get(root, "ProcessInstance")]
    if scalar != "String" or name in NO_REFERENCE:
        return None
    return ids.keys[KEY_OF_KEY[root] if name == "key" else KEY_OF[name]]


def scrubbed(value: Any, sent: str) -> Any:
    """An answer without what may differ: the request's id, the instant of asking, and the value that was sent, where it is quoted."""
    if isinstance(value, dict):
        return {key: scrubbed(item, sent) for key, item in value.items() if key not in {"requestId", "asOf", "knownAt"}}
    if isinstance(value, list):
        return [scrubbed(item, sent) for item in value]
    return value.replace(sent, "…") if isinstance(value, str) else value


@pytest.mark.parametrize(("kind", "name", "field"), FIELDS, ids=[name for _, name, _ in FIELDS])
async def test_what_is_another_companys_is_answered_like_what_is_not_there(
    stage: Stage, kind: str, name: str, field: GraphQLField
) -> None:
    before = await stage.rows()
    for path, scalar, build in slots(field):
        if path[-1] in SAME_WAY or reference(name, path, scalar.name, stage.own) is None:
            continue
        own, theirs, nothing = [
            await answer(stage, kind, name, field, (path, scalar, build), ids)
            for ids in (stage.nobody if name in NEVER_OURS else stage.own, stage.rival, stage.nobody)
        ]
        assert theirs == nothing, path
        assert not re.search("INTERNAL|Rival|rex@", json.dumps(theirs)), (path, theirs)
        if (name, *path[-2:]) in NOT_LOST:
            continue
        if path[-1] in {"eq", "id"} or path in {("key",), ("ref", "dealKey")}:
            assert own != nothing, f"{path}: a reference that is good is answered the same, so nothing is shown"
    assert await stage.rows() == before


async def answer(stage: Stage, kind: str, name: str, field: GraphQLField, slot: Slot, ids: Ids) -> Any:
    """What the admin is told when this value is sent; every case is changed as of a step it is not at, so none ever is."""
    path, scalar, build = slot
    sent = reference(name, path, scalar.name, ids)
    assert sent is not None
    text = build(json.dumps(sent)).replace('channel: "x"', f'channel: "{ids.keys["channel"]}"')
    text = text.replace('process: "x"', f'process: "{stage.own.keys["process"]}"')
    text = text.replace("input: {instance:", "input: {expectedSequence: 0, instance:")
    if name in {"kpi", "kpiDrivers"}:
        text = text.replace('key: "x"', 'key: "new_cases"')
    if name == "publishKpi":
        text = text.replace("kind: COUNT", "kind: SHARE")  # without its condition: nothing is published
    text = text.replace("input: {action:", "input: {expectedRevision: 0, action:")
    if name in {"setReviewPeriod", "addCorrectiveAction"}:
        text = text.replace('startsOn: "2026-11-02"', 'startsOn: "1999-01-01"')  # too early: nothing is added
    if name in {"publishProcess", "installProcesses"}:
        text = text.replace("input: {", "input: {dryRun: true, ")
    if name == "saveProcessDraft":
        text = text.replace('document: "x"', 'document: ""')  # it cannot be read: nothing is saved
    if name == "captureLead":
        text = text.replace("input: {", "input: {dryRun: true, ")
    found = await stage.ask("admin", f"{kind} {{ {name}{text} {selection(field.type, DEPTH.get(name, 2))} }}")
    return scrubbed(scrubbed(found, sent), ids.keys["channel"])


NODES = sorted(
    type_.name
    for type_ in own_types()
    if isinstance(type_, GraphQLObjectType) and any(i.name == "Node" for i in type_.interfaces)
)


@pytest.mark.parametrize("kind", NODES)
async def test_a_node_is_found_by_its_global_id_and_only_by_its_own_company(stage: Stage, kind: str) -> None:
    query = "query ($id: ID!) { node(id: $id) { __typename id } }"
    own = await stage.ask("admin", query, id=stage.own.nodes[kind])
    assert own["data"]["node"] == {"__typename": kind, "id": stage.own.nodes[kind]}
    for other in (stage.rival, stage.nobody):
        answer = await stage.ask("admin", query, id=other.nodes[kind])
        assert answer["data"] == {"node": None}, answer


async def test_the_references_of_the_other_company_are_good_ones(stage: Stage) -> None:
    """The negative control."""
    tables = {"ProcessInstance": "process_instance", "Deal": "deal", "Customer": "customer", "User": "app_user"}
    async with stage.api.world.owner.reader(UUID(stage.rival.keys["tenant"])) as connection:
        for kind, table in tables.items():
            found = from_global(stage.rival.nodes[kind])
            assert found is not None
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE id = $1", UUID(found[1])) == 1
