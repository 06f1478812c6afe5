"""The processes of a BPMN file: flow elements and sequence flows by scope, lanes, pools; what refers to nothing is found here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bpm_crm.engine.definition import Title
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.names import BPMN
from bpm_crm.exchange.bpmn.xml_reader import BpmnInvalid, Node, read_xml

SUB_PROCESSES: Final = frozenset({"subProcess", "adHocSubProcess", "transaction"})
TASKS: Final = frozenset(
    {
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "scriptTask",
        "businessRuleTask",
        "sendTask",
        "receiveTask",
        "callActivity",
    }
)
GATEWAYS: Final = frozenset(
    {"exclusiveGateway", "eventBasedGateway", "parallelGateway", "inclusiveGateway", "complexGateway"}
)
EVENTS: Final = frozenset(
    {"startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent"}
)
ACTIVITIES: Final = TASKS | SUB_PROCESSES
FLOW_NODES: Final = ACTIVITIES | GATEWAYS | EVENTS

_NOT_BPMN: Final = Title(
    "its root is no <definitions> of BPMN 2.0; export it as BPMN 2.0",
    "его корень — не <definitions> BPMN 2.0; выгрузите его в BPMN 2.0",
)
_NO_PROCESS: Final = Title("it holds no process; draw one", "в нём нет процесса; нарисуйте его")
_DEFINITION: Final = "EventDefinition"


@dataclass(eq=False, slots=True)
class Flow:
    """A sequence flow; `condition` is its expression, None without one."""

    id: str
    name: str
    source: "Element"
    target: "Element"
    condition: str | None
    language: str
    node: Node


@dataclass(eq=False, slots=True)
class Element:
    """A flow node of a scope, with the flows in and out of it; `inner` is what a sub-process holds."""

    id: str
    kind: str
    name: str
    node: Node
    scope: "Scope"
    incoming: list[Flow] = field(default_factory=list)
    outgoing: list[Flow] = field(default_factory=list)
    boundary: list["Element"] = field(default_factory=list)
    inner: "Scope | None" = None
    lane: str = ""

    @property
    def shown(self) -> str:
        """How it is called where it is spoken of."""
        return self.name or self.id

    @property
    def events(self) -> list[Node]:
        """What its event waits for or does: message, timer, error …"""
        return [child for child in self.node.children if child.space == BPMN and child.name.endswith(_DEFINITION)]

    @property
    def event(self) -> str:
        """The kind of its first event definition without the word: `timer`; empty for none."""
        return self.events[0].name.removesuffix(_DEFINITION) if self.events else ""

    @property
    def is_interrupting(self) -> bool:
        """Whether the event ends what it is attached to, or the scope that it starts in."""
        name = "cancelActivity" if self.kind == "boundaryEvent" else "isInterrupting"
        return self.node.get(name) not in {"false", "0"}

    def finding(self, code: FindingCode, weight: Weight, **params: str | Title) -> Finding:
        """Something to be said of it."""
        return Finding(code, weight, {"name": self.shown, **params}, self.id, self.kind, self.node.line)


@dataclass(eq=False, slots=True)
class Scope:
    """A process or a sub-process: its flow nodes in the order of the file, and everything else inside it."""

    node: Node
    owner: Element | None
    elements: list[Element] = field(default_factory=list)
    others: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Pool:
    """A process of the file, called as its pool is, and what is broken in it."""

    id: str
    name: str
    scope: Scope
    findings: list[Finding] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class BpmnFile:
    """A file: its processes, and what lies beside them."""

    pools: list[Pool]
    others: list[Node]


def read_model(content: bytes | str) -> BpmnFile:
    """The processes of a file; `BpmnInvalid` for what is no BPMN or holds none."""
    root = read_xml(content)
    if (root.space, root.name) != (BPMN, "definitions"):
        raise BpmnInvalid(_NOT_BPMN, root.line)
    participants = [node for part in root.all(BPMN, "collaboration") for node in part.all(BPMN, "participant")]
    names = {_local(node.get("processRef")): node.get("name") for node in participants if node.get("processRef")}
    pools = [_pool(node, names.get(node.get("id"), "")) for node in root.all(BPMN, "process")]
    if not pools:
        raise BpmnInvalid(_NO_PROCESS, root.line)
    return BpmnFile(pools, [child for child in root.children if child.space == BPMN and child.name != "process"])


def walk(scope: Scope) -> Iterator[Element]:
    """All flow nodes of a scope and of the sub-processes inside it."""
    for element in scope.elements:
        yield element
        if element.inner is not None:
            yield from walk(element.inner)


def plain(text: str) -> str:
    """A name on one line."""
    return " ".join(text.split())


def _local(name: str) -> str:
    """A reference without the prefix of its namespace."""
    return name.rpartition(":")[2]


def _pool(node: Node, called: str) -> Pool:
    pool = Pool(node.get("id"), plain(called) or plain(node.get("name")) or node.get("id"), Scope(node, None))
    known: dict[str, Element] = {}
    _collect(pool, pool.scope, known)
    _connect(pool, pool.scope, known)
    for lane in _lanes(node):
        for reference in lane.all(BPMN, "flowNodeRef"):
            if (found := known.get(_local(reference.text.strip()))) is not None:
                found.lane = plain(lane.get("name"))
    return pool


def _collect(pool: Pool, scope: Scope, known: dict[str, Element]) -> None:
    for child in scope.node.children:
        if child.space != BPMN or child.name not in FLOW_NODES:
            scope.others.append(child)
            continue
        element = Element(child.get("id"), child.name, plain(child.get("name")), child, scope)
        if not element.id or element.id in known:
            pool.findings.append(_broken(child, element.id or "id"))
            continue
        known[element.id] = element
        scope.elements.append(element)
        if element.kind in SUB_PROCESSES:
            element.inner = Scope(child, element)
            _collect(pool, element.inner, known)


def _connect(pool: Pool, scope: Scope, known: dict[str, Element]) -> None:
    here = {element.id: element for element in scope.elements}
    for node in scope.node.all(BPMN, "sequenceFlow"):
        ends = [here.get(_local(node.get(name))) for name in ("sourceRef", "targetRef")]
        source, target = ends
        if source is None or target is None:
            pool.findings.append(_broken(node, node.get("sourceRef" if source is None else "targetRef")))
            continue
        condition = next(iter(node.all(BPMN, "conditionExpression")), None)
        text = None if condition is None else condition.text.strip() or None
        language = "" if condition is None else condition.get("language")
        flow = Flow(node.get("id"), plain(node.get("name")), source, target, text, language, node)
        source.outgoing.append(flow)
        target.incoming.append(flow)
    for element in scope.elements:
        if element.kind == "boundaryEvent":
            host = here.get(_local(element.node.get("attachedToRef")))
            if host is None:
                pool.findings.append(_broken(element.node, element.node.get("attachedToRef")))
            else:
                host.boundary.append(element)
        if element.inner is not None:
            _connect(pool, element.inner, known)


def _lanes(node: Node) -> Iterator[Node]:
    """The lanes of a process, inner ones after those that hold them."""
    for lane_set in (*node.all(BPMN, "laneSet"), *node.all(BPMN, "childLaneSet")):
        for lane in lane_set.all(BPMN, "lane"):
            yield lane
            yield from _lanes(lane)


def _broken(node: Node, value: str) -> Finding:
    names = {"name": plain(node.get("name")) or node.get("id"), "value": value}
    return Finding(FindingCode.BROKEN_REFERENCE, Weight.REFUSED, names, node.get("id"), node.name, node.line)
