"""A version is published, the process retired and brought back, the shipped library installed again; nothing written on refusal."""

from typing import Any

import asyncpg
import pytest

from bpm_crm.processes.library import shipped_keys, shipped_text
from tests.api.client import Api

REFUSED = """... on InvalidDocument { problems { code } } ... on InvalidInput { problems { code known } }
    ... on StaleProcessVersion { expectedVersion latestVersion publishedBy { name } publishedAt }
    ... on StaleProcessDraft { currentRevision } ... on UserError { code message path }"""
PUBLISH = f"""mutation ($input: PublishProcessInput!) {{ answer: publishProcess(input: $input) {{ __typename
    ... on ProcessPublished {{ process version checksum isNew isDryRun isRepeated
        definition {{ latestVersion currentVersion draft {{ revision }} }} }} {REFUSED} }} }}"""
RETIRE = """mutation ($input: %sInput!) { answer: %s(input: $input) { __typename
    ... on ProcessRetirement { process retiredAt isRepeated } ... on UserError { code message path } } }"""
CAPTURE = """mutation ($input: CaptureLeadInput!) { answer: captureLead(input: $input) { __typename
    ... on LeadCaptured { instance { id version } } ... on UserError { code message path }
    ... on InvalidInput { problems { known } } } }"""
VERSIONS = """query ($process: String!, $first: Int, $after: String) { processVersions(process: $process, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { version checksum changelog publishedBy { name } status isShipped totalInstances openInstances source } } }"""
SAVE = """mutation ($input: SaveProcessDraftInput!) { answer: saveProcessDraft(input: $input) { ... on ProcessDraftSaved { draft { revision } } } }"""
INSTALL = """mutation ($input: InstallProcessesInput!) { answer: installProcesses(input: $input) { __typename
    ... on ProcessesInstalled { isDryRun isRepeated processes { process state version } } ... on UserError { code path } } }"""
CHANGES = (
    "query ($process: String!) { processChanges(process: $process) { nodes { kind values comment actor { name } } } }"
)
TABLES = ("process_draft", "process_change", "process_definition", "process_version", "channel")
EMAIL = shipped_text("email")


def tightened(text: str = EMAIL, title: str = "Thinking it over") -> str:
    """The process with a comment and another title of a stage."""
    return "# ours\n" + text.replace("title: {en: E-mail, ", f"title: {{en: {title}, ")


async def ask(api: Api, query: str, by: str = "owner", language: str = "en", **input_: Any) -> dict[str, Any]:
    answer = await api.ask(query, by, language=language, input=input_)
    assert "errors" not in answer, answer["errors"]
    found: dict[str, Any] = answer["data"]["answer"]
    return found


async def retired(api: Api, mutation: str = "retireProcess", **input_: Any) -> dict[str, Any]:
    name = mutation[0].upper() + mutation[1:]
    return await ask(api, RETIRE % (name, mutation), **{"process": "email", **input_})


async def captured(api: Api, by: str = "admin", language: str = "en", **values: Any) -> dict[str, Any]:
    return await ask(api, CAPTURE, by, language, channel="email", **values)


async def versions(api: Api, process: str = "email", **page: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.data(VERSIONS, "owner", process=process, **page))["processVersions"]
    return found


async def test_a_document_is_published_new_cases_take_it_and_running_ones_stay(api: Api) -> None:
    old = await captured(api)
    done = await ask(api, PUBLISH, document=tightened(), changelog="Tighter", baseVersion=1)
    assert (done["version"], done["isNew"], done["definition"]["currentVersion"]) == (2, True, 2)
    new = await captured(api)
    assert (old["instance"]["version"], new["instance"]["version"]) == (1, 2)
    await api.data(
        'mutation ($id: ID!) { fireTransition(input: {instance: {id: $id}, transition: "lose", reason: "no_need"}) { __typename } }',
        id=old["instance"]["id"],
    )
    listed = await versions(api)
    assert [(item["version"], item["status"], item["isShipped"]) for item in listed["nodes"]] == [
        (2, "CURRENT", False),
        (1, "SUPERSEDED", True),
    ]
    assert [(item["totalInstances"], item["openInstances"]) for item in listed["nodes"]] == [(1, 1), (1, 0)]
    newest = listed["nodes"][0]
    assert (newest["changelog"], newest["publishedBy"]) == ("Tighter", {"name": "Olga Owner"})
    assert newest["source"] == tightened()


