"""Transition records: the rows of a case's history."""

from datetime import datetime, timedelta
from enum import Enum

import strawberry
from strawberry.scalars import JSON

from bpm_crm.api.clocks import ClockEventType, clock_event
from bpm_crm.api.connections import PageInfo
from bpm_crm.api.context import RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.ids import to_global
from bpm_crm.api.people import Team, User, team_of, user_of
from bpm_crm.records.history import HistoryRecord
from bpm_crm.records.reference import Reference

MICROSECOND = timedelta(microseconds=1)


class RecordKind(Enum):
    """What a step of a case was."""

    STARTED = "started"
    TRANSITION = "transition"
    FORCED = "forced"
    ACTIVITY = "activity"
    ASSIGNMENT = "assignment"
    EXCLUSION = "exclusion"
    CLOCK = "clock"
    MIGRATION = "migration"
    MIGRATION_UNDONE = "migration_undone"


expose(
    RecordKind,
    "What a step of a case was.",
    {
        RecordKind.STARTED: "The case began.",
        RecordKind.TRANSITION: "The case moved by a transition of its definition.",
        RecordKind.FORCED: "The case was put into a stage by force; the comment says why.",
        RecordKind.ACTIVITY: "An act was recorded.",
        RecordKind.ASSIGNMENT: "The owner or team changed.",
        RecordKind.EXCLUSION: "The case was left out of figures, or counted again.",
        RecordKind.CLOCK: "Time passed: clocks warned, breached or escalated.",
        RecordKind.MIGRATION: "The case went on under another version: `migratedFrom` says under which it was.",
        RecordKind.MIGRATION_UNDONE: "A migration was undone: the case is as it was before.",
    },
)


