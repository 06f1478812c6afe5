"""The same page of many lists at once: the cases of each of these deals, the timeline of each of these customers."""

from collections.abc import Sequence
from uuid import UUID

from bpm_crm.records.database import Connection
from bpm_crm.records.selection import Page, Parameters, Query, Slice, direction, key_values, page_statement, where


async def read_branches(
    connection: Connection,
    tenant_id: UUID,
    query: Query,
    parent: str,
    parents: Sequence[UUID],
    cut: Slice,
    *,
    rows: bool = True,
    total: bool = False,
) -> dict[UUID, Page]:
    """Read the page of each parent, and its total where wanted; one statement for all pages, one for all totals.

    `parent` is the SQL expression of the parent's id in a row of the list. Pages are read forwards only.
    """
    totals = await _totals(connection, tenant_id, query, parent, parents) if total else {}
    found = {key: Page(total=totals.get(key, 0) if total else None) for key in parents}
    if not rows:
        return found
    parameters = Parameters([tenant_id])
    keys = parameters.bind(list(parents), "uuid[]")
    page = page_statement(query, cut, parameters, within=f"{parent} = of.parent")
    order = ", ".join(f"page.key_{number} {direction(key)}" for number, key in enumerate(query.keys))
    statement = f"SELECT of.parent, page.* FROM unnest({keys}) AS of (parent) CROSS JOIN LATERAL ({page}) AS page"
    by_parent: dict[UUID, list[object]] = {key: [] for key in parents}
    for row in await connection.fetch(f"{statement} ORDER BY of.parent, {order}", *parameters.values):
        by_parent[row["parent"]].append(row)
    for key, read in by_parent.items():
        kept = read[: cut.limit]
        values = [key_values(query, row) for row in kept]
        found[key] = Page(kept, values, len(read) > cut.limit, found[key].total)
    return found


async def _totals(
    connection: Connection, tenant_id: UUID, query: Query, parent: str, parents: Sequence[UUID]
) -> dict[UUID, int]:
    parameters = Parameters([tenant_id])
    within = f"{parent} = ANY({parameters.bind(list(parents), 'uuid[]')})"
    condition = f"{query.listing.tenant} = $1 AND {within} AND ({where(query.condition, parameters)})"
    statement = f"SELECT {parent} AS parent, count(*) AS total FROM {query.listing.source} WHERE {condition} GROUP BY 1"
    return {row["parent"]: row["total"] for row in await connection.fetch(statement, *parameters.values)}
