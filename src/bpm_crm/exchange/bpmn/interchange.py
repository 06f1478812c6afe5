"""BPMN DI of a process: the bounds of every shape, the bends of every flow, the places of labels."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.drawing.graph import explicit_graph
from bpm_crm.engine.drawing.lettering import width_of, wrapped
from bpm_crm.engine.drawing.placing import cells_of
from bpm_crm.engine.drawing.routing import Box, Line, Plan, Point, Size, plan
from bpm_crm.exchange.bpmn.flow_elements import START, START_FLOW, FlowElements, stage_id
from bpm_crm.exchange.bpmn.timers import Timer
from bpm_crm.exchange.bpmn.xml_writer import Element

_LETTERS: Final = 12
_LEADING: Final = 1.25
_LABEL: Final = 150
_EVENT, _GATEWAY, _TASK, _TASK_HEIGHT = 36, 50, 130, 80
_TO_GATEWAY, _TO_FAN = 40, 20
_TIMER, _TOLD_ROOM, _TOLD_ROW = 50, 62, 46
_TOLD_LABEL: Final = 230
_MARGIN, _LEFT = 60, 100


class Interchange:
    """The diagram of one process."""

    def __init__(self, definition: ProcessDefinition, flows: FlowElements) -> None:
        self._definition, self._flows = definition, flows
        self._widths = {key: max(_TASK, _TIMER * len(timers) + 20) for key, timers in flows.timers.items()}
        self._heights = {key: max(_TASK_HEIGHT, self._ports(key)) for key in flows.timers}
        self._plan = self._lay_out()

    def diagram(self, process_id: str) -> Element:
        """The diagram element."""
        drawn = [*self._shapes(), *self._edges()]
        given = {"id": "Plane", "bpmnElement": process_id}
        return Element("bpmndi:BPMNDiagram", {"id": "Diagram"}, [Element("bpmndi:BPMNPlane", given, drawn)])

    def _ports(self, key: str) -> float:
        """How tall a task must be for the labels of what leaves it to stand beside it."""
        return sum(_extent(self._title(flow.transition))[1] + 8 for flow in self._flows.leaving(key)) + 20

    def _title(self, transition: str) -> str:
        return self._definition.transitions[transition].title.en

    def _lay_out(self) -> Plan:
        sizes = {key: self._size(key) for key in self._definition.stages}
        lines = [Line(flow.source, flow.target, *_extent(self._title(flow.transition))) for flow in self._flows.flows]
        cells = cells_of(explicit_graph(self._definition))
        return plan(cells, sizes, lines, margin=_MARGIN, left=_LEFT, goes_down=False)

    def _size(self, key: str) -> Size:
        stage = self._definition.stages[key]
        if stage.kind.is_final:
            width, height = _extent(stage.title.en)
            return Size(_EVENT + 8 + width, max(_EVENT, height), _EVENT / 2)
        width, timers = self._widths[key], self._flows.timers[key]
        told = max(
            (self._told_at(place, len(timers))[0] + _EVENT + 6 + _TOLD_LABEL for place in range(len(timers))), default=0
        )
        choice = 0 if self._flows.gateway(key) is None else _TO_GATEWAY + _GATEWAY + _TO_FAN
        below = _TOLD_ROOM + _TOLD_ROW * len(timers) if timers else 0
        return Size(max(width + choice, told), self._heights[key] + below, width / 2)

    def _told_at(self, place: int, count: int) -> Point:
        """Where the end event of a timer stands, from the corner below its task: the first timer's is the lowest."""
        return 10 + _TIMER * place + (_TIMER - _EVENT) / 2, _TOLD_ROOM - _EVENT / 2 + _TOLD_ROW * (count - 1 - place)

    def _shapes(self) -> Iterator[Element]:
        start = self._task(self._definition.initial)
        yield _shape(START, Box(start.x - 76, start.y + start.height / 2 - _EVENT / 2, _EVENT, _EVENT))
        for key, stage in self._definition.stages.items():
            place = self._plan.nodes[key]
            if stage.kind.is_final:
                label = Box(place.x + _EVENT + 6, place.y, *_extent(stage.title.en))
                yield _shape(stage_id(key), Box(place.x, place.y, _EVENT, _EVENT), label)
                continue
            yield _shape(stage_id(key), self._task(key))
            if (gateway := self._flows.gateway(key)) is not None:
                yield _shape(gateway, self._choice(key), marked=True)
            timers = self._flows.timers[key]
            for place_of, timer in enumerate(timers):
                yield from self._timer(timer, place_of, len(timers))

    def _task(self, key: str) -> Box:
        place = self._plan.nodes[key]
        return Box(place.x, place.y, self._widths[key], self._heights[key])

    def _choice(self, key: str) -> Box:
        task = self._task(key)
        return Box(task.right + _TO_GATEWAY, task.y + task.height / 2 - _GATEWAY / 2, _GATEWAY, _GATEWAY)

    def _timer(self, timer: Timer, place: int, count: int) -> Iterator[Element]:
        task = self._task(timer.stage)
        across, along = self._told_at(place, count)
        x = task.x + across
        yield _shape(timer.id, Box(x, task.bottom - _EVENT / 2, _EVENT, _EVENT))
        told = Box(x, task.bottom + along, _EVENT, _EVENT)
        yield _shape(timer.end_id, told, Box(told.right + 6, told.y + 3, _TOLD_LABEL, 2 * _LETTERS * _LEADING))

    def _edges(self) -> Iterator[Element]:
        task = self._task(self._definition.initial)
        middle = task.y + task.height / 2
        yield _edge(START_FLOW, [(task.x - 76 + _EVENT, middle), (task.x, middle)])
        for key, timers in self._flows.timers.items():
            task = self._task(key)
            if self._flows.gateway(key) is not None:
                choice = self._choice(key)
                y = choice.y + _GATEWAY / 2
                yield _edge(f"Decide_{key}", [(task.right, y), (choice.x, y)])
            for place, timer in enumerate(timers):
                across, along = self._told_at(place, len(timers))
                x = task.x + across + _EVENT / 2
                yield _edge(timer.flow_id, [(x, task.bottom + _EVENT / 2), (x, task.bottom + along)])
        for flow, way, label in zip(self._flows.flows, self._plan.ways, self._plan.labels, strict=True):
            yield _edge(flow.id, self._way(flow.source, way), label if self._title(flow.transition) else None)

    def _way(self, key: str, way: Sequence[Point]) -> list[Point]:
        """The bends of a flow, from the gateway or the task on."""
        onward = list(way[1:])
        y = way[0][1]
        if self._flows.gateway(key) is None:
            return [(self._task(key).right, y), *onward]
        choice = self._choice(key)
        middle, fan = choice.y + _GATEWAY / 2, choice.right + _TO_FAN / 2
        return [(choice.right, middle), (fan, middle), (fan, y), *onward]


