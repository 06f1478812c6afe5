"""From a figure to its cases: pages of those that a number counts, read for a whole operation in one statement."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated

import strawberry
from strawberry.dataloader import DataLoader

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.members import Listed, Lists, Wanted
from bpm_crm.api.connections import cut, page_info, write_cursor
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.instance_lists import ProcessInstanceConnection, ProcessInstanceEdge
from bpm_crm.api.instance_views import instance_views, load_deals_of
from bpm_crm.api.selections import selects
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission
from bpm_crm.records.listings import INSTANCES
from bpm_crm.records.selection import Key, Page

MOST_LISTED = 5_000
_UNIT = Key("unit", "int")
"""A case that a number counts more than once is listed as often."""

First = Annotated[int | None, strawberry.argument(description="How many cases: 50 unless stated, at most 200.")]
After = Annotated[str | None, strawberry.argument(description="Cursor of the case after which the page begins.")]


class Drilldown:
    """The way from the numbers of one figure to their cases: the figure's own SQL, asked with the same instants and filter."""

    def __init__(self, context: RequestContext, members: Lists, versions: Sequence[Version] = ()) -> None:
        self.versions = versions
        self._context = context
        self._members = members

    async def page(
        self,
        info: Info,
        step: str,
        numbers: tuple[str, ...],
        segment: Segment | None,
        first: int | None,
        after: str | None,
    ) -> ProcessInstanceConnection:
        """A page of the cases that these numbers count, newest first; all of them lie inside the viewer's reach."""
        self._context.require(Permission.VIEW_CASES)
        window = cut((INSTANCES.identity, _UNIT), first, after)
        chosen = selects(info)
        selected = chosen.below("nodes").union(chosen.below("edges", "node"))
        is_page = any(chosen.has(name) for name in ("edges", "nodes", "pageInfo"))
        bound = (None, 1) if window.after is None else window.after
        wanted = Wanted(step, numbers, segment, window.limit + 1 if is_page else 0, *bound)
        listed = await self._loader.load(wanted)
        keys = list(zip(listed.ids, listed.units, strict=True))[: window.limit]
        records = []
        if chosen.has("nodes") or chosen.has("edges"):
            loaded = await self._context.loader.instances.load_many([key for key, _ in keys])
            records = [(record, unit) for record, (_, unit) in zip(loaded, keys, strict=True) if record is not None]
        nodes = await instance_views(self._context, [record for record, _ in records])
        if selected.has("deal"):
            await load_deals_of(self._context, nodes)
        edges = [
            ProcessInstanceEdge(cursor=write_cursor([record.id, unit]), node=node)
            for (record, unit), node in zip(records, nodes, strict=True)
        ]
        page = Page(keys=[[*key] for key in keys], has_more=len(listed.ids) > window.limit)
        return ProcessInstanceConnection(
            edges=edges, nodes=list(nodes), page_info=page_info(page, window), total_count=listed.total
        )

    @cached_property
    def _loader(self) -> DataLoader[Wanted, Listed]:
        """Made when it is needed: with it the figure is part of a cycle, and stays in memory until the garbage collector runs."""
        return DataLoader(self._load)

    async def _load(self, wanted: Sequence[Wanted]) -> list[Listed]:
        listed = sum(item.most for item in wanted)
        if listed > MOST_LISTED:
            message = Title(
                f"The lists of a figure may have {listed} cases in all, at most {MOST_LISTED} are given; ask for fewer "
                "segments, or smaller pages (first).",
                f"В списках отчёта может быть {listed} процессов, отдаётся не больше {MOST_LISTED}; запросите меньше "
                "сегментов или страницы короче (first).",
            )
            raise Fault(Code.QUERY_TOO_COMPLEX, message, limit="listed_cases", maximum=MOST_LISTED, found=listed)
        async with self._context.services.database.reader(self._context.known.tenant.id) as connection:
            return await self._members.listed(connection, wanted)


@strawberry.type
class OfCases:
    """A number of a figure that counts cases, and the way to them; `step` is how the report names it."""

    @strawberry.field(description="The cases of `cases`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases counted."""
        return await self.drilldown.page(info, self.step, ("cases",), None, first, after)

    step: strawberry.Private[str]
    drilldown: strawberry.Private[Drilldown]
