"""Everything a case may go through, as far as guards can tell one way from another: stages, with the history that guards read.

Data is not part of it: every move may bring any data with it, so no data that a case has now keeps a later move from happening.
Counts are followed up to the largest number that guards compare them with, and stand for "so many or more" there.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bpm_crm.engine.definition import Transition
from bpm_crm.engine.process import Process
from bpm_crm.engine.reactions import Reactions
from bpm_crm.engine.soundness.flow import NOTHING, Flow, flow_of_act, flow_of_move, flow_of_start
from bpm_crm.engine.soundness.logic import Verdict
from bpm_crm.engine.soundness.questions import Finding, Questions
from bpm_crm.engine.soundness.scene import Known
from bpm_crm.engine.step import APPROVAL, Activity

MOST_NODES: Final = 5_000
MOST_EDGES: Final = 45_000
MOST_COUNTED: Final = 8
DIRECTIONS: Final = ("outbound", "inbound", "internal")

Place = TypeVar("Place")
"""Where a search over the graph may be: a node, with what is known there besides."""


@dataclass(frozen=True, slots=True)
class Node:
    """A stage with the history that guards read: checkpoints reached, and counts by variable."""

    stage: str
    reached: frozenset[str]
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A move or a recorded act between two nodes, and the checkpoints that it touches."""

    source: Node
    target: Node
    step: Transition | Activity
    finding: Finding
    flow: Flow

    @property
    def is_sure(self) -> bool:
        """Whether the step can be taken without anything left undecided."""
        return self.finding.verdict is Verdict.POSSIBLE and not self.finding.obstacle


@dataclass(slots=True)
class Graph:
    """The nodes found from the start, each with the edge that first led there, and every edge out of them.

    `is_whole` is false where the search was given up: then nothing can be said never to happen.
    """

    start: Node
    begun: Flow
    first: dict[Node, Edge | None] = field(default_factory=dict)
    out: dict[Node, list[Edge]] = field(default_factory=dict)
    is_whole: bool = True

    def edges(self) -> Iterator[Edge]:
        """Every edge."""
        for found in self.out.values():
            yield from found

    def shortest_way(self, ends: Collection[str], final: Collection[str], *, sure: bool) -> list[Edge] | None:
        """The fewest edges from the start to one of these stages without passing a final one; None where there are none."""
        came: dict[Node, Edge | None] = {self.start: None}
        waiting = deque([self.start])
        while waiting:
            node = waiting.popleft()
            if node.stage in ends:
                return _back(came, node)
            for edge in self.out.get(node, ()) if node.stage not in final else ():
                if edge.target not in came and (edge.is_sure or not sure):
                    came[edge.target] = edge
                    waiting.append(edge.target)
        return None

    def way_to(self, node: Node) -> list[Edge]:
        """The shortest way found from the start to a node."""
        return _back(self.first, node)


def way_back(came: Mapping[Place, tuple[Place, Edge] | None], at: Place) -> list[Edge]:
    """The way of a search that led to a place, by the place and the edge that led to each."""
    way = []
    step = came[at]
    while step is not None:
        at, edge = step
        way.append(edge)
        step = came[at]
    return way[::-1]


def _back(came: Mapping[Node, Edge | None], node: Node) -> list[Edge]:
    """The way that led to a node, by the edge that led to each."""
    way: list[Edge] = []
    edge = came[node]
    while edge is not None:
        way.append(edge)
        edge = came[edge.source]
    return way[::-1]


