"""Steps: history and state are one, on random walks against a slow model written from the semantics."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bpm_crm.engine.process import Process
from bpm_crm.engine.step import Activity
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import HOUR, MINUTE, at, shipped_process
from tests.engine.randoms import definitions
from tests.engine.walking import ACTORS, GOOD_VALUES, Walk

DELAYS = (0, 1, MINUTE, 20 * MINUTE, HOUR, 9 * HOUR, 24 * HOUR, 72 * HOUR)
ACTS = (
    Activity("call", "outbound"),
    Activity("call", "inbound"),
    Activity("email", "outbound", automated=True),
    Activity("email", "inbound"),
    Activity("message", "outbound"),
    Activity("meeting", "internal"),
    Activity("note", "internal"),
)
VALUES: dict[str, tuple[Any, ...]] = {
    "amount": (None, "5", "100.00"),
    "count": (None, 3, 50),
    "flag": (None, True, False),
    "day": (None, "2026-01-15", "2030-01-15"),
    "note": (None, "", "text"),
    "discount_percent": (None, "10", "50"),
    "paid_amount": (None, "1", "100.00"),
    "satisfaction": (None, 3, 9),
}
quickly = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
campaign = settings(quickly, max_examples=1000, stateful_step_count=40, derandomize=False)


class Walking(RuleBasedStateMachine):
    """Any act at any time, many of them recorded late, on the engine and on the model."""

    def begin(self, process: Process) -> None:
        self.process = process
        self.triggers = sorted(process.triggers)
        self.walk = Walk(process, at("2026-11-16 08:59") if len(self.triggers) % 2 else at("2026-11-20 17:30"))

    def instant(self, data: st.DataObject) -> int:
        """Later than all before, or at the edge of what is due, or close to anything that happened: recorded late."""
        kind = data.draw(st.sampled_from(["later", "later", "due", "known", "known"]), label="instant")
        due = self.walk.state.next_due_at
        if kind == "due" and due is not None:
            return due + data.draw(st.sampled_from([0, 1, -1]), label="around due")
        if kind == "known":
            known = data.draw(st.sampled_from(sorted(self.known())), label="known")
            return known + data.draw(st.sampled_from([0, 1, -1, MINUTE, -MINUTE, HOUR]), label="around it")
        return self.walk.now + data.draw(st.sampled_from(DELAYS), label="later")

    def known(self) -> set[int]:
        """The instants that the case knows."""
        found = {self.walk.state.entered_at, self.walk.state.hold.since or self.walk.now, self.walk.now}
        for clock in self.walk.state.clocks.values():
            edges = (edge for gap in clock.gaps for edge in (gap.begins, gap.ends))
            found |= {clock.started_at, clock.due_at, *(edge for edge in (clock.closed_at, *edges) if edge is not None)}
        return found

    @rule(data=st.data())
    def fire(self, data: st.DataObject) -> None:
        open_here = sorted({item.trigger for item in self.process.open_from(self.walk.state.stage)})
        triggers = open_here if open_here and data.draw(st.integers(0, 9)) else self.triggers
        trigger = data.draw(st.sampled_from(triggers), label="trigger")
        moves = self.process.candidates(trigger, self.walk.state.stage)
        values = {
            key: data.draw(st.sampled_from(self.values(key)), label=key) for item in moves for key in item.required
        }
        if data.draw(st.booleans(), label="more data"):
            key = data.draw(st.sampled_from(sorted(self.process.definition.fields)), label="field")
            values[key] = data.draw(st.sampled_from(self.values(key)), label=key)
        reasons = [None, *self.process.definition.reasons] if data.draw(st.booleans()) else [self.reason(trigger)]
        reason = data.draw(st.sampled_from(reasons), label="reason")
        self.walk.fire(trigger, values, reason, data.draw(st.sampled_from(ACTORS)), self.instant(data))

    @rule(data=st.data(), act=st.sampled_from(ACTS), actor=st.sampled_from(ACTORS))
    def record(self, data: st.DataObject, act: Activity, actor: Any) -> None:
        self.walk.record(act, actor, self.instant(data))

    @rule(data=st.data(), actor=st.sampled_from(ACTORS))
    def approve(self, data: st.DataObject, actor: Any) -> None:
        moves = [*self.process.definition.transitions.values()]
        asked = [item for item in moves if item.approval_roles is not None] or moves
        self.walk.approve(data.draw(st.sampled_from(asked)), actor, self.instant(data))

    @rule(data=st.data(), owner=st.sampled_from([None, "ann", "bob"]))
    def assign(self, data: st.DataObject, owner: str | None) -> None:
        self.walk.assign(owner, self.instant(data))

    @rule(data=st.data(), exclusion=st.sampled_from([None, "test"]))
    def exclude(self, data: st.DataObject, exclusion: str | None) -> None:
        self.walk.exclude(exclusion, self.instant(data))

    @rule(data=st.data())
    def force(self, data: st.DataObject) -> None:
        self.walk.force(data.draw(st.sampled_from(sorted(self.process.definition.stages))), self.instant(data))

    @rule(data=st.data())
    def tick(self, data: st.DataObject) -> None:
        self.walk.tick(self.instant(data))

    @rule(data=st.data(), actor=st.sampled_from(ACTORS))
    @precondition(lambda self: self.walk.state.sequence % 3 == 0)
    def ask(self, data: st.DataObject, actor: Any) -> None:
        self.walk.available(actor, self.instant(data))

    def values(self, key: str) -> tuple[Any, ...]:
        field = self.process.definition.fields[key]
        known = VALUES.get(key)
        if known is not None:
            return known
        return (None, GOOD_VALUES.get(key), *_some(field.type.value))

    def reason(self, trigger: str) -> str | None:
        stage = self.walk.state.stage
        moves = [item for item in self.process.candidates(trigger, stage) if item.reason.value == "required"]
        found = (
            item.key for item in self.process.definition.reasons.values() if moves and item.applies(moves[0].key, stage)
        )
        return next(found, None)


class RandomWalking(Walking):
    """Over random processes."""

    @initialize(definition=definitions())
    def choose(self, definition: Any) -> None:
        self.begin(Process(definition))


class ShippedWalking(Walking):
    """Over the processes of the library."""

    @initialize(key=st.sampled_from(shipped_keys()))
    def choose(self, key: str) -> None:
        self.begin(shipped_process(key))


TestRandomProcesses = RandomWalking.TestCase
TestRandomProcesses.settings = quickly
TestShippedProcesses = ShippedWalking.TestCase
TestShippedProcesses.settings = quickly


@pytest.mark.slow
@pytest.mark.parametrize("walking", [RandomWalking, ShippedWalking])
def test_very_many_walks_agree_with_the_model(walking: type[Walking]) -> None:
    run_state_machine_as_test(walking, settings=campaign)


def _some(kind: str) -> tuple[Any, ...]:
    return {
        "string": ("text",),
        "integer": (5,),
        "decimal": ("5.00",),
        "boolean": (True,),
        "date": ("2026-12-01",),
        "datetime": ("2026-12-01T10:00:00Z",),
        "choice": (None,),
    }[kind]
