"""Random histories of shipped processes, taken step by step by the engine, and kept as the database keeps them."""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from bpm_crm.engine import step as engine
from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.cycles import ObservedClock
from bpm_crm.engine.events import CheckpointReached
from bpm_crm.engine.observed import Observed
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import APPROVAL, Activity, Outcome, Step
from tests.engine.build import HOUR, MINUTE, SYSTEM, at, began, shipped_process
from tests.engine.test_replay import record_of
from tests.engine.walking import ACTORS, good_value

DELAYS = (0, MINUTE, 7 * MINUTE, 40 * MINUTE, 3 * HOUR, 9 * HOUR, 30 * HOUR, 80 * HOUR)
ACTS = (
    Activity("call", "outbound"),
    Activity("call", "inbound"),
    Activity("email", "outbound", automated=True),
    Activity("message", "outbound"),
    Activity("note", "internal"),
)
FIRST_MONDAY = at("2026-11-16 09:00")


@dataclass
class Told:
    """A history under way."""

    process: Process
    rng: Random
    steps: list[Observed]
    state: InstanceState
    now: int

    def take(self, outcome: Outcome | None, actor: Actor, when: int) -> bool:
        """Keep a step that was taken."""
        if not isinstance(outcome, Step):
            return False
        self.steps.append(observed(self.process, outcome, actor, when))
        self.state, self.now = outcome.state, max(self.now, when)
        return True

    def go_on(self) -> None:
        """One more step, of any kind; now and then it is recorded late."""
        rng, process, state = self.rng, self.process, self.state
        actor = rng.choice(ACTORS)
        when = self.now + rng.choice(DELAYS)
        late = max(state.entered_at, self.now - rng.choice(DELAYS)) if rng.random() < 0.2 else when
        match rng.choices(("fire", "act", "assign", "force", "exclude", "tick"), (12, 4, 2, 1, 0.3, 1))[0]:
            case "fire":
                self._fire(actor, late)
            case "act":
                self.take(engine.record(process, state, rng.choice(ACTS), actor, late), actor, late)
            case "assign":
                owner = rng.choice((None, "ann", "bob"))
                self.take(engine.assign(process, state, owner, rng.choice(("north", "south")), late), actor, late)
            case "force":
                self.take(engine.force(process, state, rng.choice(list(process.definition.stages)), late), actor, late)
            case "exclude":
                self.take(engine.exclude(process, state, rng.choice((None, "test")), late), actor, late)
            case _:
                self.take(engine.tick(process, state, when), SYSTEM, when)

    def _fire(self, actor: Actor, when: int) -> None:
        rng, process, state = self.rng, self.process, self.state
        moves = process.open_from(state.stage)
        if not moves:
            return
        move = rng.choice(moves)
        if move.approval_roles is not None:
            approver = rng.choice(ACTORS)
            act = Activity(APPROVAL, transition=move.key)
            self.take(engine.record(process, state, act, approver, when), approver, when)
        fields = process.definition.fields
        asked = {*move.required, *rng.sample(sorted(fields), min(len(fields), rng.choice((0, 0, 1, 3))))}
        data = {key: good_value(fields[key]) for key in sorted(asked)}
        reasons = [item.key for item in process.definition.reasons.values() if item.applies(move.key, state.stage)]
        reason = rng.choice(reasons) if reasons and move.reason.value != "none" else None
        self.take(engine.fire(process, self.state, move.trigger, data, reason, actor, when), actor, when)


def observed(process: Process, step: Step, actor: Actor, when: int) -> Observed:
    """What the database keeps of a step."""
    recorded = record_of(step, when)
    clocks = [
        ObservedClock(event.clock.policy, event.clock.cycle, event.clock.state, event.clock.due_at)
        for event in step.events
        if isinstance(event, ClockEvent)
    ]
    touched = [event.checkpoint for event in step.events if isinstance(event, CheckpointReached)]
    return Observed(step.state.sequence, recorded, process, actor, touched, clocks)


def history(process: Process, seed: Any, most: int = 14) -> list[Observed]:
    """A random history of up to so many steps."""
    rng = Random(str(seed))
    begun = FIRST_MONDAY + rng.randrange(0, 5 * 24 * HOUR, MINUTE)
    first = began(process, begun)
    told = Told(process, rng, [observed(process, first, SYSTEM, begun)], first.state, begun)
    for _ in range(rng.randrange(2, most)):
        told.go_on()
    return told.steps


@cache
def histories(key: str, count: int) -> tuple[list[Observed], ...]:
    """So many histories of a shipped process."""
    return tuple(history(shipped_process(key), f"{key} {number}") for number in range(count))
