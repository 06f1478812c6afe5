"""The ways of a case through a BPMN process: from where it stands, past gateways and events, to where it stands next."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.model import ACTIVITIES, SUB_PROCESSES, Element, Flow, Scope

MOST_WAYS: Final = 200
"""Ways out of one stage."""
MOST_FLOWS: Final = 60
"""Flows of one way, so gateways one after another."""
MOST_STEPS: Final = 100_000
"""Flow nodes passed in a whole process, dead ends and circles included."""

_PASSED: Final = frozenset({"parallelGateway", "inclusiveGateway", "complexGateway", "exclusiveGateway"})


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the next stage: the event that begins it, if one does, and the flows taken. `target` None: the end of the process, where no event is drawn."""

    target: Element | None
    flows: tuple[Flow, ...] = ()
    event: Element | None = None


class Ways:
    """Finds ways; what cannot be followed is put among `findings`."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.passed: set[str] = set()
        self._steps = 0

    def starting(self, scope: Scope, flows: tuple[Flow, ...] = ()) -> list[Way]:
        """The ways from the beginning of a scope: from its start events, or else from what nothing leads to."""
        starts = [element for element in scope.elements if element.kind == "startEvent"]
        if starts:
            self.passed |= {start.id for start in starts}
            return self._few(starts[0], (way for start in starts for way in self._after(start, flows, start)))
        first = [
            element
            for element in scope.elements
            if not element.incoming and element.kind != "boundaryEvent" and not is_event_scope(element)
        ]
        if len(first) > 1:
            self._refuse(first[1], FindingCode.PARALLEL)
        return list(self._into(first[0], flows, None)) if first else []

    def leaving(self, stage: Element) -> list[Way]:
        """The ways out of a stage: along its flows, by events attached to it, out of the sub-processes that it is in."""
        return self._few(stage, self._leaving(stage))

    def _leaving(self, stage: Element) -> Iterator[Way]:
        yield from self._after(stage, (), None)
        host: Element | None = stage
        while host is not None:
            for event in host.boundary:
                if event.is_interrupting:
                    self.passed.add(event.id)
                    yield from self._after(event, (), event)
            for sibling in host.scope.elements:
                if is_event_scope(sibling) and sibling.inner is not None and not _is_inside(stage, sibling):
                    yield from self._event_scope(sibling)
            host = host.scope.owner

    def _few(self, origin: Element, ways: Iterator[Way]) -> list[Way]:
        """The ways, refused where there are more than anybody could read."""
        found = list(islice(ways, MOST_WAYS + 1))
        if len(found) > MOST_WAYS:
            self._refuse(origin, FindingCode.TOO_MANY_WAYS, value=str(MOST_WAYS))
        return found[:MOST_WAYS]

    def _event_scope(self, sibling: Element) -> Iterator[Way]:
        """The ways into an event sub-process."""
        self.passed.add(sibling.id)
        for start in sibling.inner.elements if sibling.inner else ():
            if start.kind != "startEvent":
                continue
            if start.is_interrupting:
                self.passed.add(start.id)
                yield from self._after(start, (), start)
            else:
                self._refuse(start, FindingCode.PARALLEL)

    def _after(self, element: Element, flows: tuple[Flow, ...], event: Element | None) -> Iterator[Way]:
        """The ways along the flows out of something; where none leave, its scope ends."""
        outgoing = element.outgoing
        if not outgoing:
            yield from self._out_of(element.scope, flows, event)
            return
        is_choice = element.kind in {"exclusiveGateway", "eventBasedGateway"}
        unconditional = [flow for flow in outgoing if flow.condition is None and flow.id != element.node.get("default")]
        if len(outgoing) > 1 and not is_choice and (unconditional or element.kind in _PASSED):
            self._refuse(element, FindingCode.PARALLEL)
            return
        for flow in outgoing:
            yield from self._into(flow.target, (*flows, flow), event)

    def _into(self, element: Element, flows: tuple[Flow, ...], event: Element | None) -> Iterator[Way]:
        """The ways through something, or to it where a case stands there."""
        self._steps += 1
        if len(flows) > MOST_FLOWS or self._steps > MOST_STEPS:
            self._refuse(flows[0].source, FindingCode.TOO_MANY_WAYS, value=str(MOST_STEPS))
            return
        if _is_repeated(element, flows):
            return
        self.passed.add(element.id)
        match element.kind:
            case "endEvent":
                yield from self._end(element, flows, event)
            case "eventBasedGateway":
                yield Way(element, flows, event)
            case "intermediateThrowEvent":
                yield from self._thrown(element, flows, event)
            case "intermediateCatchEvent" if self._is_passed(element):
                yield from self._after(element, flows, event or element)
            case kind if kind in _PASSED:
                if kind == "parallelGateway" and len(element.incoming) > 1:
                    self._refuse(element, FindingCode.PARALLEL)
                    return
                yield from self._after(element, flows, event)
            case kind if kind in SUB_PROCESSES and element.inner is not None and element.inner.elements:
                for way in self.starting(element.inner, flows):
                    yield Way(way.target, way.flows, event)
            case _:
                yield Way(element, flows, event)

    def _end(self, element: Element, flows: tuple[Flow, ...], event: Element | None) -> Iterator[Way]:
        scope: Scope | None = element.scope
        if element.event in {"error", "escalation", "cancel"}:
            owner = element.scope.owner
            while owner is not None:
                caught = next(
                    (item for item in owner.boundary if item.event == element.event and item.is_interrupting), None
                )
                if caught is not None:
                    self.passed.add(caught.id)
                    yield from self._after(caught, flows, event)
                    return
                owner = owner.scope.owner
            if element.event == "error":
                scope = None
        if scope is None or scope.owner is None or is_event_scope(scope.owner):
            yield Way(element, flows, event)
        else:
            yield from self._out_of(scope, flows, event)

    def _out_of(self, scope: Scope, flows: tuple[Flow, ...], event: Element | None) -> Iterator[Way]:
        owner = scope.owner
        if owner is None or is_event_scope(owner):
            yield Way(None, flows, event)
        elif not _is_repeated(owner, flows):
            yield from self._after(owner, flows, event)

    def _thrown(self, element: Element, flows: tuple[Flow, ...], event: Element | None) -> Iterator[Way]:
        if element.event != "link":
            if element.event:
                self.findings.append(element.finding(FindingCode.NOT_EXPRESSED, Weight.LOST))
            yield from self._after(element, flows, event)
            return
        name = element.events[0].get("name")
        for other in element.scope.elements:
            if other.kind == "intermediateCatchEvent" and other.event == "link" and other.events[0].get("name") == name:
                yield from self._into(other, flows, event)
                return
        self.findings.append(element.finding(FindingCode.BROKEN_REFERENCE, Weight.REFUSED, value=name))

    @staticmethod
    def _is_passed(element: Element) -> bool:
        """A link, or an event that a gateway before it waits for: no case stands there."""
        return element.event == "link" or any(flow.source.kind == "eventBasedGateway" for flow in element.incoming)

    def _refuse(self, element: Element, code: FindingCode, **params: str) -> None:
        finding = element.finding(code, Weight.REFUSED, **params)
        if finding not in self.findings:
            self.findings.append(finding)


def _is_repeated(element: Element, flows: tuple[Flow, ...]) -> bool:
    """Whether a way goes round in a circle: once is allowed where a case can stand, which may come back to itself."""
    return sum(flow.source is element for flow in flows) > has_stage(element)


def is_event_scope(element: Element) -> bool:
    """Whether it is an event sub-process: one that an event starts, from anywhere around it."""
    return element.kind in SUB_PROCESSES and element.node.get("triggeredByEvent") == "true"


def has_stage(element: Element) -> bool:
    """Whether a case can stand there."""
    return element.kind in ACTIVITIES or element.kind in {"eventBasedGateway", "intermediateCatchEvent"}


def _is_inside(stage: Element, owner: Element) -> bool:
    scope: Scope | None = stage.scope
    while scope is not None and scope.owner is not None:
        if scope.owner is owner:
            return True
        scope = scope.owner.scope
    return False
