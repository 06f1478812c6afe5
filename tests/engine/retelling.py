"""The slow reference for running histories again: every history told from its first step on the second engine, and judged by hand.

It shares with the engine the words of a definition and the reading of values, and nothing else: moves, guards, clocks and checkpoints
are the model's. What it says is what `docs/replay.md` promises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpm_crm.engine.definition import ProcessDefinition, SetField, Transition
from bpm_crm.engine.fields import normalise
from bpm_crm.engine.observed import Observed
from bpm_crm.engine.replay import StepKind
from bpm_crm.engine.state import Actor
from tests.engine.model import Cycle, Model
from tests.engine.walking import COMPUTED

Said = tuple[int, str, str, str, tuple[str, ...], str | None]
"""(sequence, kind, stage, name, codes, target) of a difference."""


@dataclass
class Side:
    """One definition's telling, with every cycle it ever began."""

    definition: ProcessDefinition
    model: Model = field(init=False)
    cycles: dict[tuple[str, int], Cycle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model = Model(self.definition)

    def note(self) -> None:
        self.cycles |= {(key, cycle.number): cycle for key, cycle in self.model.cycles.items()}

    def verdicts(self, horizon: int) -> dict[tuple[str, int], str]:
        for cycle in self.cycles.values():
            cycle.look(horizon)
        return {key: _verdict(cycle) for key, cycle in self.cycles.items()}


def _verdict(cycle: Cycle) -> str:
    if cycle.cancelled:
        return "cancelled"
    if cycle.breached() is not None:
        return "breached"
    return "pending" if cycle.closed is None else "met"


@dataclass
class Retelling:
    """What a history comes to under another definition."""

    own: Side
    draft: Side
    said: list[Said] = field(default_factory=list)

    def tell(self, steps: Sequence[Observed]) -> None:
        for step in steps:
            before = self.own.model.stage if step.sequence > 1 else ""
            self._judge(step, before or self.own.definition.initial)
            self._follow(step)
            self.own.note()
            self.draft.note()

    def _follow(self, item: Observed) -> None:
        """What really happened, on the model of the version of the time."""
        step, model = item.step, self.own.model
        match step.kind:
            case StepKind.STARTED:
                model.start(step.at, step.data, step.team)
            case StepKind.TRANSITION:
                transition = self.own.definition.transitions[step.transition or ""]
                model.move(transition, step.data, step.reason, item.actor, step.at)
            case StepKind.FORCED:
                model.force(step.stage or "", step.at)
            case StepKind.ACTIVITY:
                self._act(model, item, counts=True)
            case _:
                self._rest(model, item)

    def _judge(self, item: Observed, stage: str) -> None:
        """What the draft makes of the step, before it really happened."""
        step, model = item.step, self.draft.model
        match step.kind:
            case StepKind.STARTED:
                data, codes = self._read(item, step.data, stage, "")
                if codes:
                    self._say(item, "blocked", stage, "", codes)
                model.start(step.at, data, step.team)
            case StepKind.TRANSITION:
                self._judge_move(item, stage)
            case StepKind.FORCED:
                if step.stage not in self.draft.definition.stages:
                    self._say(item, "inexpressible", stage, step.stage or "", ["UNKNOWN_STAGE"])
                elif step.stage != model.stage:
                    model.force(step.stage, step.at)
            case StepKind.ACTIVITY:
                self._judge_act(item, stage)
            case _:
                self._rest(model, item)

    def _judge_move(self, item: Observed, stage: str) -> None:
        step, model = item.step, self.draft.model
        then = self.own.definition.transitions[step.transition or ""]
        computed = {effect.field for effect in then.effects if isinstance(effect, SetField)}
        given = {key: value for key, value in step.data.items() if key not in computed}
        trigger, in_step = then.trigger, model.stage == stage
        known = {item.trigger for item in self.draft.definition.transitions.values()}
        data, faults = self._read(item, given, stage, trigger)
        chosen, codes = (
            model.refusal(trigger, data, step.reason, item.actor, step.at) if trigger in known else (None, [])
        )
        if faults or step.reason not in {None, *self.draft.definition.reasons} or trigger not in known:
            unknown = ["UNKNOWN_TRANSITION"] * (trigger not in known)
            codes = [
                *unknown,
                *["UNKNOWN_REASON"] * (step.reason not in {None, *self.draft.definition.reasons}),
                *faults,
            ]
        elif not codes and chosen is not None:
            if chosen.target == step.stage or not in_step or self._leads(item, trigger, given) == step.stage:
                if in_step and chosen.target != step.stage:
                    self._say(item, "diverted", stage, trigger, [], chosen.target)
                self._take(chosen, data, item)
                return
            codes = []
        left = self._beyond(item, trigger, given, codes)
        if left:
            self._say(item, "inexpressible" if trigger not in known else "blocked", stage, trigger, left)
        self._go_on(item, trigger, data, known)

    def _leads(self, item: Observed, trigger: str, given: Mapping[str, Any]) -> str | None:
        """Where the version of the time leads, asked the same."""
        move, codes = self.own.model.refusal(trigger, given, item.step.reason, item.actor, item.step.at)
        return None if codes or move is None else move.target

    def _beyond(self, item: Observed, trigger: str, given: Mapping[str, Any], codes: list[str]) -> list[str]:
        """The codes that the version of the time does not raise itself."""
        _, then = self.own.model.refusal(trigger, given, item.step.reason, item.actor, item.step.at)
        return [code for code in codes if code not in then]

    def _go_on(self, item: Observed, trigger: str, data: Mapping[str, Any], known: set[str]) -> None:
        """The move is made all the same."""
        step, model = item.step, self.draft.model
        transition = self._nearest(item, trigger, data) if trigger in known else None
        if transition is not None:
            self._take(transition, data, item)
            return
        model._begin_step(step.at)
        model.data = {key: value for key, value in {**model.data, **data}.items() if value is not None}
        if step.stage in self.draft.definition.stages and step.stage != model.stage:
            model.reason = None
            model._leave(step.at)
            model._enter(step.stage or "", step.at)

    def _nearest(self, item: Observed, trigger: str, data: Mapping[str, Any]) -> Transition:
        chosen, codes = self.draft.model.refusal(trigger, data, item.step.reason, item.actor, item.step.at)
        if chosen is not None and codes:
            return chosen
        everywhere = [move for move in self.draft.definition.transitions.values() if move.trigger == trigger]
        here = [move for move in everywhere if self.draft.model.stage in move.sources]
        wanted = here or everywhere
        return next((move for move in wanted if move.target == item.step.stage), wanted[0])

    def _take(self, transition: Transition, data: Mapping[str, Any], item: Observed) -> None:
        sets = [effect for effect in transition.effects if isinstance(effect, SetField)]
        values = {**data, **{effect.field: COMPUTED[effect.expression](item.step.at) for effect in sets}}
        self.draft.model.move(transition, values, item.step.reason, item.actor, item.step.at)

    def _judge_act(self, item: Observed, stage: str) -> None:
        act, model = item.step.activity, self.draft.model
        assert act is not None
        codes: list[str] = []
        if act.kind == "approval":
            move = self.draft.definition.transitions.get(act.transition or "")
            if move is None or move.approval_roles is None or model.stage not in move.sources:
                codes = ["UNKNOWN_TRANSITION"]
            else:
                codes = ["ROLE_NOT_ALLOWED"] * _is_barred(move, item.actor)
                codes += ["OCCURRED_TOO_EARLY"] * (item.step.at < model.entered_at)
        if codes:
            self._say(item, "inexpressible" if "UNKNOWN_TRANSITION" in codes else "blocked", stage, act.kind, codes)
        self._act(model, item, counts=not codes)

    def _act(self, model: Model, item: Observed, *, counts: bool) -> None:
        act = item.step.activity
        assert act is not None
        if act.kind == "approval" and counts:
            model.approve(act.transition or "", item.actor, item.step.at)
        else:
            model.record(act.kind, act.direction, act.automated, item.step.at)

    def _rest(self, model: Model, item: Observed) -> None:
        step = item.step
        match step.kind:
            case StepKind.ASSIGNMENT:
                model.assign(step.owner, step.team, step.at)
            case StepKind.EXCLUSION:
                model.exclude(step.exclusion, step.at)

    def _read(
        self, item: Observed, given: Mapping[str, Any], stage: str, name: str
    ) -> tuple[dict[str, Any], list[str]]:
        """The values the draft can take, and the codes of those that do not fit its fields."""
        gone = [key for key in given if key not in self.draft.definition.fields]
        if gone:
            self._say(item, "loses_data", stage, name, ["UNKNOWN_FIELD"] * len(gone))
        data, codes = {}, []
        for key in given.keys() - gone:
            value, problem = normalise(self.draft.definition.fields[key], given[key])
            if problem is None:
                data[key] = value
            else:
                codes.append(problem.code.value)
        return data, codes

    def _say(
        self, item: Observed, kind: str, stage: str, name: str, codes: Sequence[str], target: str | None = None
    ) -> None:
        self.said.append((item.sequence, kind, stage, name, tuple(sorted(codes)), target))


def _is_barred(move: Transition, actor: Actor) -> bool:
    return actor.kind != "user" or actor.id is None or not (move.approval_roles or frozenset()) & actor.roles


def retold(own: ProcessDefinition, draft: ProcessDefinition, steps: Sequence[Observed]) -> Retelling:
    """A history told on both definitions."""
    told = Retelling(Side(own), Side(draft))
    told.tell(steps)
    return told
