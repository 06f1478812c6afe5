"""Customers, with the full history of the relationship."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.connections import (
    After,
    Before,
    First,
    Last,
    PageInfo,
    cut,
    fetch_branch,
    fetch_page,
    paged,
)
from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.api.filters import (
    DateTimeFilter,
    Direction,
    IDFilter,
    StringFilter,
    combined,
    comparisons,
    id_reader,
    keys_of,
)
from bpm_crm.api.history import TransitionRecord, transition_record
from bpm_crm.api.ids import to_global
from bpm_crm.api.instance_filters import customer_search, scope_condition
from bpm_crm.api.instance_lists import ProcessInstanceConnection, instances_of
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.nodes import Node
from bpm_crm.api.scalars import EmailAddress, PhoneNumber
from bpm_crm.operations.access import Permission, Reach, Scope
from bpm_crm.records.history import HistoryRecord, record_of
from bpm_crm.records.listings import CUSTOMERS, TIMELINE, CustomerRecord, customer_of
from bpm_crm.records.selection import All, Condition, Exists, Key, Query

KIND = "Customer"
MINE = "i.customer_id"
CASES = "process_instance AS i WHERE i.tenant_id = $1 AND i.customer_id = cu.id"
NEWEST_FIRST = (Key("h.occurred_at", "timestamptz", descending=True), Key("h.instance_id", "uuid", descending=True))


@strawberry.type(description="A step of any of a customer's cases.")
class TimelineEntry:
    """A step of any of a customer's cases."""

    record: TransitionRecord = strawberry.field(description="The step.")

    @strawberry.field(description="The case it belongs to.")
    async def instance(self, info: Info) -> ProcessInstance:
        """The case it belongs to."""
        found = await info.context.loader.instances.load(self.row.instance_id)
        if found is None:
            raise LookupError(f"case {self.row.instance_id} is gone")
        return await instance_view(info.context, found)

    row: strawberry.Private[HistoryRecord]


@strawberry.type(description="An entry of a timeline, with its cursor.")
class TimelineEdge:
    """An entry of a timeline."""

    cursor: str = strawberry.field(description="Cursor of the entry.")
    node: TimelineEntry = strawberry.field(description="The entry.")


@strawberry.type(description="A page of a customer's timeline.")
class TimelineConnection:
    """A page of a customer's timeline."""

    edges: list[TimelineEdge] = strawberry.field(description="Entries with their cursors.")
    nodes: list[TimelineEntry] = strawberry.field(description="Entries.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the timeline.")
    total_count: int = strawberry.field(
        description="Number of entries in the whole timeline; counted only when selected."
    )


