"""Replays and what-ifs over the API: asked for, carried out by a worker, read down to their cases; and refused."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bpm_crm.operations import replays
from bpm_crm.operations.commands import Assign
from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import call, fire, hour, lead, lose, up_to
from tests.api.client import Api
from tests.excel.desk import Desk, a_desk

PERIOD = {"since": "2026-09-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}
OF_CASES = "cases instances(first: 20) { totalCount nodes { id } }"
SHARE = f"cycles key user {{ name }} team {{ key }} {OF_CASES}"
BREACHES = f"cycles {OF_CASES} owners {{ {SHARE} }} teams {{ {SHARE} }} channels {{ {SHARE} }}"
VERDICTS = "met breached cancelled pending absent"
FIGURES = f"""id status total done process version changes moves differingCases unreadableCases failure {{ code }}
  totals {{ kind steps first {OF_CASES} }}
  steps {{ kind step stage stageTitle name code message field guard target steps first {OF_CASES} }}
  clocks {{ clock title before {{ {VERDICTS} }} after {{ {VERDICTS} }} gained {{ {BREACHES} }} lost {{ {BREACHES} }} }}
  checkpoints {{ checkpoint title order before after gained {{ {OF_CASES} }} lost {{ {OF_CASES} }} }}"""
REPLAY = f"query ($id: ID!) {{ replay(id: $id) {{ {FIGURES} }} }}"
ASK = """mutation ($input: %sInput!) { answer: %s(input: $input) { __typename
  ... on ReplayAccepted { isRepeated replay { id status done } }
  ... on UserError { code message path }
  ... on InvalidDocument { problems { code line path } }
  ... on InvalidInput { problems { code path known } } } }"""


@pytest.fixture
async def desk(api: Api) -> AsyncIterator[Desk]:
    """The worker's side of the same company."""
    async with a_desk(api.world) as found:
        yield found


async def ask(api: Api, mutation: str = "replayDraft", by: str = "owner", language: str = "en", **input_: Any) -> Any:
    type_ = "ReplayDraft" if mutation == "replayDraft" else "SlaWhatIf"
    given = {"process": "callback-request", **PERIOD, **input_}
    answer = await api.ask(ASK % (type_, mutation), by, language, input=given)
    assert "errors" not in answer, answer
    return answer["data"]["answer"]


async def replayed(api: Api, desk: Desk, mutation: str = "replayDraft", **input_: Any) -> dict[str, Any]:
    """A replay that was asked for and carried out."""
    asked = await ask(api, mutation, **input_)
    assert asked["__typename"] == "ReplayAccepted", asked
    assert asked["replay"]["status"] == "WAITING"
    await desk.runner.drain()
    found: dict[str, Any] = (await api.data(REPLAY, "owner", id=asked["replay"]["id"]))["replay"]
    assert (found["status"], found["failure"]) == ("DONE", None), found
    return found


async def told(api: Api) -> list[str]:
    """Leads of one Monday: two get an offer, one postponed; one lost; one called late."""
    world = api.world
    bob = Assign(world.founded.users["bob@example.org"], None, occurred_at=hour(6.05))
    return [
        str(case)
        for case in (
            await lead(world, 6, call(6.1), *up_to(3, 6, 0.5), by="ann"),
            await lead(world, 6, bob, call(6.1), *up_to(3, 6, 0.5), fire("postpone", 9), by="bob"),
            await lead(world, 6, call(6.05), fire("contact", 6.2), lose(7), by="ann"),
            await lead(world, 6, bob, call(6 + 12 / 60), by="bob"),
        )
    ]


def draft() -> str:
    """The process of call-backs: offers need a budget, nobody postpones, the first answer is due in five minutes."""
    text = shipped_text("callback-request")
    return text.replace("target: PT15M", "target: PT5M") + OFFERS


OFFERS = """
transitions:
  make_offer: {require: [amount, budget]}
"""


def figures(value: Any) -> Iterator[dict[str, Any]]:
    """Every figure that has cases behind it."""
    if isinstance(value, list):
        for item in value:
            yield from figures(item)
    elif isinstance(value, dict):
        if "instances" in value:
            yield value
        for item in value.values():
            yield from figures(item)


