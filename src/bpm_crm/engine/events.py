"""What the engine answers with: the closed set of things that can happen in one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.clock import ClockEvent
from bpm_crm.engine.definition import StageKind
from bpm_crm.engine.mapping import Before, MigrationMapping


@dataclass(frozen=True, slots=True)
class Started:
    """The case began in `stage`."""

    stage: str


@dataclass(frozen=True, slots=True)
class Transitioned:
    """The case moved. A forced move has no transition of the definition; its key is `force`."""

    transition: str
    trigger: str
    source: str
    target: str
    forced: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class StageLeft:
    """A stage visit ended: its number, when it began, and its business and active time in microseconds."""

    stage: str
    visit: int
    entered_at: int
    business: int
    active: int


@dataclass(frozen=True, slots=True)
class StageEntered:
    """A stage visit began; `visit` numbers the entries into this stage."""

    stage: str
    visit: int


@dataclass(frozen=True, slots=True)
class CheckpointReached:
    """A checkpoint was touched; `first` is false on later touches."""

    checkpoint: str
    first: bool


@dataclass(frozen=True, slots=True)
class ActivityRecorded:
    """An act on the case was recorded."""

    kind: str
    direction: str
    automated: bool
    transition: str | None


@dataclass(frozen=True, slots=True)
class Approved:
    """A person approved a transition; it counts until the stage is left."""

    transition: str
    by: str


@dataclass(frozen=True, slots=True)
class OwnerAssigned:
    """The case has this owner and team from now on."""

    owner: str | None
    team: str | None


@dataclass(frozen=True, slots=True)
class DataChanged:
    """Data fields got new values (None: emptied)."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Completed:
    """The case ended in a final stage of this kind."""

    outcome: StageKind
    reason: str | None


@dataclass(frozen=True, slots=True)
class Reopened:
    """A case that had ended goes on."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """The case is left out of figures for this reason (test, spam, duplicate), or counted again (None)."""

    exclusion: str | None


@dataclass(frozen=True, slots=True)
class ProcessRequested:
    """Another process is to be started over the same deal."""

    process: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """The case goes on under another version, from stage `source` in `target`; `mapping` is how, `before` what an undoing restores."""

    source: str
    target: str
    mapping: MigrationMapping
    before: Before


@dataclass(frozen=True, slots=True)
class MigrationUndone:
    """The case goes on under the version it came from, from stage `source` in `target`, as it was before; `before` says how."""

    source: str
    target: str
    before: Before


Event = (
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
    | ClockEvent
)
