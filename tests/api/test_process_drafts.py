"""Drafts of process documents through the API: however unsound, never over somebody else's, and nothing written on refusal."""

import asyncio
from typing import Any

import pytest

from bpm_crm.processes.library import shipped_text
from tests.api.client import Api

SHOWN = "process document baseVersion revision savedBy { name } problems { code message path line }"
STALE = f"code message path expectedRevision currentRevision changedAt changedBy {{ name }} draft {{ {SHOWN} }}"
SAVE = f"""mutation ($input: SaveProcessDraftInput!) {{ answer: saveProcessDraft(input: $input) {{ __typename
    ... on ProcessDraftSaved {{ isRepeated draft {{ {SHOWN} }} }}
    ... on StaleProcessDraft {{ {STALE} }}
    ... on InvalidDocument {{ code message path problems {{ code message path line }} }}
    ... on InvalidInput {{ code message path problems {{ code path known }} }}
    ... on UserError {{ code message path }} }} }}"""
DISCARD = f"""mutation ($input: DiscardProcessDraftInput!) {{ answer: discardProcessDraft(input: $input) {{ __typename
    ... on ProcessDraftDiscarded {{ process isRepeated }} ... on StaleProcessDraft {{ {STALE} }}
    ... on UserError {{ code message path }} }} }}"""
VALIDATE = """mutation ($input: ValidateProcessInput!) { answer: validateProcess(input: $input) { __typename
    ... on ProcessValidated { isSound problems { code message path line } } ... on UserError { code message path } } }"""
READ = f'{{ processDefinition(key: "email") {{ draft {{ {SHOWN} }} }} processDrafts {{ process revision }} }}'
TABLES = ("process_draft", "process_change", "process_definition", "process_version", "channel")
EMAIL = shipped_text("email")
UNSOUND = EMAIL.replace("kind: initial", "kind: open")


async def save(api: Api, document: str = EMAIL, by: str = "owner", **values: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.data(SAVE, by, input={"process": "email", "document": document, **values}))[
        "answer"
    ]
    return answer


async def test_a_draft_is_saved_and_read_as_it_was_written(api: Api) -> None:
    written = "# our own words\n" + EMAIL
    done = await save(api, written)
    assert (done["__typename"], done["isRepeated"]) == ("ProcessDraftSaved", False)
    assert done["draft"] == {
        "process": "email",
        "document": written,
        "baseVersion": 1,
        "revision": 1,
        "savedBy": {"name": "Olga Owner"},
        "problems": [],
    }
    read = await api.data(READ, "owner")
    assert read["processDefinition"]["draft"] == done["draft"]
    assert read["processDrafts"] == [{"process": "email", "revision": 1}]
    again = await save(api, EMAIL, by="admin", expectedRevision=1)
    assert (again["draft"]["revision"], again["draft"]["savedBy"]) == (2, {"name": "Ada Admin"})


async def test_an_unsound_draft_is_saved_with_its_problems_and_the_lines_they_are_on(api: Api) -> None:
    problems = (await save(api, UNSOUND))["draft"]["problems"]
    assert [problem["code"] for problem in problems] == ["NO_INITIAL"]
    assert problems[0]["path"] == ["stages"]
    assert EMAIL.splitlines()[problems[0]["line"] - 1] == "stages:"


@pytest.mark.parametrize(
    "document", ["", "process: [", "a: &x 1\nb: *x", "process: email\nprocess: email", "- 1"], ids=range(5)
)
async def test_a_text_that_cannot_be_read_is_refused_and_nothing_is_written(api: Api, document: str) -> None:
    before = await api.world.counts(TABLES)
    refused = await save(api, document)
    assert (refused["__typename"], refused["path"]) == ("InvalidDocument", ["input", "document"])
    assert refused["problems"][0]["code"] == ("SHAPE" if document == "- 1" else "SYNTAX")
    assert await api.world.counts(TABLES) == before


async def test_a_stale_save_is_refused_and_names_who_saved_and_when(api: Api) -> None:
    await save(api, by="owner")
    mine = await save(api, by="admin", expectedRevision=1)
    before = await api.world.counts(TABLES)
    refused = await save(api, UNSOUND, by="owner", expectedRevision=1)
    assert (refused["__typename"], refused["code"]) == ("StaleProcessDraft", "STALE_PROCESS_DRAFT")
    assert (refused["expectedRevision"], refused["currentRevision"]) == (1, 2)
    assert refused["changedBy"] == {"name": "Ada Admin"}
    assert "Ada Admin" in refused["message"]
    assert refused["changedAt"][:16].replace("T", " ") in refused["message"]
    assert refused["draft"] == mine["draft"]
    assert await save(api, by="owner") | {"message": ""} == refused | {"message": "", "expectedRevision": None}
    russian = await api.ask(SAVE, "owner", language="ru", input={"process": "email", "document": EMAIL})
    assert "Черновик сохранил" in russian["data"]["answer"]["message"]
    assert await api.world.counts(TABLES) == before
    assert (await api.data(READ, "owner"))["processDefinition"]["draft"] == mine["draft"]


