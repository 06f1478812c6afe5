"""The parts of a process as elements of BPMN: stages as tasks and ends, transitions as sequence flows, clocks as boundary timers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from bpm_crm.engine.definition import ProcessDefinition, StageKind
from bpm_crm.exchange.bpmn.names import CEL, NO_GUARD
from bpm_crm.exchange.bpmn.parts import extensions, part
from bpm_crm.exchange.bpmn.timers import Timer, timers_at
from bpm_crm.exchange.bpmn.xml_writer import Element

START, START_FLOW = "Start", "Flow_start"
_TASKS: Final = {
    StageKind.INITIAL: "userTask",
    StageKind.OPEN: "userTask",
    StageKind.WAITING: "receiveTask",
}


@dataclass(frozen=True, slots=True)
class Flow:
    """A sequence flow that stands for a transition out of one stage; `place` is that of the transition in the document, from 1."""

    transition: str
    source: str
    target: str
    place: int

    @property
    def id(self) -> str:
        """The id of the sequence flow."""
        return f"Flow_{self.transition}.{self.source}"


class FlowElements:
    """The flow elements of one process; `data` is its document as plain data."""

    def __init__(self, definition: ProcessDefinition, data: Mapping[str, Any]) -> None:
        self._definition = definition
        self._data = data

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """The flows that can be drawn: nothing leaves an end."""
        stages = self._definition.stages
        return tuple(
            Flow(item.key, source, item.target, place)
            for place, item in enumerate(self._definition.transitions.values(), 1)
            for source in item.sources
            if not stages[source].kind.is_final
        )

    @cached_property
    def timers(self) -> Mapping[str, Sequence[Timer]]:
        """The timers of every stage that goes on."""
        stages = self._definition.stages
        return {key: timers_at(self._definition, key) for key, stage in stages.items() if not stage.kind.is_final}

    def leaving(self, stage: str) -> Sequence[Flow]:
        """The flows out of a stage."""
        return self._by_source.get(stage, ())

    def gateway(self, stage: str) -> str | None:
        """The id of the gateway behind a stage; None where at most one flow leaves it."""
        return f"Choice_{stage}" if len(self.leaving(stage)) > 1 else None

    def elements(self) -> Iterator[Element]:
        """All of them: start, stages in the order of the document with what belongs to each, flows."""
        yield Element("bpmn:startEvent", {"id": START}, [_outgoing(START_FLOW)])
        for key in self._definition.stages:
            yield from self._stage(key)
        yield _flow(START_FLOW, START, stage_id(self._definition.initial))
        for key in self._definition.stages:
            if (gateway := self.gateway(key)) is not None:
                yield _flow(f"Decide_{key}", stage_id(key), gateway)
            for timer in self.timers.get(key, ()):
                yield _flow(timer.flow_id, timer.id, timer.end_id)
        for flow in self.flows:
            yield self._transition(flow)

    def roots(self) -> Iterator[Element]:
        """What lies beside the process: the errors and escalations that its events name."""
        for stage in self._definition.stages.values():
            if stage.kind is StageKind.LOST:
                yield Element(
                    "bpmn:error", {"id": f"Error_{stage.key}", "name": stage.title.en, "errorCode": stage.key}
                )
        for told, number in self._told.items():
            yield Element("bpmn:escalation", {"id": f"Escalation_{number}", "name": told, "escalationCode": told})

    @cached_property
    def _by_source(self) -> Mapping[str, Sequence[Flow]]:
        found: dict[str, list[Flow]] = {}
        for flow in self.flows:
            found.setdefault(flow.source, []).append(flow)
        return found

    @cached_property
    def _told(self) -> Mapping[str, int]:
        all_timers = (timer for timers in self.timers.values() for timer in timers)
        return {told: number for number, told in enumerate(dict.fromkeys(timer.told for timer in all_timers), 1)}

    @cached_property
    def _orders(self) -> Mapping[str, int]:
        return {key: order for order, key in enumerate(self._data["stages"], 1)}

    def _stage(self, key: str) -> Iterator[Element]:
        stage = self._definition.stages[key]
        kept = extensions(part("stage", key, self._orders[key], self._data["stages"][key]))
        given = {"id": stage_id(key), "name": stage.title.en}
        incoming = [_incoming(flow.id) for flow in self.flows if flow.target == key]
        if key == self._definition.initial:
            incoming.insert(0, _incoming(START_FLOW))
        if stage.kind.is_final:
            yield Element("bpmn:endEvent", given, [kept, *incoming, *_end(stage.kind, key)])
            return
        gateway = self.gateway(key)
        leaving = [_outgoing(flow.id) for flow in self.leaving(key)]
        outgoing = leaving if gateway is None else [_outgoing(f"Decide_{key}")]
        yield Element(f"bpmn:{_TASKS[stage.kind]}", given, [kept, *incoming, *outgoing])
        if gateway is not None:
            into = _incoming(f"Decide_{key}")
            yield Element("bpmn:exclusiveGateway", {"id": gateway, "gatewayDirection": "Diverging"}, [into, *leaving])
        for timer in self.timers[key]:
            yield from self._timer(timer)

    def _timer(self, timer: Timer) -> Iterator[Element]:
        made = {"clock": timer.clock, "duration": timer.duration}
        duration = Element("bpmn:timeDuration", {"xsi:type": "bpmn:tFormalExpression"}, text=timer.duration)
        yield Element(
            "bpmn:boundaryEvent",
            {
                "id": timer.id,
                "attachedToRef": stage_id(timer.stage),
                "cancelActivity": "false",
            },
            [
                extensions(Element("crm:timer", made)),
                _outgoing(timer.flow_id),
                Element("bpmn:timerEventDefinition", {"id": f"{timer.id}.when"}, [duration]),
            ],
        )
        escalation = {"id": f"{timer.end_id}.whom", "escalationRef": f"Escalation_{self._told[timer.told]}"}
        yield Element(
            "bpmn:endEvent",
            {"id": timer.end_id, "name": f"{timer.title}, {timer.duration}: {timer.told}"},
            [
                extensions(Element("crm:timer", made)),
                _incoming(timer.flow_id),
                Element("bpmn:escalationEventDefinition", escalation),
            ],
        )

    def _transition(self, flow: Flow) -> Element:
        item = self._definition.transitions[flow.transition]
        gateway = self.gateway(flow.source)
        guard = NO_GUARD if item.guard is None else item.guard.when
        children = [extensions(part("transition", item.key, flow.place, self._data["transitions"][item.key]))]
        if item.guard is not None or (gateway is not None and self._has_guards(flow.source)):
            given = {"xsi:type": "bpmn:tFormalExpression", "language": CEL}
            children.append(Element("bpmn:conditionExpression", given, text=guard))
        return _flow(flow.id, gateway or stage_id(flow.source), stage_id(flow.target), item.title.en, children)

    def _has_guards(self, stage: str) -> bool:
        moves = self._definition.transitions
        return any(moves[flow.transition].guard is not None for flow in self.leaving(stage))


def stage_id(key: str) -> str:
    """The id of the task or the end event of a stage."""
    return f"Stage_{key}"


def _end(kind: StageKind, key: str) -> Iterator[Element]:
    """What an end event says of how the case ended; success needs no word."""
    if kind is StageKind.LOST:
        yield Element("bpmn:errorEventDefinition", {"id": f"Stage_{key}.how", "errorRef": f"Error_{key}"})
    elif kind is StageKind.CANCELLED:
        yield Element("bpmn:terminateEventDefinition", {"id": f"Stage_{key}.how"})


def _flow(id_: str, source: str, target: str, name: str | None = None, children: Sequence[Element] = ()) -> Element:
    return Element("bpmn:sequenceFlow", {"id": id_, "name": name, "sourceRef": source, "targetRef": target}, children)


def _incoming(flow: str) -> Element:
    return Element("bpmn:incoming", text=flow)


def _outgoing(flow: str) -> Element:
    return Element("bpmn:outgoing", text=flow)
