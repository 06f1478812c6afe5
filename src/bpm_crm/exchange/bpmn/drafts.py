"""A machine found in BPMN as a document in our notation: data, and the comments that say how it came about."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bpm_crm.engine.definition import StageKind, Title
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.keys import key_of
from bpm_crm.exchange.bpmn.machine import FoundMove, FoundStage, Machine
from bpm_crm.exchange.bpmn.model import Element, plain, walk
from bpm_crm.exchange.bpmn.names import BPMN
from bpm_crm.exchange.bpmn.refusals import is_ours, is_side_line
from bpm_crm.exchange.bpmn.spans import target_of, timer_text

MOST_TITLE: Final = 400

Comments = dict[tuple[str, ...], list[str]]

_CALENDAR: Final = {"zone": "UTC", "week": {"mon-fri": "09:00-18:00"}}
_UNSPECIFIED: Final = {"en": "Not specified", "ru": "Не указана"}
_ASSUMED: Final = (
    (Title("working hours", "рабочее время"), "UTC, Mon-Fri 09:00-18:00"),
    (Title("titles in a second language", "названия на втором языке"), "ru = en"),
)
_NO_TIMER: Final = {"en": "BPMN has no timer here: set a clock.", "ru": "В BPMN здесь нет таймера: задайте часы."}


@dataclass(slots=True)
class Sketch:
    """A document being made: its data, comments by place, findings."""

    data: dict[str, Any]
    comments: Comments = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def note(self, path: tuple[str, ...], text: str) -> None:
        """Say something above a place."""
        self.comments.setdefault(path, []).append(plain(text))


def sketch_of(machine: Machine, roles: Collection[str]) -> Sketch:
    """The document of a process that is not ours; `roles` are those that exist."""
    return _Sketcher(machine, roles).sketch()


class _Sketcher:
    def __init__(self, machine: Machine, roles: Collection[str]) -> None:
        self.machine = machine
        self.roles = roles
        pool = machine.pool
        self.made = Sketch(
            {"process": key_of(pool.name, "process", (), "-"), "title": titles(Title(pool.name, pool.name))}
        )
        self.stages = {stage.key: stage for stage in machine.stages}

    def sketch(self) -> Sketch:
        made = self.made
        told = documentation(self.machine.pool.scope.node)
        if told:
            made.data["description"] = titles(Title(told, told))
        made.data["calendar"] = _CALENDAR
        made.note(("calendar",), "BPMN has no working hours: set the zone and the hours of the people who work here.")
        for what, names in _ASSUMED:
            made.findings.append(Finding(FindingCode.ASSUMED, Weight.NOTED, {"what": what, "names": names}))
        made.data["stages"] = {stage.key: self.stage(stage) for stage in self.machine.stages}
        made.data["transitions"] = {move.key: self.transition(move) for move in self.machine.moves}
        clocks = dict(self.clocks())
        if clocks:
            made.data["clocks"] = clocks
        self.waivers()
        self.reasons()
        return made

    def stage(self, stage: FoundStage) -> dict[str, Any]:
        """A stage that is not ours, with what it was drawn as."""
        place, element = ("stages", stage.key), stage.element
        if element is None:
            self.made.note(place, "Not drawn in BPMN: added because a case must be somewhere.")
        else:
            self.made.note(place, f"{element.kind} {element.id}" + (f", lane {element.lane}" if element.lane else ""))
            what = Title(f"stage “{stage.key}” ({stage.kind.value})", f"стадия «{stage.key}» ({stage.kind.value})")
            self.made.findings.append(element.finding(FindingCode.MAPPED, Weight.NOTED, what=what))
            for text in (documentation(element.node), *_performers(element)):
                if text:
                    self.made.note(place, text)
        return {"kind": stage.kind.value, "title": titles(stage.title)}

    def transition(self, move: FoundMove) -> dict[str, Any]:
        """A transition that is not ours; conditions in other languages become comments."""
        place = ("transitions", move.key)
        found: dict[str, Any] = {"title": titles(move.title), "from": _one_or_many(move.sources), "to": move.target}
        if move.guard is not None:
            found["guard"] = move.guard
        for flow in move.foreign:
            self.made.note(place, f"Condition in BPMN: {flow.condition}")
            names = {"name": flow.name or flow.id, "value": plain(flow.condition or "")[:MOST_TITLE]}
            self.made.findings.append(
                Finding(FindingCode.GUARD_LOST, Weight.LOST, names, flow.id, "sequenceFlow", flow.node.line)
            )
        if move.event is not None and move.event.event:
            self.made.note(place, f"Begun by {move.event.kind} {move.event.id}: {move.event.event}")
        if self.stages[move.target].kind is StageKind.LOST:
            found["reason"] = "required"
        role = self._role(move)
        return {**found, "roles": [role]} if role else found

    def _role(self, move: FoundMove) -> str | None:
        """The role whose name all lanes of the sources have."""
        lanes = {found.lane for key in move.sources if (found := self.stages[key].element) is not None}
        names = {key_of(lane, "lane", ()) for lane in lanes}
        return next(iter(names)) if len(names) == 1 and names <= set(self.roles) else None

    def clocks(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """A clock for each timer of a stage, which counts elapsed time."""
        taken: set[str] = set()
        for element, timer in _timers(self.machine):
            stages = [
                stage.key
                for stage in self.machine.stages
                if stage.element is not None and _is_at(stage.element, element)
            ]
            text = timer_text(timer)
            target = target_of(text)
            if target is None or not stages:
                self.made.findings.append(timer.finding(FindingCode.TIMER_LOST, Weight.LOST, value=text or "—"))
                continue
            key = key_of(timer.name or element.name, "clock", taken)
            taken.add(key)
            name = timer.name or element.shown
            self.made.note(("clocks", key), f"{timer.kind} {timer.id}: {text}")
            yield (
                key,
                {
                    "title": titles(Title(name, name)),
                    "start": {"entering": _one_or_many(stages)},
                    "stop": {"leaving": _one_or_many(stages)},
                    "target": target,
                    "calendar": "always",
                    "escalate": [{"to": "owner"}],
                },
            )

    def waivers(self) -> None:
        """Why stages without a timer have no clock: the file says nothing of one."""
        timed = {
            key for clock in self.made.data.get("clocks", {}).values() for key in _many(clock["start"]["entering"])
        }
        for key, part in self.made.data["stages"].items():
            if StageKind(part["kind"]).is_ours and key not in timed:
                part["waiver"] = _NO_TIMER

    def reasons(self) -> None:
        """A catalogue with one reason, where moves need one that BPMN does not know."""
        wanting = [key for key, part in self.made.data["transitions"].items() if part.get("reason") == "required"]
        if not wanting:
            return
        self.made.data["reasons"] = {"unspecified": {"title": _UNSPECIFIED, "for": wanting}}
        self.made.note(("reasons",), "BPMN has no reasons of losses: write those that you want to count.")
        what = Title("why cases are lost", "почему дела проигрываются")
        self.made.findings.append(Finding(FindingCode.ASSUMED, Weight.NOTED, {"what": what, "names": "unspecified"}))


def titles(title: Title) -> dict[str, str]:
    """A title in the notation of documents."""
    return {"en": title.en[:MOST_TITLE].strip() or "—", "ru": title.ru[:MOST_TITLE].strip() or "—"}


def documentation(node: Any) -> str:
    """What an element is documented as, on one line."""
    return plain(" ".join(part.text for part in node.all(BPMN, "documentation")))[:MOST_TITLE]


def _performers(element: Element) -> Iterator[str]:
    for child in element.node.children:
        if child.space == BPMN and child.name in {"potentialOwner", "performer", "humanPerformer", "resourceRole"}:
            said = child.get("name") or next((part.text.strip() for part in child.all(BPMN, "resourceRef")), "")
            yield f"Done by: {plain(said)}"


def _timers(machine: Machine) -> Iterator[tuple[Element, Element]]:
    """The timers of the process that can be clocks, each with what it is attached to or is itself."""
    for element in walk(machine.pool.scope):
        for event in element.boundary:
            if event.event == "timer" and not is_ours(event) and (event.is_interrupting or is_side_line(event)):
                yield element, event
        if element.kind == "intermediateCatchEvent" and element.event == "timer":
            before = [flow.source for flow in element.incoming if flow.source.kind == "eventBasedGateway"]
            yield (before[0] if before else element), element


def _is_at(stage: Element, place: Element) -> bool:
    """Whether a stage is the place, or inside it."""
    while stage is not place:
        if stage.scope.owner is None:
            return False
        stage = stage.scope.owner
    return True


def _one_or_many(keys: list[str]) -> str | list[str]:
    return keys[0] if len(keys) == 1 else keys


def _many(keys: str | list[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else keys


def known_titles(value: Any) -> Mapping[str, Any]:
    """The titles of a part, nothing where they are not there."""
    found = value.get("title") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