async def test_a_discarded_draft_is_gone_and_a_save_made_before_is_still_stale(api: Api) -> None:
    await save(api)
    stale = (await api.data(DISCARD, "owner", input={"process": "email", "expectedRevision": 7}))["answer"]
    assert stale["__typename"] == "StaleProcessDraft"
    gone = (await api.data(DISCARD, "admin", input={"process": "email", "expectedRevision": 1}))["answer"]
    assert gone == {"__typename": "ProcessDraftDiscarded", "process": "email", "isRepeated": False}
    read = await api.data(READ, "owner")
    assert (read["processDefinition"]["draft"], read["processDrafts"]) == (None, [])
    before = await api.world.counts(TABLES)
    refused = await save(api, expectedRevision=1)
    assert (refused["code"], refused["changedBy"], refused["draft"]) == (
        "PROCESS_DRAFT_GONE",
        {"name": "Ada Admin"},
        None,
    )
    assert await api.world.counts(TABLES) == before
    assert (await save(api))["draft"]["revision"] == 3


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"process": "Trade In"}, "WRONG_KEY", "process"),
        ({"process": "messenger"}, "OTHER_PROCESS", "document"),
        ({"baseVersion": 2}, "UNKNOWN_VERSION", "baseVersion"),
        ({"comment": "x" * 4_001}, "TOO_LONG", "comment"),
    ],
)
async def test_what_is_no_draft_of_this_process_is_refused(
    api: Api, values: dict[str, Any], code: str, path: str
) -> None:
    before = await api.world.counts(TABLES)
    for language in ("en", "ru"):
        asked = {"process": "email", "document": EMAIL, **values}
        refused = (await api.ask(SAVE, "owner", language=language, input=asked))["data"]["answer"]
        assert (refused["code"], refused["path"]) == (code, ["input", path])
        assert ("й" in refused["message"] or "о" in refused["message"]) is (language == "ru")
    assert await api.world.counts(TABLES) == before


async def test_a_new_process_begins_as_a_draft(api: Api) -> None:
    document = EMAIL.replace("process: email", "process: trade-in")
    done = await save(api, document, process="trade-in")
    assert (done["draft"]["process"], done["draft"]["baseVersion"]) == ("trade-in", None)
    assert (await api.data(READ, "owner"))["processDrafts"] == [{"process": "trade-in", "revision": 1}]


async def test_a_document_or_a_draft_is_checked_without_being_kept(api: Api) -> None:
    before = await api.world.counts(TABLES)
    sound = (await api.data(VALIDATE, "owner", input={"document": EMAIL}))["answer"]
    assert sound == {"__typename": "ProcessValidated", "isSound": True, "problems": []}
    broken = (await api.data(VALIDATE, "owner", input={"document": "process: ["}))["answer"]
    assert [problem["code"] for problem in broken["problems"]] == ["SYNTAX"]
    assert (await api.data(VALIDATE, "owner", input={"process": "email"}))["answer"]["__typename"] == "NotFound"
    assert await api.world.counts(TABLES) == before
    await save(api, UNSOUND)
    russian = await api.ask(VALIDATE, "owner", language="ru", input={"process": "email"})
    found = russian["data"]["answer"]
    assert (found["isSound"], found["problems"][0]["code"]) == (False, "NO_INITIAL")
    assert "Нет стадии" in found["problems"][0]["message"]


async def test_two_editors_at_once_never_overwrite_each_other(api: Api) -> None:
    first, second = await asyncio.gather(save(api, by="owner"), save(api, UNSOUND, by="admin"))
    kinds = sorted(answer["__typename"] for answer in (first, second))
    assert kinds == ["ProcessDraftSaved", "StaleProcessDraft"]


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_comparison_names_the_document_that_cannot_be_read(api: Api, side: str) -> None:
    sound, broken = {"document": EMAIL}, {"document": "stages: ["}
    values = {"before": sound, "after": sound} | {side: broken}
    query = """query ($before: ProcessDocumentRef, $after: ProcessDocumentRef) {
        answer: diffProcess(process: "email", before: $before, after: $after) { __typename
        ... on ProcessDiff { isSame } ... on InvalidDocument { path problems { code line } } } }"""
    answer = (await api.data(query, "owner", **values))["answer"]
    assert (answer["__typename"], answer["path"]) == ("InvalidDocument", [side, "document"])
    assert (await api.data(query, "owner", before=sound, after=sound))["answer"] == {
        "__typename": "ProcessDiff",
        "isSame": True,
    }
