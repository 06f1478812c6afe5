"""Reviews, their schedules and the changes of these as the API shows them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from bpm_crm.analytics.kpi_catalogue import Better, KpiUnit
from bpm_crm.analytics.snapshots import Stored, read
from bpm_crm.api.connections import PageInfo
from bpm_crm.api.context import RequestContext
from bpm_crm.api.figure_frames import FigureFrame, FigureProcess, Period
from bpm_crm.api.ids import to_global
from bpm_crm.api.kpi_types import ValueInterval, decimal, interval
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import User, user_of
from bpm_crm.operations.review_journal import ReviewChangeKind
from bpm_crm.operations.review_periods import ReviewRhythm, review_period
from bpm_crm.records.reviews import ChangeRecord, ReviewRecord, ScheduleRecord


@strawberry.type(
    description="A change of a review schedule or corrective action. Changes are never altered or removed."
)
class ReviewChange:
    """A change of a review schedule or corrective action."""

    revision: int = strawberry.field(description="Number of the change: the revision it led to.")
    kind: ReviewChangeKind = strawberry.field(description="What was done.")
    values: JSON = strawberry.field(
        description="Of every field that changed, by its name in the database: what it was and what it became."
    )
    comment: str | None = strawberry.field(description="Why, or whatever was to be said.")
    actor: User | None = strawberry.field(description="Who did it; null for those who may not see people.")
    recorded_at: datetime = strawberry.field(description="When.")


@strawberry.type(description="How often a process is reviewed, and by whom.")
class ReviewSchedule(Node):
    """How often a process is reviewed, and by whom."""

    process: str = strawberry.field(description="Key of the process.")
    rhythm: ReviewRhythm = strawberry.field(description="How often.")
    starts_on: date = strawberry.field(description="First day of the first period.")
    owner: User | None = strawberry.field(description="Who holds the reviews; null for those who may not see people.")
    is_active: bool = strawberry.field(description="Whether reviews go on; false once they were stopped.")
    next_period: Period | None = strawberry.field(description="The period to be frozen next; null once stopped.")
    changes: list[ReviewChange] = strawberry.field(description="How it came to be so, oldest first.")


@strawberry.type(description="A KPI as it was frozen: over all cases of the process, whoever looks.")
class FrozenKpi:
    """A KPI as it was frozen."""

    key: str = strawberry.field(description="Stable key, by which `kpi` is asked.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    unit: KpiUnit = strawberry.field(description="What its value is measured in.")
    better: Better = strawberry.field(description="Which way it gets better.")
    version: int | None = strawberry.field(
        description="Version of a KPI that the company defined itself; null of a shipped one."
    )
    value: Decimal | None = strawberry.field(
        description="The value, of at most ten decimals; null where there was none, for example without a denominator."
    )
    numerator: Decimal | None = strawberry.field(
        description="What was counted or summed: of a share its part, of a duration how many had ended."
    )
    denominator: Decimal | None = strawberry.field(description="What it was taken of; null of a count or sum.")
    interval: ValueInterval | None = strawberry.field(
        description="Interval of 95 % of a share or of a median; null of other kinds, and of nothing."
    )
    p90: Decimal | None = strawberry.field(
        description="Of a duration: after how long nine tenths had ended; null: not seen."
    )
    left_out: int = strawberry.field(
        description="Cases that could not be valued, for example for want of history or of an amount."
    )


@strawberry.type(
    description="A review: the KPIs of a process in a period that has ended, frozen. What is recorded later changes nothing in it."
)
class Review(Node):
    """A review."""

    process: str = strawberry.field(description="Key of the process.")
    rhythm: ReviewRhythm = strawberry.field(description="How often the process was reviewed then.")
    period: Period = strawberry.field(description="The period under review.")
    owner: User | None = strawberry.field(description="Who held it; null for those who may not see people.")
    frozen_at: datetime = strawberry.field(description="When the report was stored.")
    frame: FigureFrame = strawberry.field(
        description="What the KPIs were asked of: `kpi` asked again with this period, filter, `asOf` and `knownAt` has the same values."
    )
    kpis: list[FrozenKpi] = strawberry.field(description="The KPIs, by key.")


@strawberry.type(description="A review in a list, with its cursor.")
class ReviewEdge:
    """A review in a list."""

    cursor: str = strawberry.field(description="Cursor of the review.")
    node: Review = strawberry.field(description="The review.")


@strawberry.type(description="A page of reviews.")
class ReviewConnection:
    """A page of reviews."""

    edges: list[ReviewEdge] = strawberry.field(description="Reviews with their cursors.")
    nodes: list[Review] = strawberry.field(description="Reviews.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of reviews in the whole list; counted only when selected.")


def schedule_type(context: RequestContext, record: ScheduleRecord, changes: list[ChangeRecord]) -> ReviewSchedule:
    """A schedule as the API shows it."""
    rhythm = ReviewRhythm(record.rhythm)
    ahead = review_period(record.next_from, rhythm, context.known.tenant.zone, record.set_at)
    is_active = record.due_at is not None
    return ReviewSchedule(
        id=to_global("ReviewSchedule", record.id),
        process=process_key(context, record.definition_id),
        rhythm=rhythm,
        starts_on=record.starts_on,
        owner=user_of(context.people, record.owner_id),
        is_active=is_active,
        next_period=Period(from_=ahead.since, to=ahead.until) if is_active else None,
        changes=change_types(context, changes),
    )


def review_type(context: RequestContext, record: ReviewRecord) -> Review:
    """A review as the API shows it."""
    process, numbers = process_key(context, record.definition_id), record.versions["numbers"]
    period = Period(from_=record.since, to=record.until)
    return Review(
        id=to_global("Review", record.id),
        process=process,
        rhythm=ReviewRhythm(record.rhythm),
        period=period,
        owner=user_of(context.people, record.owner_id),
        frozen_at=record.frozen_at,
        frame=FigureFrame(
            as_of=record.as_of,
            known_at=record.known_at,
            period=period,
            filter=JSON({"process": {"eq": process}}),
            processes=[FigureProcess(process=process, first_version=min(numbers), latest_version=max(numbers))],
        ),
        kpis=[_frozen(context, stored) for stored in read(record.results)],
    )


def change_types(context: RequestContext, changes: list[ChangeRecord]) -> list[ReviewChange]:
    """Changes as the API shows them."""
    return [
        ReviewChange(
            revision=change.revision,
            kind=ReviewChangeKind(change.kind),
            values=JSON(change.values),
            comment=change.comment,
            actor=user_of(context.people, change.actor_id),
            recorded_at=change.recorded_at,
        )
        for change in changes
    ]


def process_key(context: RequestContext, definition_id: UUID) -> str:
    """The key of a process; its id, for one that was published a moment ago."""
    known = context.known.definitions.get(definition_id)
    return str(definition_id) if known is None else known.key


def _frozen(context: RequestContext, stored: Stored) -> FrozenKpi:
    found = stored.measurement
    return FrozenKpi(
        key=stored.key,
        title=stored.titles["ru" if context.language == "ru" else "en"],
        unit=stored.unit,
        better=stored.better,
        version=stored.version,
        value=decimal(found.value),
        numerator=decimal(found.numerator),
        denominator=decimal(found.denominator),
        interval=interval(found.interval),
        p90=decimal(found.p90),
        left_out=found.left_out,
    )
