"""A process as a picture of boxes, lines and labels: laid out once, whatever it is written as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, StageKind
from bpm_crm.engine.drawing.graph import ANYWHERE, Graph, Move, graph_of
from bpm_crm.engine.drawing.lettering import width_of, wrapped
from bpm_crm.engine.drawing.marks import Marks, StageMark
from bpm_crm.engine.drawing.placing import cells_of
from bpm_crm.engine.drawing.routing import Line, Plan, Size, plan
from bpm_crm.engine.drawing.wording import ANY_STAGE, BY_FORCE, span_text
from bpm_crm.engine.occasions import Occasion, OccasionKind

BOX_WIDTH: Final = 240
NAME, NOTE, LABEL = 15, 12.5, 12.5
"""Sizes of letters: names of stages, notes below them, labels of moves."""
LEADING: Final = 1.3
PADDING: Final = 12
LABEL_WIDTH: Final = 178
MARGIN: Final = 24
START: Final = 44

_MOST_NAME, _MOST_NOTE, _MOST_LABEL = 4, 2, 3


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text in a box, told apart by what it says: `name`, `clock` or `note`."""

    role: str
    line: str
    size: float


@dataclass(frozen=True, slots=True)
class Stand:
    """A node of the picture: its key, kind (None for what stands for several stages), texts, funnel steps and mark."""

    key: str
    kind: StageKind | None
    texts: tuple[Text, ...]
    steps: tuple[int, ...]
    mark: StageMark


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A line of a label; `is_taken`: it is about what the case did."""

    text: str
    is_taken: bool


@dataclass(frozen=True, slots=True)
class Label:
    """What is written at a move, line by line; `steps` are the funnel steps that it reaches, `is_taken` that the case went there."""

    lines: tuple[LabelLine, ...]
    steps: tuple[int, ...]
    is_taken: bool
    is_forced: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A process laid out; `labels` are in the order of the moves of the graph."""

    graph: Graph
    plan: Plan
    stands: tuple[Stand, ...]
    labels: tuple[Label, ...]


def picture_of(definition: ProcessDefinition, marks: Marks, language: str) -> Picture:
    """Lay out a definition with what an overlay writes over it."""
    graph = graph_of(definition, [(item.source, item.target, item.transition) for item in marks.taken])
    stands = tuple(_stand(definition, node, marks, language) for node in graph.nodes)
    labels = tuple(_label(definition, move, marks, language) for move in graph.moves)
    sizes = {stand.key: Size(BOX_WIDTH, _height(stand.texts)) for stand in stands}
    lines = [Line(move.source, move.target, *_extent(label)) for move, label in zip(graph.moves, labels, strict=True)]
    return Picture(graph, plan(cells_of(graph), sizes, lines, margin=MARGIN, left=START), stands, labels)


def clocks_at(definition: ProcessDefinition, stage: str) -> list[SlaPolicy]:
    """The clocks that can start with a case's being in a stage, and have a target there."""
    return [
        policy
        for policy in definition.policies.values()
        if policy.target(stage) is not None and stage in starting_stages(definition, policy)
    ]


def starting_stages(definition: ProcessDefinition, policy: SlaPolicy) -> frozenset[str]:
    """The stages in which a case is once a clock has started by a stage, a transition, a checkpoint or the start; none for activities."""
    return frozenset(_stages_after(definition, policy.start.occasions, frozenset()))


def _stages_after(definition: ProcessDefinition, occasions: Sequence[Occasion], passed: frozenset[str]) -> set[str]:
    found: set[str] = set()
    for occasion in occasions:
        match occasion.kind:
            case OccasionKind.STARTED:
                found.add(definition.initial)
            case OccasionKind.ENTERING if occasion.key in definition.stages:
                found.add(occasion.key)
            case OccasionKind.LEAVING:
                found |= {move.target for move in definition.transitions.values() if occasion.key in move.sources}
            case OccasionKind.TRANSITION if occasion.key in definition.transitions:
                found.add(definition.transitions[occasion.key].target)
            case OccasionKind.CHECKPOINT if occasion.key in definition.checkpoints and occasion.key not in passed:
                reached = definition.checkpoints[occasion.key].reached.occasions
                found |= _stages_after(definition, reached, passed | {occasion.key})
            case _:
                pass
    return {stage for stage in found if not definition.stages[stage].kind.is_final}


