"""The variants of a process map as the API shows them, page by page."""

from decimal import Decimal
from typing import Annotated

import strawberry

from bpm_crm.analytics.process_map import MapFigures, Section
from bpm_crm.analytics.variants import Variant, read_variants
from bpm_crm.api.connections import PageInfo, cut, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_frames import rate
from bpm_crm.api.figure_map_parts import seconds_of, title
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection
from bpm_crm.records.selection import Key, Page

KEYS = (Key("cases", "int", descending=True), Key("key", "text"))

FirstVariants = Annotated[
    int | None, strawberry.argument(description="How many variants: 50 unless stated, at most 200.")
]
AfterVariant = Annotated[
    str | None, strawberry.argument(description="Cursor of the variant after which the page begins.")
]


@strawberry.type(description="One way cases went: a sequence of activities.")
class ProcessVariant:
    """One way cases went."""

    rank: int = strawberry.field(description="Place among the variants, the most frequent first, from 1.")
    activities: list[str] = strawberry.field(
        description="Keys of the activities in the order of happening. Empty: cases without any event."
    )
    titles: list[str] = strawberry.field(description="Their names, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="Cases that went this way so far: the numerator of `share`.")
    share: Decimal = strawberry.field(description="`count` of all cases of the map.")
    cumulative_share: Decimal = strawberry.field(description="The share of this variant and those before it.")
    ended: int = strawberry.field(description="Of `count`: cases that have ended, those of the durations.")
    mean_seconds: Decimal | None = strawberry.field(
        description="Mean of the calendar seconds from start to end, over the ended; null without any."
    )
    median_seconds: Decimal | None = strawberry.field(description="Median of the same.")
    p90_seconds: Decimal | None = strawberry.field(description="The 90th percentile of the same.")

    @strawberry.field(description="The cases of `count`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that went this way."""
        return await self.drilldown.page(info, self.step, ("cases",), None, first, after)

    step: strawberry.Private[str]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(description="A variant in a list, with its cursor.")
class ProcessVariantEdge:
    """A variant in a list."""

    cursor: str = strawberry.field(description="Cursor of the variant.")
    node: ProcessVariant = strawberry.field(description="The variant.")


@strawberry.type(description="A page of variants, the most frequent first.")
class ProcessVariantConnection:
    """A page of variants."""

    edges: list[ProcessVariantEdge] = strawberry.field(description="Variants with their cursors.")
    nodes: list[ProcessVariant] = strawberry.field(description="Variants.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of variants in all.")


async def variant_page(
    context: RequestContext, figures: MapFigures, first: int | None, after: str | None
) -> ProcessVariantConnection:
    """A page of the variants of a map."""
    window = cut(KEYS, first, after)
    members = figures.members(Section.VARIANTS)
    bound = None if window.after is None else (window.after[0], window.after[1])
    async with context.services.database.reader(members.question.tenant_id) as connection:
        page = await read_variants(connection, members, window.limit + 1, bound)
    drilldown = Drilldown(context, members)
    kept = page.variants[: window.limit]
    nodes = [_variant(context, figures, item, drilldown) for item in kept]
    keys = [[item.cases, item.key] for item in kept]
    found = Page(keys=keys, has_more=len(page.variants) > window.limit, total=page.total)
    return paged(ProcessVariantConnection, ProcessVariantEdge, nodes, found, window)


def _variant(context: RequestContext, figures: MapFigures, item: Variant, drilldown: Drilldown) -> ProcessVariant:
    names = {activity: title(context, figures, activity) for activity in set(item.activities)}
    return ProcessVariant(
        rank=item.rank,
        activities=list(item.activities),
        titles=[names[activity] for activity in item.activities],
        count=item.cases,
        share=rate(item.share) or Decimal(0),
        cumulative_share=rate(item.cumulative_share) or Decimal(0),
        ended=item.ended,
        mean_seconds=seconds_of(item.mean),
        median_seconds=seconds_of(item.median),
        p90_seconds=seconds_of(item.p90),
        step=item.step,
        drilldown=drilldown,
    )
