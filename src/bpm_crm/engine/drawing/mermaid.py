"""A process as a Mermaid state diagram (`stateDiagram-v2`)."""

from collections.abc import Iterator
from typing import Final

from bpm_crm.engine.definition import ProcessDefinition, StageKind
from bpm_crm.engine.drawing.graph import ANYWHERE, graph_of
from bpm_crm.engine.drawing.marks import BARE, Heat, Marks, StageMark
from bpm_crm.engine.drawing.wording import ANY_STAGE, BY_FORCE

_CLASSES: Final = {
    "initial": "stroke-width:3px",
    "open": "stroke-width:1px",
    "waiting": "stroke-dasharray:7 4",
    "won": "stroke:#2d8a4e,stroke-width:3px",
    "lost": "stroke:#b5423b",
    "cancelled": "stroke:#6b7280",
    "slow": "fill:#fbd0cb,color:#1b2430",
    "warm": "fill:#fdecc8,color:#1b2430",
    "calm": "fill:#dcf3e4,color:#1b2430",
    "unknown": "fill:#f1f1f3,color:#1b2430",
    "visited": "stroke:#c2410c,stroke-width:3px",
    "current": "stroke:#c2410c,stroke-width:6px",
}
_PLAIN: Final = frozenset(" .,–-·()/")


def mermaid(definition: ProcessDefinition, language: str, marks: Marks = BARE) -> str:
    """The state diagram of a definition, with what an overlay writes over it. The same input gives the same text."""
    lines = [
        "stateDiagram-v2",
        f"  accTitle: {_escaped(definition.title.in_language(language))}",
        *_stages(definition, marks, language),
        *_moves(definition, marks, language),
        *_classes(definition, marks),
    ]
    return "\n".join(lines) + "\n"


def _stages(definition: ProcessDefinition, marks: Marks, language: str) -> Iterator[str]:
    for stage in definition.stages.values():
        notes = marks.stages.get(stage.key, StageMark()).notes
        name = "<br/>".join(_escaped(text) for text in (stage.title.in_language(language), *notes))
        yield f'  state "{name}" as {_name(stage.key)}'
    if ANYWHERE in graph_of(definition).nodes:
        yield f'  state "{_escaped(ANY_STAGE.in_language(language))}" as {_name(ANYWHERE)}'


def _moves(definition: ProcessDefinition, marks: Marks, language: str) -> Iterator[str]:
    graph = graph_of(definition, [(item.source, item.target, item.transition) for item in marks.taken])
    yield f"  [*] --> {_name(graph.initial)}"
    for move in graph.moves:
        taken = [item for item in marks.taken if (item.source, item.target) == (move.source, move.target)]
        said = [definition.transitions[key].title.in_language(language) for key in move.transitions]
        said += [BY_FORCE.in_language(language)] if any(item.transition is None for item in taken) else []
        said += [item.note for item in taken]
        yield f"  {_name(move.source)} --> {_name(move.target)} : {'<br/>'.join(map(_escaped, said))}"
    for stage in definition.stages.values():
        if stage.kind.is_final:
            yield f"  {_name(stage.key)} --> [*]"


def _classes(definition: ProcessDefinition, marks: Marks) -> Iterator[str]:
    members: dict[str, list[str]] = {}
    for stage in definition.stages.values():
        for name in _class_names(stage.kind, marks.stages.get(stage.key, StageMark())):
            members.setdefault(name, []).append(_name(stage.key))
    for name, style in _CLASSES.items():
        if name in members:
            yield f"  classDef {name} {style}"
            yield f"  class {','.join(members[name])} {name}"


def _class_names(kind: StageKind, mark: StageMark) -> Iterator[str]:
    yield kind.value
    if isinstance(mark.heat, Heat):
        yield mark.heat.value
    if mark.is_current:
        yield "current"
    elif mark.is_visited:
        yield "visited"


def _name(key: str) -> str:
    """A name that no word of Mermaid is."""
    return "any_stage" if key == ANYWHERE else f"s_{key}"


def _escaped(text: str) -> str:
    """Everything but letters, digits and plain marks as an entity of Mermaid, so that nothing in a title is read as syntax."""
    return "".join(
        character if character.isalnum() or character in _PLAIN else f"#{ord(character)};" for character in text
    )
