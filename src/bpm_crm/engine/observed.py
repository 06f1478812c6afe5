"""A recorded history as something to be judged: its steps with what their rows say besides, and what was asked for in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.cycles import ObservedClock
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import NotReplayable, RecordedStep, StepKind, replay
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Activity, Outcome, fire, record


@dataclass(frozen=True, slots=True)
class Observed:
    """A recorded step with what else its row says: the version it was taken under, by whom, checkpoints touched, clocks moved."""

    sequence: int
    step: RecordedStep
    process: Process
    actor: Actor
    checkpoints: Sequence[str] = ()
    clocks: Sequence[ObservedClock] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for when a move was recorded."""

    trigger: str
    data: Mapping[str, Any]


class Past:
    """A history under the versions it was written under: what was asked then, and what they would answer to it today."""

    def __init__(self, history: Sequence[Observed]) -> None:
        self._history = history
        self._states: list[InstanceState] = []

    def move(self, place: int) -> Asked:
        """What was asked for when a move was recorded: its trigger, and its data without what effects computed."""
        observed = self._history[place]
        key = observed.step.transition or ""
        transition = observed.process.definition.transitions.get(key)
        if transition is None:
            raise NotReplayable(f"its version has no transition “{key}”")
        computed = {field for field, _ in observed.process.setters[key]}
        data = {key: value for key, value in observed.step.data.items() if key not in computed}
        return Asked(transition.trigger, data)

    def asked(self, place: int) -> Outcome:
        """What the version of the time answers to a step, asked the same today."""
        observed = self._history[place]
        step, state = observed.step, self._before(place)
        if step.kind is StepKind.ACTIVITY:
            return record(observed.process, state, step.activity or Activity(""), observed.actor, step.at)
        move = self.move(place)
        return fire(observed.process, state, move.trigger, move.data, step.reason, observed.actor, step.at)

    def _before(self, place: int) -> InstanceState:
        """The case before a step, folded when somebody asks, which few histories make anybody do."""
        while len(self._states) < place:
            observed = self._history[len(self._states)]
            before = self._states[-1] if self._states else None
            self._states.append(replay(observed.process, before, observed.step).state)
        return self._states[place - 1]
