"""What the cycles of a case's clocks came to, as its history says and as another definition has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bpm_crm.engine.clock import Clock, ClockEvent, ClockState
from bpm_crm.engine.events import Event


class Verdict(StrEnum):
    """What a cycle came to by an instant. An open one past its due instant is breached; `PENDING` is not yet due, `ABSENT` never began."""

    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"
    PENDING = "pending"
    ABSENT = "absent"


_SETTLED = {
    ClockState.MET: Verdict.MET,
    ClockState.BREACHED: Verdict.BREACHED,
    ClockState.CANCELLED: Verdict.CANCELLED,
}

Holder = tuple[str | None, str | None]
"""Who has the case: owner and team."""
CycleKey = tuple[str, int]
"""A clock, and the number of its cycle."""


class ObservedClock(NamedTuple):
    """A clock as a history row leaves it: policy, cycle, state and due instant (microseconds)."""

    policy: str
    cycle: int
    state: ClockState
    due_at: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of a clock: what it came to, what it would have come to, and who had the case when it ended."""

    clock: str
    number: int
    before: Verdict
    after: Verdict
    holder: Holder


class Cycles:
    """Follows the cycles of one case on both sides; the last thing that is said of each counts."""

    def __init__(self) -> None:
        self._before: dict[CycleKey, tuple[ObservedClock, Holder]] = {}
        self._after: dict[CycleKey, tuple[Clock, Holder]] = {}

    def observe(self, clocks: Iterable[ObservedClock], holder: Holder) -> None:
        """Take in what a history row says."""
        for clock in clocks:
            self._before[clock.policy, clock.cycle] = (clock, holder)

    def follow(self, events: Iterable[Event], holder: Holder) -> None:
        """Take in what a step under the other definition brought."""
        for event in events:
            if isinstance(event, ClockEvent):
                self._after[event.clock.policy, event.clock.cycle] = (event.clock, holder)

    def compared(self, horizon: int) -> tuple[Cycle, ...]:
        """Every cycle of either side, as it stands at `horizon`, which the other side has been followed to."""
        keys = dict.fromkeys((*self._before, *self._after))
        return tuple(self._cycle(key, horizon) for key in keys)

    def _cycle(self, key: CycleKey, horizon: int) -> Cycle:
        before, after = self._before.get(key), self._after.get(key)
        clock, number = key
        holder = after[1] if after is not None else before[1] if before is not None else (None, None)
        return Cycle(
            clock,
            number,
            Verdict.ABSENT if before is None else _verdict(before[0].state, before[0].due_at, horizon),
            Verdict.ABSENT if after is None else _verdict(after[0].state, after[0].due_at, horizon),
            holder,
        )


def _verdict(state: ClockState, due_at: int, horizon: int) -> Verdict:
    """A running clock is late once its due instant has passed, whether anybody has noticed or not; a paused one is not."""
    if state is ClockState.RUNNING:
        return Verdict.BREACHED if due_at < horizon else Verdict.PENDING
    return _SETTLED.get(state, Verdict.PENDING)
