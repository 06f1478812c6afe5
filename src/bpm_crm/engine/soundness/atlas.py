"""What the graph of a process shows: its nodes and edges by what they are about, and traces along them."""

from collections.abc import Collection, Iterable

from bpm_crm.engine.definition import Transition
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.graph import Edge, Explorer, Node
from bpm_crm.engine.soundness.logic import Verdict
from bpm_crm.engine.soundness.play import Played
from bpm_crm.engine.soundness.questions import TOO_HARD, Finding, Questions
from bpm_crm.engine.soundness.witness import Witnesses
from bpm_crm.engine.traces import Trace

MOST_TRIES = 4
"""How many ways are tried to show something before it is given up."""


class Atlas:
    """The graph of a process with its witnesses, looked up by stage, transition and checkpoint; sure edges come first."""

    def __init__(self, process: Process, questions: Questions) -> None:
        self.process = process
        self.questions = questions
        self.explorer = Explorer(process, questions)
        self.graph = self.explorer.explore()
        self.witnesses = Witnesses(process, questions, self.graph)
        self.by_stage: dict[str, list[Node]] = {}
        self.by_transition: dict[str, list[Edge]] = {}
        self.by_checkpoint: dict[str, list[Edge]] = {}
        for node in self.graph.first:
            self.by_stage.setdefault(node.stage, []).append(node)
        for edge in sorted(self.graph.edges(), key=lambda edge: not edge.is_sure):
            if isinstance(edge.step, Transition):
                self.by_transition.setdefault(edge.step.key, []).append(edge)
            for key in edge.flow.touched:
                self.by_checkpoint.setdefault(key, []).append(edge)

    def trace_into(self, stage: str) -> Trace:
        """A trace that leads into a stage; empty where none could be made."""
        return self._first(self.witnesses.to(node) for node in self.by_stage.get(stage, []))

    def trace_over(self, transition: str) -> Trace:
        """A trace that ends with a transition."""
        return self._first(self.witnesses.along(edge) for edge in self.by_transition.get(transition, []))

    def shortest_to(self, ends: Collection[str]) -> Trace:
        """The shortest trace that leads to one of these stages without passing an end."""
        for sure in (True, False):
            way = self.graph.shortest_way(ends, self.process.final_stages, sure=sure)
            played = None if way is None else self.witnesses.over(way)
            if played is not None:
                return played.trace
        return ()

    def trace_to_an_end(self) -> Trace:
        """A trace that leads to an end, the shortest."""
        ends = (node for node in self.graph.first if node.stage in self.process.final_stages)
        return self._first(self.witnesses.to(node) for node in ends)

    def trace_barred(self, key: str, source: str | None) -> Trace:
        """A trace that leads to a source of a transition and fires its trigger there, in vain."""
        transition = self.process.definition.transitions[key]
        nodes = (
            node
            for stage in transition.sources
            if source in {None, stage}
            for node in self.by_stage.get(stage, [])[:MOST_TRIES]
        )
        tries = (self.witnesses.attempt(node, transition, Finding(Verdict.IMPOSSIBLE), _nothing) for node in nodes)
        return self._first(played for played in tries if played and played.trace[-1].transition != key)

    def obstacle_along(self, edges: list[Edge]) -> str | None:
        """What keeps every one of these edges from being shown; None where one is."""
        if any(self.witnesses.along(edge) is not None for edge in edges[:MOST_TRIES]):
            return None
        return edges[0].finding.obstacle or self.obstacle_to(edges[0].source)

    def obstacle_to(self, node: Node) -> str:
        """What keeps a node from being shown."""
        return self.obstacle_of(self.graph.way_to(node))

    def obstacle_of(self, way: Iterable[Edge]) -> str:
        """What keeps a way from being shown."""
        return next((edge.finding.obstacle for edge in way if edge.finding.obstacle), TOO_HARD)

    def _first(self, tries: Iterable[Played | None]) -> Trace:
        return next((played.trace for played in tries if played is not None), ())


def _nothing(_scene: object) -> list[object]:
    return []
