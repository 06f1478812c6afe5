"""The faults that only a look at guards and ways finds, each with a trace that shows it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from bpm_crm.engine.definition import Claim, Transition
from bpm_crm.engine.obstacles import Payload, guard_obstacle
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.soundness.atlas import MOST_TRIES, Atlas
from bpm_crm.engine.soundness.clocks import unwatched
from bpm_crm.engine.soundness.funnel import reversed_steps
from bpm_crm.engine.soundness.graph import Edge, Node
from bpm_crm.engine.soundness.logic import Verdict
from bpm_crm.engine.soundness.play import Played, replay
from bpm_crm.engine.soundness.questions import TOO_HARD, Asked, Finding
from bpm_crm.engine.soundness.undecided import Property, Undecided
from bpm_crm.engine.state import Actor
from bpm_crm.engine.traces import Trace

MOST_SHOWN = 50
"""How many problems keep their traces, which may be long."""
TOO_MANY_WAYS = "more ways than are followed"


class Proof:
    """The proof of one process: `problems` with their traces, `undecided`, and how much was proved, by property."""

    def __init__(self, atlas: Atlas) -> None:
        self.problems: list[Problem] = []
        self.undecided: list[Undecided] = []
        self.proved: Counter[Property] = Counter()
        self._atlas = atlas
        self._process = atlas.process
        self._graph = atlas.graph
        self._witnesses = atlas.witnesses

    def run(self) -> None:
        """Look at everything."""
        for key in self._process.definition.stages:
            self._stage(key)
        self._ends()
        for transition in self._process.definition.transitions.values():
            self._transition(transition)
        for trigger, claims in self._process.definition.alternatives.items():
            self._alternatives(trigger, claims)
        self._clocks()
        self._checkpoints()
        self._funnel()
        self.problems[MOST_SHOWN:] = [replace(problem, trace=()) for problem in self.problems[MOST_SHOWN:]]

    def _stage(self, key: str) -> None:
        nodes, path = self._atlas.by_stage.get(key, []), ("stages", key)
        if nodes:
            shown = any(self._witnesses.to(node) is not None for node in nodes[:MOST_TRIES])
            self._settle(Property.STAGES_ENTERED, path, self._atlas.obstacle_to(nodes[0]) if not shown else None)
            return
        into = [item for item in self._process.definition.transitions.values() if item.target == key]
        trace = next((trace for item in into if (trace := self._atlas.trace_barred(item.key, None))), ())
        params = {"value": key, "transitions": ", ".join(item.key for item in into)}
        self._refuse(Property.STAGES_ENTERED, ProblemCode.STAGE_NEVER_ENTERED, path, params, trace)

    def _ends(self) -> None:
        """That from every node some end may be reached; one fault for each stage in which a case can be caught."""
        final = [node for node in self._graph.first if node.stage in self._process.final_stages]
        may = _leading_to(final, self._graph.edges())
        sure = _leading_to(final, (edge for edge in self._graph.edges() if edge.is_sure))
        for stage, nodes in self._atlas.by_stage.items():
            path = ("stages", stage)
            caught = [node for node in nodes if node not in may]
            traces = (self._witnesses.to(node) for node in caught[:MOST_TRIES])
            shown = next((played for played in traces if played is not None), None)
            if shown is not None:
                code = ProblemCode.NO_WAY_OUT
                self._refuse(Property.ENDS_REACHED, code, path, {"value": stage}, shown.trace)
                continue
            unsure = next((node for node in nodes if node not in sure), None)
            obstacle = None if unsure is None else self._atlas.obstacle_to(unsure)
            self._settle(Property.ENDS_REACHED, path, obstacle)

    def _transition(self, transition: Transition) -> None:
        path: tuple[str, ...] = ("transitions", transition.key)
        if not any(stage in self._atlas.by_stage for stage in transition.sources):
            return
        edges = self._atlas.by_transition.get(transition.key, [])
        if edges:
            self._settle(Property.TRANSITIONS_FIRE, path, self._atlas.obstacle_along(edges))
            return
        if transition.guard is not None:
            path = (*path, "guard")
        when = "" if transition.guard is None else transition.guard.when
        params = {"value": transition.key, "guard": when or "—"}
        trace = self._atlas.trace_barred(transition.key, None)
        self._refuse(Property.TRANSITIONS_FIRE, ProblemCode.TRANSITION_NEVER_FIRES, path, params, trace)

    def _alternatives(self, trigger: str, claims: Collection[Claim]) -> None:
        for claim in sorted(claims):
            judge = self._exclusive if claim is Claim.EXCLUSIVE else self._exhaustive
            found = Property.ALTERNATIVES_EXCLUSIVE if claim is Claim.EXCLUSIVE else Property.ALTERNATIVES_EXHAUSTIVE
            for stage, nodes in self._atlas.by_stage.items():
                moves = self._process.candidates(trigger, stage)
                if moves:
                    self._claim(found, trigger, judge(trigger, moves, nodes))

    def _clocks(self) -> None:
        """That a clock runs in every stage of ours when a case enters it, or that its absence is written down."""
        stages = self._process.definition.stages
        ours = {key for key, stage in stages.items() if stage.kind.is_ours and key in self._atlas.by_stage}
        waived = {key for key in ours if stages[key].waiver is not None}
        found = unwatched(self._graph, self._process.definition.policies, ours - waived)
        for key in (key for key in stages if key in ours):
            path = ("stages", key)
            if found is None and key not in waived:
                self._settle(Property.STAGES_WATCHED, path, TOO_MANY_WAYS)
            elif found is None or key not in found:
                self._settle(Property.STAGES_WATCHED, path, None)
            else:
                played = self._witnesses.over(found[key])
                idle = played is not None and not any(clock.is_open for clock in played.state.clocks.values())
                trace = played.trace if played is not None and idle else ()
                code = ProblemCode.STAGE_WITHOUT_CLOCK
                self._refuse(Property.STAGES_WATCHED, code, path, {"value": key}, trace)

    def _checkpoints(self) -> None:
        for key in self._process.definition.checkpoints:
            path = ("checkpoints", key)
            edges = self._atlas.by_checkpoint.get(key, [])
            if key in self._graph.begun.touched:
                self._settle(Property.CHECKPOINTS_REACHED, path, None)
            elif edges:
                self._settle(Property.CHECKPOINTS_REACHED, path, self._atlas.obstacle_along(edges))
            else:
                code = ProblemCode.CHECKPOINT_UNREACHABLE
                self._refuse(Property.CHECKPOINTS_REACHED, code, path, {"value": key}, self._atlas.trace_to_an_end())

    def _funnel(self) -> None:
        refuted = False
        for first, second, way in reversed_steps(self._process.definition, self._graph):
            played = self._witnesses.over(way)
            path = ("checkpoints", second, "order")
            refuted = True
            if played is None:
                self._settle(Property.FUNNEL_IN_ORDER, path, self._atlas.obstacle_of(way))
                continue
            params = {"value": second, "first": first}
            code = ProblemCode.FUNNEL_ORDER_REVERSED
            self._refuse(Property.FUNNEL_IN_ORDER, code, path, params, played.trace)
        if not refuted:
            self.proved[Property.FUNNEL_IN_ORDER] += len(self._process.definition.funnel)

    def _exclusive(self, trigger: str, moves: tuple[Transition, ...], nodes: list[Node]) -> "Broken":
        for node in nodes:
            for first, second in combinations(moves, 2):
                finding = self._atlas.questions.both(first, second, self._atlas.explorer.known(node))
                asked = self._atlas.questions.asking_both(first, second)
                params = {"value": trigger, "stage": node.stage, "first": first.key, "second": second.key}
                yield node, (first, second), True, finding, asked, params

    def _exhaustive(self, trigger: str, moves: tuple[Transition, ...], nodes: list[Node]) -> "Broken":
        for node in nodes:
            finding = self._atlas.questions.none(moves, self._atlas.explorer.known(node))
            names = ", ".join(f"“{item.key}”" for item in moves)
            params = {"value": trigger, "stage": node.stage, "transitions": names}
            yield node, moves, False, finding, self._atlas.questions.asking_none(moves), params

    def _claim(self, claimed: Property, trigger: str, cases: "Broken") -> None:
        """Refuse a claim by the first case that breaks it, if there is one."""
        obstacle = None
        for node, moves, together, finding, asked, params in cases:
            if finding.verdict is Verdict.IMPOSSIBLE:
                continue
            obstacle = finding.obstacle or TOO_HARD
            if finding.verdict is not Verdict.POSSIBLE:
                continue
            played = self._witnesses.attempt(node, moves[0], finding, asked)
            if played is not None and self._all(moves, played, together):
                code = ProblemCode.ALTERNATIVES_OVERLAP if together else ProblemCode.ALTERNATIVES_INCOMPLETE
                self._refuse(claimed, code, ("alternatives", trigger), params, played.trace)
                return
        self._settle(claimed, ("alternatives", trigger), obstacle)

    def _all(self, moves: Iterable[Transition], played: Played, holding: bool) -> bool:
        """Whether before the last step of a trace, with its input, the guards all hold, or all do not."""
        before, line = replay(self._process, played.trace)[-2], played.trace[-1]
        actor = Actor(line.actor, "user", frozenset(line.roles))
        given = Payload(line.data)
        return all(
            (guard_obstacle(self._process, before, item, given, actor, line.at) is None) is holding for item in moves
        )

    def _settle(self, found: Property, path: tuple[str, ...], obstacle: str | None) -> None:
        if obstacle is None:
            self.proved[found] += 1
        else:
            self.undecided.append(Undecided(found, path, obstacle))

    def _refuse(
        self, found: Property, code: ProblemCode, path: tuple[str, ...], params: dict[str, str], trace: Trace
    ) -> None:
        """A fault; where not every way was followed, or none can be shown, nothing is refused."""
        if not self._graph.is_whole:
            self._settle(found, path, TOO_MANY_WAYS)
        elif not trace:
            self._settle(found, path, TOO_HARD)
        else:
            self.problems.append(Problem(code, path, params, trace=trace))


Broken = Iterator[tuple[Node, tuple[Transition, ...], bool, Finding, Asked, dict[str, str]]]


def _leading_to(ends: Iterable[Node], edges: Iterable[Edge]) -> set[Node]:
    """The nodes from which these edges lead to one of the ends."""
    back: dict[Node, list[Node]] = {}
    for edge in edges:
        back.setdefault(edge.target, []).append(edge.source)
    found = set(ends)
    waiting = list(found)
    while waiting:
        for node in back.get(waiting.pop(), ()):
            if node not in found:
                found.add(node)
                waiting.append(node)
    return found