class Explorer:
    """Searches the graph of a process: over sure edges first, so that ways are as sure as they can be, then over the rest."""

    def __init__(self, process: Process, questions: Questions) -> None:
        self._process = process
        self._questions = questions
        read = questions.history_read()
        self._reached = frozenset(name.removeprefix("reached.") for name in read if name.startswith("reached."))
        self._counted = sorted(name for name in read if not name.startswith("reached."))
        self._cap = 1 + min(MOST_COUNTED, max((abs(number) for number in questions.literals_read()), default=1))
        self._acts = tuple(self._acts_that_count())
        self._flows: dict[tuple[object, str], Flow] = {}

    def explore(self) -> Graph:
        """The graph from the start of a case."""
        initial = self._process.definition.initial
        begun = flow_of_start(self._process)
        counts = tuple((name, 1 if name == f"visits.{initial}" else 0) for name in self._counted)
        start = Node(initial, begun.touched & self._reached, counts)
        graph = Graph(start, begun, {start: None})
        sure, unsure = deque([start]), deque[Edge]()
        count = 0
        while sure or unsure:
            if sure:
                node = sure.popleft()
                self._expand(graph, node, sure, unsure)
                count += len(graph.out[node])
                if count > MOST_EDGES:
                    graph.is_whole = False
                    break
                continue
            edge = unsure.popleft()
            if edge.target not in graph.first:
                graph.first[edge.target] = edge
                sure.append(edge.target)
            if len(graph.first) > MOST_NODES:
                graph.is_whole = False
            if not graph.is_whole:
                break
        return graph

    def known(self, node: Node) -> Known:
        """What a node says of a case."""
        exact = {name: count for name, count in node.counts if count < self._cap}
        least = {name: count for name, count in node.counts if count >= self._cap}
        return Known(node.stage, {key: key in node.reached for key in self._reached}, exact, least)

    def _expand(self, graph: Graph, node: Node, sure: deque[Node], unsure: deque[Edge]) -> None:
        graph.out[node] = list(self._edges(node))
        for edge in graph.out[node]:
            if edge.target in graph.first:
                continue
            if not edge.is_sure:
                unsure.append(edge)
            elif len(graph.first) <= MOST_NODES:
                graph.first[edge.target] = edge
                sure.append(edge.target)
            else:
                graph.is_whole = False

    def _edges(self, node: Node) -> Iterator[Edge]:
        known = self.known(node)
        for transition in self._process.open_from(node.stage):
            finding = self._questions.fires(transition, known)
            if finding.verdict is not Verdict.IMPOSSIBLE:
                flow = self._flow_of(transition, node.stage)
                target = self._after(node, flow, transition.target, f"visits.{transition.target}")
                yield Edge(node, target, transition, finding, flow)
        for act in self._acts:
            if act.kind != APPROVAL or any(
                item.approval_roles is not None for item in self._process.open_from(node.stage)
            ):
                flow = self._flow_of_act(act, node.stage)
                target = self._after(node, flow, node.stage, f"activities.{act.kind}")
                yield Edge(node, target, act, Finding(Verdict.POSSIBLE), flow)

    def _flow_of(self, transition: Transition, source: str) -> Flow:
        key = (transition.key, source)
        if key not in self._flows:
            self._flows[key] = flow_of_move(self._process, transition, source)
        return self._flows[key]

    def _flow_of_act(self, act: Activity, stage: str) -> Flow:
        key = (act, stage)
        if key not in self._flows:
            self._flows[key] = flow_of_act(self._process, act, stage)
        return self._flows[key]

    def _after(self, node: Node, flow: Flow, stage: str, counted: str) -> Node:
        counts = tuple((name, min(self._cap, count + (name == counted))) for name, count in node.counts)
        return Node(stage, node.reached | flow.touched & self._reached, counts)

    def _acts_that_count(self) -> Iterator[Activity]:
        """One act for each way of setting something off, and one of each kind that guards count."""
        kinds = {name.removeprefix("activities.") for name in self._counted if name.startswith("activities.")}
        seen: set[tuple[Reactions, str]] = {(NOTHING, "")}
        for kind in sorted(self._process.activity_kinds, key=lambda kind: (kind == APPROVAL, kind)):
            for direction in DIRECTIONS:
                for automated in (False, True):
                    if kind == APPROVAL and automated:
                        continue
                    effect = (self._process.on_activity(kind, direction, automated), kind if kind in kinds else "")
                    if effect not in seen:
                        seen.add(effect)
                        yield Activity(kind, direction, automated)
