"""What can be asked of a case, and how it is answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.blockers import Blocker, InputProblem
from bpm_crm.engine.mapping import Before, MigrationMapping
from bpm_crm.engine.migration_obstacles import MigrationObstacle
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor
from bpm_crm.engine.step import Activity
from bpm_crm.operations.access import EVERYTHING, Scope
from bpm_crm.records.entries import HistoryEntry
from bpm_crm.records.history import HistoryRecord
from bpm_crm.records.instances import InstanceRecord


@dataclass(frozen=True, slots=True)
class CustomerDetails:
    """Who asks, as the channel knows it: phone in E.164, e-mail normalised; both recognise a known customer."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    region: str | None = None

    @property
    def contacts(self) -> tuple[tuple[str, str], ...]:
        """The addresses as (kind, value), the surest first."""
        pairs = (("phone", self.phone), ("email", self.email))
        return tuple((kind, value) for kind, value in pairs if value is not None)


@dataclass(frozen=True, slots=True)
class Capture:
    """Begin a case. With `deal_id` it runs over that deal; with `opens_deal` a new deal is opened; else it has none.

    `rollout_id` is the rollout that may give it another version than `version`, if it is its turn.
    """

    definition_id: UUID
    version: int
    channel_id: UUID
    channel_key: str
    rollout_id: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    fingerprint: bytes | None = None
    customer: CustomerDetails | None = None
    customer_id: UUID | None = None
    deal_id: UUID | None = None
    opens_deal: bool = True
    title: str | None = None
    currency: str = "RUB"
    campaign_id: UUID | None = None
    region: str | None = None
    owner_id: UUID | None = None
    team_id: UUID | None = None
    exclusion: str | None = None
    comment: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fire:
    """Move a case by a trigger."""

    trigger: str
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    comment: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Force:
    """Put a case into a stage whatever the definition allows; the comment says why and is mandatory."""

    stage: str
    comment: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Record an activity on a case."""

    activity: Activity
    comment: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a case an owner and a team; without a team it keeps the one it has, with `keep_owner` the owner too."""

    owner_id: UUID | None
    team_id: UUID | None
    comment: str | None = None
    occurred_at: datetime | None = None
    keep_owner: bool = False


@dataclass(frozen=True, slots=True)
class Exclude:
    """Leave a case out of figures, or count it again (None)."""

    exclusion: str | None
    comment: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Let time pass for a case: warnings, breaches and escalations that are due."""

    comment: None = None
    occurred_at: None = None


@dataclass(frozen=True, slots=True)
class Migrate:
    """Take a case from one version to another; `target` is that version, ready to run. Time passes first, under the old one."""

    from_version: int
    to_version: int
    target: Process
    mapping: MigrationMapping
    comment: str | None = None
    occurred_at: None = None


@dataclass(frozen=True, slots=True)
class UndoMigration:
    """Take a case back to the version it was migrated from, and to what it was `before`; `target` is that version."""

    to_version: int
    target: Process
    before: Before
    comment: str | None = None
    occurred_at: None = None


Command = Capture | Fire | Force | Record | Assign | Exclude | Tick | Migrate | UndoMigration


@dataclass(frozen=True, slots=True)
class Recorded:
    """It happened: the case after it, the history rows it left, and whether this answer is a repetition of the first one."""

    instance: InstanceRecord
    written: tuple[HistoryEntry | HistoryRecord, ...]
    repeated: bool = False

    @property
    def entries(self) -> tuple[HistoryRecord, ...]:
        """The history rows as people read them; made when somebody asks, which most callers do not."""
        return tuple(item if isinstance(item, HistoryRecord) else item.record for item in self.written)


@dataclass(frozen=True, slots=True)
class NotAllowed:
    """It did not happen: everything that stands in its way. `command` numbers the one refused among several."""

    blockers: tuple[Blocker, ...]
    instance: InstanceRecord
    command: int = 0


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """It did not happen: the input names what does not exist, or has the wrong type."""

    problems: tuple[InputProblem, ...]
    command: int = 0


@dataclass(frozen=True, slots=True)
class Outdated:
    """It did not happen: the caller had seen an older state of the case."""

    instance: InstanceRecord
    expected: int


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such case for this caller."""


@dataclass(frozen=True, slots=True)
class KeyReused:
    """It did not happen: the idempotency key was used for something else."""

    key: str


@dataclass(frozen=True, slots=True)
class AlreadyCaptured:
    """It did not happen: the channel has reported this lead before, with other content."""

    instance: InstanceRecord


@dataclass(frozen=True, slots=True)
class NothingDue:
    """A tick found nothing to do."""


@dataclass(frozen=True, slots=True)
class NotMigrated:
    """It did not happen: everything that stands in the way of the migration."""

    obstacles: tuple[MigrationObstacle, ...]
    instance: InstanceRecord


Outcome = (
    Recorded | NotMigrated | NotAllowed | NotUnderstood | Outdated | Missing | KeyReused | AlreadyCaptured | NothingDue
)


@dataclass(eq=False, slots=True)
class Work:
    """Commands on one case, to be carried out together or not at all; the first of a new case is its `Capture`.

    `fingerprint` is the digest of what was asked, kept with `idempotency_key`; `leased` marks a case that a worker holds a
    lease of; a `dry_run` is decided and answered but not written; `answer` is set when the outcome is known. `performers` are who did
    each of the commands, where history that is imported names them; without, the actor did all.
    """

    tenant_id: UUID
    commands: tuple[Command, ...]
    actor: Actor
    instance_id: UUID | None = None
    scope: Scope = EVERYTHING
    expected_sequence: int | None = None
    idempotency_key: str | None = None
    fingerprint: bytes = b""
    request_id: str | None = None
    leased: bool = False
    dry_run: bool = False
    answer: "asyncio.Future[Outcome] | None" = None
    performers: tuple[Actor, ...] = ()

    def performer(self, number: int) -> Actor:
        """Who did one of the commands."""
        return self.performers[number] if self.performers else self.actor
