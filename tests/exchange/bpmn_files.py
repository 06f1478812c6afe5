"""BPMN for tests: small processes written by hand, and a check of structure that knows nothing of how files are written."""

import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element as Node

from defusedxml.ElementTree import fromstring

from bpm_crm.exchange.bpmn.names import BPMN, BPMNDI, DC, DI

NCNAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")
NODES = (
    "startEvent", "endEvent", "boundaryEvent", "userTask", "receiveTask", "exclusiveGateway", "intermediateCatchEvent", "task"
)  # fmt: skip


def a_file(*elements: str, beside: str = "") -> str:
    """A file with one process of these elements; `a>b` and `a>b:name` are flows."""
    found, flows = [], 0
    for element in elements:
        if element.startswith("<"):
            found.append(element)
            continue
        source, _, rest = element.partition(">")
        target, _, name = rest.partition(":")
        flows += 1
        found.append(f'<sequenceFlow id="f{flows}" name="{name}" sourceRef="{source}" targetRef="{target}"/>')
    inside = "\n".join(found)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="{BPMN}" id="d" targetNamespace="urn:test">{beside}
<process id="p" name="Repair of bicycles">
{inside}
</process></definitions>"""


def line_of(*tasks: str) -> tuple[str, ...]:
    """A start, tasks one after another, an end, and the flows between them."""
    names = ["start", *tasks, "end"]
    nodes = [
        '<startEvent id="start"/>',
        *(f'<task id="{task}" name="{task.title()}"/>' for task in tasks),
        '<endEvent id="end"/>',
    ]
    return (*nodes, *(f"{one}>{other}" for one, other in pairwise(names)))


def structure_faults(text: str) -> Iterator[str]:
    """What a tool would stumble over: ids, references, shapes without elements, elements without shapes."""
    root = fromstring(text)
    ids = [element.get("id", "") for element in root.iter() if element.get("id") is not None]
    yield from (f"id {name!r} is no NCName" for name in ids if not NCNAME.fullmatch(name))
    yield from (f"id {name!r} twice" for name in {name for name in ids if ids.count(name) > 1})
    known = set(ids)
    for element in root.iter():
        for name in ("sourceRef", "targetRef", "attachedToRef", "bpmnElement", "escalationRef", "errorRef"):
            if element.get(name) is not None and element.get(name) not in known:
                yield f"{name} {element.get(name)!r} leads nowhere"
    process = root.find(f"{{{BPMN}}}process")
    assert process is not None
    flows = {flow.get("id"): flow for flow in process.findall(f"{{{BPMN}}}sequenceFlow")}
    yield from _joints(process, flows)
    nodes = {node.get("id") for kind in NODES for node in process.findall(f"{{{BPMN}}}{kind}")}
    shapes = [
        shape.get("bpmnElement")
        for shape in root.iter(f"{{{BPMNDI}}}BPMNShape")
        if shape.find(f"{{{DC}}}Bounds") is not None
    ]
    edges = [
        edge.get("bpmnElement")
        for edge in root.iter(f"{{{BPMNDI}}}BPMNEdge")
        if len(edge.findall(f"{{{DI}}}waypoint")) > 1
    ]
    if sorted(map(str, shapes)) != sorted(map(str, nodes)):
        yield f"shapes {set(shapes) ^ nodes}"
    if sorted(map(str, edges)) != sorted(map(str, flows)):
        yield f"edges {set(edges) ^ set(flows)}"
    yield from _untouched(root, flows)


def _joints(process: Node, flows: dict[str | None, Node]) -> Iterator[str]:
    """Whether incoming and outgoing say what the flows say."""
    for node in process:
        for name, end in (("incoming", "targetRef"), ("outgoing", "sourceRef")):
            said = {part.text for part in node.findall(f"{{{BPMN}}}{name}")}
            real = {key for key, flow in flows.items() if flow.get(end) == node.get("id")}
            if said != real:
                yield f"{node.get('id')} {name} {said ^ real}"


def _untouched(root: Node, flows: dict[str | None, Node]) -> Iterator[str]:
    """Edges that do not begin and end at the shapes of their flow, within a pixel."""
    bounds = {
        shape.get("bpmnElement"): [
            float(shape.find(f"{{{DC}}}Bounds").get(side)) for side in ("x", "y", "width", "height")
        ]  # type: ignore[union-attr,arg-type]
        for shape in root.iter(f"{{{BPMNDI}}}BPMNShape")
    }
    for edge in root.iter(f"{{{BPMNDI}}}BPMNEdge"):
        points = [(float(point.get("x", 0)), float(point.get("y", 0))) for point in edge.findall(f"{{{DI}}}waypoint")]
        flow = flows[edge.get("bpmnElement")]
        for (x, y), end in ((points[0], "sourceRef"), (points[-1], "targetRef")):
            left, top, width, height = bounds[flow.get(end)]
            if not (left - 1 <= x <= left + width + 1 and top - 1 <= y <= top + height + 1):
                yield f"edge {flow.get('id')} leaves {flow.get(end)} at {x}, {y}"
    boxes = list(bounds.items())
    for place, (one, (x, y, width, height)) in enumerate(boxes):
        for other, (a, b, wide, high) in boxes[place + 1 :]:
            attached = "Timer_" in f"{one}{other}" and "Told_" not in f"{one}{other}"
            if not attached and x < a + wide and a < x + width and y < b + high and b < y + height:
                yield f"shapes {one} and {other} overlap"