async def test_versions_are_read_page_by_page(api: Api) -> None:
    for number in range(3):
        await ask(api, PUBLISH, document=tightened(title=f"Title {number}"))
    first = await versions(api, first=3)
    rest = await versions(api, first=3, after=first["pageInfo"]["endCursor"])
    assert [item["version"] for item in first["nodes"] + rest["nodes"]] == [4, 3, 2, 1]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (4, True, False)


async def test_what_was_exported_can_be_published_as_it_was_with_its_comments(api: Api) -> None:
    await ask(api, PUBLISH, document=tightened())
    source = (await versions(api))["nodes"][0]["source"]
    again = await ask(api, PUBLISH, document=source)
    assert (again["version"], again["isNew"]) == (2, False)
    back = await ask(api, PUBLISH, document=(await versions(api))["nodes"][1]["source"])
    assert (back["version"], back["isNew"]) == (3, True)
    checksums = [item["checksum"] for item in (await versions(api))["nodes"]]
    assert checksums[0] == checksums[2] != checksums[1]


async def test_a_draft_is_published_and_is_no_draft_any_more(api: Api) -> None:
    await ask(api, SAVE, process="email", document=tightened())
    stale = await ask(api, PUBLISH, process="email", expectedRevision=9)
    assert (stale["__typename"], stale["currentRevision"]) == ("StaleProcessDraft", 1)
    done = await ask(api, PUBLISH, process="email", expectedRevision=1)
    assert (done["version"], done["definition"]["draft"]) == (2, None)
    assert (await ask(api, PUBLISH, process="email"))["__typename"] == "NotFound"


async def test_a_publish_over_a_newer_version_is_refused(api: Api) -> None:
    await ask(api, SAVE, process="email", document=tightened())
    await ask(api, PUBLISH, "admin", document=tightened(title="Newer"))
    before = await api.world.counts(TABLES)
    for input_ in ({"process": "email"}, {"document": tightened(), "baseVersion": 1}):
        refused = await ask(api, PUBLISH, **input_)
        assert (refused["__typename"], refused["expectedVersion"], refused["latestVersion"]) == (
            "StaleProcessVersion",
            1,
            2,
        )
        assert refused["publishedBy"] == {"name": "Ada Admin"}
        assert "Ada Admin" in refused["message"]
        assert refused["publishedAt"][:16].replace("T", " ") in refused["message"]
    russian = await ask(api, PUBLISH, language="ru", process="email")
    assert "Новейшая версия" in russian["message"]
    assert await api.world.counts(TABLES) == before


@pytest.mark.parametrize(
    ("input_", "code"),
    [
        ({"document": EMAIL.replace("kind: initial", "kind: open")}, "INVALID_DOCUMENT"),
        ({"document": "process: ["}, "INVALID_DOCUMENT"),
        ({"document": EMAIL, "process": "web-form"}, "OTHER_PROCESS"),
        ({"document": EMAIL, "changelog": "x" * 4_001}, "TOO_LONG"),
        ({"process": "nowhere"}, "NOT_FOUND"),
        ({}, "NOT_FOUND"),
        ({"document": EMAIL, "baseVersion": 3}, "STALE_PROCESS_VERSION"),
    ],
)
async def test_what_cannot_be_published_is_refused_and_nothing_is_written(
    api: Api, input_: dict[str, Any], code: str
) -> None:
    before = await api.world.counts(TABLES)
    assert (await ask(api, PUBLISH, **input_))["code"] == code
    assert await api.world.counts(TABLES) == before


async def test_a_dry_run_answers_and_writes_nothing(api: Api) -> None:
    before = await api.world.counts(TABLES)
    done = await ask(api, PUBLISH, document=tightened(), dryRun=True, idempotencyKey="tried")
    assert (done["version"], done["isNew"], done["isDryRun"], done["definition"]["latestVersion"]) == (2, True, True, 1)
    assert await api.world.counts(TABLES) == before


