"""A process as BPMN 2.0: its elements, its diagram, and the list of what BPMN cannot express."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bpm_crm import __version__
from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.engine.drawing.picture import starting_stages
from bpm_crm.engine.occasions import Occasion, OccasionKind
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight, said
from bpm_crm.exchange.bpmn.flow_elements import FlowElements, stage_id
from bpm_crm.exchange.bpmn.interchange import Interchange
from bpm_crm.exchange.bpmn.names import CRM, PREFIXES
from bpm_crm.exchange.bpmn.parts import extensions, process_parts
from bpm_crm.exchange.bpmn.xml_writer import Element, written
from bpm_crm.processes.definitions import data_of, definition_of
from bpm_crm.processes.document import ProcessDocument

MEDIA_TYPE: Final = "application/bpmn+xml"

_OF_TRANSITIONS: Final = {
    "require": Title("required data", "обязательные данные"),
    "reason": Title("reasons of moves", "причины переходов"),
    "roles": Title("roles of moves", "роли переходов"),
    "approval": Title("approvals", "согласования"),
    "effects": Title("effects of moves", "действия переходов"),
    "trigger": Title("triggers shared by moves", "общие триггеры переходов"),
}
_OF_PROCESSES: Final = {
    "channels": Title("channels", "каналы"),
    "fields": Title("typed data fields", "типизированные поля"),
    "activities": Title("kinds of activities", "виды действий"),
    "checkpoints": Title("checkpoints", "контрольные точки"),
    "pauses": Title("pauses of clocks", "паузы часов"),
    "reasons": Title("catalogue of reasons", "справочник причин"),
}
_CALENDAR: Final = Title("working calendar", "рабочий календарь")
_RUSSIAN: Final = Title("second language", "второй язык")
_TITLES: Final = "title.ru"


@dataclass(frozen=True, slots=True)
class Exported:
    """A process as BPMN, and what was kept aside because BPMN cannot express it."""

    text: str
    findings: tuple[Finding, ...]


def export_bpmn(document: ProcessDocument) -> Exported:
    """A resolved document as BPMN 2.0 with a diagram; nothing is lost: what BPMN lacks is in extension elements and listed.

    The same document gives the same text.
    """
    definition, data = definition_of(document), data_of(document)
    flows = FlowElements(definition, data)
    findings = tuple(_findings(definition, data))
    process_id = f"Process_{definition.key}"
    counts = Counter(timer.clock for timers in flows.timers.values() for timer in timers)
    process = Element(
        "bpmn:process",
        {"id": process_id, "name": definition.title.en, "isExecutable": "false"},
        [
            *_documentation(definition, findings),
            extensions(*process_parts(data, counts, {flow.transition for flow in flows.flows})),
            *flows.elements(),
        ],
    )
    diagram = Interchange(definition, flows).diagram(process_id)
    return Exported(written(_root([*flows.roots(), process, diagram])), findings)


def _root(children: Sequence[Element]) -> Element:
    spaces = {f"xmlns:{prefix}": address for prefix, address in PREFIXES.items()}
    made = {"exporter": "bpm-crm", "exporterVersion": __version__}
    return Element("bpmn:definitions", {**spaces, "id": "Definitions", "targetNamespace": CRM, **made}, children)


def _documentation(definition: ProcessDefinition, findings: Sequence[Finding]) -> Iterator[Element]:
    if definition.description is not None:
        yield Element("bpmn:documentation", text=definition.description.en)
    if findings:
        yield Element("bpmn:documentation", text="\n".join(["Not expressible in BPMN:", *said(findings)]))


def _findings(definition: ProcessDefinition, data: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _ends(definition)
    yield from _clocks(definition)
    transitions = data["transitions"]
    for name, what in _OF_TRANSITIONS.items():
        having = [key for key, value in transitions.items() if name in value]
        if having:
            yield _kept(what, having)
    for name, what in _OF_PROCESSES.items():
        if data.get(name):
            yield _kept(what, data[name])
    yield _kept(_CALENDAR, [definition.calendar.zone])
    yield _kept(_RUSSIAN, [_TITLES])


def _kept(what: Title, names: Any) -> Finding:
    return Finding(FindingCode.KEPT_ASIDE, Weight.KEPT, {"what": what, "names": ", ".join(names)})


def _ends(definition: ProcessDefinition) -> Iterator[Finding]:
    for item in definition.transitions.values():
        for source in item.sources:
            if definition.stages[source].kind.is_final:
                names = {"name": item.key, "stage": source}
                yield Finding(FindingCode.LEAVES_END, Weight.KEPT, names, stage_id(source), "endEvent")


def _clocks(definition: ProcessDefinition) -> Iterator[Finding]:
    for policy in definition.policies.values():
        name = {"name": policy.key}
        stages = starting_stages(definition, policy)
        if not stages:
            yield Finding(FindingCode.CLOCK_WITHOUT_TIMER, Weight.KEPT, name)
            continue
        if not policy.always_open:
            yield Finding(FindingCode.BUSINESS_TIME, Weight.KEPT, name)
        stays = {Occasion(OccasionKind.ENTERING, stage) for stage in stages}
        leaves = {Occasion(OccasionKind.LEAVING, stage) for stage in stages}
        is_stay = set(policy.start.occasions) == stays and set(policy.stop.occasions) == leaves
        if (
            not is_stay
            or policy.pauses
            or policy.start.activities
            or policy.stop.activities
            or not policy.cancel.is_empty
        ):
            yield Finding(FindingCode.CLOCK_CONDITIONS, Weight.KEPT, name)