def _extent(text: str) -> tuple[float, float]:
    """The size of a label."""
    lines = wrapped(text, _LABEL, _LETTERS, most=3)
    return max(width_of(line, _LETTERS) for line in lines), len(lines) * _LETTERS * _LEADING


def _shape(element: str, box: Box, label: Box | None = None, *, marked: bool = False) -> Element:
    given: Mapping[str, str | None] = {
        "id": f"{element}.di", "bpmnElement": element, "isMarkerVisible": "true" if marked else None
    }  # fmt: skip
    return Element("bpmndi:BPMNShape", given, [_bounds(box), *_label(label)])


def _edge(flow: str, points: Sequence[Point], label: Box | None = None) -> Element:
    bends = [point for place, point in enumerate(points) if not place or point != points[place - 1]]
    waypoints = [Element("di:waypoint", {"x": _number(x), "y": _number(y)}) for x, y in bends]
    return Element("bpmndi:BPMNEdge", {"id": f"{flow}.di", "bpmnElement": flow}, [*waypoints, *_label(label)])


def _label(box: Box | None) -> list[Element]:
    return [] if box is None else [Element("bpmndi:BPMNLabel", children=[_bounds(box)])]


def _bounds(box: Box) -> Element:
    sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    return Element("dc:Bounds", {name: _number(value) for name, value in sides.items()})


def _number(value: float) -> str:
    return f"{value:.0f}"
