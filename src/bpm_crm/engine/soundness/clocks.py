"""Which clocks may or must be running while a case is in a stage, whatever way it came."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.definition import SlaPolicy, Transition
from bpm_crm.engine.soundness.flow import Flow
from bpm_crm.engine.soundness.graph import Edge, Graph, Node, way_back

MOST_WATCHED: Final = 20_000
"""How many combinations of running clocks are followed."""

StageMoves = Mapping[str, Sequence[tuple[str, Flow]]]
"""By stage, the stages that steps lead to, with what each sets off."""


@dataclass(frozen=True, slots=True)
class Running:
    """A clock over the stages: where it may be running, with the stages it may have started in, and where it may not be."""

    since: dict[str, frozenset[str]]
    off: frozenset[str]

    def always(self, stage: str) -> bool:
        """Whether the clock runs all the while that a case is in the stage."""
        return stage in self.since and stage not in self.off


def stage_moves(graph: Graph) -> StageMoves:
    """What the edges of a graph come to between stages, each once."""
    found: dict[str, dict[tuple[str, int], tuple[str, Flow]]] = {}
    for edge in graph.edges():
        found.setdefault(edge.source.stage, {})[edge.target.stage, id(edge.flow)] = (edge.target.stage, edge.flow)
    return {stage: tuple(moves.values()) for stage, moves in found.items()}


def running(graph: Graph, moves: StageMoves, policy: SlaPolicy) -> Running:
    """Where the clock of a policy runs, by following every way through the graph, whose `stage_moves` are given."""
    first = (graph.start.stage, graph.begun.running_after(policy, None))
    found, waiting = {first}, [first]
    while waiting:
        stage, since = waiting.pop()
        for target, flow in moves.get(stage, ()):
            after = (target, flow.running_after(policy, since))
            if after not in found:
                found.add(after)
                waiting.append(after)
    return Running(dict(_by_stage(found)), frozenset(stage for stage, since in found if since is None))


def unwatched(graph: Graph, policies: Mapping[str, SlaPolicy], stages: Collection[str]) -> dict[str, list[Edge]] | None:
    """Those of these stages that a case can enter while no clock runs, with such a way; None where there are too many ways."""
    first = (graph.start, frozenset(key for key, on in graph.begun.switched(policies).items() if on))
    found: dict[str, list[Edge]] = {}
    if not first[1] and graph.start.stage in stages:
        found[graph.start.stage] = []
    switched: dict[int, dict[str, bool]] = {}
    came: dict[_Watch, tuple[_Watch, Edge] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        at = waiting.popleft()
        for edge in graph.out.get(at[0], ()):
            flow = edge.flow
            if id(flow) not in switched:
                switched[id(flow)] = flow.switched(policies)
            open_ = _open_after(at[1], switched[id(flow)], ends=flow.ends)
            after = (edge.target, open_)
            stage = edge.target.stage
            if isinstance(edge.step, Transition) and not open_ and stage in stages and stage not in found:
                found[stage] = [*way_back(came, at), edge]
            if after not in came:
                came[after] = (at, edge)
                waiting.append(after)
        if len(came) > MOST_WATCHED:
            return None
    return found


def _open_after(before: frozenset[str], changes: Mapping[str, bool], *, ends: bool) -> frozenset[str]:
    if ends:
        return frozenset()
    return before.difference(changes).union(key for key, on in changes.items() if on) if changes else before


_Watch = tuple[Node, frozenset[str]]
"""A node with the clocks that run."""


def _by_stage(found: set[tuple[str, str | None]]) -> Iterator[tuple[str, frozenset[str]]]:
    for stage in {stage for stage, since in found if since is not None}:
        yield stage, frozenset(since for known, since in found if known == stage and since is not None)
