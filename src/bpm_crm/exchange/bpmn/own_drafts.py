"""A process that was written by us and read back: its parts as they were, with what was changed in the picture since."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from bpm_crm.engine.definition import FINAL_KINDS, StageKind, Title
from bpm_crm.exchange.bpmn.drafts import Sketch, known_titles, sketch_of, titles
from bpm_crm.exchange.bpmn.findings import Finding, FindingCode, Weight
from bpm_crm.exchange.bpmn.keys import key_of
from bpm_crm.exchange.bpmn.machine import FoundMove, FoundStage, Machine
from bpm_crm.exchange.bpmn.model import Element, plain, walk
from bpm_crm.exchange.bpmn.names import NO_GUARD
from bpm_crm.exchange.bpmn.own_parts import Part, part_of, parts_of, timers_of
from bpm_crm.exchange.bpmn.parts import SECTIONS
from bpm_crm.exchange.bpmn.spans import timer_text
from bpm_crm.exchange.bpmn.xml_writer import writable

_STAGE = Title("Stage", "Стадия")
_MOVE = Title("Transition", "Переход")
_CLOCK = Title("Clock", "Часы")
_FIRST_COUNTS = Title(
    "its flows no longer say the same, the first of them counts: change all of them alike",
    "его потоки больше не одинаковы, действует первый из них: измените их одинаково",
)
_CHECK_RUSSIAN = Title("check its Russian title", "проверьте русское название")
_TAKEN_OVER = Title("the change was taken over", "изменение перенесено")
_CHANGE_CLOCK = Title(
    "timers only show clocks: change `clocks` in the document",
    "таймеры только показывают часы: измените `clocks` в документе",
)

_TOLD_ALWAYS = frozenset({FindingCode.GUARD_LOST, FindingCode.TIMER_LOST})


def is_ours(machine: Machine) -> bool:
    """Whether the process carries the parts of a document of ours."""
    return part_of(machine.pool.scope.node, "process") is not None


def own_sketch_of(machine: Machine, roles: Collection[str]) -> Sketch:
    """The document of a process of ours: what the picture says goes before what was kept beside it."""
    return _Merger(machine, roles).sketch()


class _Merger:
    def __init__(self, machine: Machine, roles: Collection[str]) -> None:
        self.machine = machine
        self.parts = parts_of(machine.pool.scope.node)
        self.foreign = sketch_of(machine, roles)
        self.made = Sketch({})

    def sketch(self) -> Sketch:
        made = self.made
        for part in self.parts:
            if part.name == "process" and isinstance(part.value, dict):
                made.data |= part.value
            elif part.name == "calendar":
                made.data["calendar"] = part.value
        made.data["stages"] = {stage.key: self._stage(stage) for stage in self.machine.stages}
        made.data["transitions"] = dict(self._transitions())
        for section, name in SECTIONS.items():
            values = {part.key: part.value for part in self.parts if part.name == name}
            if values:
                made.data[section] = values
        self._add_clocks()
        self._check_timers()
        made.findings += [item for item in self.foreign.findings if item.code in _TOLD_ALWAYS]
        return made

    def _add_clocks(self) -> None:
        """Timers that were added in the picture."""
        for key, value in self.foreign.data.get("clocks", {}).items():
            clocks = self.made.data.setdefault("clocks", {})
            new = key_of(key, "clock", clocks)
            clocks[new] = value
            self.made.comments["clocks", new] = self.foreign.comments["clocks", key]

    def _stage(self, stage: FoundStage) -> Any:
        if stage.part is None or stage.element is None:
            return self._new("stages", stage.key)
        value = dict(stage.part.value)
        self._rename(value, stage.element.name, _STAGE, stage.part.key, stage.element.id)
        kind = _kind(str(value.get("kind")), stage.kind)
        if kind != value.get("kind"):
            value["kind"] = kind
            self._changed(_STAGE, stage.key, _TAKEN_OVER, stage.element.id)
        return value

    def _transitions(self) -> Iterator[tuple[str, Any]]:
        """Those of ours in their order, those without a flow among them, then new ones."""
        drawn = {move.key: move for move in self.machine.moves}
        ordered = sorted(
            [(move.part.order, move.key) for move in drawn.values() if move.part is not None]
            + [(part.order, part.key) for part in self.parts if part.name == "transition" and part.key not in drawn]
        )
        aside = {part.key: part for part in self.parts if part.name == "transition"}
        for _, key in ordered:
            move = drawn.get(key)
            if move is not None and move.part is not None:
                yield key, self._transition(move, move.part)
            elif self._leads(aside[key]):
                yield key, aside[key].value
        for move in drawn.values():
            if move.part is None:
                yield move.key, self._new("transitions", move.key)

    def _transition(self, move: FoundMove, part: Part) -> Any:
        value = dict(part.value)
        self._rename(value, move.title.en, _MOVE, part.key, "")
        if move.key != part.key:
            value.setdefault("trigger", part.key)
        if move.is_uneven:
            self._changed(_MOVE, part.key, _FIRST_COUNTS, "")
        kept = self._sources(value.get("from"))
        finals = [key for key in kept or () if self._is_final(key)]
        if kept is None or set(kept) - set(finals) != set(move.sources):
            sources = [*move.sources, *finals]
            value["from"] = sources[0] if len(sources) == 1 else sources
            self._changed(_MOVE, part.key, _TAKEN_OVER, "")
        if value.get("to") != move.target:
            value["to"] = move.target
            self._changed(_MOVE, part.key, _TAKEN_OVER, "")
        self._guard(value, move, part)
        return value

    def _guard(self, value: dict[str, Any], move: FoundMove, part: Part) -> None:
        written = value.get("guard")
        when = written.get("when") if isinstance(written, dict) else written
        before = plain_guard(when)
        if move.guard == before:
            return
        self._changed(_MOVE, part.key, _TAKEN_OVER, "")
        if move.guard is None:
            value.pop("guard", None)
        elif isinstance(written, dict):
            value["guard"] = {**written, "when": move.guard}
        else:
            value["guard"] = move.guard

    def _sources(self, written: Any) -> list[str] | None:
        """The stages of a `from`; None where it is none."""
        if written == "*":
            return [stage.key for stage in self.machine.stages if not self._is_final(stage.key)]
        named = [written] if isinstance(written, str) else written
        is_list = isinstance(named, list) and all(isinstance(name, str) for name in named)
        return named if is_list else None

    def _is_final(self, key: str) -> bool:
        return any(stage.key == key and stage.kind.is_final for stage in self.machine.stages)

    def _leads(self, part: Part) -> bool:
        """Whether a transition that no flow stands for still leads from somewhere to somewhere."""
        known = {stage.key for stage in self.machine.stages}
        value = part.value if isinstance(part.value, dict) else {}
        sources = self._sources(value.get("from")) or [""]
        is_there = value.get("to") in known and known.issuperset(sources)
        if not is_there:
            self._changed(_MOVE, part.key, _TAKEN_OVER, "")
        return is_there

    def _rename(self, value: dict[str, Any], name: str, what: Title, key: str, element: str) -> None:
        """Take over a name that was changed."""
        known = known_titles(value)
        if not name or plain(writable(str(known.get("en", "")))) == name:
            return
        value["title"] = {**known, "en": titles(Title(name, name))["en"]}
        value["title"].setdefault("ru", value["title"]["en"])
        self._changed(what, key, _CHECK_RUSSIAN, element)

    def _new(self, section: str, key: str) -> Any:
        """A part that was added in the picture, with its comments and findings."""
        for path, lines in self.foreign.comments.items():
            if path == (section, key):
                self.made.comments[path] = lines
        return self.foreign.data[section][key]

    def _check_timers(self) -> None:
        counts: dict[str, int] = {}
        for element, mark in _marks(walk(self.machine.pool.scope)):
            clock = mark.get("clock", "")
            counts[clock] = counts.get(clock, 0) + 1
            if timer_text(element) != mark.get("duration"):
                self._changed(_CLOCK, clock, _CHANGE_CLOCK, element.id)
        for part in self.parts:
            if part.name == "clock" and str(counts.get(part.key, 0)) != part.more.get("timers", "0"):
                self._changed(_CLOCK, part.key, _CHANGE_CLOCK, "")

    def _changed(self, what: Title, name: str, cure: Title, element: str) -> None:
        names: dict[str, str | Title] = {"what": what, "name": name, "cure": cure}
        finding = Finding(FindingCode.CHANGED_OUTSIDE, Weight.NOTED, names, element)
        if finding not in self.made.findings:
            self.made.findings.append(finding)


def plain_guard(when: Any) -> str | None:
    """A guard as its flow says it; None for one that always holds."""
    text = writable(when).strip() if isinstance(when, str) else ""
    return None if text in {"", NO_GUARD} else text


def _kind(written: str, found: StageKind) -> str:
    """The kind of a stage: as it was, unless the picture says that it begins, goes on or ends where it did not."""
    if written not in set(StageKind):
        return found.value
    kind = StageKind(written)
    is_same = (kind in FINAL_KINDS) is found.is_final and (kind is StageKind.INITIAL) is (found is StageKind.INITIAL)
    return kind.value if is_same else found.value


def _marks(elements: Iterable[Element]) -> Iterator[tuple[Element, Mapping[str, str]]]:
    for element in elements:
        if element.kind == "boundaryEvent":
            for mark in timers_of(element.node):
                yield element, mark.attributes
