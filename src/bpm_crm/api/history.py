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
    actor: User | None = strawberry.field(description="Who did it; null for an integration or the system.")
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


def transition_record(context: RequestContext, record: HistoryRecord) -> TransitionRecord:
    """A history row as the API shows it."""
    reference = context.known
    return TransitionRecord(
        id=to_global("TransitionRecord", f"{record.instance_id}.{record.sequence}"),
        sequence=record.sequence,
        kind=RecordKind(record.kind),
        occurred_at=record.occurred_at,
        recorded_at=record.recorded_at,
        version=record.version,
        actor=user_of(reference, record.actor_id),
        actor_kind=record.actor_kind,
        transition=record.transition,
        from_stage=record.from_stage,
        to_stage=record.to_stage,
        reason=record.reason,
        comment=record.comment,
        visit=_visit(record),
        checkpoints=list(record.checkpoints),
        clock_events=[clock_event(reference, values) for values in record.clocks],
        activity=_activity(record),
        data=None if record.data is None else JSON(record.data),
        owner=user_of(reference, record.owner_id),
        team=team_of(reference, record.team_id),
    )


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
