"""The funnel as the API shows it."""

from datetime import datetime

import strawberry

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.funnel import FunnelFigures
from bpm_crm.analytics.funnel_figures import FunnelMode, FunnelUnit, OrderMode, SegmentFigures
from bpm_crm.analytics.stranded import Stranded, read_stranded
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_estimates import Estimating
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, by_title, dimension_values
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.figure_steps import FunnelStep, step_type
from bpm_crm.api.instance_lists import ProcessInstanceConnection


@strawberry.type(description="The funnel of one segment.")
class FunnelSegment:
    """The funnel of one segment."""

    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension of `groupBy`; empty for the whole."
    )
    entered: int = strawberry.field(
        description="`COHORT`: cases in it. `PERIOD`: first entries into step 1. `SNAPSHOT`: cases that stand at a step."
    )
    steps: list[FunnelStep] = strawberry.field(description="The steps, in their order.")
    greatest_loss_by_count: str | None = strawberry.field(
        description="Checkpoint of the step before which `loss` is greatest; the first among equals; null without losses."
    )
    greatest_loss_by_rate: str | None = strawberry.field(
        description="Checkpoint of the step before which `lossRate` is greatest; the first among equals; null without losses."
    )


@strawberry.type(description="A stage in which cases stand that have reached no step of the funnel.")
class UnmappedStage:
    """A stage in which cases stand that have reached no step of the funnel."""

    process: str = strawberry.field(description="Key of the process.")
    stage: str = strawberry.field(description="Key of the stage.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="Number of these cases.")

    @strawberry.field(description="These cases, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """These cases."""
        return await self.drilldown.page(info, self.key, ("standing",), None, first, after)

    key: strawberry.Private[str]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(description="How far cases come, and where they are lost. `docs/figures.md` defines every number.")
class Funnel:
    """How far cases come, and where they are lost."""

    mode: FunnelMode = strawberry.field(description="Which question was asked.")
    unit: FunnelUnit = strawberry.field(
        description="What was counted once. A customer is listed as the case that is counted for them."
    )
    order_mode: OrderMode | None = strawberry.field(description="What reaching a step took; null unless a `COHORT`.")
    owner_basis: OwnerBasis = strawberry.field(description="Whose a case was counted as.")
    as_of: datetime = strawberry.field(description="What happened later is left out.")
    frame: FigureFrame = strawberry.field(description="What the funnel was asked of.")
    total: FunnelSegment = strawberry.field(description="The funnel of all segments together.")
    segments: list[FunnelSegment] = strawberry.field(
        description="The segments of `groupBy`, by title, those without a value last; without `groupBy` the whole."
    )
    other_processes: list[str] = strawberry.field(
        description="With `process: null`: keys of the processes left out because they begin with another step."
    )

    @strawberry.field(
        description="Where cases begun in the period stand that have reached no step at all: they are in no row of the funnel."
    )
    async def unmapped_stages(self, info: Info) -> list[UnmappedStage]:
        """Where cases stand that have reached no step at all."""
        context, figures = info.context, self.figures
        async with context.services.database.reader(context.known.tenant.id) as connection:
            found = await read_stranded(connection, figures.frame, self.question)
        drilldown = Drilldown(context, found.members)
        return [_unmapped(item, drilldown, context.language) for item in found.stages]

    figures: strawberry.Private[FunnelFigures]
    question: strawberry.Private[Question]


def segment_type(
    context: RequestContext,
    figures: SegmentFigures,
    dimensions: list[Dimension],
    drilldown: Drilldown,
    estimating: Estimating | None,
) -> FunnelSegment:
    """The funnel of one segment as the API shows it; `estimating` only for a cohort."""
    return FunnelSegment(
        dimension=[] if figures.segment is None else dimension_values(context, dimensions, figures.segment),
        entered=figures.entered,
        steps=[step_type(step, figures.segment, drilldown, estimating, context.language) for step in figures.steps],
        greatest_loss_by_count=figures.greatest_loss_by_count,
        greatest_loss_by_rate=figures.greatest_loss_by_rate,
    )


def sorted_segments(segments: list[FunnelSegment]) -> list[FunnelSegment]:
    """Segments by title, those without a value last."""
    return sorted(segments, key=lambda segment: by_title(segment.dimension))


def _unmapped(item: Stranded, drilldown: Drilldown, language: str) -> UnmappedStage:
    return UnmappedStage(
        process=item.process,
        stage=item.stage,
        title=item.titles["ru" if language == "ru" else "en"],
        count=item.cases,
        key=item.key,
        drilldown=drilldown,
    )