async def test_a_draft_is_replayed_and_every_figure_leads_to_its_cases(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "AT_ONCE", 3)
    await told(api)
    found = await replayed(api, desk, document=draft())
    assert (found["total"], found["done"], found["moves"], found["unreadableCases"]) == (4, 4, 9, 0)
    totals = {item["kind"]: (item["steps"], item["cases"], item["first"]) for item in found["totals"]}
    assert totals == {"BLOCKED": (2, 2, 2), "INEXPRESSIBLE": (0, 0, 0), "DIVERTED": (0, 0, 0), "LOSES_DATA": (0, 0, 0)}
    [step] = found["steps"]
    named = ("kind", "step", "stage", "stageTitle", "name", "code", "field", "steps", "first")
    assert [step[name] for name in named] == [
        *("BLOCKED", "TRANSITION", "interest", "Interest", "make_offer", "FIELD_REQUIRED", "budget", 2, 2)
    ]
    assert step["message"] == "The field “budget” is required for this move."
    response = next(item for item in found["clocks"] if item["clock"] == "response")
    assert (response["before"]["met"], response["before"]["breached"]) == (4, 0)
    assert (response["after"]["met"], response["after"]["breached"]) == (1, 3)
    assert (response["gained"]["cycles"], response["lost"]["cycles"]) == (3, 0)
    whose = {(item["user"] or {}).get("name"): item["cycles"] for item in response["gained"]["owners"]}
    assert whose == {"Bob Seller": 2, None: 1}  # Ann called before the case was hers
    for figure in figures(found):
        assert figure["instances"]["totalCount"] == len(figure["instances"]["nodes"]) == figure["cases"], figure
    for clock in found["clocks"]:
        for change in ("gained", "lost"):
            for part in ("owners", "teams", "channels"):
                assert sum(item["cycles"] for item in clock[change][part]) == clock[change]["cycles"]
    assert found["differingCases"] == 3


async def test_the_version_itself_differs_in_nothing(api: Api, desk: Desk) -> None:
    await told(api)
    found = await replayed(api, desk, version=1)
    assert (found["done"], found["differingCases"], found["steps"], found["version"]) == (4, 0, [], 1)
    assert all(item["before"] == item["after"] for item in found["clocks"] + found["checkpoints"])
    assert [item["before"] for item in found["checkpoints"] if item["checkpoint"] == "lead"] == [4]
    listed = (await api.data('{ replays(process: "callback-request") { id done } }', "owner"))["replays"]
    assert listed == [{"id": found["id"], "done": 4}]
    node = await api.data("query ($id: ID!) { node(id: $id) { __typename id } }", "owner", id=found["id"])
    assert node["node"] == {"__typename": "Replay", "id": found["id"]}


async def test_the_saved_draft_is_what_is_replayed_where_nothing_else_is_given(api: Api, desk: Desk) -> None:
    await told(api)
    missing = await ask(api)
    assert (missing["__typename"], missing["path"]) == ("NotFound", ["input", "process"])
    saved = await api.data(
        "mutation ($input: SaveProcessDraftInput!) { saveProcessDraft(input: $input) { __typename } }",
        "owner",
        input={"process": "callback-request", "document": draft()},
    )
    assert saved["saveProcessDraft"]["__typename"] == "ProcessDraftSaved"
    found = await replayed(api, desk)
    assert [(item["code"], item["cases"]) for item in found["steps"]] == [("FIELD_REQUIRED", 2)]


async def test_a_what_if_says_whose_breaches_it_gains(api: Api, desk: Desk) -> None:
    await told(api)
    changes = [{"clock": "response", "target": "PT5M", "calendar": "ALWAYS", "warnings": ["50%"]}]
    found = await replayed(api, desk, "slaWhatIf", changes=changes)
    response = next(item for item in found["clocks"] if item["clock"] == "response")
    assert response["gained"]["cycles"] == 3
    assert found["changes"] == [{"clock": "response", "target": "PT5M", "calendar": "always", "warnings": ["50%"]}]
    assert (found["version"], found["steps"]) == (1, [])
    assert {item["key"] for item in response["gained"]["channels"]} == {"callback-request"}
    assert [item["cycles"] for item in response["gained"]["teams"]] == [3]


