"""What the engine answers with: the closed set of things that can happen in one step.

Tuples, because a step makes some eight of them and a frozen dataclass costs three times as much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.definition import StageKind
from bpm_crm.engine.mapping import Before, MigrationMapping


class Started(NamedTuple):
    """The case began in `stage`."""

    stage: str


class Transitioned(NamedTuple):
    """The case moved. A forced move has no transition of the definition; its key is `force`."""

    transition: str
    trigger: str
    source: str
    target: str
    forced: bool
    reason: str | None


class StageLeft(NamedTuple):
    """A stage visit ended: its number, when it began, and its business and active time in microseconds."""

    stage: str
    visit: int
    entered_at: int
    business: int
    active: int


class StageEntered(NamedTuple):
    """A stage visit began; `visit` numbers the entries into this stage."""

    stage: str
    visit: int


class CheckpointReached(NamedTuple):
    """A checkpoint was touched; `first` is false on later touches."""

    checkpoint: str
    first: bool


class ActivityRecorded(NamedTuple):
    """An act on the case was recorded."""

    kind: str
    direction: str
    automated: bool
    transition: str | None


class Approved(NamedTuple):
    """A person approved a transition; it counts until the stage is left."""

    transition: str
    by: str


class OwnerAssigned(NamedTuple):
    """The case has this owner and team from now on."""

    owner: str | None
    team: str | None


class DataChanged(NamedTuple):
    """Data fields got new values (None: emptied)."""

    changes: Mapping[str, Any]


class Completed(NamedTuple):
    """The case ended in a final stage of this kind."""

    outcome: StageKind
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reopened:
    """A case that had ended goes on."""


class Excluded(NamedTuple):
    """The case is left out of figures for this reason (test, spam, duplicate), or counted again (None)."""

    exclusion: str | None


class ProcessRequested(NamedTuple):
    """Another process is to be started over the same deal."""

    process: str


class Migrated(NamedTuple):
    """The case goes on under another version, from stage `source` in `target`; `mapping` is how, `before` what an undoing restores."""

    source: str
    target: str
    mapping: MigrationMapping
    before: Before


class MigrationUndone(NamedTuple):
    """The case goes on under the version it came from, from stage `source` in `target`, as it was before; `before` says how."""

    source: str
    target: str
    before: Before


CaseEvent = (
    Started
    | Transitioned
    | StageLeft
    | StageEntered
    | CheckpointReached
    | ActivityRecorded
    | Approved
    | OwnerAssigned
    | DataChanged
    | Completed
    | Reopened
    | Excluded
    | ProcessRequested
    | Migrated
    | MigrationUndone
)
"""What happens to a case, beside its clocks."""

Event = CaseEvent | ClockEvent
