"""What a picture of a process is made of: its stages, and the moves between them drawn as one line each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bpm_crm.engine.definition import ProcessDefinition, StageKind

ANYWHERE = "*"
"""Stands for every stage that is not final, where a transition leads out of all of them."""


@dataclass(frozen=True, slots=True)
class Move:
    """The transitions (keys, in the order of the document) that lead from one stage to another; none for a move beside the definition."""

    source: str
    target: str
    transitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes in the order of the document, `ANYWHERE` last where there is one, and the moves between them."""

    initial: str
    nodes: tuple[str, ...]
    finals: frozenset[str]
    waiting: frozenset[str]
    goals: tuple[str, ...]
    moves: tuple[Move, ...]


def graph_of(definition: ProcessDefinition, taken: Iterable[tuple[str, str, str | None]] = ()) -> Graph:
    """The graph of a definition; moves that were `taken` (source, target, transition) are drawn even where `ANYWHERE` stands for them."""
    running = [key for key, stage in definition.stages.items() if not stage.kind.is_final]
    drawn: dict[tuple[str, str], list[str]] = {}
    for key, transition in definition.transitions.items():
        sources = list(transition.sources)
        if len(running) > 1 and set(running) <= set(sources):
            sources = [ANYWHERE, *(source for source in sources if source not in running)]
        for source in sources:
            drawn.setdefault((source, transition.target), []).append(key)
    for source, target, known in taken:
        keys = drawn.setdefault((source, target), [])
        if known is not None and known not in keys:
            keys.append(known)
    nodes = (*definition.stages, *([ANYWHERE] if any(source == ANYWHERE for source, _ in drawn) else []))
    return Graph(
        initial=definition.initial,
        nodes=nodes,
        finals=frozenset(definition.stages) - frozenset(running),
        waiting=frozenset(key for key, stage in definition.stages.items() if stage.kind is StageKind.WAITING),
        goals=tuple(key for key, stage in definition.stages.items() if stage.kind is StageKind.WON),
        moves=tuple(Move(*ends, tuple(keys)) for ends, keys in drawn.items()),
    )


def explicit_graph(definition: ProcessDefinition) -> Graph:
    """The graph with a line for every source and target: nothing stands for several stages."""
    drawn: dict[tuple[str, str], list[str]] = {}
    for key, transition in definition.transitions.items():
        for source in transition.sources:
            drawn.setdefault((source, transition.target), []).append(key)
    moves = tuple(Move(*ends, tuple(keys)) for ends, keys in drawn.items())
    return replace(graph_of(definition), nodes=tuple(definition.stages), moves=moves)


def followers(moves: Iterable[Move]) -> Mapping[str, list[str]]:
    """Where one can go from each node, in the order of the moves."""
    found: dict[str, list[str]] = {}
    for move in moves:
        found.setdefault(move.source, []).append(move.target)
    return found
