"""An SLA clock as a value: one running measurement of a policy, in one of its cycles.

It keeps when it started, its budget of business time, and the gaps in which it stood still; everything else is a function of
these and of the calendar (`clock_rule`). Instants and spans are integers, microseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ClockState(StrEnum):
    """The state people see. A breached clock stays breached, open or closed."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class ClockEventKind(StrEnum):
    """What can happen to a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    WARNED = "warned"
    BREACHED = "breached"
    ESCALATED = "escalated"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    AMENDED = "amended"
    MIGRATED = "migrated"


class SegmentKind(StrEnum):
    """What a stretch of a clock's life was."""

    RUNNING = "running"
    CLOSED_HOURS = "closed_hours"
    PAUSED = "paused"
    STOPPED = "stopped"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the clock stood still: paused for `reasons`, or, with none, stopped and later resumed."""

    begins: int
    ends: int | None
    reasons: tuple[str, ...]


class Carry(NamedTuple):
    """What a clock brought along from earlier versions of its policy: business time `used` by `at`, the thresholds `fired` by then.

    `told` names every threshold that was ever passed in this cycle, so that none is passed again by going on to yet another version.
    """

    at: int
    used: int
    fired: int
    told: tuple[str, ...] = ()


class Clock(NamedTuple):
    """One cycle of a policy. `fired` counts the thresholds passed; `next_at` is the instant of the next one, if any.

    A tuple, because clocks change several times in every step and `_replace` costs a third of what `dataclasses.replace` does.
    """

    policy: str
    cycle: int
    started_at: int
    budget: int
    due_at: int
    next_at: int | None = None
    fired: int = 0
    gaps: tuple[Gap, ...] = ()
    breached_at: int | None = None
    closed_at: int | None = None
    cancelled: bool = False
    carry: Carry | None = None

    @property
    def is_open(self) -> bool:
        """Whether the clock has been neither stopped nor cancelled."""
        return self.closed_at is None

    @property
    def is_standing(self) -> bool:
        """Whether the clock is in a gap that has not ended."""
        return bool(self.gaps) and self.gaps[-1].ends is None

    @property
    def state(self) -> ClockState:
        """The state people see."""
        if self.cancelled:
            return ClockState.CANCELLED
        if self.breached_at is not None:
            return ClockState.BREACHED
        if not self.is_open:
            return ClockState.MET
        return ClockState.PAUSED if self.is_standing else ClockState.RUNNING

    @property
    def standing_for(self) -> tuple[str, ...]:
        """The reasons for which the clock stands still now; empty when it runs."""
        return self.gaps[-1].reasons if self.is_standing else ()

    @property
    def running_since(self) -> int:
        """When the clock was started or, if it was stopped since, last resumed."""
        resumed = (gap.ends for gap in reversed(self.gaps) if not gap.reasons and gap.ends is not None)
        return next(resumed, self.started_at)

    @property
    def last_boundary(self) -> int:
        """The latest recorded instant at which the clock started, paused, resumed, or came under another version."""
        since = self.started_at if self.carry is None else self.carry.at
        if not self.gaps:
            return since
        last = self.gaps[-1]
        return max(since, last.begins if last.ends is None else last.ends)

    def runs(self, until: int | None, since: int | None = None) -> Iterator[tuple[int, int | None]]:
        """The stretches in which the clock runs, from its start or `since`; the last is open-ended unless the clock stands still or `until` bounds it."""
        cursor = self.started_at if since is None else since
        for gap in self.gaps:
            if until is not None and gap.begins >= until:
                break
            if gap.begins >= cursor:
                yield cursor, gap.begins
            if gap.ends is None:
                return
            cursor = max(cursor, gap.ends)
        if until is None or cursor < until:
            yield cursor, until


@dataclass(frozen=True, slots=True)
class Threshold:
    """Something that happens when so much business time is consumed: a warning, the breach, an escalation."""

    consumed: int
    kind: ClockEventKind
    step: int
    to: str | None

    @property
    def name(self) -> str:
        """What tells it from the others of its policy, and makes it the same in another version."""
        return f"{self.kind.value}.{self.step}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch `[begins, ends)` of a clock's life; the segments of a clock add up to it without holes."""

    kind: SegmentKind
    begins: int
    ends: int
    reasons: tuple[str, ...] = ()


class ClockEvent(NamedTuple):
    """Something that happened to a clock at `at`; `clock` is the clock after it. A tuple for the same reason as the clock.

    `step` numbers the warning or escalation, `to` says whom the escalation goes to, `reasons` are those of a pause,
    `withdrawn` names the event a late record made untrue, `elapsed` is the business time consumed at a stop.
    """

    kind: ClockEventKind
    at: int
    clock: Clock
    step: int = 0
    to: str | None = None
    reasons: tuple[str, ...] = ()
    withdrawn: ClockEventKind | None = None
    elapsed: int | None = None