@pytest.mark.parametrize(
    ("mutation", "given", "code", "path"),
    [
        ("replayDraft", {"process": "nope", "version": 1}, "UNKNOWN_PROCESS", ["input", "process"]),
        ("replayDraft", {"version": 7}, "UNKNOWN_VERSION", ["input", "version"]),
        ("replayDraft", {"version": 1, "document": "x"}, "ONE_OF", ["input", "version"]),
        ("replayDraft", {"version": 1, "until": PERIOD["since"]}, "TOO_EARLY", ["input", "until"]),
        ("replayDraft", {"document": shipped_text("email")}, "OTHER_PROCESS", ["input", "document"]),
        ("slaWhatIf", {"changes": []}, "TOO_SMALL", ["input", "changes"]),
        ("slaWhatIf", {"changes": [{"clock": "nope"}]}, "UNKNOWN_CLOCK", ["input", "changes", "0", "clock"]),
        ("slaWhatIf", {"changes": [], "calendar": 5}, "WRONG_TYPE", ["input", "calendar"]),
    ],
)
async def test_what_cannot_be_replayed_is_refused_and_nothing_is_written(
    api: Api, mutation: str, given: dict[str, Any], code: str, path: list[str]
) -> None:
    answer = await ask(api, mutation, **given)
    assert (answer["__typename"], answer["code"], answer["path"]) == ("InvalidInput", code, path), answer
    russian = await ask(api, mutation, language="ru", **given)
    assert russian["message"] != answer["message"]
    assert await api.world.counts(("job", "replay")) == {"job": 0, "replay": 0}


async def test_an_unsound_document_is_refused_with_the_line(api: Api) -> None:
    answer = await ask(api, document=draft() + "  nowhere: {title: {en: N, ru: Н}, from: interest, to: moon}\n")
    assert (answer["__typename"], answer["code"]) == ("InvalidDocument", "INVALID_DOCUMENT")
    [problem] = answer["problems"]
    assert (problem["code"], problem["path"][:2]) == ("UNKNOWN_REFERENCE", ["transitions", "nowhere"])
    assert problem["line"] == len(draft().splitlines()) + 1
    changed = await ask(api, "slaWhatIf", changes=[{"clock": "response", "target": "P1D"}])
    assert (changed["__typename"], changed["problems"][0]["path"]) == (
        "InvalidDocument",
        ["clocks", "response", "target"],
    )
    assert await api.world.counts(("job", "replay")) == {"job": 0, "replay": 0}


async def test_only_who_manages_processes_may_replay_and_read_it(api: Api, desk: Desk) -> None:
    await told(api)
    found = await replayed(api, desk, version=1)
    for by in ("ann", "north", "analyst"):
        given = {"process": "callback-request", "version": 1, **PERIOD}
        asked = await api.ask(ASK % ("ReplayDraft", "replayDraft"), by, input=given)
        read = await api.ask(REPLAY, by, id=found["id"])
        assert {answer["errors"][0]["extensions"]["code"] for answer in (asked, read)} == {"FORBIDDEN"}
    assert (await api.data(REPLAY, "admin", id=found["id"]))["replay"]["done"] == 4


async def test_a_replay_goes_on_where_a_worker_died(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker is lost after a chunk of two; the next goes on, and every case is counted once."""
    monkeypatch.setattr(replays, "AT_ONCE", 2)
    await told(api)
    whole = await replayed(api, desk, document=draft())
    asked = await ask(api, document=draft(), idempotencyKey="again")

    class Died(BaseException):
        """The worker is gone."""

    given_up = 0
    judged = replays.judged

    async def dying(*arguments: Any) -> AsyncIterator[Any]:
        nonlocal given_up
        async for item in judged(*arguments):
            if given_up == 1:
                given_up = 2
                raise Died
            given_up += given_up == 0
            yield item

    monkeypatch.setattr(replays, "judged", dying)
    with pytest.raises(Died):
        await desk.runner.drain()
    half = (await api.data(REPLAY, "owner", id=asked["replay"]["id"]))["replay"]
    assert (given_up, half["status"], half["done"]) == (2, "RUNNING", 2)
    async with api.world.owner.transaction(api.world.tenant_id) as connection:
        await connection.execute("DELETE FROM lease")
    monkeypatch.setattr(replays, "judged", judged)
    await desk.runner.drain()
    found = (await api.data(REPLAY, "owner", id=asked["replay"]["id"]))["replay"]
    assert {**found, "id": ""} == {**whole, "id": ""}
