"""Pictures of processes and BPMN over GraphQL: the figures on them are the figures, and what goes wrong is said."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from bpm_crm.embedded.server import Server
from bpm_crm.engine.drawing.wording import seconds_text
from bpm_crm.exchange.bpmn.xml_reader import MAX_ELEMENTS
from tests.api.client import Api
from tests.api.funnel_seed import a_loaded_api
from tests.api.stage import CHANNEL, Stage
from tests.databases import cloned
from tests.exchange.bpmn_files import a_file, line_of, structure_faults
from tests.world import a_world

PROCESS = "web-form"
PICTURE = """
query ($key: String!, $format: DiagramFormat!, $overlay: DiagramOverlay!, $version: Int, $language: DiagramLanguage,
       $period: PeriodInput, $instance: InstanceRef, $asOf: DateTime, $knownAt: DateTime) {
  processDefinition(key: $key) { diagram(format: $format, overlay: $overlay, version: $version, language: $language,
    period: $period, instance: $instance, asOf: $asOf, knownAt: $knownAt) {
    format overlay version mediaType text asOf findings { code weight message element kind line } } } }
"""
IMPORT = """
query ($input: ImportBpmnInput!) { importBpmn(input: $input) { __typename
  ... on BpmnImport { drafts { processId name document findings { code weight message element kind line } } findings { message } }
  ... on UserError { code message path } } }
"""
TIMES = """
query ($input: StageTimeInput!) { stageTimes(input: $input) { stage entered open first { business { medianSeconds } }
  target { late judged pace } } }
