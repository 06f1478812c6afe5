"""The workspace of one step: applies what happens, in order, and collects the events and the next state."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bpm_crm.engine.clock_rule import Change
from bpm_crm.engine.definition import OccasionKind
from bpm_crm.engine.events import (
    CheckpointReached,
    Completed,
    DataChanged,
    Event,
    Reopened,
    StageEntered,
    StageLeft,
)
from bpm_crm.engine.process import Process, Reactions
from bpm_crm.engine.state import Hold, InstanceState


class Draft:
    """A step under way at the instant `at`. Occasions are worked off one by one, so their order is that of the calls."""

    def __init__(self, process: Process, state: InstanceState, at: int) -> None:
        self.process = process
        self.state = state
        self.at = at
        self.events: list[Event] = []
        self.stage = state.stage
        self.entered_at = state.entered_at
        self.ended_at = state.ended_at
        self.reason = state.reason
        self.data: Mapping[str, Any] = state.data
        self.reached = dict(state.reached)
        self.visits = dict(state.visits)
        self.approvals = state.approvals
        self.clocks = dict(state.clocks)
        self.hold = state.hold

    def catch_up(self) -> None:
        """Pass every warning, breach and escalation that fell before this step."""
        late = [key for key, clock in self.clocks.items() if clock.next_at is not None and clock.next_at < self.at]
        for key in late:
            self._change(key, self.process.rules[key].advance(self.clocks[key], self.at))

    def set_data(self, changes: Mapping[str, Any]) -> None:
        """Give data fields new values; unchanged ones leave no trace."""
        differing = {key: value for key, value in changes.items() if self.data.get(key) != value}
        if differing:
            merged = {**self.data, **differing}
            self.data = {key: value for key, value in merged.items() if value is not None}
            self.events.append(DataChanged(differing))

    def leave(self) -> None:
        """End the current stage visit."""
        business = self.process.calendar.between(self.entered_at, self.at)
        held = self._held_until(self.at)
        number = self.visits.get(self.stage, 1)
        self.events.append(StageLeft(self.stage, number, self.entered_at, business, max(0, business - held.paused)))
        self.hold = replace(held, paused=0)
        self.occasion(OccasionKind.LEAVING, self.stage)

    def enter(self, stage: str) -> None:
        """Begin a visit of `stage`; entering a final stage ends the case, leaving one reopens it."""
        kind = self.process.definition.stages[stage].kind
        if self.ended_at is not None and not kind.is_final:
            self.ended_at, self.reason = None, None
            self.events.append(Reopened())
        self.stage, self.entered_at = stage, self.at
        self.approvals = {}
        self.visits[stage] = self.visits.get(stage, 0) + 1
        self.events.append(StageEntered(stage, self.visits[stage]))
        self.hold_stage(stage)
        self.occasion(OccasionKind.ENTERING, stage)
        if kind.is_final:
            self.ended_at = self.at
            self.events.append(Completed(kind, self.reason))
            self.occasion(OccasionKind.ENDED)
            self._cancel_open_clocks()

    def hold_stage(self, stage: str) -> None:
        """Make the pause reasons of a stage hold in place of those of the stage before; others go on."""
        others = frozenset(self.hold.reasons) - self.process.stage_bound_pauses
        self._hold_for(others | self.process.holding(stage))

    def occasion(self, kind: OccasionKind, key: str = "") -> None:
        """Let everything that hangs on an occasion react."""
        self.react(self.process.on(kind, key))

    def react(self, reactions: Reactions) -> None:
        """Stop and cancel clocks, begin and end pauses, start clocks, reach checkpoints: in this order."""
        for key in reactions.stops:
            self._stop(key)
        for key in reactions.cancels:
            self._cancel(key)
        if reactions.begins or reactions.ends:
            self._hold_for((frozenset(self.hold.reasons) - frozenset(reactions.ends)) | frozenset(reactions.begins))
        for key in reactions.starts:
            self._start(key)
        for key in reactions.checkpoints:
            self._reach(key)

    def step(self, **changes: Any) -> tuple[InstanceState, tuple[Event, ...]]:
        """The next state and the events of the step."""
        state = replace(
            self.state,
            sequence=self.state.sequence + 1,
            stage=self.stage,
            entered_at=self.entered_at,
            ended_at=self.ended_at,
            reason=self.reason,
            data=self.data,
            reached=self.reached,
            visits=self.visits,
            approvals=self.approvals,
            clocks=self.clocks,
            hold=self.hold,
            **changes,
        )
        return state, tuple(self.events)

    def _reach(self, key: str) -> None:
        known = self.reached.get(key)
        if known is None or self.at < known[0]:
            self.reached[key] = (self.at, self.state.sequence + 1)
        self.events.append(CheckpointReached(key, known is None))
        self.occasion(OccasionKind.CHECKPOINT, key)

    def _stop(self, key: str) -> None:
        clock = self.clocks.get(key)
        if clock is None or self.at < clock.started_at:
            return
        rule = self.process.rules[key]
        if clock.closed_at is None:
            self._change(key, rule.stop(clock, self.at))
        elif self.at < clock.closed_at:
            self._change(key, rule.amend(clock, self.at))

    def _cancel(self, key: str) -> None:
        clock = self.clocks.get(key)
        if clock is not None and clock.is_open:
            self._change(key, self.process.rules[key].cancel(clock, self.at))

    def _start(self, key: str) -> None:
        rule = self.process.rules[key]
        clock = self.clocks.get(key)
        if clock is not None and (clock.closed_at is None or self.at < clock.closed_at):
            return
        if rule.policy.target(self.stage) is None:
            return
        reasons = self._pausing(rule.policy.pauses)
        if clock is None:
            self._change(key, rule.start(at=self.at, stage=self.stage, cycle=1, reasons=reasons))
        else:
            self._change(key, rule.reopen(clock, at=self.at, stage=self.stage, reasons=reasons))

    def _cancel_open_clocks(self) -> None:
        for key in [key for key, clock in self.clocks.items() if clock.is_open]:
            self._cancel(key)

    def _hold_for(self, reasons: Iterable[str]) -> None:
        """Make exactly these pause reasons hold from now on, for the visit and for every open clock that they pause."""
        wanted = tuple(sorted(reasons))
        if wanted == self.hold.reasons:
            return
        since = max(self.at, self.hold.since)
        self.hold = replace(self._held_until(since), reasons=wanted, since=since)
        for key, clock in list(self.clocks.items()):
            if clock.is_open:
                rule = self.process.rules[key]
                self._change(key, rule.hold(clock, self.at, self._pausing(rule.policy.pauses)))

    def _held_until(self, at: int) -> Hold:
        """The hold with the paused business time counted up to `at`."""
        since = max(self.hold.since, self.entered_at)
        if not self.hold.reasons or at <= since:
            return self.hold
        return replace(self.hold, since=at, paused=self.hold.paused + self.process.calendar.between(since, at))

    def _pausing(self, pauses: frozenset[str]) -> tuple[str, ...]:
        return tuple(reason for reason in self.hold.reasons if reason in pauses)

    def _change(self, key: str, change: Change) -> None:
        self.clocks[key], events = change
        self.events.extend(events)
