"""Lists of cases, and finding one."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

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
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.instance_filters import (
    InstanceOrder,
    InstanceWhere,
    instance_condition,
    instance_keys,
    scope_condition,
    search_condition,
)
from bpm_crm.api.instance_views import instance_view, instance_views
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.references import InstanceRef, find_instance
from bpm_crm.api.selections import selects
from bpm_crm.operations.access import Permission
from bpm_crm.records.instances import from_row, load
from bpm_crm.records.listings import INSTANCES, INSTANCES_WITH_DEALS, deal_of_case
from bpm_crm.records.selection import All, Compare, Condition, Listing, Operator, Page, Query, Slice


@strawberry.type(description="A case in a list, with its cursor.")
class ProcessInstanceEdge:
    """A case in a list."""

    cursor: str = strawberry.field(description="Cursor of the case.")
    node: ProcessInstance = strawberry.field(description="The case.")


@strawberry.type(description="A page of cases.")
class ProcessInstanceConnection:
    """A page of cases."""

    edges: list[ProcessInstanceEdge] = strawberry.field(description="Cases with their cursors.")
    nodes: list[ProcessInstance] = strawberry.field(description="Cases.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of cases in the whole list; counted only when selected.")


async def instance_page(
    info: Any,
    condition: Condition,
    *,
    order: list[InstanceOrder] | None = None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    permission: Permission = Permission.VIEW_CASES,
) -> ProcessInstanceConnection:
    """A page of the cases that meet a condition and that the viewer may see under a permission."""
    viewer, scope = info.context.require(permission)
    query = Query(_listing(info), All((condition, scope_condition(scope, "i"))), instance_keys(order))
    window = cut(query.keys, first, after, last, before)
    page = await fetch_page(info, info.context.services.database, viewer.tenant_id, query, window)
    return await _connection(info.context, query, page, window)


async def instances_of(
    info: Any, parent: str, parent_id: UUID, first: int | None, after: str | None
) -> ProcessInstanceConnection:
    """A page of the cases of an object that the viewer may see, newest first; `parent` is the column that names the object."""
    _, scope = info.context.require(Permission.VIEW_CASES)
    query = Query(_listing(info), scope_condition(scope, "i"))
    window = cut(query.keys, first, after)
    page = await fetch_branch(info, query, parent, parent_id, window)
    return await _connection(info.context, query, page, window)


def _listing(info: Any) -> Listing:
    """Cases, with their deals where these are selected."""
    chosen = selects(info)
    is_with_deals = chosen.has("nodes", "deal") or chosen.has("edges", "node", "deal")
    return INSTANCES_WITH_DEALS if is_with_deals else INSTANCES


async def _connection(context: RequestContext, query: Query, page: Page, window: Slice) -> ProcessInstanceConnection:
    nodes = await instance_views(context, [from_row(context.caller.tenant_id, row) for row in page.rows])
    if query.listing is INSTANCES_WITH_DEALS:
        for node, row in zip(nodes, page.rows, strict=True):
            node.deal_view = context.deal(deal_of_case(row))
    return paged(ProcessInstanceConnection, ProcessInstanceEdge, nodes, page, window)


async def visible_instance(info: Info, case_id: UUID | None) -> ProcessInstance | None:
    """A case by its id; None when it does not exist or the viewer may not see it, which is the same answer."""
    viewer, scope = info.context.require(Permission.VIEW_CASES)
    if case_id is None:
        return None
    async with info.context.services.database.reader(viewer.tenant_id) as connection:
        record = (await load(connection, viewer.tenant_id, [case_id])).get(case_id)
    if record is None or not scope.covers_state(record.state, record.channel_id):
        return None
    return await instance_view(info.context, record)


def those(ids: Sequence[UUID]) -> Condition:
    """Exactly these cases."""
    return Compare("i.id", Operator.IN, ids, "uuid")


@strawberry.type
class InstancesQuery:
    """Queries about cases."""

    @strawberry.field(
        description="Cases the viewer may see, newest first. `search` looks at deal keys, external ids and customers."
    )
    async def process_instances(
        self,
        info: Info,
        where: Annotated[
            InstanceWhere | None, argument(description="Which cases; all that may be seen unless stated.")
        ] = None,
        order_by: Annotated[
            list[InstanceOrder] | None,
            argument(description="By what the cases are sorted; newest first unless stated."),
        ] = None,
        search: Annotated[
            str | None, argument(description="A text to look for in deal keys, external ids and customers.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> ProcessInstanceConnection:
        """Cases the viewer may see."""
        context = info.context
        conditions = [instance_condition(where, context.known)]
        if search:
            context.require(Permission.VIEW_CUSTOMERS)
            conditions.append(search_condition(search))
        return await instance_page(
            info, All(tuple(conditions)), order=order_by, first=first, after=after, last=last, before=before
        )

    @strawberry.field(description="One case; null when there is none that the viewer may see.")
    async def process_instance(
        self, info: Info, ref: Annotated[InstanceRef, argument(description="Which case.")]
    ) -> ProcessInstance | None:
        """One case."""
        info.context.require(Permission.VIEW_CASES)
        return await visible_instance(info, await find_instance(info.context, ref))
