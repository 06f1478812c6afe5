"""SLA clocks: state, due instants, segments, and what happened to them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry

from bpm_crm.api.people import User, user_of
from bpm_crm.engine.clock import Clock, ClockEventKind, ClockState, SegmentKind
from bpm_crm.engine.clock_rule import ClockRule
from bpm_crm.engine.clock_segments import segments_of
from bpm_crm.engine.instants import moment_of
from bpm_crm.records.reference import Reference

MICROSECOND = timedelta(microseconds=1)


@strawberry.type(description="A stretch of a clock's life. The segments of a clock add up to it without holes.")
class ClockSegment:
    """A stretch of a clock's life."""

    kind: SegmentKind = strawberry.field(description="Running, closed hours, paused, or stopped and later resumed.")
    begins_at: datetime = strawberry.field(description="First instant.")
    ends_at: datetime = strawberry.field(description="First instant after it.")
    duration: timedelta = strawberry.field(description="Its length in calendar time.")
    reasons: list[str] = strawberry.field(description="Why it paused: keys of the pauses of the process.")


@strawberry.type(description="One running measurement of an SLA policy, in one of its cycles.")
class SlaClock:
    """One running measurement of an SLA policy."""

    key: str = strawberry.field(description="Key of the policy.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    checkpoint: str | None = strawberry.field(description="Checkpoint whose performance it measures.")
    state: ClockState = strawberry.field(description="State at `asOf` of the request.")
    is_open: bool = strawberry.field(description="Whether it has been neither stopped nor cancelled.")
    cycle: int = strawberry.field(description="Number of the cycle.")
    started_at: datetime = strawberry.field(description="When the cycle began.")
    due_at: datetime = strawberry.field(
        description="When the target is or was reached. While paused: as planned before the pause; it moves on when the clock resumes."
    )
    breached_at: datetime | None = strawberry.field(description="When the target was passed.")
    closed_at: datetime | None = strawberry.field(description="When it was stopped or cancelled.")
    target_business: timedelta = strawberry.field(description="Business time the target allows.")
    elapsed_business: timedelta = strawberry.field(description="Business time consumed.")
    remaining_business: timedelta | None = strawberry.field(
        description="Business time left; negative when overdue, null once closed."
    )
    segments: list[ClockSegment] = strawberry.field(
        description="Running, paused and why, closed hours: they add up to the second."
    )


@strawberry.type(name="ClockEvent", description="Something that happened to a clock in a step.")
class ClockEventType:
    """Something that happened to a clock."""

    kind: ClockEventKind = strawberry.field(description="What happened.")
    clock: str = strawberry.field(description="Key of the policy.")
    cycle: int = strawberry.field(description="Number of the cycle.")
    at: datetime = strawberry.field(description="When it happened, by event time.")
    state: ClockState = strawberry.field(description="State of the clock after it.")
    due_at: datetime = strawberry.field(description="When the target is reached, as planned after it.")
    step: int | None = strawberry.field(description="Number of the warning or escalation step.")
    to: str | None = strawberry.field(description="To whom it escalates: `owner`, `team_lead`, or a role.")
    user: User | None = strawberry.field(description="The person it escalated to, where it is one.")
    reasons: list[str] = strawberry.field(description="Reasons of a pause.")
    withdrawn: ClockEventKind | None = strawberry.field(description="The event that a late record made untrue.")


class ClockView(SlaClock):
    """A clock over its value and rule, at one instant."""

    def __init__(self, clock: Clock, rule: ClockRule, language: str, at: int) -> None:
        self.clock = clock
        self.rule = rule
        self.language = language
        self.at = at
        self.key = clock.policy

    @property
    def title(self) -> str:  # type: ignore[override]  # made when asked for
        """Name people see."""
        return self.rule.policy.title.in_language(self.language)

    @property
    def checkpoint(self) -> str | None:  # type: ignore[override]  # made when asked for
        """Checkpoint whose performance it measures."""
        return self.rule.policy.checkpoint

    @property
    def state(self) -> ClockState:  # type: ignore[override]  # made when asked for
        """The state at the instant."""
        return _state_at(self.clock, self.at)

    @property
    def is_open(self) -> bool:  # type: ignore[override]  # made when asked for
        """Whether it has been neither stopped nor cancelled."""
        return self.clock.is_open

    @property
    def cycle(self) -> int:  # type: ignore[override]  # made when asked for
        """Number of the cycle."""
        return self.clock.cycle

    @property
    def target_business(self) -> timedelta:  # type: ignore[override]  # made when asked for
        """Business time the target allows."""
        return self.clock.budget * MICROSECOND

    @property
    def started_at(self) -> datetime:  # type: ignore[override]  # made when asked for
        """When the cycle began."""
        return moment_of(self.clock.started_at)

    @property
    def due_at(self) -> datetime:  # type: ignore[override]  # made when asked for
        """When the target is reached."""
        return moment_of(self.clock.due_at)

    @property
    def breached_at(self) -> datetime | None:  # type: ignore[override]  # made when asked for
        """When the target was passed: recorded, or plain from the time even if nobody has looked yet."""
        if self.clock.breached_at is not None:
            return moment_of(self.clock.breached_at)
        return moment_of(self.clock.due_at) if self.state is ClockState.BREACHED else None

    @property
    def closed_at(self) -> datetime | None:  # type: ignore[override]  # made when asked for
        """When it was stopped or cancelled."""
        return None if self.clock.closed_at is None else moment_of(self.clock.closed_at)

    @property
    def elapsed_business(self) -> timedelta:  # type: ignore[override]  # made when asked for
        """Business time consumed."""
        return self.rule.consumed(self.clock, self.at) * MICROSECOND

    @property
    def remaining_business(self) -> timedelta | None:  # type: ignore[override]  # made when asked for
        """Business time left."""
        if not self.clock.is_open:
            return None
        return (self.clock.budget - self.rule.consumed(self.clock, self.at)) * MICROSECOND

    @property
    def segments(self) -> list[ClockSegment]:  # type: ignore[override]  # made when asked for
        """The life of the clock."""
        return [
            ClockSegment(
                kind=segment.kind,
                begins_at=moment_of(segment.begins),
                ends_at=moment_of(segment.ends),
                duration=(segment.ends - segment.begins) * MICROSECOND,
                reasons=list(segment.reasons),
            )
            for segment in segments_of(self.rule, self.clock, self.at)
        ]


def clock_event(reference: Reference, values: Mapping[str, Any]) -> ClockEventType:
    """A clock event of a history row as the API shows it."""
    withdrawn = values.get("withdrawn")
    return ClockEventType(
        kind=ClockEventKind(values["event"]),
        clock=values["clock"],
        cycle=values["cycle"],
        at=moment_of(values["at"]),
        state=ClockState(values["state"]),
        due_at=moment_of(values["due"]),
        step=values.get("step"),
        to=values.get("to"),
        user=user_of(reference, UUID(values["user"])) if "user" in values else None,
        reasons=list(values.get("reasons", ())),
        withdrawn=None if withdrawn is None else ClockEventKind(withdrawn),
    )


def _state_at(clock: Clock, at: int) -> ClockState:
    """The state at an instant: a running clock past its due instant is breached, even before a sweep has recorded it."""
    state = clock.state
    return ClockState.BREACHED if state is ClockState.RUNNING and clock.due_at < at else state
