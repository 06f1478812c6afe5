"""A walk through a process, on the engine and on the model at once; after each step the two must agree."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from bpm_crm.engine import step as engine
from bpm_crm.engine.blockers import Malformed, Refused
from bpm_crm.engine.clock import ClockEvent, ClockEventKind
from bpm_crm.engine.clock_segments import segments_of
from bpm_crm.engine.definition import Field, FieldType, SetField, Transition
from bpm_crm.engine.events import CheckpointReached, StageLeft
from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.legality import AvailableTransition, available
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor
from bpm_crm.engine.step import Activity, Outcome, Step
from tests.engine.build import COLLEAGUE, MANAGER, ROBOT, SELLER, SYSTEM, began
from tests.engine.model import ORACLES, Model

ACTORS = (SELLER, COLLEAGUE, MANAGER, ROBOT, SYSTEM)
COMPUTED: Mapping[str, Callable[[int], Any]] = {
    "7": lambda at: 7,
    "now": lambda at: moment_of(at).isoformat().replace("+00:00", "Z"),
}
"""What each expression of a `set` effect gives at an instant."""

GOOD_VALUES: Mapping[str, Any] = {
    "amount": "100.00",
    "paid_amount": "100.00",
    "budget": "50",
    "discount_percent": "10",
    "satisfaction": 9,
    "count": 3,
    "flag": True,
    "day": "2026-01-15",
}
FALLS = {ClockEventKind.WARNED, ClockEventKind.BREACHED, ClockEventKind.ESCALATED}


class Walk:
    """A case on its way."""

    def __init__(self, process: Process, at: int) -> None:
        self.process = process
        self.model = Model(process.definition)
        step = began(process, at)
        self.state = step.state
        self.model.start(at, {}, "north")
        self.now = at
        self.fallen: Counter[tuple[str, int, str, int]] = Counter()
        self._agree(step)

    def fire(self, trigger: str, data: Mapping[str, Any], reason: str | None, actor: Actor, at: int) -> None:
        transition, codes = self.model.refusal(trigger, data, reason, actor, at)
        outcome = engine.fire(self.process, self.state, trigger, data, reason, actor, at)
        if codes or transition is None:
            self._refuses(outcome, codes)
            return
        self.model.move(transition, {**data, **_computed(transition, at)}, reason, actor, at)
        self._takes(outcome, at)

    def record(self, activity: Activity, actor: Actor, at: int) -> None:
        outcome = engine.record(self.process, self.state, activity, actor, at)
        if at < self.model.started_at:
            self._refuses(outcome, ["OCCURRED_TOO_EARLY"])
            return
        self.model.record(activity.kind, activity.direction, activity.automated, at)
        self._takes(outcome, at)

    def approve(self, transition: Transition, actor: Actor, at: int) -> None:
        outcome = engine.record(self.process, self.state, Activity("approval", transition=transition.key), actor, at)
        if transition.approval_roles is None or self.model.stage not in transition.sources:
            assert isinstance(outcome, Malformed)
            return
        barred = actor.kind != "user" or not transition.approval_roles & actor.roles
        codes = ["ROLE_NOT_ALLOWED"] * barred + ["OCCURRED_TOO_EARLY"] * (at < self.model.entered_at)
        if codes:
            self._refuses(outcome, codes)
            return
        self.model.approve(transition.key, actor, at)
        self._takes(outcome, at)

    def force(self, stage: str, at: int) -> None:
        outcome = engine.force(self.process, self.state, stage, at)
        codes = ["ALREADY_IN_STAGE"] * (stage == self.model.stage) + ["OCCURRED_TOO_EARLY"] * (
            at < self.model.entered_at
        )
        if codes:
            self._refuses(outcome, codes)
            return
        self.model.force(stage, at)
        self._takes(outcome, at)

    def assign(self, owner: str | None, at: int) -> None:
        self.model.assign(owner, "south", at)
        self._takes(engine.assign(self.process, self.state, owner, "south", at), at)

    def exclude(self, exclusion: str | None, at: int) -> None:
        self.model.exclude(exclusion, at)
        self._takes(engine.exclude(self.process, self.state, exclusion, at), at)

    def tick(self, at: int) -> None:
        outcome = engine.tick(self.process, self.state, at)
        if not self.model.tick(at):
            assert outcome is None
            return
        assert outcome is not None
        self._takes(outcome, at)

    def available(self, actor: Actor, at: int) -> None:
        """What is said to be open can be done with the right input, and nothing else can."""
        offers = available(self.process, self.state, actor, at)
        assert [offer.transition.key for offer in offers] == [
            key for key, item in self.process.definition.transitions.items() if self.model.stage in item.sources
        ]
        for offer in offers:
            outcome = self._with_the_right_input(offer, actor, at)
            is_taken = isinstance(outcome, Step) and offer.transition.key in _taken(outcome)
            assert is_taken == (offer.enabled and self._can_be_met(offer, actor, at)), (offer, outcome)

    def _with_the_right_input(self, offer: AvailableTransition, actor: Actor, at: int) -> Outcome:
        """Fire with what is asked for: required fields, fields of the guard, a reason."""
        data = self._right_data(offer)
        reason = offer.reasons[0].key if offer.reasons and offer.transition.reason.value == "required" else None
        return engine.fire(self.process, self.state, offer.transition.trigger, data, reason, actor, at)

    def _right_data(self, offer: AvailableTransition) -> dict[str, Any]:
        asked = {*offer.required}
        for blocker in offer.blockers:
            if blocker.code.value == "GUARD_NEEDS_DATA":
                asked |= set(blocker.params["fields"].split(", "))
        fields = self.process.definition.fields
        return {key: good_value(fields[key]) for key in asked}

    def _can_be_met(self, offer: AvailableTransition, actor: Actor, at: int) -> bool:
        """Whether this very input meets the guard, and no alternative comes first once it is there."""
        data = {**self.model.data, **self._right_data(offer)}
        for transition in self.model.candidates(offer.transition.trigger):
            when = transition.guard
            if when is None or ORACLES[when.when](self.model, data, actor, at) is True:
                return transition.key == offer.transition.key
        return False

    def _refuses(self, outcome: Outcome, codes: list[str]) -> None:
        assert isinstance(outcome, Refused), (outcome, codes)
        assert sorted(blocker.code.value for blocker in outcome.blockers) == sorted(codes)
        assert not self.model.differences(self.state)

    def _takes(self, outcome: Outcome, at: int) -> None:
        assert isinstance(outcome, Step), outcome
        assert outcome.state.sequence == self.state.sequence + 1
        self.state = outcome.state
        self.now = max(self.now, at)
        self._agree(outcome)

    def _agree(self, step: Step) -> None:
        assert not self.model.differences(self.state), self.model.differences(self.state)
        left = [(event.business, event.active) for event in step.events if isinstance(event, StageLeft)]
        assert left == ([] if self.model.visit is None else [self.model.visit])
        touched = [event.checkpoint for event in step.events if isinstance(event, CheckpointReached)]
        assert len(touched) == len(set(touched))
        self._count(step)
        self._add_up()

    def _count(self, step: Step) -> None:
        """A warning, breach or escalation stands at most once in a cycle: each further one follows a withdrawal."""
        for event in step.events:
            if not isinstance(event, ClockEvent):
                continue
            kind = event.withdrawn or event.kind
            if kind in FALLS:
                place = (event.clock.policy, event.clock.cycle, kind.value, event.step)
                self.fallen[place] += -1 if event.withdrawn else 1
                assert self.fallen[place] in {0, 1}, place
        for key, clock in self.state.clocks.items():
            standing = sum(self.fallen[place] for place in self.fallen if place[:2] == (key, clock.cycle))
            assert standing == clock.fired

    def _add_up(self) -> None:
        """The segments of each clock fill its life without holes, and the running ones are the time consumed."""
        for key, clock in self.state.clocks.items():
            rule = self.process.rules[key]
            end = max(self.now, clock.started_at) if clock.closed_at is None else clock.closed_at
            segments = segments_of(rule, clock, end)
            cursor = clock.started_at
            for segment in segments:
                assert segment.begins == cursor < segment.ends
                cursor = segment.ends
            assert cursor == end
            running = [item.ends - item.begins for item in segments if item.kind.value == "running"]
            assert sum(running) == rule.consumed(clock, end)
        nexts = [clock.next_at for clock in self.state.clocks.values() if clock.next_at is not None]
        assert self.state.next_due_at == min(nexts, default=None)


def good_value(field: Field) -> Any:
    """A value that a field takes, and that the guards of the tests like."""
    if field.key in GOOD_VALUES:
        return GOOD_VALUES[field.key]
    match field.type:
        case FieldType.STRING:
            return "text"
        case FieldType.INTEGER:
            return 5
        case FieldType.DECIMAL:
            return "5.00"
        case FieldType.BOOLEAN:
            return True
        case FieldType.DATE:
            return "2026-12-01"
        case FieldType.DATETIME:
            return "2026-12-01T10:00:00Z"
        case FieldType.CHOICE:
            return next(iter(field.options))


def _computed(transition: Transition, at: int) -> dict[str, Any]:
    sets = [effect for effect in transition.effects if isinstance(effect, SetField)]
    return {effect.field: COMPUTED[effect.expression](at) for effect in sets}


def _taken(step: Step) -> list[str]:
    return [event.transition for event in step.events if event.__class__.__name__ == "Transitioned"]
