"""The versions of a company's own KPIs: what each said, who published it and why; the newest of a key counts."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.own_kpi import own_kpi_of
from bpm_crm.analytics.own_kpis import kpi_of
from bpm_crm.api.connections import After, Before, First, Last, PageInfo, cut, fetch_page, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.kpi_types import KpiDefinition, kpi_definition
from bpm_crm.api.own_kpi_inputs import OwnKind
from bpm_crm.api.people import User, user_of
from bpm_crm.operations.access import Permission
from bpm_crm.records.database import Row
from bpm_crm.records.listings import OWN_KPIS
from bpm_crm.records.selection import All, Compare, Key, Operator, Query


@strawberry.type(description="What a version of a company's own KPI is made of; see `OwnKpiInput`.")
class OwnKpiFormula:
    """What a version of a company's own KPI is made of."""

    kind: OwnKind = strawberry.field(description="What it is.")
    is_money: bool = strawberry.field(description="Whether a `SUM` is money.")
    filter: str | None = strawberry.field(description="Which cases count; null: all of them.")
    condition: str | None = strawberry.field(description="Of a `SHARE`: what its part is.")
    value: str | None = strawberry.field(description="Of a `SUM`: what a case adds.")
    begins: str | None = strawberry.field(
        description="Key of the checkpoint that puts a case into the period; null: its start."
    )
    ends: str | None = strawberry.field(description="Of a `DURATION`: key of the checkpoint that ends it.")


@strawberry.type(description="A version of a company's own KPI: published, or the one that retired it. Never changed.")
class OwnKpiVersion:
    """A version of a company's own KPI."""

    key: str = strawberry.field(description="Key of the KPI.")
    version: int = strawberry.field(description="Number, from 1 for each key.")
    is_current: bool = strawberry.field(description="Whether it is the newest of its key: the one that counts.")
    definition: KpiDefinition | None = strawberry.field(description="What it means; null where it retired the KPI.")
    formula: OwnKpiFormula | None = strawberry.field(description="What it is made of; null where it retired the KPI.")
    changelog: str = strawberry.field(description="What was new in it, or why it was retired.")
    published_at: datetime = strawberry.field(description="When it was published.")
    published_by: User | None = strawberry.field(
        description="Who published it; null where the viewer may not see people."
    )


@strawberry.type(description="A version in a list, with its cursor.")
class OwnKpiVersionEdge:
    """A version in a list."""

    cursor: str = strawberry.field(description="Cursor of the version.")
    node: OwnKpiVersion = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions.")
class OwnKpiVersionConnection:
    """A page of versions."""

    edges: list[OwnKpiVersionEdge] = strawberry.field(description="Versions with their cursors.")
    nodes: list[OwnKpiVersion] = strawberry.field(description="Versions.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of versions in the whole list; counted only when selected.")


@strawberry.type
class OwnKpiVersionsQuery:
    """The query for versions of a company's own KPIs."""

    @strawberry.field(
        description="Versions of the company's own KPIs, by key, the newest of each first; those of retired ones too."
    )
    async def own_kpi_versions(
        self,
        info: Info,
        key: Annotated[str | None, argument(description="Key of the KPI; null: of all of them.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> OwnKpiVersionConnection:
        """Versions of the company's own KPIs."""
        context = info.context
        viewer, _ = context.require(Permission.VIEW_FIGURES)
        condition = All() if key is None else Compare("k.key", Operator.EQ, key, "text")
        query = Query(OWN_KPIS, condition, (Key("k.key", "text"),))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes = [_version(context, row) for row in page.rows]
        return paged(OwnKpiVersionConnection, OwnKpiVersionEdge, nodes, page, window)


def _version(context: RequestContext, row: Row) -> OwnKpiVersion:
    own = None if row["document"] is None else own_kpi_of(row["document"])
    return OwnKpiVersion(
        key=row["key"],
        version=row["version"],
        is_current=row["is_current"],
        definition=None if own is None else kpi_definition(kpi_of(own, row["version"]), context.language),
        formula=None
        if own is None
        else OwnKpiFormula(
            kind=own.kind,
            is_money=own.is_money,
            filter=own.filter,
            condition=own.condition,
            value=own.value,
            begins=own.begins,
            ends=own.ends,
        ),
        changelog=row["changelog"],
        published_at=row["published_at"],
        published_by=user_of(context.people, row["published_by"]),
    )
