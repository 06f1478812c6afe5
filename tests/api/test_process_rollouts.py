"""Rollouts through the API: who sees what, what is refused in both languages, and the journal."""

from typing import Any

import pytest

from bpm_crm.processes.library import shipped_text
from tests.api.client import Api
from tests.api.test_process_releases import CAPTURE, PUBLISH, VERSIONS, ask

SHOWN = (
    "process beforeVersion version share status revision startedBy { name } endedAt guardRail { clock drop figures }"
)
ANSWERED = f"""{{ __typename ... on RolloutAnswer {{ isRepeated rollout {{ {SHOWN} }} }} ... on RolloutInTheWay {{ version }}
    ... on InvalidInput {{ problems {{ code path known message }} }} ... on UserError {{ code message path }} }}"""
ROLLOUTS = f"""{{ processRollouts(process: "email", first: 5) {{ totalCount nodes {{ {SHOWN} readOut {{ asOf figures {{
    clock before {{ n converted rate }} after {{ n converted rate }} difference lower upper adjustedP verdict
    channels {{ channel {{ key }} before {{ n }} after {{ n }} }} }} }} }} }} }}"""
CHANGES = '{ processChanges(process: "email", first: 3) { nodes { kind values comment actor { name } } } }'
TABLES = ("process_rollout", "process_change", "process_definition")


def mutation(name: str) -> str:
    return f"mutation ($input: {name[0].upper()}{name[1:]}Input!) {{ answer: {name}(input: $input) {ANSWERED} }}"


async def roll(api: Api, name: str, language: str = "en", **input_: Any) -> dict[str, Any]:
    return await ask(api, mutation(name), "owner", language, **{"process": "email", **input_})


async def captured(api: Api, number: int) -> list[int]:
    answers = [await ask(api, CAPTURE, "admin", channel="email", externalId=f"{n}") for n in range(number)]
    return [answer["instance"]["version"] for answer in answers]


@pytest.fixture
async def held(api: Api) -> Api:
    """The application with a second version of a process held back."""
    await ask(api, PUBLISH, document=shipped_text("email").replace("PT4H", "PT3H"), isHeld=True)
    return api


async def read_out(held: Api, as_of: str | None = None) -> Any:
    """The read-out of the latest rollout."""
    query = ROLLOUTS if as_of is None else ROLLOUTS.replace("readOut {", f'readOut(asOf: "{as_of}") {{')
    return (await held.data(query, "owner"))["processRollouts"]["nodes"][0]["readOut"]


async def test_a_rollout_is_started_watched_changed_and_finished(held: Api) -> None:
    rail = {"clock": "response", "drop": "0.05"}
    begun = await roll(held, "startRollout", version=2, share=25, guardRail=rail, comment="Try it")
    assert begun["rollout"] == {
        "process": "email",
        "beforeVersion": 1,
        "version": 2,
        "share": 25,
        "status": "RUNNING",
        "revision": 1,
        "startedBy": {"name": "Olga Owner"},
        "endedAt": None,
        "guardRail": {**rail, "figures": None},
    }
    versions = await captured(held, 12)
    assert versions.count(2) == 3
    assert await captured(held, 12) == versions, "repeated leads stay where they were"
    listed = await held.data(VERSIONS, "owner", process="email")
    assert [item["status"] for item in listed["processVersions"]["nodes"]] == ["ROLLING_OUT", "CURRENT"]
    read = (await held.data(ROLLOUTS, "owner"))["processRollouts"]
    conversion = read["nodes"][0]["readOut"]["figures"][0]
    assert (conversion["before"]["n"], conversion["after"]["n"], conversion["verdict"]) == (9, 3, "NOT_ENOUGH")
    assert conversion["channels"] == [{"channel": {"key": "email"}, "before": {"n": 9}, "after": {"n": 3}}]
    at = read["nodes"][0]["readOut"]["asOf"]
    await captured(held, 16)
    assert await read_out(held) != read["nodes"][0]["readOut"], "of what came since"
    assert await read_out(held, at) == read["nodes"][0]["readOut"], "the same question again"
    assert (await roll(held, "changeRollout", share=75))["rollout"]["revision"] == 2
    done = await roll(held, "finishRollout", comment="Good")
    assert (done["rollout"]["status"], done["rollout"]["endedAt"] is None) == ("FINISHED", False)
    journal = (await held.data(CHANGES, "owner"))["processChanges"]["nodes"]
    assert [item["kind"] for item in journal] == ["ROLLOUT_FINISHED", "ROLLOUT_CHANGED", "ROLLOUT_STARTED"]
    assert (journal[2]["comment"], journal[2]["values"]["share"], journal[0]["comment"]) == ("Try it", 25, "Good")


@pytest.mark.parametrize(
    ("name", "input_", "code", "path"),
    [
        ("startRollout", {"version": 1, "share": 10}, "SAME_VERSION", ["input", "version"]),
        ("startRollout", {"version": 9, "share": 10}, "UNKNOWN_VERSION", ["input", "version"]),
        ("startRollout", {"version": 2, "share": 0}, "TOO_SMALL", ["input", "share"]),
        (
            "startRollout",
            {"version": 2, "share": 5, "guardRail": {"clock": "x", "drop": "0.1"}},
            "UNKNOWN_CLOCK",
            ["input", "guardRail", "clock"],
        ),
        ("startRollout", {"version": 2, "share": 5, "process": "nowhere"}, "NOT_FOUND", ["input", "process"]),
        ("changeRollout", {"share": 50}, "NOT_FOUND", ["input", "process"]),
        ("stopRollout", {}, "NOT_FOUND", ["input", "process"]),
        ("finishRollout", {}, "NOT_FOUND", ["input", "process"]),
    ],
)
async def test_what_makes_no_sense_is_refused_in_both_languages_and_nothing_is_written(
    held: Api, name: str, input_: dict[str, Any], code: str, path: list[str]
) -> None:
    before = await held.world.counts(TABLES)
    english, russian = [await roll(held, name, language, **input_) for language in ("en", "ru")]
    assert (english["code"], english["path"]) == (russian["code"], russian["path"]) == (code, path)
    assert english["message"] != russian["message"]
    assert await held.world.counts(TABLES) == before


async def test_while_a_rollout_runs_nothing_else_settles_what_new_cases_take(held: Api) -> None:
    await roll(held, "startRollout", version=2, share=10)
    before = await held.world.counts(TABLES)
    for name, input_ in (("startRollout", {"version": 1, "share": 5}), ("retireProcess", {})):
        query = mutation(name).replace("... on RolloutAnswer { isRepeated rollout { " + SHOWN + " } }", "")
        refused = await ask(
            held,
            query.replace("... on InvalidInput { problems { code path known message } }", ""),
            **{"process": "email", **input_},
        )
        assert (refused["__typename"], refused["code"], refused["version"]) == ("RolloutInTheWay", "ROLLOUT_RUNS", 2)
    assert (await ask(held, PUBLISH, document=shipped_text("email").replace("PT4H", "PT1H")))["code"] == "ROLLOUT_RUNS"
    assert await held.world.counts(TABLES) == before
    third = await ask(held, PUBLISH, document=shipped_text("email").replace("PT4H", "PT1H"), isHeld=True)
    assert (third["version"], third["definition"]["currentVersion"]) == (3, 1)