@strawberry.type(description="A person or company that asked for something.")
class Customer(Node):
    """A person or company that asked for something."""

    name: str | None = strawberry.field(description="Name; null when unknown or erased.")
    phone: PhoneNumber | None = strawberry.field(description="Phone; null when unknown or erased.")
    email: EmailAddress | None = strawberry.field(description="E-mail; null when unknown or erased.")
    region: str | None = strawberry.field(description="Region.")
    created_at: datetime = strawberry.field(description="When the customer became known.")
    erased_at: datetime | None = strawberry.field(description="When the personal data was erased.")

    @strawberry.field(description="The customer's cases, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The customer's cases."""
        return await instances_of(info, MINE, self.record.id, first, after)

    @strawberry.field(
        description="Everything that happened with the customer, in all cases the viewer may see, latest first."
    )
    async def timeline(self, info: Info, first: First = None, after: After = None) -> TimelineConnection:
        """Everything that happened with the customer."""
        _, scope = info.context.require(Permission.VIEW_CASES)
        query = Query(TIMELINE, scope_condition(scope, "i"), NEWEST_FIRST)
        window = cut(query.keys, first, after)
        page = await fetch_branch(info, query, MINE, self.record.id, window)
        rows = [record_of(row, row["comment"]) for row in page.rows]
        nodes = [TimelineEntry(record=transition_record(info.context, row), row=row) for row in rows]
        return paged(TimelineConnection, TimelineEdge, nodes, page, window)

    record: strawberry.Private[CustomerRecord]


class CustomerView(Customer):
    """A customer over its record."""

    def __init__(self, record: CustomerRecord) -> None:
        self.record = record
        self.id = to_global(KIND, record.id)
        self.name = record.name
        self.phone = None if record.phone is None else PhoneNumber(record.phone)
        self.email = None if record.email is None else EmailAddress(record.email)
        self.region = record.region
        self.created_at = record.created_at
        self.erased_at = record.erased_at


@strawberry.type(description="A customer in a list, with its cursor.")
class CustomerEdge:
    """A customer in a list."""

    cursor: str = strawberry.field(description="Cursor of the customer.")
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    """A page of customers."""

    edges: list[CustomerEdge] = strawberry.field(description="Customers with their cursors.")
    nodes: list[Customer] = strawberry.field(description="Customers.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(
        description="Number of customers in the whole list; counted only when selected."
    )


@strawberry.input(description="Which customers. All comparators given must hold.")
class CustomerWhere:
    """Which customers."""

    and_: list["CustomerWhere"] | None = strawberry.field(default=None, name="and", description="All of these hold.")
    or_: list["CustomerWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "CustomerWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    id: IDFilter | None = strawberry.field(default=None, description="Global id of the customer.")
    name: StringFilter | None = strawberry.field(default=None, description="Name.")
    phone: StringFilter | None = strawberry.field(default=None, description="Phone in E.164.")
    email: StringFilter | None = strawberry.field(default=None, description="E-mail in lower case.")
    region: StringFilter | None = strawberry.field(default=None, description="Region.")
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="When the customer became known.")


class CustomerOrderField(Enum):
    """By what lists of customers are sorted."""

    CREATED_AT = "created_at"
    NAME = "name"


expose(
    CustomerOrderField,
    "By what lists of customers are sorted.",
    {
        CustomerOrderField.CREATED_AT: "When the customer became known.",
        CustomerOrderField.NAME: "Name.",
    },
)


@strawberry.input(description="A key by which lists of customers are sorted; the newest come first among equals.")
class CustomerOrder:
    """A key by which lists of customers are sorted."""

    field: CustomerOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


_KEYS = {
    CustomerOrderField.CREATED_AT: Key("cu.created_at", "timestamptz"),
    CustomerOrderField.NAME: Key("cu.name", "text", nullable=True),
}


def customers_in(scope: Scope) -> Condition:
    """The customers a viewer may see: those of a case inside the scope."""
    return All() if scope.reach is Reach.ALL else Exists(CASES, scope_condition(scope, "i"))


def _own(part: CustomerWhere) -> list[Condition]:
    return [
        *comparisons(part.id, "cu.id", "uuid", id_reader(KIND)),
        *comparisons(part.name, "cu.name", "text"),
        *comparisons(part.phone, "cu.phone", "text"),
        *comparisons(part.email, "cu.email", "text"),
        *comparisons(part.region, "cu.region", "text"),
        *comparisons(part.created_at, "cu.created_at", "timestamptz"),
    ]


@strawberry.type
class CustomersQuery:
    """Queries about customers."""

    @strawberry.field(
        description="Customers of the cases the viewer may see, newest first. `search` looks at name, phone and e-mail."
    )
    async def customers(
        self,
        info: Info,
        where: Annotated[
            CustomerWhere | None, argument(description="Which customers; all that may be seen unless stated.")
        ] = None,
        order_by: Annotated[
            list[CustomerOrder] | None,
            argument(description="By what the customers are sorted; newest first unless stated."),
        ] = None,
        search: Annotated[
            str | None, argument(description="A text to look for in names, phones and e-mail addresses.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> CustomerConnection:
        """Customers of the cases the viewer may see."""
        viewer, scope = info.context.require(Permission.VIEW_CUSTOMERS)
        conditions = [combined(where, _own), customers_in(scope), customer_search(search) if search else All()]
        query = Query(CUSTOMERS, All(tuple(conditions)), keys_of(order_by, _KEYS))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, info.context.services.database, viewer.tenant_id, query, window)
        nodes: list[Customer] = [CustomerView(customer_of(row)) for row in page.rows]
        return paged(CustomerConnection, CustomerEdge, nodes, page, window)