"""
WEEK = {"from": "2026-09-07T00:00:00+03:00", "to": "2026-09-14T00:00:00+03:00"}


@pytest.fixture(scope="module")
async def loaded(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    async with (
        cloned(postgres, template) as access,
        a_world(access) as world,
        a_loaded_api(world, tmp_path_factory.mktemp("pictures")) as api,
    ):
        yield api


async def a_picture(api: Api, by: str = "admin", **asked: Any) -> dict[str, Any]:
    given = {"key": PROCESS, "format": "SVG", "overlay": "NONE", **asked}
    found: dict[str, Any] = (await api.data(PICTURE, by, **given))["processDefinition"]["diagram"]
    return found


async def refusal(api: Api, by: str = "admin", **asked: Any) -> tuple[str, str]:
    given = {"key": PROCESS, "format": "SVG", "overlay": "NONE", **asked}
    (error,) = (await api.ask(PICTURE, by, **given))["errors"]
    return error["extensions"]["code"], error["message"]


def notes(text: str) -> dict[str, list[str]]:
    """What is noted at each stage of a picture."""
    return {
        element.get("data-stage", ""): [part.text for part in element if "note" in (part.get("class") or "").split()]
        for element in fromstring(text).iter()
        if element.get("data-stage")
    }


def classes(text: str, stage: str) -> set[str]:
    found = next(element for element in fromstring(text).iter() if element.get("data-stage") == stage)
    return set((found.get("class") or "").split())


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [
        ("SVG", "image/svg+xml", "<svg "),
        ("MERMAID", "text/vnd.mermaid", "stateDiagram-v2\n"),
        ("BPMN", "application/bpmn+xml", "<?xml "),
    ],
)
async def test_a_process_is_drawn_in_every_format(loaded: Api, form: str, media: str, begins: str) -> None:
    found = await a_picture(loaded, format=form)
    assert (found["format"], found["mediaType"], found["version"], found["asOf"]) == (form, media, 1, None)
    assert found["text"].startswith(begins)
    assert found == await a_picture(loaded, format=form)
    assert bool(found["findings"]) is (form == "BPMN")


async def test_the_language_is_asked_for_or_that_of_the_request(loaded: Api) -> None:
    english, russian = [await a_picture(loaded, language=language) for language in ("EN", "RU")]
    assert "Customer is thinking" in english["text"]
    assert "Клиент думает" in russian["text"]
    answer = await loaded.ask(PICTURE, language="ru", key=PROCESS, format="SVG", overlay="NONE")
    assert answer["data"]["processDefinition"]["diagram"]["text"] == russian["text"]


async def test_bpmn_of_a_published_version_holds_together_and_comes_back(loaded: Api) -> None:
    text = (await a_picture(loaded, format="BPMN"))["text"]
    assert list(structure_faults(text)) == []
    (draft,) = (await loaded.data(IMPORT, input={"document": text}))["importBpmn"]["drafts"]
    assert draft["document"].startswith(f"process: {PROCESS}\n")
    assert draft["findings"] == []


async def test_the_counts_on_a_picture_are_those_of_stage_times_and_of_lists(loaded: Api) -> None:
    found = await a_picture(loaded, overlay="COUNTS")
    rows = (await loaded.data(TIMES, input={"process": PROCESS}))["stageTimes"]
    noted = notes(found["text"])
    assert rows
    for row in rows:
        median = row["first"]["business"]["medianSeconds"]
        expected = [f"{row['open']} now"]
        expected += [] if median is None else [f"median {seconds_text(median, 'en', days=False)}"]
        assert noted[row["stage"]] == expected
    assert any(row["open"] for row in rows)
    for stage in ("won", "lost", "cancelled"):
        where = {"process": {"eq": PROCESS}, "stage": {"eq": stage}, "exclusion": {"isNull": True}}
        query = "query ($where: InstanceWhere) { processInstances(where: $where, first: 0) { totalCount } }"
        total = (await loaded.data(query, where=where))["processInstances"]["totalCount"]
        assert noted[stage] == [f"{total} ended here"]
    assert noted["won"] != ["0 ended here"]
    assert found["asOf"] is not None


async def test_the_counts_of_an_instant_are_those_of_stage_times_and_of_cases_as_of_it(loaded: Api) -> None:
    times = {"asOf": "2026-09-07T20:00:00Z", "knownAt": "2999-01-01T00:00:00Z"}
    found = await a_picture(loaded, overlay="COUNTS", **times)
    now = await a_picture(loaded, overlay="COUNTS")
    noted, later = notes(found["text"]), notes(now["text"])
    assert found["asOf"] == times["asOf"]
    for row in (await loaded.data(TIMES, input={"process": PROCESS, **times}))["stageTimes"]:
        assert noted[row["stage"]][0] == f"{row['open']} then"
    query = """query ($period: PeriodInput!, $where: FactWhere, $asOf: DateTime, $knownAt: DateTime) {
        kpi(key: "new_cases", period: $period, where: $where, asOf: $asOf, knownAt: $knownAt) { total { value } } }"""
    for stage in ("won", "lost", "cancelled"):
        where = {"process": {"eq": PROCESS}, "stage": {"eq": stage}}
        total = (await loaded.data(query, period={}, where=where, **times))["kpi"]["total"]["value"]
        assert noted[stage] == [f"{total} ended here"]
    assert noted["won"] != later["won"]
    today = notes((await a_picture(loaded, overlay="COUNTS", asOf=now["asOf"]))["text"])
    assert all(today[stage] == later[stage] for stage in ("won", "lost", "cancelled")), "as the list counts them"


async def test_counts_are_of_now_whatever_period_the_times_are_of(loaded: Api) -> None:
    ever = notes((await a_picture(loaded, overlay="COUNTS"))["text"])
    none = notes((await a_picture(loaded, overlay="COUNTS", period={"toDate": "2020-01-01"}))["text"])
    assert {stage: told[:1] for stage, told in ever.items()} == none
    assert any(len(told) > 1 for told in ever.values())


async def test_bottlenecks_are_coloured_by_the_verdicts_of_stage_times(loaded: Api) -> None:
    text = (await a_picture(loaded, overlay="BOTTLENECKS", period=WEEK))["text"]
    rows = (await loaded.data(TIMES, input={"process": PROCESS, "period": WEEK}))["stageTimes"]
    noted = notes(text)
    for row in rows:
        target = row["target"]
        if target["judged"]:
            assert f"{target['late']} of {target['judged']} late" in noted[row["stage"]]
        assert ("heat-slow" in classes(text, row["stage"])) is (target["pace"] == "SLOW")
    assert {target["pace"] for target in (row["target"] for row in rows)} >= {"SLOW"}
    shares = [int(match) for told in noted.values() for note in told for match in re.findall(r"(\d+)% of all", note)]
    assert 97 <= sum(shares) <= 103


async def test_figures_on_pictures_are_of_the_viewers_cases(loaded: Api) -> None:
    own, all_ = [notes((await a_picture(loaded, by, overlay="COUNTS"))["text"]) for by in ("eve", "admin")]
    assert own != all_


async def test_the_path_of_a_case_is_what_its_history_says(loaded: Api) -> None:
    query = """{ processInstances(where: {process: {eq: "web-form"}, stage: {eq: "won"}}, first: 1) {
        nodes { id history(first: 100) { nodes { sequence fromStage toStage } } diagram { overlay version text } } } }"""
    (case,) = (await loaded.data(query))["processInstances"]["nodes"]
    found = await a_picture(loaded, overlay="INSTANCE", instance={"id": case["id"]})
    assert case["diagram"]["text"] == found["text"]
    root = fromstring(found["text"])
    taken = {
        (element.get("data-from"), element.get("data-to"))
        for element in root.iter()
        if "taken" in (element.get("class") or "").split() and element.get("data-from")
    }
    moves = [step for step in case["history"]["nodes"] if step["fromStage"] and step["toStage"]]
    assert taken == {(step["fromStage"], step["toStage"]) for step in moves}
    told = " ".join(element.text or "" for element in root.iter() if "taken" in (element.get("class") or "").split())
    assert all(f"{step['sequence']} · 2026-" in told for step in moves)
    assert "current" in classes(found["text"], "won")
    visited = {step["toStage"] for step in case["history"]["nodes"] if step["toStage"]}
    assert {stage for stage in notes(found["text"]) if "visited" in classes(found["text"], stage)} == visited


async def test_a_lost_and_a_forced_case_show_how_they_went(api: Api) -> None:
    forced = """mutation ($input: ForceTransitionInput!) { forceTransition(input: $input) { __typename } }"""
    captured = 'mutation { captureLead(input: {channel: "web-form"}) { ... on LeadCaptured { instance { id } } } }'
    case = (await api.data(captured))["captureLead"]["instance"]["id"]
    done = await api.data(forced, input={"instance": {"id": case}, "stage": "delivery", "comment": "Moved by hand."})
    assert done["forceTransition"]["__typename"] == "TransitionFired"
    text = (await a_picture(api, overlay="INSTANCE", instance={"id": case}))["text"]
    lines = {
        (item.get("data-from"), item.get("data-to")): item.get("class")
        for item in fromstring(text).iter()
        if item.get("data-from")
    }
    assert lines["new", "delivery"] == "way taken forced"
    assert "by force" in text
    assert "by force" in (await a_picture(api, format="MERMAID", overlay="INSTANCE", instance={"id": case}))["text"]


async def test_what_does_not_go_together_is_refused_with_a_cure(loaded: Api) -> None:
    for asked, part in (
        ({"format": "BPMN", "overlay": "COUNTS"}, "SVG or MERMAID"),
        ({"overlay": "INSTANCE"}, "Give `instance`"),
        ({"overlay": "COUNTS", "instance": {"dealKey": "D-2026-000001"}}, "Give `instance`"),
        ({"period": WEEK}, "Give `period`"),
        ({"asOf": "2026-09-07T20:00:00Z"}, "Give `period`, `asOf`"),
        ({"version": 2}, "There is no version 2; there are 1 to 1"),
        ({"version": 0}, "There is no version 0"),
        ({"version": -1}, "There is no version -1"),
        ({"overlay": "INSTANCE", "instance": {"dealKey": "D-1999-000001"}}, "There is no case"),
    ):
        code, message = await refusal(loaded, **asked)
        assert (code, part in message) == ("BAD_USER_INPUT", True), (asked, message)


async def test_a_case_of_another_process_is_not_on_this_picture(loaded: Api) -> None:
    captured = 'mutation { captureLead(input: {channel: "email"}) { ... on LeadCaptured { instance { id } } } }'
    case = (await loaded.data(captured))["captureLead"]["instance"]["id"]
    code, message = await refusal(loaded, overlay="INSTANCE", instance={"id": case})
    assert (code, "no case of “web-form”" in message) == ("BAD_USER_INPUT", True)


async def test_a_case_of_another_company_is_answered_like_one_that_is_not_there(stage: Stage) -> None:
    answers = []
    for ids in (stage.rival, stage.nobody):
        given = {
            "key": CHANNEL,
            "format": "SVG",
            "overlay": "INSTANCE",
            "instance": {"id": ids.nodes["ProcessInstance"]},
        }
        (error,) = (await stage.ask("admin", PICTURE, **given))["errors"]
        answers.append((error["extensions"]["code"], error["message"]))
    assert answers[0] == answers[1]
    given["instance"] = {"id": stage.own.nodes["ProcessInstance"]}
    assert "current" in (await stage.ask("admin", PICTURE, **given))["data"]["processDefinition"]["diagram"]["text"]


async def test_without_a_token_there_is_no_picture(loaded: Api) -> None:
    answer = await loaded.ask(PICTURE, by=None, key=PROCESS, format="SVG", overlay="NONE")
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_figures_on_a_picture_need_the_permission_for_figures(stage: Stage) -> None:
    """An integration may see definitions, not figures."""
    asked = {"key": CHANNEL, "format": "SVG"}
    bare = await stage.ask("robot", PICTURE, **asked, overlay="NONE")
    assert bare["data"]["processDefinition"]["diagram"]["text"].startswith("<svg")
    for overlay in ("COUNTS", "BOTTLENECKS"):
        (error,) = (await stage.ask("robot", PICTURE, **asked, overlay=overlay))["errors"]
        assert error["extensions"]["code"] == "FORBIDDEN"


async def test_a_foreign_file_is_a_draft_and_is_not_saved(api: Api) -> None:
    before = await api.world.counts()
    text = a_file(*line_of("check", "mend"), '<dataObject id="paper" name="Paper"/>')
    (draft,) = (await api.data(IMPORT, input={"document": text}))["importBpmn"]["drafts"]
    assert "process: repair-of-bicycles" in draft["document"]
    paper = next(item for item in draft["findings"] if item["element"] == "paper")
    assert (paper["weight"], paper["kind"]) == ("LOST", "dataObject")
    assert paper["line"] > 3
    assert await api.world.counts() == before
    refused = a_file(
        *line_of("a")[:3], '<parallelGateway id="x" name="Both"/><task id="b"/>', "start>a", "a>x", "x>b", "x>end"
    )
    (draft,) = (await api.data(IMPORT, input={"document": refused}))["importBpmn"]["drafts"]
    assert draft["document"] is None
    assert [(item["code"], item["element"], item["weight"]) for item in draft["findings"]] == [
        ("PARALLEL", "x", "REFUSED")
    ]


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_a_hostile_file_is_a_refusal_with_place_and_cure(api: Api, language: str) -> None:
    entity = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
    many = "<d>" + "<e/>" * (MAX_ELEMENTS + 1) + "</d>"
    for text, part in ((entity, "DOCTYPE"), (many, f"{MAX_ELEMENTS}"), ("", "")):
        found = (await api.ask(IMPORT, language=language, input={"document": text}))["data"]["importBpmn"]
        assert (found["code"], found["path"]) == ("BPMN_INVALID", ["input", "document"]), found
        assert part in found["message"]


async def test_pictures_can_be_asked_for_side_by_side(loaded: Api) -> None:
    found = await asyncio.gather(*(a_picture(loaded, overlay=name) for name in ("NONE", "COUNTS", "BOTTLENECKS")))
    assert len({picture["text"] for picture in found}) == 3
