"""What a BPMN process may hold that stages and transitions cannot say, found before its ways are followed."""

from collections.abc import Iterator

from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.model import Element, Scope, walk
from bpm_crm.exchange.bpmn.names import BPMN
from bpm_crm.exchange.bpmn.own_parts import timers_of


def refusals(scope: Scope) -> Iterator[Finding]:
    """A finding for every element that makes the process no state machine."""
    for element in walk(scope):
        if element.node.all(BPMN, "multiInstanceLoopCharacteristics"):
            yield element.finding(FindingCode.PARALLEL, Weight.REFUSED)
        if _forks_or_joins(element):
            yield element.finding(FindingCode.PARALLEL, Weight.REFUSED)
        if element.event == "compensate" or element.node.get("isForCompensation") == "true":
            yield element.finding(FindingCode.NOT_A_STATE_MACHINE, Weight.REFUSED)
        if element.kind in {"adHocSubProcess", "transaction", "complexGateway"}:
            yield element.finding(FindingCode.NOT_A_STATE_MACHINE, Weight.REFUSED)
        if element.kind == "boundaryEvent" and not element.is_interrupting and leads_to_work(element):
            yield element.finding(FindingCode.PARALLEL, Weight.REFUSED)


def _forks_or_joins(element: Element) -> bool:
    """Whether a gateway lets several branches run, or waits for them."""
    if element.kind == "inclusiveGateway":
        return len(element.outgoing) > 1
    return element.kind == "parallelGateway" and max(len(element.outgoing), len(element.incoming)) > 1


def is_side_line(element: Element) -> bool:
    """Whether an event attached to an activity lets it go on, and only tells of something."""
    return element.kind == "boundaryEvent" and not element.is_interrupting and not leads_to_work(element)


def side_lines(scope: Scope) -> Iterator[Element]:
    """What lies behind the events that only tell of something."""
    for element in walk(scope):
        if is_side_line(element):
            yield from _behind(element)


def is_ours(element: Element) -> bool:
    """Whether an event was drawn for a clock of ours."""
    return any(True for _ in timers_of(element.node))


def leads_to_work(event: Element) -> bool:
    """Whether anything but events lies behind an event."""
    return any(element.kind not in {"endEvent", "intermediateThrowEvent"} for element in _behind(event))


def _behind(event: Element) -> Iterator[Element]:
    seen = {event.id}
    waiting = [flow.target for flow in event.outgoing]
    while waiting:
        element = waiting.pop()
        if element.id not in seen:
            seen.add(element.id)
            yield element
            waiting.extend(flow.target for flow in element.outgoing)
