"""BPMN read as drafts: foreign files become readable documents or are refused with the elements at fault, hostile ones quickly."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpm_crm.exchange.bpmn.export import export_bpmn
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.importing import Draft, import_bpmn
from bpm_crm.exchange.bpmn.spans import target_of
from bpm_crm.exchange.bpmn.xml_reader import MAX_BYTES, BpmnInvalid
from bpm_crm.operations.access import ROLES
from bpm_crm.operations.publishing import prove
from bpm_crm.processes.library import resolve, shipped_text
from bpm_crm.processes.yaml_reader import read_yaml
from tests.exchange.bpmn_files import a_file, line_of

AT = datetime(2026, 11, 1, tzinfo=UTC)
QUICK_SECONDS = 3.0
"""Of the processor: the machine may be busy with something else."""


def draft_of(text: str | bytes) -> Draft:
    (draft,) = import_bpmn(text, roles=ROLES).drafts
    return draft


def data_of(text: str) -> dict[str, Any]:
    """The document of the one draft of a file, which is sound."""
    draft = draft_of(text)
    assert draft.document is not None, [finding.text() for finding in draft.findings]
    prove(draft.document, AT)
    data: dict[str, Any] = read_yaml(draft.document).data
    return data


def refused(text: str) -> dict[str, Finding]:
    """The findings that refuse the one process of a file, by element."""
    draft = draft_of(text)
    assert draft.document is None
    assert {finding.weight for finding in draft.findings} == {Weight.REFUSED}
    return {finding.element: finding for finding in draft.findings}


def moves(data: dict[str, Any]) -> set[tuple[str, str, str]]:
    """(source, target, title) of every transition."""
    return {
        (source, part["to"], part["title"]["en"])
        for part in data["transitions"].values()
        for source in ([part["from"]] if isinstance(part["from"], str) else part["from"])
    }


def test_tasks_become_stages_and_flows_become_transitions() -> None:
    data = data_of(a_file(*line_of("check", "mend")))
    assert {key: part["kind"] for key, part in data["stages"].items()} == {
        "check": "initial",
        "mend": "open",
        "end": "won",
    }
    assert moves(data) == {("check", "mend", "Mend"), ("mend", "end", "End")}
    assert (data["process"], data["title"]["ru"]) == ("repair-of-bicycles", "Repair of bicycles")


def test_exclusive_gateways_collapse_into_transitions_named_by_question_and_answer() -> None:
    data = data_of(
        a_file(
            *line_of("check")[:2],
            '<exclusiveGateway id="g" name="Worth it?"/><exclusiveGateway id="h"/><endEvent id="end" name="Mended"/>',
            '<task id="mend"/><endEvent id="no" name="Thrown away"><errorEventDefinition id="e"/></endEvent>',
            "start>check", "check>g", "g>mend:yes", "g>h:no", "h>no", "h>check:ask again", "mend>end",
        )
    )  # fmt: skip
    assert moves(data) == {
        ("check", "task_mend", "Worth it? yes"),
        ("check", "thrown_away", "Worth it? no"),
        ("check", "check", "Worth it? no, ask again"),
        ("task_mend", "mended", "Mended"),
    }
    assert data["stages"]["thrown_away"]["kind"] == "lost"
    assert data["transitions"]["worth_it_no"]["reason"] == "required"
    assert data["reasons"]["unspecified"]["for"] == ["worth_it_no"]


def test_conditions_in_cel_are_guards_and_others_are_told() -> None:
    condition = '<conditionExpression language="{}">{}</conditionExpression>'
    flow = '<sequenceFlow id="{0}" name="{0}" sourceRef="g" targetRef="{1}">{2}</sequenceFlow>'
    draft = draft_of(
        a_file(
            *line_of("check")[:3],
            '<exclusiveGateway id="g"/><endEvent id="other"/>',
            "start>check", "check>g",
            flow.format("ours", "end", condition.format("https://cel.dev", "stage == 'check'")),
            flow.format("theirs", "other", condition.format("feel", "= amount > 5")),
        )
    )  # fmt: skip
    assert draft.document is not None
    transitions = read_yaml(draft.document).data["transitions"]
    assert transitions["ours"]["guard"] == "stage == 'check'"
    assert "guard" not in transitions["theirs"]
    (lost,) = (finding for finding in draft.findings if finding.code is FindingCode.GUARD_LOST)
    assert (lost.element, "= amount > 5" in lost.text()) == ("theirs", True)
    assert "# Condition in BPMN: = amount > 5" in draft.document


@pytest.mark.parametrize(
    ("elements", "fault", "kind"),
    [
        (('<parallelGateway id="x" name="Both"/>', "a>x", "x>b", "x>end"), "x", "parallelGateway"),
        (('<inclusiveGateway id="x"/>', "a>x", "x>b", "x>end"), "x", "inclusiveGateway"),
        (('<complexGateway id="x"/>', "a>x", "x>b"), "x", "complexGateway"),
        (("a>b", "a>end"), "a", "task"),
        (('<userTask id="x"><multiInstanceLoopCharacteristics/></userTask>', "a>x", "x>b"), "x", "userTask"),
        (('<userTask id="x" isForCompensation="true"/>', "a>b"), "x", "userTask"),
        (('<intermediateThrowEvent id="x"><compensateEventDefinition/></intermediateThrowEvent>', "a>x", "x>b"), "x", "intermediateThrowEvent"),
        (('<transaction id="x"><task id="i"/></transaction>', "a>x", "x>b"), "x", "transaction"),
        (('<adHocSubProcess id="x"><task id="i"/></adHocSubProcess>', "a>x", "x>b"), "x", "adHocSubProcess"),
        (
            ('<boundaryEvent id="x" attachedToRef="a" cancelActivity="false"><messageEventDefinition/></boundaryEvent><task id="y"/>', "a>b", "x>y", "y>end"),
            "x",
            "boundaryEvent",
        ),
        (("a>b", "a>nowhere"), "f4", "sequenceFlow"),
    ],
)  # fmt: skip
def test_what_no_state_machine_says_is_refused_by_name(elements: tuple[str, ...], fault: str, kind: str) -> None:
    text = a_file(
        '<startEvent id="start"/><task id="a" name="A"/><task id="b" name="B"/><endEvent id="end"/>',
        "start>a", "b>end", *elements,
    )  # fmt: skip
    found = refused(text)
    assert list(found) == [fault]
    assert found[fault].kind == kind
    assert found[fault].line >= 3
    assert found[fault].text("ru") != found[fault].text("en")


def test_sub_processes_are_entered_left_and_interrupted() -> None:
    data = data_of(
        a_file(
            '<startEvent id="start"/><endEvent id="end"/><endEvent id="stop" name="Stopped"/><task id="after" name="After"/>',
            '<subProcess id="s"><startEvent id="i"/><task id="x" name="X"/><task id="y" name="Y"/><endEvent id="o"/>'
            '<endEvent id="bad"><errorEventDefinition/></endEvent><exclusiveGateway id="g"/>'
            '<sequenceFlow id="i1" sourceRef="i" targetRef="x"/><sequenceFlow id="i2" sourceRef="x" targetRef="g"/>'
            '<sequenceFlow id="i3" sourceRef="g" targetRef="y" name="go on"/><sequenceFlow id="i4" sourceRef="g" targetRef="bad" name="broken"/>'
            '<sequenceFlow id="i5" sourceRef="y" targetRef="o"/></subProcess>',
            '<boundaryEvent id="c" name="Called off" attachedToRef="s"><messageEventDefinition/></boundaryEvent>',
            '<boundaryEvent id="r" name="Failed" attachedToRef="s"><errorEventDefinition/></boundaryEvent>',
            "start>s", "s>after", "after>end", "c>stop", "r>after",
        )
    )  # fmt: skip
    found = moves(data)
    assert ("x", "y", "go on") in found
    assert ("x", "after", "broken") in found
    assert ("y", "after", "After") in found
    assert {("x", "stopped", "Called off"), ("y", "stopped", "Called off")} <= found


def test_event_gateways_are_waited_at_and_their_events_name_the_moves() -> None:
    data = data_of(
        a_file(
            *line_of("ask")[:3],
            '<eventBasedGateway id="g"/>',
            '<intermediateCatchEvent id="m" name="Answer came"><messageEventDefinition/></intermediateCatchEvent>',
            '<intermediateCatchEvent id="t" name="Two days on"><timerEventDefinition><timeDuration>P2D</timeDuration></timerEventDefinition></intermediateCatchEvent>',
            "start>ask", "ask>g", "g>m", "g>t", "m>end", "t>ask",
        )
    )  # fmt: skip
    assert data["stages"]["waiting"]["kind"] == "waiting"
    assert {("waiting", "end", "Answer came"), ("waiting", "ask", "Two days on")} <= moves(data)
    (clock,) = data["clocks"].values()
    assert (clock["target"], clock["start"], clock["calendar"]) == ("PT48H", {"entering": "waiting"}, "always")


def test_links_lead_on_and_an_implied_end_is_an_end() -> None:
    data = data_of(
        a_file(
            *line_of("a")[:2],
            '<intermediateThrowEvent id="out"><linkEventDefinition name="L"/></intermediateThrowEvent>',
            '<intermediateCatchEvent id="in"><linkEventDefinition name="L"/></intermediateCatchEvent><task id="b" name="B"/>',
            "start>a", "a>out", "in>b",
        )
    )  # fmt: skip
    assert {(source, target) for source, target, _ in moves(data)} == {("a", "b"), ("b", "end")}


def test_a_timer_that_only_warns_is_a_clock() -> None:
    draft = draft_of(
        a_file(
            *line_of("a"),
            '<boundaryEvent id="t" name="Late" attachedToRef="a" cancelActivity="false"><timerEventDefinition><timeDuration>PT4H</timeDuration></timerEventDefinition></boundaryEvent>',
            '<endEvent id="told"/>', "t>told",
        )
    )  # fmt: skip
    assert draft.document is not None
    prove(draft.document, AT)
    assert read_yaml(draft.document).data["clocks"]["late"]["target"] == "PT4H"
    assert not [finding for finding in draft.findings if finding.weight is Weight.LOST]


def test_pools_are_processes_and_lanes_are_roles_where_they_are_called_so() -> None:
    beside = (
        '<collaboration id="c"><participant id="q" name="Workshop" processRef="p"/><participant id="r" name="Customer"/>'
        '<messageFlow id="m" name="Bill" sourceRef="a" targetRef="r"/></collaboration>'
    )
    lanes = '<laneSet id="l"><lane id="l1" name="Manager"><flowNodeRef>a</flowNodeRef></lane><lane id="l2" name="Clerk"><flowNodeRef>b</flowNodeRef></lane></laneSet>'
    found = import_bpmn(a_file(lanes, *line_of("a", "b"), beside=beside), roles=ROLES)
    (draft,) = found.drafts
    assert draft.name == "Workshop"
    assert draft.document is not None
    data = read_yaml(draft.document).data
    assert [part.get("roles") for part in data["transitions"].values()] == [["manager"], None]
    assert "lane Clerk" in draft.document
    assert [finding.element for finding in found.findings] == ["r", "m"]


def test_what_has_no_counterpart_is_listed_with_its_line() -> None:
    draft = draft_of(
        a_file(
            *line_of("a"),
            '<dataObject id="paper" name="Paper"/>\n<textAnnotation id="note"><text>Mind the dog</text></textAnnotation>',
            '<task id="lonely" name="Lonely"/>',
        )
    )
    lost = {finding.element: finding for finding in draft.findings if finding.weight is Weight.LOST}
    assert set(lost) == {"paper", "note", "lonely"}
    assert "Mind the dog" in lost["note"].text()
    assert lost["note"].line == lost["paper"].line + 1
    assert lost["lonely"].code is FindingCode.UNREACHED


def test_processes_without_beginning_work_or_end_are_refused() -> None:
    assert refused(a_file('<startEvent id="s"/><endEvent id="e"/>', "s>e"))["p"].code is FindingCode.NO_WORK
    assert refused(a_file('<task id="a"/>', "a>a"))["p"].code is FindingCode.WITHOUT_START
    circle = a_file('<startEvent id="s"/><task id="a"/><task id="b"/>', "s>a", "a>b", "b>a")
    assert refused(circle)["p"].code is FindingCode.WITHOUT_END


def test_names_in_other_scripts_make_keys() -> None:
    data = data_of(
        a_file(*line_of("a"))
        .replace('name="A"', 'name="Проверить счёт № 5"')
        .replace("Repair of bicycles", "Ремонт велосипедов")
    )
    assert data["process"] == "remont-velosipedov"
    assert next(iter(data["stages"])) == "proverit_schet_no_5"
    data = data_of(a_file(*line_of("a")).replace('name="A"', 'name="检查"'))
    assert list(data["stages"]) == ["stage", "end"]


@pytest.mark.parametrize(
    ("written", "target"),
    [("PT2H", "PT2H"), ("P1D", "PT24H"), ("P1W", "PT168H"), ("P1DT30M", "PT24H30M"), ("P1M", None), ("R3/PT1H", None), ("2026-01-01", None), ("P", None), ("PT0S", None), ("P99999D", None)],
)  # fmt: skip
def test_durations_are_elapsed_time(written: str, target: str | None) -> None:
    assert target_of(written) == target


# What was drawn by us, and changed in another tool.


def edited(old: str, new: str, count: int = 1) -> tuple[dict[str, Any], dict[str, Any], list[Finding]]:
    """The document before and after a change of its BPMN, and what is said of it."""
    document = resolve(shipped_text("callback-request"), years=range(2025, 2028), roles=ROLES)
    text = export_bpmn(document.document).text
    assert old in text
    draft = draft_of(text.replace(old, new, count))
    assert draft.document is not None, [finding.text() for finding in draft.findings]
    return document.data, read_yaml(draft.document).data, list(draft.findings)


def test_a_stage_renamed_in_the_picture_is_renamed_in_the_document() -> None:
    before, after, findings = edited('id="Stage_offer" name="Offer"', 'id="Stage_offer" name="Proposal"')
    before["stages"]["offer"]["title"]["en"] = "Proposal"
    assert after == before
    assert [finding.code for finding in findings] == [FindingCode.CHANGED_OUTSIDE]
    assert "Russian title" in findings[0].text()


def test_a_flow_led_elsewhere_and_a_guard_rewritten_are_taken_over() -> None:
    before, after, _ = edited(
        'sourceRef="Choice_contract" targetRef="Stage_offer"', 'sourceRef="Choice_contract" targetRef="Stage_interest"'
    )
    assert after["transitions"]["rework"] == {**before["transitions"]["rework"], "to": "interest"}
    before, after, _ = edited(">data.amount &gt; 0.0<", ">data.amount &gt; 10.0<")
    guard = before["transitions"]["make_offer"]["guard"]
    assert after["transitions"]["make_offer"]["guard"] == {**guard, "when": "data.amount > 10.0"}


def test_a_timer_changed_in_the_picture_is_not_silently_ignored() -> None:
    before, after, findings = edited(">PT15M</bpmn:timeDuration>", ">PT20M</bpmn:timeDuration>")
    assert after == before
    (finding,) = findings
    assert (finding.code, finding.params["name"]) == (FindingCode.CHANGED_OUTSIDE, "response")
    assert "clocks" in finding.text()


def test_a_task_added_in_the_picture_is_a_new_stage_with_its_moves() -> None:
    task = '<bpmn:task id="T1" name="Needs discovery"/>'
    flows = '<bpmn:sequenceFlow id="N1" name="Ask" sourceRef="Choice_qualification" targetRef="T1"/><bpmn:sequenceFlow id="N2" sourceRef="T1" targetRef="Stage_interest"/>'
    before, after, _ = edited("<bpmn:sequenceFlow ", f"{task}{flows}<bpmn:sequenceFlow ")
    assert after["stages"]["needs_discovery"]["kind"] == "open"
    new = {key: part for key, part in after["transitions"].items() if key not in before["transitions"]}
    assert {(part["from"], part["to"]) for part in new.values()} == {
        ("qualification", "needs_discovery"),
        ("needs_discovery", "interest"),
    }
    sources = after["transitions"]["lose"]["from"]
    assert "needs_discovery" not in sources, "no flow leads there, so `*` no longer holds"
    assert after["clocks"] == before["clocks"]


def test_a_gateway_named_in_the_picture_renames_no_move() -> None:
    before, after, findings = edited('id="Choice_offer"', 'id="Choice_offer" name="What next?"')
    assert (after, findings) == (before, [])


def test_one_of_several_flows_led_elsewhere_is_a_move_of_its_own_with_all_that_the_move_had() -> None:
    before, after, _ = edited(
        'sourceRef="Choice_offer" targetRef="Stage_lost"', 'sourceRef="Choice_offer" targetRef="Stage_cancelled"'
    )
    new = after["transitions"].keys() - before["transitions"].keys()
    assert [after["transitions"][key] for key in new] == [
        {**before["transitions"]["lose"], "from": "offer", "to": "cancelled", "trigger": "lose"}
    ]
    assert "offer" not in after["transitions"]["lose"]["from"]


def test_flows_of_one_transition_that_differ_are_told() -> None:
    before, after, findings = edited('name="Lost" sourceRef="Choice_offer"', 'name="Gone" sourceRef="Choice_offer"')
    assert after == before
    assert any("no longer say the same" in finding.text() for finding in findings)


def test_a_condition_that_no_longer_says_its_language_is_still_a_guard() -> None:
    before, after, findings = edited(' language="https://cel.dev"', "", count=1_000)
    assert (after, findings) == (before, [])
    before, after, findings = edited(' language="https://cel.dev"', ' language="feel"', count=1_000)
    assert "guard" not in after["transitions"]["agree"]
    assert FindingCode.GUARD_LOST in {finding.code for finding in findings}


def test_a_timer_added_in_the_picture_is_a_new_clock() -> None:
    timer = (
        '<bpmn:boundaryEvent id="B1" name="Slow" cancelActivity="false" attachedToRef="Stage_offer"><bpmn:timerEventDefinition>'
        "<bpmn:timeDuration>PT3H</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
    )
    before, after, _ = edited("<bpmn:sequenceFlow ", f"{timer}<bpmn:sequenceFlow ")
    assert {key: part for key, part in after["clocks"].items() if key != "slow"} == before["clocks"]
    assert (after["clocks"]["slow"]["target"], after["clocks"]["slow"]["start"]) == ("PT3H", {"entering": "offer"})


# Reference models of others.

MODELS = {
    "A.1.0": {"WFP-6-": True},
    "A.2.0": {"WFP-6-": True},
    "A.3.0": {"WFP-6-": False},
    "B.1.0": {"Process_ba16239e-181e-4b9f-bc5b-0bb2ee973450": True, "WFP-6-1": True, "WFP-6-2": False, "WFP-0-": True},
    "C.1.0": {"sid-5FBB6CB3-8A7C-42B5-9024-15BB2684EC57": True, "bpmn-miwg-test-case-c.1.0": True},
    "C.3.0": {"_8170787a-3207-434d-9bea-4787059f444f": True},
    "C.9.0": {"customer_onboarding_en": False},
}
"""Whether each process of the files is a draft."""
AT_FAULT = {
    "A.3.0": {("boundaryEvent", "Boundary Intermediate Event Non-Interrupting Message")},
    "B.1.0": {("parallelGateway", "Parallel Gateway Divergence")},
    "C.9.0": {("parallelGateway", "ParallelGateway_CancelApplication")},
}


def model(name: str) -> bytes:
    folder = os.environ.get("BPM_CRM_TEST_DATA")
    path = Path(folder or "") / "bpmn" / f"{name}.bpmn"
    if folder is None or not path.exists():
        pytest.skip("the interchange models of OMG are not here (BPM_CRM_TEST_DATA)")
    return path.read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_reference_models_of_omg_are_sound_drafts_or_refused_by_element(name: str) -> None:
    found = import_bpmn(model(name), roles=ROLES)
    assert {draft.id: draft.document is not None for draft in found.drafts} == MODELS[name]
    for draft in found.drafts:
        if draft.document is not None:
            prove(draft.document, AT)
    at_fault = {
        (finding.kind, str(finding.params["name"]))
        for draft in found.drafts
        for finding in draft.findings
        if finding.weight is Weight.REFUSED
    }
    assert at_fault == AT_FAULT.get(name, set())


@pytest.mark.parametrize("name", MODELS)
def test_every_flow_node_of_a_reference_model_is_mapped_passed_or_told(name: str) -> None:
    """Nothing is dropped silently: each id is a stage, a comment of a move, a finding, or a gateway on a way."""
    found = import_bpmn(model(name), roles=ROLES)
    drafted = [draft for draft in found.drafts if draft.document is not None]
    for draft in drafted:
        told = {finding.element for finding in draft.findings}
        stages = [finding for finding in draft.findings if finding.code is FindingCode.MAPPED]
        data = read_yaml(str(draft.document)).data
        synthetic = str(draft.document).count("Not drawn in BPMN")
        assert len(stages) + synthetic == len(data["stages"])
        assert told


# Hostile files.

BILLION = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + place)} '{f'&{chr(97 + place)};' * 10}'>" for place in range(9)
) + "]>"  # fmt: skip
HOSTILE = {
    "external entity": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + a_file(*line_of("a")).partition("?>")[2],
    "external subset": '<!DOCTYPE d SYSTEM "http://127.0.0.1/x.dtd">' + a_file(*line_of("a")).partition("?>")[2],
    "entity bomb": BILLION + "<d>&j;</d>",
    "parameter entity": '<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><d/>',
    "too long": "<d>" + "<e>x</e>" * (MAX_BYTES // 8) + "</d>",
    "too deep": "<d>" * 100_000,
    "too many": "<d>" + "<e/>" * 150_000 + "</d>",
    "many attributes": "<d " + " ".join(f'a{place}="x"' for place in range(300_000)) + "/>",
    "long text": "<d>" + "x" * 1_000_000 + "</d>",
    "empty": "",
    "blank": "  \n ",
    "no xml": "process: x",
    "cut off": a_file(*line_of("a"))[:-30],
    "other root": "<html/>",
    "other namespace": "<definitions><process id='p'/></definitions>",
    "no process": a_file().replace("<process", "<prozess").replace("</process", "</prozess"),
    "half a pair": "<d>\ud800</d>",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_quickly_with_a_cure(name: str) -> None:
    began = time.process_time()
    with pytest.raises(BpmnInvalid) as refusal:
        import_bpmn(HOSTILE[name], roles=ROLES)
    assert time.process_time() - began < QUICK_SECONDS
    assert ";" in refusal.value.text("en")
    assert refusal.value.text("ru") != refusal.value.text("en")
    if "entity" in name or "external" in name:
        assert (refusal.value.line, "DOCTYPE" in str(refusal.value)) == (1, True)


def test_an_encoding_that_nobody_knows_is_refused() -> None:
    with pytest.raises(BpmnInvalid, match="UTF-8"):
        import_bpmn(b'<?xml version="1.0" encoding="klingon"?><d/>', roles=ROLES)


def test_a_text_counts_as_what_it_is_whatever_encoding_it_declares() -> None:
    text = a_file(*line_of("a")).replace("UTF-8", "ISO-8859-1").replace('name="A"', 'name="Ключ"')
    assert "klyuch" in data_of(text)["stages"]
    assert "klyuch" not in read_yaml(str(draft_of(text.encode()).document)).data["stages"], (
        "bytes are what they declare"
    )


def gateways(count: int, ways: int) -> str:
    """A ladder of gateways, each of which may lead to some of the next ones: more ways than anybody could count."""
    nodes = "".join(f'<exclusiveGateway id="g{place}"/>' for place in range(count))
    flows = [f"g{place}>g{min(place + step, count - 1)}" for place in range(count - 1) for step in range(1, ways + 1)]
    return a_file(
        '<startEvent id="s"/><task id="a"/><endEvent id="e"/>', nodes, "s>a", "a>g0", f"g{count - 1}>e", *flows
    )


@pytest.mark.parametrize(
    "text", [gateways(30, 3), gateways(3_000, 1), gateways(40, 40)], ids=["ladder", "chain", "net"]
)
def test_ways_without_number_are_refused_quickly(text: str) -> None:
    began = time.process_time()
    found = refused(text)
    assert time.process_time() - began < QUICK_SECONDS
    assert {finding.code for finding in found.values()} == {FindingCode.TOO_MANY_WAYS}


def test_gateways_in_a_circle_end() -> None:
    data = data_of(
        a_file(*line_of("a")[:3], '<exclusiveGateway id="g"/><exclusiveGateway id="h"/>', "start>a", "a>g", "g>h:round", "h>g:and round", "h>end:out", "g>a:back")
    )  # fmt: skip
    assert {(source, target) for source, target, _ in moves(data)} == {("a", "end"), ("a", "a")}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_broken_file_of_ours_is_a_draft_or_refused_and_nothing_else(data: st.DataObject) -> None:
    """Bytes changed, cut and doubled anywhere: never a crash."""
    text = EXPORTED
    for _ in range(data.draw(st.integers(1, 4))):
        place, length = data.draw(st.integers(0, len(text) - 1)), data.draw(st.integers(0, 200))
        piece = data.draw(
            st.sampled_from(["", "x", '"', "<", "{}", "[", "null", "Stage_won", text[place : place + length] * 2])
        )
        text = text[:place] + piece + text[place + length :]
    try:
        found = import_bpmn(text, roles=ROLES)
    except BpmnInvalid:
        return
    for draft in found.drafts:
        assert draft.document is not None or draft.findings
        assert all(finding.text("ru") for finding in draft.findings)


EXPORTED = export_bpmn(resolve(shipped_text("post-payment"), years=range(2026, 2027), roles=ROLES).document).text