def _stand(definition: ProcessDefinition, node: str, marks: Marks, language: str) -> Stand:
    if node == ANYWHERE:
        return Stand(node, None, _texts("name", ANY_STAGE.in_language(language)), (), StageMark())
    stage, mark = definition.stages[node], marks.stages.get(node, StageMark())
    clocks = [
        f"{policy.title.in_language(language)}: {span_text(target, language)}"
        for policy in clocks_at(definition, node)
        if (target := policy.target(node)) is not None
    ]
    texts = (
        *_texts("name", stage.title.in_language(language)),
        *(text for clock in clocks for text in _texts("clock", clock)),
        *(text for note in mark.notes for text in _texts("note", note)),
    )
    return Stand(node, stage.kind, texts, _steps(definition, OccasionKind.ENTERING, [node]), mark)


def _texts(role: str, text: str) -> tuple[Text, ...]:
    size, most = (NAME, _MOST_NAME) if role == "name" else (NOTE, _MOST_NOTE)
    room = BOX_WIDTH - 2 * PADDING - (18 if role == "clock" else 0)
    lines = wrapped(text, room, size, most=most, is_bold=role == "name")
    roles = [role, *(["clock-more"] * (len(lines) - 1) if role == "clock" else [role] * (len(lines) - 1))]
    return tuple(Text(part, line, size) for part, line in zip(roles, lines, strict=True))


def _height(texts: Sequence[Text]) -> float:
    return 2 * PADDING + sum(text.size * LEADING for text in texts)


def _label(definition: ProcessDefinition, move: Move, marks: Marks, language: str) -> Label:
    taken = [item for item in marks.taken if (item.source, item.target) == (move.source, move.target)]
    by_force = any(item.transition is None for item in taken)
    went = {item.transition for item in taken}
    said = [(definition.transitions[key].title.in_language(language), key in went) for key in move.transitions]
    said += [(BY_FORCE.in_language(language), True)] if by_force else []
    said += [(item.note, True) for item in taken]
    lines = [
        LabelLine(line, is_taken)
        for text, is_taken in said
        for line in wrapped(text, LABEL_WIDTH, LABEL, most=_MOST_LABEL, is_bold=is_taken)
    ]
    steps = _steps(definition, OccasionKind.TRANSITION, move.transitions)
    return Label(tuple(lines), steps, bool(taken), by_force and not move.transitions)


def _steps(definition: ProcessDefinition, kind: OccasionKind, keys: Sequence[str]) -> tuple[int, ...]:
    """The funnel steps that are reached there; the start of the case belongs to the initial stage."""
    wanted = {Occasion(kind, key) for key in keys}
    if kind is OccasionKind.ENTERING and definition.initial in keys:
        wanted.add(Occasion(OccasionKind.STARTED))
    return tuple(
        number
        for number, checkpoint in enumerate(definition.funnel, 1)
        if wanted.intersection(checkpoint.reached.occasions)
    )


def _extent(label: Label) -> tuple[float, float]:
    width = max((width_of(line.text, LABEL, is_bold=line.is_taken) for line in label.lines), default=0)
    return width + (24 * len(label.steps)), max(len(label.lines) * LABEL * LEADING, 20 if label.steps else 0)


def titles_by_step(definition: ProcessDefinition, language: str) -> Mapping[int, str]:
    """The steps of the funnel by number."""
    return {number: item.title.in_language(language) for number, item in enumerate(definition.funnel, 1)}
