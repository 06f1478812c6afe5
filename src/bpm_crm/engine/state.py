"""The state of one case as the engine sees it: what folding its history gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bpm_crm.engine.clock import Clock

Instant = int
"""Microseconds since the Unix epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, an integration, or the system itself (clocks, imports). `team` is where a user's cases go."""

    id: str | None
    kind: str
    roles: frozenset[str]
    team: str | None = None


class Hold(NamedTuple):
    """The pause reasons that hold now, since when, and the paused business time of this visit so far."""

    reasons: tuple[str, ...] = ()
    since: Instant = 0
    paused: int = 0


NO_HOLD = Hold()
NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class InstanceState(NamedTuple):
    """A case between two steps. `sequence` numbers its history; instants are microseconds since the epoch.

    `reached` maps a checkpoint to (first instant, sequence); `visits` counts entries per stage; `activities` counts acts
    per kind; `approvals` maps a transition to the ids of those who approved it since this stage was entered;
    `clocks` holds the last cycle of each policy, open or closed; `subject` is what guards may know of the deal
    (`channel`, `region`). A tuple for the same reason as `Clock`.
    """

    stage: str
    sequence: int
    started_at: Instant
    entered_at: Instant
    ended_at: Instant | None = None
    data: Mapping[str, Any] = NONE
    reached: Mapping[str, tuple[Instant, int]] = NONE
    visits: Mapping[str, int] = NONE
    activities: Mapping[str, int] = NONE
    approvals: Mapping[str, tuple[str, ...]] = NONE
    clocks: Mapping[str, Clock] = NONE
    subject: Mapping[str, str] = NONE
    hold: Hold = NO_HOLD
    owner: str | None = None
    team: str | None = None
    reason: str | None = None
    exclusion: str | None = None

    @property
    def next_due_at(self) -> Instant | None:
        """The earliest instant at which an open clock warns, breaches or escalates; None when none will."""
        return min([clock.next_at for clock in self.clocks.values() if clock.next_at is not None], default=None)

    @property
    def overdue_since(self) -> Instant | None:
        """The earliest breach among the open clocks."""
        breaches = [
            clock.breached_at for clock in self.clocks.values() if clock.breached_at is not None and clock.is_open
        ]
        return min(breaches, default=None)
