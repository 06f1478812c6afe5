"""Plays steps with the engine and writes them down as a trace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bpm_crm.engine import step as engine
from bpm_crm.engine.blockers import Malformed
from bpm_crm.engine.definition import ReasonRule, Transition
from bpm_crm.engine.events import Transitioned
from bpm_crm.engine.examples import example
from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.obstacles import applicable_reasons, is_empty
from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.scene import StepInput
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import APPROVAL, Activity, Step
from bpm_crm.engine.traces import Act, Trace, TraceStep

BASE: Final = instant_of(datetime(2026, 1, 12, 9, tzinfo=UTC))
"""When traces begin that may begin at any time: a Monday."""
PAUSE: Final = 60_000_000
"""Microseconds between the steps of a trace that may follow each other at any distance."""
SOMEBODY: Final = "somebody"
ANOTHER: Final = "another person"


@dataclass(frozen=True, slots=True)
class Played:
    """A case as far as a trace has led it, and the instant of its last step."""

    state: InstanceState
    at: int
    trace: Trace


class Player:
    """Takes the steps of a trace with the engine; every method answers None where the engine does not take the step."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def start(self, at: int, subject: Mapping[str, str]) -> Played | None:
        """Begin a case."""
        found = engine.start(self._process, data={}, owner=None, team=None, subject=subject, exclusion=None, at=at)
        if not isinstance(found, Step):
            return None
        said = {key: value for key, value in subject.items() if value}
        return Played(found.state, at, (TraceStep(Act.START, at, found.state.stage, subject=said),))

    def record(self, played: Played, act: Activity, at: int) -> Played | None:
        """Record an act; an approval is for the first transition that one may be given for."""
        transition = None
        if act.kind == APPROVAL:
            open_ = self._process.open_from(played.state.stage)
            transition = next((item for item in open_ if item.approval_roles is not None), None)
        return self._recorded(played, act, transition, at)

    def approve(self, played: Played, transition: Transition, at: int) -> Played | None:
        """Let another person approve a transition."""
        return self._recorded(played, Activity(APPROVAL), transition, at)

    def move(self, played: Played, transition: Transition, given: StepInput, at: int) -> Played | None:
        """Fire the trigger of a transition, which it must take."""
        found = self.fire(played, transition, given, at)
        taken = found is not None and found.trace[-1].transition == transition.key
        return found if taken else None

    def fire(self, played: Played, transition: Transition, given: StepInput, at: int) -> Played | None:
        """Fire the trigger of a transition with all that it asks for, whatever comes of it."""
        owned = self._owned(played, given, at)
        ready = owned if transition.approval_roles is None else self.approve(owned, transition, at)
        if ready is None:
            return None
        state = ready.state
        data = self._data(state, transition, given)
        reason = self._reason(state, transition)
        actor = self._actor(transition, given)
        outcome = engine.fire(self._process, state, transition.trigger, data, reason, actor, at)
        taken = None
        if isinstance(outcome, Step):
            state = outcome.state
            taken = next(event.transition for event in outcome.events if isinstance(event, Transitioned))
        line = TraceStep(
            Act.FIRE, at, state.stage, transition.trigger, taken, data, reason, actor.id, tuple(sorted(actor.roles))
        )
        return Played(state, at, (*ready.trace, line))

    def _recorded(self, played: Played, act: Activity, transition: Transition | None, at: int) -> Played | None:
        roles = frozenset(sorted(transition.approval_roles or ())[:1]) if transition is not None else frozenset()
        actor = Actor(ANOTHER if transition is not None else SOMEBODY, "user", roles)
        named = Activity(act.kind, act.direction, act.automated, None if transition is None else transition.key)
        found = engine.record(self._process, played.state, named, actor, at)
        if not isinstance(found, Step):
            return None
        line = TraceStep(
            Act.RECORD,
            at,
            found.state.stage,
            act.kind,
            named.transition,
            actor=actor.id,
            roles=tuple(roles),
            direction=act.direction,
            automated=act.automated,
        )
        return Played(found.state, at, (*played.trace, line))

    def _owned(self, played: Played, given: StepInput, at: int) -> Played:
        """The case with the owner that the step needs."""
        if given.owner is None or given.owner == (played.state.owner or ""):
            return played
        found = engine.assign(self._process, played.state, given.owner or None, played.state.team, at)
        line = TraceStep(Act.ASSIGN, at, found.state.stage, owner=found.state.owner)
        return Played(found.state, at, (*played.trace, line))

    def _data(self, state: InstanceState, transition: Transition, given: StepInput) -> dict[str, object]:
        data = {key: value for key, value in given.data.items() if value != state.data.get(key)}
        for key in transition.required:
            if key not in given.data and is_empty(state.data.get(key)):
                data[key] = example(self._process.definition.fields[key])
        return data

    def _reason(self, state: InstanceState, transition: Transition) -> str | None:
        if transition.reason is not ReasonRule.REQUIRED:
            return None
        return next((item.key for item in applicable_reasons(self._process, transition, state.stage)), None)

    def _actor(self, transition: Transition, given: StepInput) -> Actor:
        roles = frozenset(sorted(transition.roles)[:1]) if given.roles is None else given.roles
        return Actor(given.actor or SOMEBODY, "user", roles)


def replay(process: Process, trace: Iterable[TraceStep]) -> tuple[InstanceState, ...]:
    """The states after the steps of a trace, played again; `ValueError` at a step that goes otherwise than written."""
    states: list[InstanceState] = []
    for line in trace:
        actor = Actor(line.actor, "user", frozenset(line.roles))
        match line.act:
            case Act.START:
                outcome: engine.Outcome = engine.start(
                    process, data={}, owner=None, team=None, subject=line.subject, exclusion=None, at=line.at
                )
            case Act.FIRE:
                outcome = engine.fire(process, states[-1], line.name, line.data, line.reason, actor, line.at)
            case Act.RECORD:
                act = Activity(line.name, line.direction, line.automated, line.transition)
                outcome = engine.record(process, states[-1], act, actor, line.at)
            case Act.ASSIGN:
                outcome = engine.assign(process, states[-1], line.owner, states[-1].team, line.at)
        if isinstance(outcome, Step):
            states.append(outcome.state)
        elif line.act is Act.FIRE and line.transition is None and not isinstance(outcome, Malformed):
            states.append(states[-1])
        else:
            raise ValueError(f"{line.text()}: {outcome}")
        taken = [event.transition for event in getattr(outcome, "events", ()) if isinstance(event, Transitioned)]
        if states[-1].stage != line.stage or (line.act is Act.FIRE and taken != [line.transition][: len(taken)]):
            raise ValueError(f"{line.text()}: the case is in {states[-1].stage} after {taken}")
    return tuple(states)
