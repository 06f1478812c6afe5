"""Corrective actions as the API shows them, and how lists of them are filtered and sorted."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.effects import EffectMethod
from bpm_crm.api.action_effects import measured_effect
from bpm_crm.api.channels import Campaign, Channel, campaign_of, channel_of
from bpm_crm.api.connections import PageInfo
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.effect_types import MeasuredEffect
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT
from bpm_crm.api.filters import DateFilter, Direction, IDFilter, StringFilter
from bpm_crm.api.ids import to_global
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import Team, User, team_of, user_of
from bpm_crm.api.review_types import ReviewChange, change_types, process_key
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.operations.corrective_actions import CorrectiveActionStatus
from bpm_crm.records.reviews import ActionRecord, ChangeRecord
from bpm_crm.records.selection import Key

KIND = "CorrectiveAction"

FOLLOW_UP = (
    "How long after its end each week is looked at, so that all weeks had the same time for their cases to go on; weeks that are "
    "not that old are left out. Null: 28 days for KPIs of cases that began in the period, none for others."
)


@strawberry.type(
    description="Something done to improve a process: what, where, by whom, from when on, and which KPI it is expected to move."
)
class CorrectiveAction(Node):
    """Something done to improve a process."""

    revision: int = strawberry.field(description="Counts its changes; for `expectedRevision`.")
    status: CorrectiveActionStatus = strawberry.field(description="What has become of it.")
    title: str = strawberry.field(description="What is done, in a few words.")
    description: str | None = strawberry.field(description="What is done.")
    process: str = strawberry.field(description="Key of the process.")
    stage: str | None = strawberry.field(description="Key of the stage it is about.")
    checkpoint: str | None = strawberry.field(description="Key of the checkpoint it is about.")
    team: Team | None = strawberry.field(description="Whose cases it is about; null: those of every team.")
    channel: Channel | None = strawberry.field(description="Cases of which channel it is about; null: of every one.")
    campaign: Campaign | None = strawberry.field(description="Cases of which campaign it is about; null: of every one.")
    region: str | None = strawberry.field(description="Cases of which region it is about; null: of every one.")
    case_owner: User | None = strawberry.field(
        description="Cases of which owner it is about; null: of everybody, also for those who may not see people."
    )
    owner: User | None = strawberry.field(
        description="Who is responsible for it; null for those who may not see people."
    )
    review: strawberry.ID | None = strawberry.field(description="Global id of the review in which it was decided.")
    kpi: str = strawberry.field(description="Key of the KPI it is expected to move.")
    expected_direction: ExpectedDirection = strawberry.field(description="Where the KPI is expected to move.")
    expected_size: Decimal | None = strawberry.field(
        description="How far, in the unit of the KPI: of a share 0.05 are five percentage points."
    )
    starts_on: date = strawberry.field(description="First day on which it works.")
    ends_on: date | None = strawberry.field(description="First day on which it works no more; null: it stays in force.")
    created_at: datetime = strawberry.field(description="When it was added.")
    changes: list[ReviewChange] = strawberry.field(description="Its history and comments, oldest first.")

    @strawberry.field(
        description="What it changed in its KPI over the cases it is about, inside the viewer's reach: week by week around its start."
    )
    async def effect(
        self,
        info: Info,
        method: Annotated[EffectMethod, argument(description="How it is measured.")] = EffectMethod.BEFORE_AFTER,
        compared_with: Annotated[
            FactWhere | None,
            argument(description="For `COMPARISON`: cases it is not about; those it is about are never among them."),
        ] = None,
        follow_up: Annotated[timedelta | None, argument(description=FOLLOW_UP)] = None,
        as_of: Annotated[datetime | None, argument(description=AS_OF)] = None,
        known_at: Annotated[datetime | None, argument(description=KNOWN_AT)] = None,
    ) -> MeasuredEffect:
        """What it changed in its KPI."""
        times = {"as_of": as_of, "known_at": known_at}
        return await measured_effect(
            info.context, self.record, method, compared_with=compared_with, follow_up=follow_up, **times
        )

    record: strawberry.Private[ActionRecord]


@strawberry.type(description="A corrective action in a list, with its cursor.")
class CorrectiveActionEdge:
    """A corrective action in a list."""

    cursor: str = strawberry.field(description="Cursor of the action.")
    node: CorrectiveAction = strawberry.field(description="The action.")


@strawberry.type(description="A page of corrective actions.")
class CorrectiveActionConnection:
    """A page of corrective actions."""

    edges: list[CorrectiveActionEdge] = strawberry.field(description="Actions with their cursors.")
    nodes: list[CorrectiveAction] = strawberry.field(description="Actions.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of actions in the whole list; counted only when selected.")


@strawberry.input(description="Compares the status of a corrective action.")
class CorrectiveActionStatusFilter:
    """Compares the status of a corrective action."""

    eq: CorrectiveActionStatus | None = strawberry.field(default=None, description="Equal to.")
    in_: list[CorrectiveActionStatus] | None = strawberry.field(default=None, name="in", description="One of.")


@strawberry.input(description="Which corrective actions. All comparators given must hold.")
class CorrectiveActionWhere:
    """Which corrective actions."""

    and_: list["CorrectiveActionWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["CorrectiveActionWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "CorrectiveActionWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    id: IDFilter | None = strawberry.field(default=None, description="Global id of the action.")
    process: StringFilter | None = strawberry.field(default=None, description="Key of the process.")
    status: CorrectiveActionStatusFilter | None = strawberry.field(default=None, description="Status.")
    owner: IDFilter | None = strawberry.field(default=None, description="Global id of who is responsible.")
    team: StringFilter | None = strawberry.field(default=None, description="Key of the team it is about.")
    channel: StringFilter | None = strawberry.field(default=None, description="Key of the channel it is about.")
    kpi: StringFilter | None = strawberry.field(default=None, description="Key of the KPI.")
    stage: StringFilter | None = strawberry.field(default=None, description="Key of the stage.")
    checkpoint: StringFilter | None = strawberry.field(default=None, description="Key of the checkpoint.")
    review: IDFilter | None = strawberry.field(default=None, description="Global id of the review it was decided in.")
    starts_on: DateFilter | None = strawberry.field(default=None, description="First day on which it works.")


class CorrectiveActionOrderField(Enum):
    """By what lists of corrective actions are sorted."""

    CREATED_AT = "created_at"
    STARTS_ON = "starts_on"
    TITLE = "title"


expose(
    CorrectiveActionOrderField,
    "By what lists of corrective actions are sorted.",
    {
        CorrectiveActionOrderField.CREATED_AT: "When they were added.",
        CorrectiveActionOrderField.STARTS_ON: "On which day they begin to work.",
        CorrectiveActionOrderField.TITLE: "Title.",
    },
)
ORDERS = {
    CorrectiveActionOrderField.CREATED_AT: Key("a.created_at", "timestamptz"),
    CorrectiveActionOrderField.STARTS_ON: Key("a.starts_on", "date"),
    CorrectiveActionOrderField.TITLE: Key("a.title", "text"),
}


@strawberry.input(description="One key of the order of corrective actions.")
class CorrectiveActionOrder:
    """One key of the order of corrective actions."""

    field: CorrectiveActionOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


def action_type(context: RequestContext, record: ActionRecord, changes: list[ChangeRecord]) -> CorrectiveAction:
    """A corrective action as the API shows it."""
    known, people = context.known, context.people
    is_known = record.channel_id in known.channels
    return CorrectiveAction(
        id=to_global(KIND, record.id),
        revision=record.revision,
        status=CorrectiveActionStatus(record.status),
        title=record.title,
        description=record.description,
        process=process_key(context, record.definition_id),
        stage=record.stage,
        checkpoint=record.checkpoint,
        team=team_of(people, record.team_id),
        channel=channel_of(known, record.channel_id, context.language) if is_known else None,
        campaign=campaign_of(known, record.campaign_id),
        region=record.region,
        case_owner=user_of(people, record.case_owner_id),
        owner=user_of(people, record.owner_id),
        review=None if record.review_id is None else to_global("Review", record.review_id),
        kpi=record.kpi,
        expected_direction=ExpectedDirection(record.expected_direction),
        expected_size=record.expected_size,
        starts_on=record.starts_on,
        ends_on=record.ends_on,
        created_at=record.created_at,
        changes=change_types(context, changes),
        record=record,
    )
