"""Reads BPMN as drafts of processes: one for each pool, or the elements for which it cannot be one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.definition import Title
from bpm_crm.exchange.bpmn.drafts import sketch_of
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight, said
from bpm_crm.exchange.bpmn.machine import machine_of
from bpm_crm.exchange.bpmn.model import FLOW_NODES, BpmnFile, Pool, plain, read_model, walk
from bpm_crm.exchange.bpmn.names import BPMN
from bpm_crm.exchange.bpmn.own_drafts import is_ours, own_sketch_of
from bpm_crm.exchange.bpmn.refusals import is_ours as is_our_timer
from bpm_crm.exchange.bpmn.refusals import side_lines
from bpm_crm.exchange.bpmn.xml_reader import Node
from bpm_crm.processes.yaml_writer import write_yaml

_SILENT: Final = frozenset(
    {"sequenceFlow", "laneSet", "documentation", "extensionElements", "import", "extension", "incoming", "outgoing"}
)
_BESIDE: Final = frozenset({"collaboration", "error", "escalation", "documentation", "extensionElements", "extension"})
_OF_COLLABORATIONS: Final = frozenset({"participant", "documentation", "extensionElements"})
_HEAD: Final = Title(
    "Draft from BPMN, not checked yet: `bpm-crm process validate` tells what is still missing.",
    "Черновик из BPMN, ещё не проверен: `bpm-crm process validate` скажет, чего не хватает.",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A process of a BPMN file: its id and name there, the YAML of the draft (None: refused), and what is to be said of it."""

    id: str
    name: str
    document: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a BPMN file holds: its processes, and what lies beside them and has no counterpart."""

    drafts: tuple[Draft, ...]
    findings: tuple[Finding, ...]


def import_bpmn(content: bytes | str, *, roles: Collection[str], language: str = "en") -> Imported:
    """The drafts of a BPMN file (or its text, whatever encoding that declares); `roles` are those that exist. Nothing of the file is left out without a finding.

    `BpmnInvalid` for what is no BPMN, declares a DTD or entities, or is more than anybody draws.
    """
    file = read_model(content)
    drafts = tuple(_draft(pool, roles, language) for pool in file.pools)
    return Imported(drafts, tuple(_beside(file)))


def _draft(pool: Pool, roles: Collection[str], language: str) -> Draft:
    machine = machine_of(pool)
    if machine.is_refused:
        refused = [finding for finding in machine.findings if finding.weight is Weight.REFUSED]
        return Draft(pool.id, pool.name, None, tuple(refused))
    made = own_sketch_of(machine, roles) if is_ours(machine) else sketch_of(machine, roles)
    findings = (*made.findings, *_without_side_lines(pool, machine.findings), *_left_out(pool))
    if not is_ours(machine):
        lost = [finding for finding in findings if finding.weight is Weight.LOST]
        made.comments[()] = [_HEAD.in_language(language), *(plain(line) for line in said(lost, language))]
    return Draft(pool.id, pool.name, write_yaml(made.data, made.comments), findings)


def _without_side_lines(pool: Pool, findings: list[Finding]) -> Iterator[Finding]:
    """The findings without those on what only tells of a timer of a stage: that is a clock."""
    told = {element.id for element in side_lines(pool.scope)}
    return (item for item in findings if item.code is not FindingCode.UNREACHED or item.element not in told)


def _left_out(pool: Pool) -> Iterator[Finding]:
    """Everything inside a process that is neither a flow node nor a flow."""
    scopes = [pool.scope, *(element.inner for element in walk(pool.scope) if element.inner is not None)]
    for scope in scopes:
        yield from (_lost(node) for node in scope.others if node.space == BPMN and node.name not in _SILENT)
    for element in walk(pool.scope):
        for node in element.node.children:
            if node.space == BPMN and _is_left_out(node):
                yield _lost(node, element.id)
        is_telling = element.kind == "boundaryEvent" and not element.is_interrupting and element.event != "timer"
        if is_telling and not is_our_timer(element):
            yield element.finding(FindingCode.NOT_EXPRESSED, Weight.LOST)
        if element.kind == "callActivity" and element.node.get("calledElement"):
            yield Finding(
                FindingCode.NOT_EXPRESSED,
                Weight.LOST,
                {"name": f"calledElement {element.node.get('calledElement')}"},
                element.id,
                element.kind,
                element.node.line,
            )


def _is_left_out(node: Node) -> bool:
    """Whether a child of a flow node says something that a stage does not."""
    known = node.name in _SILENT or node.name in FLOW_NODES or node.name.endswith("EventDefinition")
    return (
        not known
        and node.name not in {"potentialOwner", "performer", "humanPerformer", "resourceRole"}
        and node.name not in _INSIDE
    )


_INSIDE: Final = frozenset(
    {"textAnnotation", "association", "group", "dataObject", "dataObjectReference", "dataStoreReference", "artifact"}
)


def _beside(file: BpmnFile) -> Iterator[Finding]:
    for node in file.others:
        if node.name == "collaboration":
            for child in node.children:
                is_black_box = child.name == "participant" and not child.get("processRef")
                if child.space == BPMN and (child.name not in _OF_COLLABORATIONS or is_black_box):
                    yield _lost(child)
        elif node.name not in _BESIDE:
            yield _lost(node)


def _lost(node: Node, owner: str = "") -> Finding:
    """What has no counterpart; an annotation is quoted."""
    said_there = " ".join(plain(child.text) for child in node.all(BPMN, "text"))
    name = plain(node.get("name")) or said_there or node.get("id") or node.name
    return Finding(
        FindingCode.NOT_EXPRESSED, Weight.LOST, {"name": name}, node.get("id") or owner, node.name, node.line
    )
