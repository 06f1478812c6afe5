"""Processes as BPMN 2.0: every tool can open them, and nothing is lost on the way there and back."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from bpmn_io import check
from hypothesis import given, settings
from lxml import etree

from bpm_crm.engine.definition import StageKind
from bpm_crm.exchange.bpmn.export import Exported, export_bpmn
from bpm_crm.exchange.bpmn.findings import FindingCode, Weight, said
from bpm_crm.exchange.bpmn.importing import import_bpmn
from bpm_crm.exchange.bpmn.names import BPMN, CEL
from bpm_crm.exchange.bpmn.timers import timers_at
from bpm_crm.operations.access import ROLES
from bpm_crm.processes.definitions import data_of, definition_of, parse_document
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.library import resolve, shipped_keys, shipped_text
from bpm_crm.processes.yaml_reader import read_yaml
from tests.engine.wild import wild_documents
from tests.exchange.bpmn_files import structure_faults

FOLDER = Path(__file__).parent / "bpmn_schema"
SPACES = {"bpmn": BPMN}
YEARS = range(2025, 2028)


def shipped(key: str) -> ProcessDocument:
    return resolve(shipped_text(key), years=YEARS, roles=ROLES).document


def back(text: str | bytes) -> ProcessDocument:
    """The document that a file of ours is read back as."""
    (draft,) = import_bpmn(text, roles=ROLES).drafts
    assert draft.document is not None, said(draft.findings)
    return parse_document(read_yaml(draft.document).data)


def same(one: ProcessDocument, other: ProcessDocument) -> bool:
    """Equal, in the same order of everything."""
    return json.dumps(data_of(one)) == json.dumps(data_of(other))


def tree(exported: Exported) -> Any:
    return etree.fromstring(exported.text.encode())


@pytest.mark.parametrize("key", shipped_keys())
def test_a_shipped_process_comes_back_as_it_was(key: str) -> None:
    document = shipped(key)
    exported = export_bpmn(document)
    assert same(back(exported.text), document)
    found = import_bpmn(exported.text, roles=ROLES)
    assert [*found.findings, *found.drafts[0].findings] == []
    assert export_bpmn(document) == exported


@given(wild_documents())
@settings(max_examples=60, deadline=None)
def test_any_process_comes_back_as_it_was(data: dict[str, Any]) -> None:
    document = parse_document(data)
    text = export_bpmn(document).text
    assert same(back(text), document)
    assert same(back(text.encode()), document)
    assert list(structure_faults(text)) == []


@pytest.mark.parametrize("key", shipped_keys())
def test_ids_references_and_diagram_of_a_shipped_process_hold_together(key: str) -> None:
    exported = export_bpmn(shipped(key))
    assert list(structure_faults(exported.text)) == []
    report = check(exported.text)
    assert (report.ok, list(report.errors), list(report.warnings)) == (True, [], [])


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('sourceRef="Start"', 'sourceRef="Nothing"', "leads nowhere"),
        ('id="Start"', 'id="1 start"', "no NCName"),
        ('bpmnElement="Stage_won"', 'bpmnElement="Stage_lost"', "shapes"),
        ("<bpmn:incoming>Flow_start</bpmn:incoming>", "", "incoming"),
        ('<dc:Bounds x="84"', '<dc:Bounds x="384"', "edge Flow_start leaves Start"),
    ],
)
def test_the_check_of_structure_finds_what_is_broken(old: str, new: str, fault: str) -> None:
    """Negative control."""
    text = export_bpmn(shipped("web-form")).text
    assert old in text
    assert any(fault in found for found in structure_faults(text.replace(old, new, 1)))


def test_stages_moves_and_ends_are_what_bpmn_calls_them() -> None:
    document = shipped("callback-request")
    definition, root = definition_of(document), tree(export_bpmn(document))
    process = root.find("bpmn:process", SPACES)
    kinds = {
        key: etree.QName(process.find(f"*[@id='Stage_{key}']")).localname for key in definition.stages
    }  # fmt: skip
    for key, stage in definition.stages.items():
        expected = {StageKind.WAITING: "receiveTask"}.get(stage.kind, "endEvent" if stage.kind.is_final else "userTask")
        assert kinds[key] == expected
    ends = {
        key: [etree.QName(part).localname for part in process.find(f"*[@id='Stage_{key}']")][-1]
        for key in ("lost", "cancelled")
    }
    assert ends == {"lost": "errorEventDefinition", "cancelled": "terminateEventDefinition"}
    guarded = process.find("*[@id='Flow_agree.offer']/bpmn:conditionExpression", SPACES)
    assert (guarded.text, guarded.get("language")) == (definition.transitions["agree"].guard.when, CEL)  # type: ignore[union-attr]
    flows = process.findall("bpmn:sequenceFlow", SPACES)
    for key, transition in definition.transitions.items():
        drawn = {flow.get("id") for flow in flows if str(flow.get("id")).startswith(f"Flow_{key}.")}
        assert drawn == {
            f"Flow_{key}.{source}" for source in transition.sources if not definition.stages[source].kind.is_final
        }


def test_clocks_are_boundary_timers_that_do_not_interrupt() -> None:
    document = shipped("callback-request")
    definition, root = definition_of(document), tree(export_bpmn(document))
    events = root.findall("bpmn:process/bpmn:boundaryEvent", SPACES)
    assert {event.get("cancelActivity") for event in events} == {"false"}
    drawn = {(event.get("attachedToRef"), event.findtext("*/bpmn:timeDuration", namespaces=SPACES)) for event in events}
    assert ("Stage_new", "PT15M") in drawn
    assert ("Stage_new", "PT7M30S") in drawn, "50 % of 15 minutes"
    assert ("Stage_offer", "5 business days") in drawn
    assert ("Stage_offer", "80% of 5 business days") in drawn
    assert len(events) == sum(
        len(timers_at(definition, key)) for key, stage in definition.stages.items() if not stage.kind.is_final
    )


def test_what_bpmn_cannot_express_is_listed() -> None:
    exported = export_bpmn(shipped("callback-request"))
    assert {finding.weight for finding in exported.findings} == {Weight.KEPT}
    lines = said(exported.findings)
    assert any("“reopen” leads out of the end “lost”" in line for line in lines)
    for name in ("qualify", "agree_with_discount", "customer_thinking", "delivery_address", "Europe/Moscow"):
        assert any(name in line for line in lines), name
    written = tree(exported).xpath("string(//bpmn:process/bpmn:documentation[last()])", namespaces=SPACES)
    assert written.splitlines()[1:] == lines
    assert any("нет" in line for line in said(exported.findings, "ru"))


def test_a_clock_that_activities_start_has_no_timer_and_says_so() -> None:
    data = data_of(shipped("callback-request"))
    data["clocks"]["response"]["start"] = {"activity": "call"}
    document = parse_document(data)
    exported = export_bpmn(document)
    codes = {finding.code for finding in exported.findings if finding.params.get("name") == "response"}
    assert codes == {FindingCode.CLOCK_WITHOUT_TIMER}
    assert same(back(exported.text), document)


async def _moddle(*files: Path) -> list[dict[str, Any]]:
    """What the reader of bpmn.io says of files, and writes again."""
    await installed()
    process = await asyncio.create_subprocess_exec(
        "node", "read.mjs", *map(str, files), cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    found: list[dict[str, Any]] = json.loads(output)
    return found


async def installed() -> Path:
    """The XML schema of BPMN 2.0; the test is skipped where it cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed")
    if not (FOLDER / "node_modules").is_dir():
        process = await asyncio.create_subprocess_exec(
            "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=FOLDER,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            pytest.skip("bpmn-moddle cannot be installed here")
    return FOLDER / "node_modules/bpmn-moddle/resources/bpmn/xsd/BPMN20.xsd"


async def test_shipped_processes_are_valid_by_the_schema_of_omg() -> None:
    schema = etree.XMLSchema(etree.parse(await installed()))
    for key in shipped_keys():
        schema.assertValid(tree(export_bpmn(shipped(key))))
    wrong = (
        export_bpmn(shipped("email"))
        .text.replace("<bpmn:incoming>", "<bpmn:arriving>")
        .replace("</bpmn:incoming>", "</bpmn:arriving>")
    )
    assert not schema.validate(etree.fromstring(wrong.encode())), "negative control"


async def test_bpmn_io_reads_them_without_a_warning_and_loses_nothing_in_saving(tmp_path: Path) -> None:
    documents = {key: shipped(key) for key in shipped_keys()}
    files = []
    for key, document in documents.items():
        files.append(tmp_path / f"{key}.bpmn")
        files[-1].write_text(export_bpmn(document).text, encoding="utf-8")
    for found, document in zip(await _moddle(*files), documents.values(), strict=True):
        assert found["warnings"] == []
        assert same(back(found["xml"]), document)
