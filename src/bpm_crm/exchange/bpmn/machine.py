"""A BPMN process as stages and moves between them: what a case can be in, and every way from one to the next."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bpm_crm.engine.definition import StageKind, Title
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.keys import key_of
from bpm_crm.exchange.bpmn.model import ACTIVITIES, GATEWAYS, Element, Flow, Pool, walk
from bpm_crm.exchange.bpmn.names import CEL, NO_GUARD
from bpm_crm.exchange.bpmn.own_parts import Part, part_of, timers_of
from bpm_crm.exchange.bpmn.refusals import refusals
from bpm_crm.exchange.bpmn.ways import Way, Ways

_START: Final = Title("Start", "Начало")
_END: Final = Title("End", "Конец")
_WAIT: Final = Title("Waiting", "Ожидание")
_WAITING: Final = frozenset({"receiveTask", "intermediateCatchEvent", "eventBasedGateway"})
_ENDS: Final = {"error": StageKind.LOST, "cancel": StageKind.CANCELLED}


@dataclass(eq=False, slots=True)
class FoundStage:
    """A stage; `element` is None where none is drawn for it, `part` is ours where it was written by us."""

    key: str
    kind: StageKind
    title: Title
    element: Element | None
    part: Part | None


@dataclass(eq=False, slots=True)
class FoundMove:
    """A move out of some stages into one; `guard` is in CEL, `foreign` are the flows with other conditions.

    `is_uneven`: flows that stand for the same transition of ours differ; the first of them counts.
    """

    key: str
    sources: list[str]
    target: str
    title: Title
    guard: str | None
    foreign: tuple[Flow, ...]
    part: Part | None
    event: Element | None
    is_uneven: bool = False


@dataclass(slots=True)
class Machine:
    """The stages and moves of a process, and what is to be said of them; not to be used where a finding refuses."""

    pool: Pool
    stages: list[FoundStage] = field(default_factory=list)
    moves: list[FoundMove] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_refused(self) -> bool:
        """Whether something cannot be said by stages and transitions."""
        return any(finding.weight is Weight.REFUSED for finding in self.findings)


def machine_of(pool: Pool) -> Machine:
    """The machine of a process; with findings that refuse it, its stages and moves are incomplete."""
    return _Builder(pool).build()


class _Builder:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.ways = Ways()
        self.machine = Machine(pool, findings=[*pool.findings, *refusals(pool.scope)])
        self.stages: dict[Element | None, FoundStage] = {}
        self.initial: FoundStage | None = None
        self.queue: deque[FoundStage] = deque()
        self.stage_keys: set[str] = set()
        self.move_keys: dict[str, FoundMove] = {}

    def build(self) -> Machine:
        machine = self.machine
        if not any(element.kind in ACTIVITIES or element.kind in _WAITING for element in walk(self.pool.scope)):
            self._refuse(FindingCode.NO_WORK)
            return machine
        starts = self.ways.starting(self.pool.scope)
        if not starts:
            machine.findings.extend(finding for finding in self.ways.findings if finding not in machine.findings)
            if not machine.is_refused:
                self._refuse(FindingCode.WITHOUT_START)
            return machine
        self._begin(starts)
        while self.queue:
            stage = self.queue.popleft()
            if stage.element is not None and not stage.kind.is_final:
                for way in self.ways.leaving(stage.element):
                    self._move(stage, way)
        found = [*([self.initial] if self.initial else []), *self.stages.values()]
        places = {id(stage): place for place, stage in enumerate(found)}
        machine.stages = sorted(found, key=lambda stage: _place(stage, places[id(stage)]))
        machine.moves = list(self.move_keys.values())
        machine.findings.extend(finding for finding in _once(self.ways.findings) if finding not in machine.findings)
        machine.findings.extend(self._unreached())
        if not machine.is_refused and not any(stage.kind.is_final for stage in machine.stages):
            self._refuse(FindingCode.WITHOUT_END)
        return machine

    def _begin(self, starts: list[Way]) -> None:
        """The initial stage: the first activity where the start leads straight to it, else one of its own."""
        way = starts[0]
        if len(starts) == 1 and way.target is not None and way.target.kind in ACTIVITIES and not _said(way.flows):
            self._stage(way.target, StageKind.INITIAL)
            return
        start = way.event if len({way.event for way in starts}) == 1 else None
        title = Title(start.name, start.name) if start is not None and start.name else _START
        initial = FoundStage(self._new_stage_key(title.en, "start"), StageKind.INITIAL, title, start, None)
        self.initial = initial
        for way in starts:
            self._move(initial, way)

    def _stage(self, element: Element | None, kind: StageKind | None = None) -> FoundStage:
        known = self.stages.get(element)
        if known is not None:
            return known
        part = None if element is None else part_of(element.node, "stage")
        if part is not None and (not part.key or part.key in self.stage_keys):
            part = None
        title = _title(element)
        fallback = "end" if element is None or element.kind == "endEvent" else "stage"
        key = part.key if part is not None else self._new_stage_key(title.en, fallback)
        self.stage_keys.add(key)
        stage = FoundStage(key, kind or _kind(element), title, element, part)
        self.stages[element] = stage
        self.queue.append(stage)
        return stage

    def _move(self, source: FoundStage, way: Way) -> None:
        target = self._stage(way.target)
        part, name = _written(way.flows)
        guard, foreign = _conditions(way.flows)
        known = self.move_keys.get(part.key) if part is not None else None
        if known is not None and known.target == target.key:
            if source.key not in known.sources:
                known.sources.append(source.key)
            known.is_uneven |= (known.title.en, known.guard) != (name, guard)
            return
        title = self._title(way, target, source) if part is None else Title(name, name)
        is_new = part is None or known is not None
        key = key_of(title.en, "move", self.move_keys) if part is None or is_new else part.key
        self.move_keys[key] = FoundMove(key, [source.key], target.key, title, guard, foreign, part, way.event)

    def _title(self, way: Way, target: FoundStage, source: FoundStage) -> Title:
        begun = way.event is not None and way.event is not source.element
        names = [way.event.name] if begun and way.event is not None else []
        said = ", ".join(dict.fromkeys(name for name in (*names, *_said(way.flows)) if name))
        return Title(said, said) if said else target.title

    def _new_stage_key(self, name: str, fallback: str) -> str:
        key = key_of(name, fallback, self.stage_keys)
        self.stage_keys.add(key)
        return key

    def _unreached(self) -> Iterator[Finding]:
        for element in walk(self.pool.scope):
            drawn = element.kind != "boundaryEvent" and not any(True for _ in timers_of(element.node))
            if drawn and element.id not in self.ways.passed:
                yield element.finding(FindingCode.UNREACHED, Weight.LOST)

    def _refuse(self, code: FindingCode) -> None:
        node = self.pool.scope.node
        names = {"name": self.pool.name}
        self.machine.findings.append(Finding(code, Weight.REFUSED, names, self.pool.id, "process", node.line))


def _place(stage: FoundStage, found: int) -> tuple[int, bool, int]:
    """Stages of ours in their order, then the others as they were found, ends last."""
    return (0, False, stage.part.order) if stage.part is not None else (1, stage.kind.is_final, found)


def _once(findings: list[Finding]) -> list[Finding]:
    return [finding for place, finding in enumerate(findings) if finding not in findings[:place]]


def _said(flows: tuple[Flow, ...]) -> list[str]:
    """What the flows are called, each answer after the question of its gateway."""
    return [
        f"{flow.source.name} {flow.name}" if flow.source.kind in GATEWAYS and flow.source.name else flow.name
        for flow in flows
        if flow.name
    ]


def _kind(element: Element | None) -> StageKind:
    if element is None or element.kind == "endEvent":
        return StageKind.WON if element is None else _ENDS.get(element.event, StageKind.WON)
    return StageKind.WAITING if element.kind in _WAITING else StageKind.OPEN


def _title(element: Element | None) -> Title:
    if element is None or (element.kind == "endEvent" and not element.name):
        return _END
    if element.name:
        return Title(element.name, element.name)
    if element.kind == "eventBasedGateway":
        return _WAIT
    return Title(f"{element.kind} {element.id}", f"{element.kind} {element.id}")


def _written(flows: tuple[Flow, ...]) -> tuple[Part | None, str]:
    """The first part of ours on a way, and what its flow is called."""
    for flow in flows:
        part = part_of(flow.node, "transition")
        if part is not None and part.key:
            return part, flow.name
    return None, ""


def _conditions(flows: tuple[Flow, ...]) -> tuple[str | None, tuple[Flow, ...]]:
    """The conditions in CEL as one, and the flows whose conditions are in another language; a flow of ours needs not say that its is CEL."""
    ours, foreign = [], []
    for flow in flows:
        if flow.condition is None:
            continue
        if flow.language == CEL or (not flow.language and part_of(flow.node, "transition") is not None):
            ours.append(flow.condition)
        else:
            foreign.append(flow)
    ours = [condition for condition in ours if condition != NO_GUARD]
    guard = ours[0] if len(ours) == 1 else " && ".join(f"({condition})" for condition in ours)
    return guard or None, tuple(foreign)
