"""The workspace of one step: applies what happens, in order, and collects the events and the next state."""

from collections.abc import Iterable, Mapping
from typing import Any

from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.clock_rule import Change
from bpm_crm.engine.definition import StartProcess, Transition
from bpm_crm.engine.events import (
    ActivityRecorded,
    Approved,
    CheckpointReached,
    Completed,
    DataChanged,
    Event,
    ProcessRequested,
    Reopened,
    StageEntered,
    Started,
    Transitioned,
)
from bpm_crm.engine.process import Process
from bpm_crm.engine.reactions import Reactions
from bpm_crm.engine.state import NO_HOLD, Hold, InstanceState
from bpm_crm.engine.visits import paused_by, visit_left

FORCE = "force"
"""The key of a forced move, which has no transition of the definition."""


class Draft:
    """A step under way at the instant `at`. Occasions are worked off one by one, so their order is that of the calls."""

    def __init__(self, process: Process, state: InstanceState, at: int) -> None:
        self.process = process
        self.before = state
        self.at = at
        self.sequence = state.sequence + 1
        self.events: list[Event] = []
        self.stage = state.stage
        self.entered_at = state.entered_at
        self.ended_at = state.ended_at
        self.reason = state.reason
        self.owner = state.owner
        self.team = state.team
        self.exclusion = state.exclusion
        self.data = state.data
        self.reached = dict(state.reached)
        self.visits = dict(state.visits)
        self.activities = state.activities
        self.approvals = state.approvals
        self.clocks = dict(state.clocks)
        self.hold = state.hold
        self._touched: set[str] = set()

    def catch_up(self) -> None:
        """Pass every warning, breach and escalation that fell before this step, in the order in which they fell."""
        passed: list[ClockEvent] = []
        for key, clock in self.before.clocks.items():
            if clock.next_at is not None and clock.next_at < self.at:
                self.clocks[key], events = self.process.rules[key].advance(clock, self.at)
                passed.extend(events)
        passed.sort(key=_instant)
        self.events.extend(passed)

    def begin(self, values: Mapping[str, Any]) -> None:
        """Begin the case in its stage with these values of data fields."""
        self.events.append(Started(self.stage))
        self.set_data(values)
        self.visits[self.stage] = 1
        self.events.append(StageEntered(self.stage, 1))
        self.hold_stage(self.stage)
        self.react(self.process.on_started)
        self.react(self.process.on_entering[self.stage])

    def move(self, transition: Transition, target: str, values: Mapping[str, Any], reason: str | None) -> None:
        """Take a transition; who owns the case after it is the caller's to say."""
        source = self.stage
        self.events.append(
            Transitioned(transition.key, transition.trigger, source, target, forced=False, reason=reason)
        )
        self.set_data(values)
        self.reason = reason if target in self.process.final_stages else None
        self.leave()
        self.react(self.process.on_transition[transition.key])
        self.enter(target)
        requested = (effect.process for effect in transition.effects if isinstance(effect, StartProcess))
        self.events.extend(map(ProcessRequested, requested))

    def force(self, target: str) -> None:
        """Put the case into a stage, whatever the definition allows."""
        self.events.append(Transitioned(FORCE, FORCE, self.stage, target, forced=True, reason=None))
        self.reason = None
        self.leave()
        self.enter(target)

    def act(self, act: ActivityRecorded, approver: str | None) -> None:
        """Record an act; with an approver it approves the transition it names."""
        self.events.append(act)
        if approver is not None and act.transition is not None:
            people = (*self.approvals.get(act.transition, ()), approver)
            self.approvals = {**self.approvals, act.transition: tuple(dict.fromkeys(people))}
            self.events.append(Approved(act.transition, approver))
        self.react(self.process.on_activity(act.kind, act.direction, act.automated))
        self.activities = {**self.activities, act.kind: self.activities.get(act.kind, 0) + 1}

    def set_data(self, changes: Mapping[str, Any]) -> None:
        """Give data fields new values; unchanged ones leave no trace."""
        differing = {key: value for key, value in changes.items() if self.data.get(key) != value}
        if differing:
            merged = {**self.data, **differing}
            self.data = {key: value for key, value in merged.items() if value is not None}
            self.events.append(DataChanged(differing))

    def leave(self) -> None:
        """End the current stage visit."""
        number, calendar = self.visits.get(self.stage, 1), self.process.calendar
        self.events.append(
            visit_left(calendar, self.stage, number, entered_at=self.entered_at, hold=self.hold, at=self.at)
        )
        self.hold = Hold(self.hold.reasons, max(self.hold.since, self.at)) if self.hold.reasons else NO_HOLD
        self.react(self.process.on_leaving[self.stage])

    def enter(self, stage: str) -> None:
        """Begin a visit of `stage`; entering a final stage ends the case, leaving one reopens it."""
        is_final = stage in self.process.final_stages
        if self.ended_at is not None and not is_final:
            self.ended_at, self.reason = None, None
            self.events.append(Reopened())
        self.stage, self.entered_at = stage, self.at
        self.approvals = {}
        self.visits[stage] = self.visits.get(stage, 0) + 1
        self.events.append(StageEntered(stage, self.visits[stage]))
        self.hold_stage(stage)
        self.react(self.process.on_entering[stage])
        if is_final:
            self.ended_at = self.at
            self.events.append(Completed(self.process.definition.stages[stage].kind, self.reason))
            self.react(self.process.on_ended)
            self._cancel_open_clocks()

    def hold_stage(self, stage: str) -> None:
        """Make the pause reasons of a stage hold in place of those of the stage before; others go on."""
        holding = self.process.holding[stage]
        if holding or self.hold.reasons:
            self.hold_for(frozenset(self.hold.reasons) - self.process.stage_bound_pauses | holding)

    def react(self, reactions: Reactions) -> None:
        """Stop and cancel clocks, begin and end pauses, start clocks, reach checkpoints: in this order."""
        for key in reactions.stops:
            self._stop(key)
        for key in reactions.cancels:
            self._cancel(key)
        if reactions.begins or reactions.ends:
            self.hold_for(frozenset(self.hold.reasons).difference(reactions.ends).union(reactions.begins))
        for key in reactions.starts:
            self._start(key)
        for key in reactions.checkpoints:
            self._reach(key)

    def state(self) -> InstanceState:
        """The state after the step."""
        return InstanceState(
            stage=self.stage,
            sequence=self.sequence,
            started_at=self.before.started_at,
            entered_at=self.entered_at,
            ended_at=self.ended_at,
            data=self.data,
            reached=self.reached,
            visits=self.visits,
            activities=self.activities,
            approvals=self.approvals,
            clocks=self.clocks,
            subject=self.before.subject,
            hold=self.hold,
            owner=self.owner,
            team=self.team,
            reason=self.reason,
            exclusion=self.exclusion,
        )

    def _reach(self, key: str) -> None:
        """Touch a checkpoint, once in a step: it may be reached in several ways at once, or by one that it leads to itself."""
        if key in self._touched:
            return
        self._touched.add(key)
        known = self.reached.get(key)
        if known is None or self.at < known[0]:
            self.reached[key] = (self.at, self.sequence)
        self.events.append(CheckpointReached(key, known is None))
        self.react(self.process.on_checkpoint[key])

    def _stop(self, key: str) -> None:
        clock = self.clocks.get(key)
        if clock is None or self.at < clock.running_since:
            return
        if clock.closed_at is None:
            self._change(key, self.process.rules[key].stop(clock, self.at))
        elif self.at < clock.closed_at:
            self._change(key, self.process.rules[key].amend(clock, self.at, cancelled=False))

    def _cancel(self, key: str) -> None:
        clock = self.clocks.get(key)
        if clock is None or self.at < clock.running_since:
            return
        if clock.closed_at is None:
            self._change(key, self.process.rules[key].cancel(clock, self.at))
        elif self.at < clock.closed_at:
            self._change(key, self.process.rules[key].amend(clock, self.at, cancelled=True))

    def _start(self, key: str) -> None:
        """Start a clock that is not running; none runs in a case that has ended."""
        rule, clock = self.process.rules[key], self.clocks.get(key)
        if clock is not None and (clock.closed_at is None or self.at < clock.closed_at):
            return
        if self.stage in self.process.final_stages or rule.policy.target(self.stage) is None:
            return
        reasons = self._pausing(rule.policy.pauses)
        if clock is None:
            self._change(key, rule.start(at=self.at, stage=self.stage, cycle=1, reasons=reasons))
        else:
            self._change(key, rule.reopen(clock, at=self.at, stage=self.stage, reasons=reasons))

    def _cancel_open_clocks(self) -> None:
        for key, clock in list(self.clocks.items()):
            if clock.is_open:
                self._change(key, self.process.rules[key].cancel(clock, self.at))

    def hold_for(self, reasons: Iterable[str]) -> None:
        """Make exactly these pause reasons hold from now on, for the visit and for every open clock that they pause."""
        wanted = tuple(sorted(reasons))
        if wanted != self.hold.reasons:
            since = max(self.at, self.hold.since)
            paused = paused_by(self.process.calendar, self.hold, self.entered_at, since)
            self.hold = Hold(wanted, since, paused)
            self.hold_clocks()

    def hold_clocks(self) -> None:
        """Make every open clock stand still for exactly the reasons that hold and pause it, or run."""
        for key, clock in list(self.clocks.items()):
            if clock.is_open:
                rule = self.process.rules[key]
                self._change(key, rule.hold(clock, self.at, self._pausing(rule.policy.pauses)))

    def _pausing(self, pauses: frozenset[str]) -> tuple[str, ...]:
        held = self.hold.reasons
        return tuple(reason for reason in held if reason in pauses) if held else ()

    def _change(self, key: str, change: Change) -> None:
        self.clocks[key], events = change
        self.events.extend(events)


def _instant(event: ClockEvent) -> int:
    return event.at
