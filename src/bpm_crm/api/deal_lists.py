"""Lists of deals."""

from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.connections import After, Before, First, Last, PageInfo, cut, fetch_page, paged
from bpm_crm.api.context import Info
from bpm_crm.api.deals import KIND, Deal, DealView
from bpm_crm.api.exposing import expose
from bpm_crm.api.filters import (
    DateTimeFilter,
    DecimalFilter,
    Direction,
    IDFilter,
    StringFilter,
    combined,
    comparisons,
    id_reader,
    key_comparisons,
    keys_of,
)
from bpm_crm.api.instance_filters import InstanceStatusFilter, customer_search, scope_condition
from bpm_crm.operations.access import Permission
from bpm_crm.records.listings import DEALS, deal_of
from bpm_crm.records.reference import Reference
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Exists, Key, Operator, Query

CUSTOMER = "customer AS cu WHERE cu.tenant_id = $1 AND cu.id = d.customer_id"


@strawberry.type(description="A deal in a list, with its cursor.")
class DealEdge:
    """A deal in a list."""

    cursor: str = strawberry.field(description="Cursor of the deal.")
    node: Deal = strawberry.field(description="The deal.")


@strawberry.type(description="A page of deals.")
class DealConnection:
    """A page of deals."""

    edges: list[DealEdge] = strawberry.field(description="Deals with their cursors.")
    nodes: list[Deal] = strawberry.field(description="Deals.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of deals in the whole list; counted only when selected.")


@strawberry.input(description="Which deals. All comparators given must hold.")
class DealWhere:
    """Which deals."""

    and_: list["DealWhere"] | None = strawberry.field(default=None, name="and", description="All of these hold.")
    or_: list["DealWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "DealWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    id: IDFilter | None = strawberry.field(default=None, description="Global id of the deal.")
    key: StringFilter | None = strawberry.field(default=None, description="Key of the deal.")
    title: StringFilter | None = strawberry.field(default=None, description="Title.")
    channel: StringFilter | None = strawberry.field(default=None, description="Key of the channel.")
    campaign: StringFilter | None = strawberry.field(default=None, description="Key of the campaign.")
    region: StringFilter | None = strawberry.field(default=None, description="Region.")
    owner: IDFilter | None = strawberry.field(default=None, description="Global id of the owner.")
    team: StringFilter | None = strawberry.field(default=None, description="Key of the team.")
    customer: IDFilter | None = strawberry.field(default=None, description="Global id of the customer.")
    status: InstanceStatusFilter | None = strawberry.field(default=None, description="Status.")
    amount: DecimalFilter | None = strawberry.field(default=None, description="Amount.")
    started_at: DateTimeFilter | None = strawberry.field(default=None, description="When it began.")


class DealOrderField(Enum):
    """By what lists of deals are sorted."""

    STARTED_AT = "started_at"
    AMOUNT = "amount"
    KEY = "key"


expose(
    DealOrderField,
    "By what lists of deals are sorted.",
    {
        DealOrderField.STARTED_AT: "When the deal began.",
        DealOrderField.AMOUNT: "Amount.",
        DealOrderField.KEY: "Key.",
    },
)


@strawberry.input(description="A key by which lists of deals are sorted; the newest come first among equals.")
class DealOrder:
    """A key by which lists of deals are sorted."""

    field: DealOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


_KEYS = {
    DealOrderField.STARTED_AT: Key("d.started_at", "timestamptz"),
    DealOrderField.AMOUNT: Key("d.amount", "numeric", nullable=True),
    DealOrderField.KEY: Key("d.key", "text"),
}


def deal_condition(where: DealWhere | None, reference: Reference) -> Condition:
    """The condition of a `where` over deals."""
    return combined(where, lambda part: _own(part, reference))


def _own(part: DealWhere, reference: Reference) -> list[Condition]:
    return [
        *comparisons(part.id, "d.id", "uuid", id_reader(KIND)),
        *comparisons(part.key, "d.key", "text"),
        *comparisons(part.title, "d.title", "text"),
        *key_comparisons(part.channel, "d.channel_id", {item.key: key for key, item in reference.channels.items()}),
        *key_comparisons(part.campaign, "d.campaign_id", {item.key: key for key, item in reference.campaigns.items()}),
        *comparisons(part.region, "d.region", "text"),
        *comparisons(part.owner, "d.owner_id", "uuid", id_reader("User")),
        *key_comparisons(part.team, "d.team_id", {item.key: key for key, item in reference.teams.items()}),
        *comparisons(part.customer, "d.customer_id", "uuid", id_reader("Customer")),
        *comparisons(part.status, "coalesce(d.outcome, 'running')", "text", lambda status: status.value),
        *comparisons(part.amount, "d.amount", "numeric"),
        *comparisons(part.started_at, "d.started_at", "timestamptz"),
    ]


@strawberry.type
class DealsQuery:
    """Queries about deals."""

    @strawberry.field(
        description="Deals the viewer may see, newest first. `search` looks at keys, titles and customers."
    )
    async def deals(
        self,
        info: Info,
        where: Annotated[
            DealWhere | None, argument(description="Which deals; all that may be seen unless stated.")
        ] = None,
        order_by: Annotated[
            list[DealOrder] | None, argument(description="By what the deals are sorted; newest first unless stated.")
        ] = None,
        search: Annotated[str | None, argument(description="A text to look for in keys, titles and customers.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> DealConnection:
        """Deals the viewer may see."""
        context = info.context
        viewer, scope = context.require(Permission.VIEW_CASES)
        conditions = [deal_condition(where, context.known), scope_condition(scope, "d")]
        if search:
            context.require(Permission.VIEW_CUSTOMERS)
            conditions.append(_search(search))
        query = Query(DEALS, All(tuple(conditions)), keys_of(order_by, _KEYS))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes: list[Deal] = [DealView(deal_of(row), context) for row in page.rows]
        return paged(DealConnection, DealEdge, nodes, page, window)


def _search(search: str) -> Condition:
    return AnyOf(
        (
            Compare("d.key", Operator.STARTS_WITH, search, "text"),
            Compare("d.title", Operator.CONTAINS, search, "text"),
            Exists(CUSTOMER, customer_search(search)),
        )
    )