async def test_a_published_version_cannot_be_changed_even_by_the_owner_of_the_database(api: Api) -> None:
    world = api.world
    for change in ("SET source = ''", "SET checksum = ''", "SET document = '{}'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with world.owner.transaction(world.tenant_id) as connection:
                await connection.execute(f"UPDATE process_version {change}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with world.owner.transaction(world.tenant_id) as connection:
            await connection.execute("DELETE FROM process_version")


async def test_a_retired_process_takes_no_cases_lets_running_ones_go_on_and_can_be_brought_back(api: Api) -> None:
    running = await captured(api)
    done = await retired(api, comment="The mailbox is closed")
    assert done["retiredAt"] is not None
    before = await api.world.counts()
    for language, cure in (
        ("en", "Bring it back with `reinstateProcess`"),
        ("ru", "Верните его через `reinstateProcess`"),
    ):
        refused = await captured(api, language=language)
        assert (refused["__typename"], refused["code"], refused["path"]) == (
            "InvalidInput",
            "PROCESS_RETIRED",
            ["input", "channel"],
        )
        assert cure in refused["message"]
        assert "web-form" in refused["problems"][0]["known"]
        assert "email" not in refused["problems"][0]["known"]
    assert (await captured(api, version=1))["code"] == "PROCESS_RETIRED"
    assert await api.world.counts() == before
    moved = await api.data(
        'mutation ($id: ID!) { fireTransition(input: {instance: {id: $id}, transition: "lose", reason: "no_need"}) { __typename } }',
        id=running["instance"]["id"],
    )
    assert moved["fireTransition"]["__typename"] == "TransitionFired"
    assert (await retired(api))["retiredAt"] == done["retiredAt"]
    assert (await retired(api, "reinstateProcess"))["retiredAt"] is None
    assert (await captured(api))["__typename"] == "LeadCaptured"
    journal = (await api.data(CHANGES, "owner", process="email"))["processChanges"]["nodes"]
    assert [item["kind"] for item in journal] == ["REINSTATED", "RETIRED", "RETIRED"]
    assert (journal[2]["comment"], journal[2]["actor"]) == ("The mailbox is closed", {"name": "Olga Owner"})


async def test_a_lead_may_take_a_stated_version_by_those_who_may_choose(api: Api) -> None:
    await ask(api, PUBLISH, document=tightened())
    assert (await captured(api, version=1))["instance"]["version"] == 1
    assert (await captured(api, "north", version=1))["instance"]["version"] == 1
    before = await api.world.counts()
    refused = await captured(api, version=3)
    assert (refused["code"], refused["path"], refused["problems"][0]["known"]) == (
        "UNKNOWN_VERSION",
        ["input", "version"],
        ["1", "2"],
    )
    forbidden = await api.ask(CAPTURE, "ann", input={"channel": "email", "version": 1})
    assert forbidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await api.world.counts() == before


async def test_a_held_version_waits(api: Api) -> None:
    done = await ask(api, PUBLISH, document=tightened(), isHeld=True)
    assert (done["version"], done["definition"]["currentVersion"]) == (2, 1)
    assert (await captured(api))["instance"]["version"] == 1
    assert [item["status"] for item in (await versions(api))["nodes"]] == ["HELD", "CURRENT"]
    await ask(api, PUBLISH, document=tightened(title="Third"))
    assert (await captured(api))["instance"]["version"] == 3


async def test_the_library_is_installed_again_without_touching_what_the_company_changed(api: Api) -> None:
    await ask(api, PUBLISH, document=tightened())
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await connection.execute(  # as an earlier release would have left it
            """INSERT INTO process_version SELECT tenant_id, definition_id, 2, document, 'process: web-form', 'old', changelog,
               published_at, published_by, 'of an earlier release' FROM process_version AS v
               WHERE definition_id = (SELECT id FROM process_definition WHERE key = 'web-form')"""
        )
        await connection.execute("UPDATE process_definition SET latest_version = 2 WHERE key = 'web-form'")
    before = await api.world.counts(TABLES)
    states = dict.fromkeys(shipped_keys(), ("SAME", 1)) | {"email": ("SKIPPED", 2), "web-form": ("CHANGED", 3)}
    tried = await ask(api, INSTALL, dryRun=True)
    assert {item["process"]: (item["state"], item["version"]) for item in tried["processes"]} == states
    assert await api.world.counts(TABLES) == before
    done = await ask(api, INSTALL, idempotencyKey="once")
    assert {item["process"]: (item["state"], item["version"]) for item in done["processes"]} == states
    assert await ask(api, INSTALL, idempotencyKey="once") == {**done, "isRepeated": True}
    again = {item["process"]: item["state"] for item in (await ask(api, INSTALL))["processes"]}
    assert again == {key: "SKIPPED" if key == "email" else "SAME" for key in shipped_keys()}
    assert (await versions(api))["nodes"][0]["source"] == tightened()
    unknown = await ask(api, INSTALL, processes=["trade-in"])
    assert (unknown["code"], unknown["path"]) == ("UNKNOWN_PROCESS", ["input", "processes"])
