"""Ways through the graph made real: inputs found for every step, and each step taken by the engine.

Most steps can be solved alone. Where one reads what it shares with those before it (the channel, the times), all steps of the way
are solved together.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from bpm_crm.engine.definition import Transition
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.flow import Flow, flow_of_act
from bpm_crm.engine.soundness.graph import Edge, Graph, Node
from bpm_crm.engine.soundness.logic import Term, Verdict
from bpm_crm.engine.soundness.play import BASE, PAUSE, Played, Player
from bpm_crm.engine.soundness.questions import Asked, Finding, Questions
from bpm_crm.engine.soundness.scene import Known, Scene, StepInput
from bpm_crm.engine.soundness.values import NotDecidable
from bpm_crm.engine.step import APPROVAL, Activity


class Witnesses:
    """Traces that lead to the nodes of a graph, and along its edges."""

    def __init__(self, process: Process, questions: Questions, graph: Graph) -> None:
        self._process = process
        self._questions = questions
        self._graph = graph
        self._player = Player(process)
        self._subject = {"channel": next(iter(process.definition.channels), ""), "region": ""}
        self._steps: dict[tuple[int, int], Played | None] = {}
        self._nodes: dict[Node, Played | None] = {graph.start: self._player.start(BASE, self._subject)}

    def to(self, node: Node) -> Played | None:
        """A case led to a node; None where no way there could be made real."""
        if node not in self._nodes:
            edge = self._graph.first[node]
            self._nodes[node] = None if edge is None else self.along(edge)
        return self._nodes[node]

    def along(self, edge: Edge) -> Played | None:
        """A case led along an edge: to its source, then over it."""
        at_source = self.to(edge.source)
        if at_source is not None and (isinstance(edge.step, Activity) or edge.finding.is_alone):
            found = self._taken(at_source, edge.step, edge.finding.input, at_source.at + PAUSE)
            if found is not None:
                return found
        return self._together([*self._graph.way_to(edge.source), edge], None)

    def over(self, way: Sequence[Edge]) -> Played | None:
        """A case led over a whole way from the start."""
        played = self._nodes[self._graph.start]
        for edge in way:
            if played is not None:
                key = (id(played), id(edge))
                if key not in self._steps:
                    self._steps[key] = self._taken(played, edge.step, edge.finding.input, played.at + PAUSE)
                played = self._steps[key]
        return played or self._together(way, None)

    def attempt(self, node: Node, transition: Transition, finding: Finding, asked: Asked) -> Played | None:
        """A case led to a node, where the trigger of a transition is fired, whatever comes of it.

        `finding` gives the input and `asked` the conditions it must fulfil, should the ways before have to be chosen with it.
        """
        here = self.to(node)
        if finding.is_alone:
            return None if here is None else self._player.fire(here, transition, finding.input, here.at + PAUSE)
        return self._together(self._graph.way_to(node), (transition, asked))

    def _taken(self, played: Played, step: Transition | Activity, given: StepInput, at: int) -> Played | None:
        if isinstance(step, Activity):
            return self._player.record(played, step, at)
        return self._player.move(played, step, given, at)

    def _together(self, way: Sequence[Edge], last: tuple[Transition, Asked] | None) -> Played | None:
        """The steps of a way solved in one question, and then taken."""
        try:
            scenes, terms, times = self._scenes(way, last)
        except NotDecidable:
            return None
        logic = self._questions.logic
        if any(scene.shares for scene in scenes):
            for scene in scenes:
                scene.value_of("now")
            terms.extend(earlier <= later for earlier, later in pairwise(times))
        answer = self._questions.solved([*terms, logic.equal(times[0], logic.literal(BASE))], scenes)
        if answer.verdict is not Verdict.POSSIBLE:
            answer = self._questions.solved(terms, scenes)
        if answer.verdict is not Verdict.POSSIBLE:
            return None
        return self._played(way, last, [scene.input(answer.values) for scene in scenes])

    def _scenes(
        self, way: Sequence[Edge], last: tuple[Transition, Asked] | None
    ) -> tuple[list[Scene], list[Term], list[Term]]:
        """A scene for each step, the conditions of all, and the instants of all, that of the start first."""
        logic, history = self._questions.logic, _History(self._process, self._graph.begun)
        past = {name: logic.text(name) for name in ("instance.channel", "instance.region")}
        times = [logic.integer("at 0")]
        past |= {"instance.started_at": times[0], "instance.entered_at": times[0]}
        scenes, terms = [], []
        steps: list[tuple[Transition | Activity, Flow | None, Asked | None]] = [
            (edge.step, edge.flow, None) for edge in way
        ]
        if last is not None:
            steps.append((last[0], None, last[1]))
        for number, (step, flow, asked) in enumerate(steps, 1):
            times.append(logic.integer(f"at {number}"))
            if isinstance(step, Transition) and step.approval_roles is not None:
                history.act(Activity(APPROVAL), flow_of_act(self._process, Activity(APPROVAL), history.stage))
            scene = self._questions.scene(history.known(), f"@{number}", {**past, "now": times[-1]})
            scenes.append(scene)
            if isinstance(step, Transition):
                terms.extend(asked(scene) if asked else self._questions.firing(step, scene))
                past["instance.entered_at"] = times[-1]
                if flow is not None:
                    history.move(step, flow)
            elif flow is not None:
                history.act(step, flow)
        return scenes, terms, times

    def _played(
        self, way: Sequence[Edge], last: tuple[Transition, Asked] | None, inputs: Sequence[StepInput]
    ) -> Played | None:
        sharing = next((given for given in inputs if given.started_at is not None), None)
        begins = BASE if sharing is None or sharing.started_at is None else sharing.started_at
        channel = next((given.channel for given in inputs if given.channel), self._subject["channel"])
        region = next((given.region for given in inputs if given.region), "")
        played = self._player.start(begins, {"channel": channel, "region": region})
        for edge, given in zip(way, inputs, strict=False):
            if played is None:
                return None
            played = self._taken(played, edge.step, given, _when(played, given))
        if played is None or last is None:
            return played
        return self._player.fire(played, last[0], inputs[-1], _when(played, inputs[-1]))


class _History:
    """The exact history of a case along a way."""

    def __init__(self, process: Process, begun: Flow) -> None:
        self.stage = process.definition.initial
        self._process = process
        self._reached = set(begun.touched)
        self._counts = Counter({f"visits.{self.stage}": 1})

    def act(self, act: Activity, flow: Flow) -> None:
        self._reached |= flow.touched
        self._counts[f"activities.{act.kind}"] += 1

    def move(self, transition: Transition, flow: Flow) -> None:
        self._reached |= flow.touched
        self.stage = transition.target
        self._counts[f"visits.{self.stage}"] += 1

    def known(self) -> Known:
        definition = self._process.definition
        reached = {key: key in self._reached for key in definition.checkpoints}
        names = [f"visits.{key}" for key in definition.stages]
        names += [f"activities.{key}" for key in self._process.activity_kinds]
        return Known(self.stage, reached, {name: self._counts[name] for name in names})


def _when(played: Played, given: StepInput) -> int:
    return played.at + PAUSE if given.now is None else max(given.now, played.at)
