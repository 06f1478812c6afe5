"""Replay: the records of a case, folded, are the case, after every step and whatever was recorded late."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.events import (
    ActivityRecorded,
    Approved,
    DataChanged,
    Excluded,
    OwnerAssigned,
    Started,
    Transitioned,
)
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import NotReplayable, RecordedStep, StepKind, replay
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import Activity, Outcome, Step, tick
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import at, began, begun, shipped_process, taken
from tests.engine.randoms import definitions
from tests.engine.test_step import Walking, quickly
from tests.engine.walking import Walk

MONDAY = at("2026-11-16 09:00")
KINDS: dict[type, StepKind] = {
    Started: StepKind.STARTED,
    ActivityRecorded: StepKind.ACTIVITY,
    Excluded: StepKind.EXCLUSION,
}


def record_of(step: Step, when: int) -> RecordedStep:
    """What history keeps of a step that happened then."""
    state = step.state
    values: dict[str, Any] = {"owner": state.owner, "team": state.team, "exclusion": state.exclusion}
    values |= {"kind": StepKind.CLOCK, "at": when}
    for event in step.events:
        values["kind"] = KINDS.get(type(event), values["kind"])
        match event:
            case Started(stage):
                values |= {"stage": stage, "subject": state.subject}
            case Transitioned(transition, _, _, target, forced, reason):
                values["kind"] = StepKind.FORCED if forced else StepKind.TRANSITION
                values |= {"transition": transition, "stage": target, "reason": reason}
            case ActivityRecorded(kind, direction, automated, transition):
                values["activity"] = Activity(kind, direction, automated, transition)
            case Approved(_, by):
                values["actor"] = by
            case DataChanged(changes):
                values["data"] = changes
            case OwnerAssigned() if values["kind"] is StepKind.CLOCK:
                values["kind"] = StepKind.ASSIGNMENT
    if values["kind"] is StepKind.CLOCK:
        values["at"] = max(event.at for event in step.events if isinstance(event, ClockEvent))
    return RecordedStep(**values)


class ReplayedWalk(Walk):
    """A walk whose every step is replayed from its record, on the state that replaying the earlier ones gave."""

    replayed: InstanceState

    def __init__(self, process: Process, when: int) -> None:
        super().__init__(process, when)
        self.replayed = self.replay(None, began(process, when), when)

    def _takes(self, outcome: Outcome, at: int) -> None:
        super()._takes(outcome, at)
        self.replayed = self.replay(self.replayed, taken(outcome), at)

    def replay(self, before: InstanceState | None, step: Step, when: int) -> InstanceState:
        again = replay(self.process, before, record_of(step, when))
        assert again == step
        return again.state


class ReplayedWalking(Walking):
    def begin(self, process: Process) -> None:
        super().begin(process)
        self.walk = ReplayedWalk(process, self.walk.now)


class ReplayingRandomProcesses(ReplayedWalking):
    @initialize(definition=definitions())
    def choose(self, definition: Any) -> None:
        self.begin(Process(definition))


class ReplayingShippedProcesses(ReplayedWalking):
    @initialize(key=st.sampled_from(shipped_keys()))
    def choose(self, key: str) -> None:
        self.begin(shipped_process(key))


TestRandomProcesses = ReplayingRandomProcesses.TestCase
TestRandomProcesses.settings = quickly
TestShippedProcesses = ReplayingShippedProcesses.TestCase
TestShippedProcesses.settings = quickly


def test_time_passing_is_replayed_from_what_fell_due_whenever_it_was_noticed() -> None:
    process = shipped_process("callback-request")
    before = begun(process)
    due = before.next_due_at
    assert due is not None
    noticed = [tick(process, before, due + 1), tick(process, before, due + 60_000_000)]
    for step in noticed:
        assert step is not None
        assert replay(process, before, record_of(step, due + 3_600_000_000)) == step


@pytest.mark.parametrize(
    "recorded",
    [
        RecordedStep(StepKind.STARTED, MONDAY, stage="new"),
        RecordedStep(StepKind.TRANSITION, MONDAY, stage="new", transition="fly"),
        RecordedStep(StepKind.TRANSITION, MONDAY, stage="heaven", transition="contact"),
        RecordedStep(StepKind.FORCED, MONDAY, stage="heaven"),
        RecordedStep(StepKind.ACTIVITY, MONDAY),
    ],
)
def test_a_record_that_does_not_fit_is_refused(recorded: RecordedStep) -> None:
    process = shipped_process("callback-request")
    with pytest.raises(NotReplayable):
        replay(process, begun(process), recorded)


@pytest.mark.parametrize("kind", [kind for kind in StepKind if kind is not StepKind.STARTED])
def test_nothing_comes_before_the_start(kind: StepKind) -> None:
    with pytest.raises(NotReplayable):
        replay(shipped_process("callback-request"), None, RecordedStep(kind, MONDAY, stage="new"))


def test_a_wrong_record_gives_another_state() -> None:
    process = shipped_process("callback-request")
    first = record_of(began(process, MONDAY), MONDAY)
    later = replace(first, at=MONDAY + 1)
    assert replay(process, None, later).state != replay(process, None, first).state
