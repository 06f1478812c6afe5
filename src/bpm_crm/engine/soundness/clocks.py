"""Which clocks may or must be running while a case is in a stage, whatever way it came."""

from collections.abc import Iterator
from dataclasses import dataclass

from bpm_crm.engine.definition import SlaPolicy
from bpm_crm.engine.soundness.flow import Flow
from bpm_crm.engine.soundness.graph import Graph


@dataclass(frozen=True, slots=True)
class Running:
    """A clock over the stages: where it may be running, with the stages it may have started in, and where it may not be."""

    since: dict[str, frozenset[str]]
    off: frozenset[str]

    def always(self, stage: str) -> bool:
        """Whether the clock runs all the while that a case is in the stage."""
        return stage in self.since and stage not in self.off


def running(graph: Graph, policy: SlaPolicy) -> Running:
    """Where the clock of a policy runs, by following every way through the graph."""
    moves: dict[str, list[tuple[str, Flow]]] = {}
    for edge in graph.edges():
        moves.setdefault(edge.source.stage, []).append((edge.target.stage, edge.flow))
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


def _by_stage(found: set[tuple[str, str | None]]) -> Iterator[tuple[str, frozenset[str]]]:
    for stage in {stage for stage, since in found if since is not None}:
        yield stage, frozenset(since for known, since in found if known == stage and since is not None)
