"""Whether the order of funnel steps contradicts the ways through a process."""

from collections import deque
from collections.abc import Iterator
from itertools import combinations

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.soundness.graph import Edge, Graph, Node, way_back


def reversed_steps(definition: ProcessDefinition, graph: Graph) -> Iterator[tuple[str, str, list[Edge]]]:
    """Pairs of steps (earlier, later by `order`) that every way reaching both reaches the other way round, with such a way."""
    for first, second in combinations([step.key for step in definition.funnel], 2):
        if _way(graph, first, second) is None:
            way = _way(graph, second, first)
            if way is not None:
                yield first, second, way


def _way(graph: Graph, one: str, other: str) -> list[Edge] | None:
    """The shortest way that touches `one` no later than `other`, and both; None where there is none."""
    begun = graph.begun.touched
    if one not in begun and other in begun:
        return None
    start = (graph.start, one in begun)
    if one in begun and other in begun:
        return []
    came: dict[tuple[Node, bool], tuple[tuple[Node, bool], Edge] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for edge in graph.out.get(at[0], ()):
            seen = at[1] or one in edge.flow.touched
            if other in edge.flow.touched:
                if seen:
                    return [*way_back(came, at), edge]
                continue
            after = (edge.target, seen)
            if after not in came:
                came[after] = (at, edge)
                waiting.append(after)
    return None
