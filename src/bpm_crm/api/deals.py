"""Deals: the commercial objects that processes run over."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from bpm_crm.api.channels import Campaign, Channel
from bpm_crm.api.connections import After, First
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.dimension_views import DimensionsView
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_filters import InstanceStatus
from bpm_crm.api.instance_lists import ProcessInstanceConnection, instances_of
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import Outcome, ProcessInstance
from bpm_crm.api.money import Money
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import Team, User
from bpm_crm.operations.access import Permission
from bpm_crm.records.listings import DealRecord

if TYPE_CHECKING:
    from bpm_crm.api.customers import Customer

KIND = "Deal"
CustomerType = Annotated["Customer", strawberry.lazy("bpm_crm.api.customers")]


@strawberry.type(description="A deal: what a customer may buy, through which channel, for how much, and how it ended.")
class Deal(Node):
    """A deal."""

    key: str = strawberry.field(description="Key people know, for example `D-2026-000123`.")
    title: str | None = strawberry.field(description="Title.")
    status: InstanceStatus = strawberry.field(description="Whether it runs, or how it ended.")
    outcome: Outcome | None = strawberry.field(description="How it ended.")
    amount: Money | None = strawberry.field(description="Amount of the deal; null until it is known.")
    channel: Channel = strawberry.field(description="Channel through which it came.")
    campaign: Campaign | None = strawberry.field(description="Campaign that brought it.")
    region: str | None = strawberry.field(description="Region of the customer.")
    owner: User | None = strawberry.field(description="Who is responsible; null for those who may not see people.")
    team: Team | None = strawberry.field(description="Team in whose queue it is.")
    started_at: datetime = strawberry.field(description="When it began.")

    @strawberry.field(description="The customer; null for those who may not see customers.")
    async def customer(self, info: Info) -> CustomerType | None:
        """The customer."""
        if self.record.customer_id is None or info.context.scope(Permission.VIEW_CUSTOMERS) is None:
            return None
        return info.context.customer(await info.context.loader.customers.load(self.record.customer_id))

    @strawberry.field(description="The case that runs the deal.")
    async def instance(self, info: Info) -> ProcessInstance | None:
        """The case that runs the deal."""
        record = await info.context.loader.instances.load(self.record.instance_id)
        return None if record is None else await instance_view(info.context, record)

    @strawberry.field(description="All cases over the deal, newest first: the one that runs it and those it started.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """All cases over the deal."""
        return await instances_of(info, "i.deal_id", self.record.id, first, after)

    record: strawberry.Private[DealRecord]


class DealView(DimensionsView[DealRecord], Deal):  # type: ignore[override]  # made when asked for
    """A deal over its record."""

    def __init__(self, record: DealRecord, context: RequestContext) -> None:
        self.record = record
        self.context = context
        self.key = record.key
        self.title = record.title
        self.region = record.region
        self.started_at = record.started_at

    @property
    def id(self) -> strawberry.ID:  # type: ignore[override]  # made when asked for
        """Global id."""
        return to_global(KIND, self.record.id)

    @property
    def amount(self) -> Money | None:  # type: ignore[override]  # made when asked for
        """Amount."""
        record = self.record
        return None if record.amount is None else Money(amount=record.amount, currency=record.currency)
