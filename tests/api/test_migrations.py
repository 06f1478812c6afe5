"""Migrations over the API: plan, edit, try, run, read the verdicts, undo; who may; what another company sees."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.api.client import Api
from tests.api.stage import Stage
from tests.engine.build import changed
from tests.excel.desk import Desk, a_desk
from tests.world import PUBLISHED_AT

PAGE = Path(__file__).parents[2] / "docs" / "migrating-instances.md"
PLAN = """mutation ($input: PlanMigrationInput!) { answer: planMigration(input: $input) { __typename
  ... on MigrationPlanned { plan { id process fromVersion toVersion revision running waivedClocks
    stages { key to confidence because running } clocks { key to } checkpoints { key to } } }
  ... on StaleMigrationPlan { expectedRevision currentRevision }
  ... on InvalidInput { problems { code path known } }
  ... on UserError { code message path } } }"""
JOB = "id status isDryRun isUndoing total done migrated refused undone failure { code }"
RUN = f"""mutation ($input: %s!) {{ answer: %s(input: $input) {{ __typename
  ... on MigrationAccepted {{ isRepeated migration {{ {JOB} }} }} ... on UserError {{ code message path }} }} }}"""
READ = f"""query ($id: ID!, $verdict: MigrationVerdict) {{ migration(id: $id) {{ {JOB}
  cases(verdict: $verdict, first: 100) {{ totalCount pageInfo {{ hasNextPage }} nodes {{ verdict sequence
    instance {{ id version stage {{ key }} clocks {{ key dueAt elapsedBusiness }} history(first: 20) {{ nodes {{ kind version migratedFrom }} }} }}
    obstacles {{ code message cure }} }} }} }} }}"""
BETWEEN = {"process": "callback-request", "fromVersion": 1, "toVersion": 2}


@pytest.fixture
async def worker(api: Api) -> AsyncIterator[Desk]:
    """A worker, a second version in which a stage is called otherwise, and cases under the first one."""
    text = shipped_text("callback-request")
    text = changed(text, "title: {en: Call-back request,", "title: {en: A call-back request,")
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await publish(connection, api.world.tenant_id, text, changelog="second", at=PUBLISHED_AT, by=None)
    for _ in range(3):
        await api.world.done(None, api.world.capture())
    async with a_desk(api.world) as found:
        yield found


async def plan(api: Api, by: str = "owner", **input_: Any) -> Any:
    return (await api.data(PLAN, by, input={**BETWEEN, **input_}))["answer"]


async def run(api: Api, mutation: str, **input_: Any) -> Any:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    return (await api.data(RUN % (kind, mutation), "owner", input=input_))["answer"]


async def read(api: Api, answer: Any, verdict: str | None = None) -> Any:
    return (await api.data(READ, "owner", id=answer["migration"]["id"], verdict=verdict))["migration"]


async def test_a_process_owner_plans_tries_migrates_and_undoes(api: Api, worker: Desk) -> None:
    planned = (await plan(api))["plan"]
    assert (planned["revision"], planned["running"]) == (1, 3)
    assert {item["key"]: item["running"] for item in planned["stages"]}["new"] == 3
    assert all(item["to"] == item["key"] and item["because"] == ["SAME_KEY"] for item in planned["stages"])
    dry = await run(api, "dryRunMigration", plan=planned["id"])
    await worker.runner.drain()
    tried = await read(api, dry)
    assert (tried["status"], tried["isDryRun"], tried["migrated"]) == ("DONE", True, 3)
    assert {case["instance"]["version"] for case in tried["cases"]["nodes"]} == {1}
    asked = await run(api, "migrateInstances", plan=planned["id"])
    await worker.runner.drain()
    done = await read(api, asked)
    assert (done["status"], done["migrated"], done["cases"]["totalCount"]) == ("DONE", 3, 3)
    assert {case["instance"]["version"] for case in done["cases"]["nodes"]} == {2}
    history = done["cases"]["nodes"][0]["instance"]["history"]["nodes"]
    assert [(item["kind"], item["version"], item["migratedFrom"]) for item in history] == [
        ("STARTED", 1, None),
        ("MIGRATION", 2, 1),
    ]
    undone = await run(api, "undoMigration", migration=asked["migration"]["id"])
    await worker.runner.drain()
    back = await read(api, undone)
    assert (back["isUndoing"], back["undone"], back["refused"]) == (True, 3, 0)
    assert {case["instance"]["version"] for case in back["cases"]["nodes"]} == {1}


async def test_a_refused_case_says_why_in_the_language_of_the_caller(api: Api, worker: Desk) -> None:
    planned = (await plan(api, stages=[{"key": "new", "to": None}]))["plan"]
    asked = await run(api, "migrateInstances", plan=planned["id"])
    await worker.runner.drain()
    done = await read(api, asked, "REFUSED")
    assert done["cases"]["totalCount"] == 3
    obstacle = done["cases"]["nodes"][0]["obstacles"][0]
    assert (obstacle["code"], obstacle["cure"]) == ("STAGE_UNMAPPED", "Map the stage in the plan.")
    assert (await read(api, asked, "MIGRATED"))["cases"]["totalCount"] == 0
    answer = await api.ask(READ, "owner", language="ru", id=asked["migration"]["id"])
    russian = answer["data"]["migration"]["cases"]["nodes"][0]["obstacles"][0]["message"]
    assert russian == "План не говорит, где продолжаются процессы из стадии «new»."


async def test_a_case_that_moved_since_is_listed_when_the_migration_is_undone(api: Api, worker: Desk) -> None:
    planned = (await plan(api))["plan"]
    asked = await run(api, "migrateInstances", plan=planned["id"])
    await worker.runner.drain()
    case = (await read(api, asked))["cases"]["nodes"][0]["instance"]["id"]
    note = 'mutation ($id: ID!) { recordActivity(input: {instance: {id: $id}, kind: "note"}) { __typename } }'
    await api.data(note, id=case)
    undone = await run(api, "undoMigration", migration=asked["migration"]["id"])
    await worker.runner.drain()
    back = await read(api, undone, "REFUSED")
    assert [(item["instance"]["id"], item["obstacles"][0]["code"]) for item in back["cases"]["nodes"]] == [
        (case, "MOVED_ON")
    ]
    assert back["undone"] == 2


async def test_an_edit_of_an_outdated_plan_is_refused_and_writes_nothing(api: Api, worker: Desk) -> None:
    await plan(api)
    await plan(api, waivedFields=["amount"], expectedRevision=1)
    before = await api.world.counts(["migration_plan"])
    stale = await plan(api, expectedRevision=1)
    assert (stale["__typename"], stale["currentRevision"], stale["code"]) == (
        "StaleMigrationPlan",
        2,
        "STALE_MIGRATION_PLAN",
    )
    assert await api.world.counts(["migration_plan"]) == before


@pytest.mark.parametrize(
    ("input_", "code", "path"),
    [
        ({"toVersion": 9}, "UNKNOWN_VERSION", ["input", "toVersion"]),
        ({"toVersion": 1}, "SAME_VERSION", ["input", "toVersion"]),
        ({"stages": [{"key": "new", "to": "nowhere"}]}, "UNKNOWN_STAGE", ["input", "stages"]),
        ({"stages": [{"key": "new", "to": "won"}]}, "STAGE_ENDS", ["input", "stages"]),
        ({"stages": [{"key": "new", "to": "new"}] * 2}, "KEY_TWICE", ["input", "stages"]),
        ({"waivedClocks": ["nothing"]}, "UNKNOWN_CLOCK", ["input", "waivedClocks"]),
        ({"startedClocks": ["nothing"]}, "UNKNOWN_CLOCK", ["input", "startedClocks"]),
        ({"waivedFields": ["x"] * 1001}, "TOO_LARGE", ["input", "waivedFields"]),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_with_its_place(
    api: Api, worker: Desk, input_: dict[str, Any], code: str, path: list[str]
) -> None:
    before = await api.world.counts(["migration_plan"])
    answer = await plan(api, **input_)
    assert (answer["__typename"], answer["code"], answer["path"]) == ("InvalidInput", code, path)
    assert await api.world.counts(["migration_plan"]) == before


async def test_a_migration_that_still_runs_cannot_be_undone_nor_a_dry_run(api: Api, worker: Desk) -> None:
    planned = (await plan(api))["plan"]
    asked = await run(api, "migrateInstances", plan=planned["id"])
    early = await run(api, "undoMigration", migration=asked["migration"]["id"])
    assert (early["code"], early["path"]) == ("STILL_RUNNING", ["input", "migration"])
    dry = await run(api, "dryRunMigration", plan=planned["id"])
    assert (await run(api, "undoMigration", migration=dry["migration"]["id"]))["code"] == "NOT_FOUND"


@pytest.mark.parametrize("person", ["north", "ann", "analyst"])
async def test_only_those_who_may_migrate_do(api: Api, worker: Desk, person: str) -> None:
    answer = await api.ask(PLAN, person, input=BETWEEN)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for mutation, name in (("dryRunMigration", "plan"), ("migrateInstances", "plan"), ("undoMigration", "migration")):
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        answer = await api.ask(RUN % (kind, mutation), person, input={name: "x"})
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("mutation", ["dryRunMigration", "migrateInstances"])
async def test_a_plan_of_another_company_is_answered_like_one_that_is_not_there(stage: Stage, mutation: str) -> None:
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    before = await stage.rows()
    theirs, nothing = [
        await stage.ask("admin", RUN % (kind, mutation), input={"plan": ids.nodes["MigrationPlan"]})
        for ids in (stage.rival, stage.nobody)
    ]
    assert theirs == nothing
    assert theirs["data"]["answer"]["code"] == "NOT_FOUND"
    assert await stage.rows() == before


FIGURES = """{
  cohort: funnel(input: {process: "callback-request", groupBy: [VERSION]}) {
    segments { dimension { key } steps { checkpoint reached lost open } } }
  funnel(input: {process: "callback-request", mode: PERIOD, groupBy: [VERSION]}) {
    segments { dimension { key } steps { checkpoint reached } } }
  whole: funnel(input: {process: "callback-request", mode: PERIOD}) { segments { steps { checkpoint reached lost open } } }
  processMap(input: {process: "callback-request", classifier: STAGE}) { conformance { cases deviating } } }"""


async def interested(api: Api, case: str) -> None:
    """Contact the customer of a case and find that they need something."""
    for fired in ('transition: "contact"', 'transition: "qualify", data: {need: "a roof"}'):
        move = f"mutation ($id: ID!) {{ fireTransition(input: {{instance: {{id: $id}}, {fired}}}) {{ __typename }} }}"
        assert (await api.data(move, id=case))["fireTransition"]["__typename"] == "TransitionFired"


async def test_each_step_counts_in_the_version_under_which_it_was_taken_and_versions_add_up(
    api: Api, worker: Desk
) -> None:
    """One case is contacted before the migration, two after it; nothing else in the figures tells of the migration."""
    planned = (await plan(api))["plan"]
    listed = (await api.data("{ processInstances(first: 10) { nodes { id } } }"))["processInstances"]["nodes"]
    cases = [item["id"] for item in listed]
    await interested(api, cases[0])
    before = await api.data(FIGURES)
    await run(api, "migrateInstances", plan=planned["id"])
    await worker.runner.drain()
    unmoved = await api.data(FIGURES)
    assert unmoved == before
    for case in cases[1:]:
        await interested(api, case)
    after = await api.data(FIGURES)
    whole = {step["checkpoint"]: step["reached"] for step in after["whole"]["segments"][0]["steps"]}
    parts: dict[str, dict[str, int]] = {}
    for segment in after["funnel"]["segments"]:
        version = segment["dimension"][0]["key"].rsplit("@", 1)[-1]
        parts[version] = {step["checkpoint"]: step["reached"] for step in segment["steps"]}
    for checkpoint, reached in whole.items():
        assert sum(part[checkpoint] for part in parts.values()) == reached, checkpoint
    cohort = [{step["checkpoint"]: step["reached"] for step in part["steps"]} for part in after["cohort"]["segments"]]
    assert {key: sum(part[key] for part in cohort) for key in whole} == whole
    contacted = next(key for key in whole if whole[key] == 3 and parts["2"][key] == 2)
    assert parts["1"][contacted] == 1
    assert after["processMap"]["conformance"]["deviating"] == 0


async def test_the_requests_of_the_page_do_what_it_says(api: Api, worker: Desk) -> None:
    requests = re.findall(r"```graphql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    first, edited, dry_run, look, undo = requests
    proposed = (await api.data(first, "owner"))["planMigration"]["plan"]
    assert (proposed["revision"], proposed["running"]) == (1, 3)
    planned = (await api.data(edited, "owner"))["planMigration"]["plan"]
    assert (planned["revision"], planned["waivedFields"]) == (2, ["amount"])
    tried = (await api.data(dry_run, "owner", plan=planned["id"]))["dryRunMigration"]["migration"]
    await worker.runner.drain()
    seen = (await api.data(look, "owner", id=tried["id"]))["migration"]
    assert (seen["status"], seen["migrated"], seen["cases"]["totalCount"]) == ("DONE", 3, 0)
    done = await run(api, "migrateInstances", plan=planned["id"])
    await worker.runner.drain()
    taken_back = (await api.data(undo, "owner", migration=done["migration"]["id"]))["undoMigration"]["migration"]
    await worker.runner.drain()
    assert (await api.data(look, "owner", id=taken_back["id"]))["migration"]["status"] == "DONE"