class ActivityDirection(Enum):
    """The direction of an activity."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


expose(
    ActivityDirection,
    "The direction of an activity.",
    {
        ActivityDirection.INBOUND: "From the customer to us.",
        ActivityDirection.OUTBOUND: "From us to the customer; by a human it is a response.",
        ActivityDirection.INTERNAL: "Among ourselves.",
    },
)


@strawberry.type(name="Activity", description="A recorded act on a case.")
class ActivityType:
    """A recorded act on a case."""

    kind: str = strawberry.field(
        description="Kind: call, email, message, meeting, visit, note, task, approval, or one of the process."
    )
    direction: ActivityDirection = strawberry.field(description="Direction.")
    is_automated: bool = strawberry.field(description="Whether a machine did it; such an act is never a response.")
    transition: str | None = strawberry.field(description="The transition an approval is for.")


@strawberry.type(description="The stage visit that a step ended.")
class StageVisit:
    """The stage visit that a step ended."""

    stage: str = strawberry.field(description="Key of the stage.")
    number: int = strawberry.field(description="How manyth visit of this stage it was.")
    entered_at: datetime = strawberry.field(description="When the stage was entered.")
    left_at: datetime = strawberry.field(description="When it was left.")
    elapsed: timedelta = strawberry.field(description="Calendar time of the visit.")
    business: timedelta = strawberry.field(description="Business time of the visit.")
    active: timedelta = strawberry.field(description="Business time of the visit without pauses.")


@strawberry.type(
    description="One step of a case, append-only: what happened, who did it, and what it closed and reached."
)
class TransitionRecord:
    """One step of a case."""

    id: strawberry.ID = strawberry.field(description="Global id of the step.")
    sequence: int = strawberry.field(description="Number of the step inside its case.")
    kind: RecordKind = strawberry.field(description="What the step was.")
    occurred_at: datetime = strawberry.field(description="When it happened; may be earlier than it was recorded.")
    recorded_at: datetime = strawberry.field(description="When it was recorded, by the database's clock.")
    version: int = strawberry.field(description="Version of the definition it ran under.")
    actor: User | None = strawberry.field(
        description="Who did it; null for an integration or the system, and for those who may not see people."
    )
    actor_kind: str = strawberry.field(description="`user`, `integration` or `system`.")
    transition: str | None = strawberry.field(description="Key of the transition taken.")
    from_stage: str | None = strawberry.field(description="Stage left.")
    to_stage: str | None = strawberry.field(description="Stage entered.")
    reason: str | None = strawberry.field(description="Reason given, out of the catalogue.")
    comment: str | None = strawberry.field(description="Free text; null when there was none or it was erased.")
    visit: StageVisit | None = strawberry.field(description="The stage visit the step ended.")
    checkpoints: list[str] = strawberry.field(description="Checkpoints it touched.")
    clock_events: list[ClockEventType] = strawberry.field(description="What its clocks went through.")
    activity: ActivityType | None = strawberry.field(description="The act that was recorded.")
    data: JSON | None = strawberry.field(description="Data fields that changed, without personal ones.")
    migrated_from: int | None = strawberry.field(
        description="Of a migration or its undoing: the version under which the case was before."
    )
    owner: User | None = strawberry.field(description="Owner after the step.")
    team: Team | None = strawberry.field(description="Team after the step.")


@strawberry.type(description="A step in a list, with its cursor.")
class TransitionRecordEdge:
    """A step in a list."""

    cursor: str = strawberry.field(description="Cursor of the step.")
    node: TransitionRecord = strawberry.field(description="The step.")


@strawberry.type(description="A page of steps.")
class TransitionRecordConnection:
    """A page of steps."""

    edges: list[TransitionRecordEdge] = strawberry.field(description="Steps with their cursors.")
    nodes: list[TransitionRecord] = strawberry.field(description="Steps.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of steps in the whole list.")


class RecordView(TransitionRecord):
    """A step over its history row; what costs something is made when it is asked for."""

    def __init__(self, record: HistoryRecord, reference: Reference) -> None:
        self.record = record
        self.reference = reference
        self.sequence = record.sequence
        self.occurred_at = record.occurred_at
        self.recorded_at = record.recorded_at
        self.version = record.version
        self.actor_kind = record.actor_kind
        self.transition = record.transition
        self.from_stage = record.from_stage
        self.to_stage = record.to_stage
        self.reason = record.reason
        self.comment = record.comment

    @property
    def id(self) -> strawberry.ID:  # type: ignore[override]  # made when asked for
        """Global id of the step."""
        return to_global("TransitionRecord", f"{self.record.instance_id}.{self.record.sequence}")

    @property
    def kind(self) -> RecordKind:  # type: ignore[override]  # made when asked for
        """What the step was."""
        return RecordKind(self.record.kind)

    @property
    def actor(self) -> User | None:  # type: ignore[override]  # made when asked for
        """Who did it."""
        return user_of(self.reference, self.record.actor_id)

    @property
    def visit(self) -> StageVisit | None:  # type: ignore[override]  # made when asked for
        """The stage visit the step ended."""
        return _visit(self.record)

    @property
    def checkpoints(self) -> list[str]:  # type: ignore[override]  # made when asked for
        """Checkpoints it touched."""
        return list(self.record.checkpoints)

    @property
    def clock_events(self) -> list[ClockEventType]:  # type: ignore[override]  # made when asked for
        """What its clocks went through."""
        return [clock_event(self.reference, values) for values in self.record.clocks]

    @property
    def activity(self) -> ActivityType | None:  # type: ignore[override]  # made when asked for
        """The act that was recorded."""
        return _activity(self.record)

    @property
    def data(self) -> JSON | None:  # type: ignore[override]  # made when asked for
        """Data fields that changed."""
        return None if self.record.data is None else JSON(self.record.data)

    @property
    def migrated_from(self) -> int | None:  # type: ignore[override]  # made when asked for
        """The version under which the case was before."""
        return None if self.record.migration is None else self.record.migration["from"]

    @property
    def owner(self) -> User | None:  # type: ignore[override]  # made when asked for
        """Owner after the step."""
        return user_of(self.reference, self.record.owner_id)

    @property
    def team(self) -> Team | None:  # type: ignore[override]  # made when asked for
        """Team after the step."""
        return team_of(self.reference, self.record.team_id)


def transition_record(context: RequestContext, record: HistoryRecord) -> TransitionRecord:
    """A history row as the API shows it."""
    return RecordView(record, context.people)


def _visit(record: HistoryRecord) -> StageVisit | None:
    if record.from_stage is None or record.entered_at is None:
        return None
    return StageVisit(
        stage=record.from_stage,
        number=record.visit or 1,
        entered_at=record.entered_at,
        left_at=record.occurred_at,
        elapsed=record.occurred_at - record.entered_at,
        business=(record.business or 0) * MICROSECOND,
        active=(record.active or 0) * MICROSECOND,
    )


def _activity(record: HistoryRecord) -> ActivityType | None:
    if record.activity is None:
        return None
    return ActivityType(
        kind=record.activity["kind"],
        direction=ActivityDirection(record.activity["direction"]),
        is_automated=record.activity["automated"],
        transition=record.activity.get("transition"),
    )
