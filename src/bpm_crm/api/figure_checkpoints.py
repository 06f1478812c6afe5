"""Figures of checkpoints as the API shows them."""

from decimal import Decimal

import strawberry

from bpm_crm.analytics.checkpoints import Attainment, CheckpointFigures, CheckpointReport
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, by_title, dimension_values, rate, whole
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection


@strawberry.type(
    description="Verdicts over the cycles of SLA clocks that were due in the period, of whichever cases, by when things happened."
)
class ClockAttainment:
    """Verdicts over the cycles of SLA clocks that were due in the period."""

    met: int = strawberry.field(description="Stopped in time.")
    breached: int = strawberry.field(description="Past the target: stopped too late, or open and overdue.")
    overdue: int = strawberry.field(description="Of `breached`: still open.")
    not_yet_due: int = strawberry.field(description="Open, the target not passed at `asOf`, or paused. Not in `rate`.")
    cancelled: int = strawberry.field(description="Ended without a verdict. Not in `rate`.")
    median_business_seconds: int | None = strawberry.field(
        description="Kaplan-Meier: after how much business time, pauses left out, half of the judged cycles were stopped; those still open are censored at their target. Null: not seen."
    )
    p90_business_seconds: int | None = strawberry.field(description="The same for nine tenths of them.")
    judged: int = strawberry.field(description="`met + breached`: the denominator of `rate`.")
    rate: Decimal | None = strawberry.field(description="`met / judged`; null when none was judged.")


@strawberry.type(
    description="A checkpoint over the cases begun in the period: how many reached it, after how long, and whether its clocks were met."
)
class CheckpointKpi:
    """A checkpoint over the cases begun in the period."""

    checkpoint: str = strawberry.field(description="Key of the checkpoint.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension of `groupBy`. A case that did not reach the checkpoint counts as its owner's of now."
    )
    started: int = strawberry.field(description="Cases begun in the period: the denominator of `rate`.")
    reached: int = strawberry.field(description="Of these, those that reached the checkpoint: the numerator of `rate`.")
    unreached: int = strawberry.field(description="Of these, those that did not, ended or not.")
    rate: Decimal | None = strawberry.field(description="`reached / started`; null without cases.")
    actions: int = strawberry.field(description="Touches of the checkpoint by these cases, re-entries included.")
    mean_seconds: int | None = strawberry.field(
        description="Mean of the calendar seconds from the start of the case, over those that reached it: biased low while cases are open."
    )
    median_seconds: int | None = strawberry.field(description="Median of the same.")
    p90_seconds: int | None = strawberry.field(description="The 90th percentile of the same.")
    median_business_seconds: int | None = strawberry.field(
        description="Median of the business seconds from the start of the case, over those that a move brought to it. Null where only activities did: see `attainment`."
    )
    p90_business_seconds: int | None = strawberry.field(description="The 90th percentile of the same.")
    expected_median_seconds: int | None = strawberry.field(
        description="Kaplan-Meier: after how long half of all cases reach it, where those that did not are censored at their end or at `asOf`. Null: not seen."
    )
    expected_p90_seconds: int | None = strawberry.field(description="The same for nine tenths of all cases.")
    attainment: ClockAttainment = strawberry.field(description="Verdicts of the clocks that measure the checkpoint.")
    frame: FigureFrame = strawberry.field(description="What the figure was asked of.")

    @strawberry.field(description="The cases of `reached`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that reached the checkpoint."""
        return await self._cases(info, "reached", first, after)

    @strawberry.field(description="The cases of `started`, newest first.")
    async def started_instances(
        self, info: Info, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases begun in the period."""
        return await self._cases(info, "started", first, after)

    @strawberry.field(description="The cases of `unreached`, newest first.")
    async def unreached_instances(
        self, info: Info, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases that did not reach the checkpoint."""
        return await self._cases(info, "unreached", first, after)

    async def _cases(self, info: Info, number: str, first: int | None, after: str | None) -> ProcessInstanceConnection:
        step, segment = str(self.figures.number), self.figures.segment
        return await self.drilldown.page(info, step, (number,), segment, first, after)

    figures: strawberry.Private[CheckpointFigures]
    drilldown: strawberry.Private[Drilldown]


def checkpoint_kpis(
    context: RequestContext, report: CheckpointReport, dimensions: list[Dimension], frame: FigureFrame
) -> list[CheckpointKpi]:
    """The figures of checkpoints as the API shows them: by segment, those without a value last, then by checkpoint."""
    drilldown = Drilldown(context, report.members)
    kpis = [_kpi(context, figures, dimensions, frame, drilldown) for figures in report.figures]
    return sorted(kpis, key=lambda kpi: (by_title(kpi.dimension), kpi.figures.number))


def _kpi(
    context: RequestContext,
    figures: CheckpointFigures,
    dimensions: list[Dimension],
    frame: FigureFrame,
    drilldown: Drilldown,
) -> CheckpointKpi:
    median, p90 = figures.seconds or (None, None)
    worked_median, worked_p90 = figures.worked or (None, None)
    return CheckpointKpi(
        checkpoint=figures.checkpoint,
        title=figures.titles["ru" if context.language == "ru" else "en"],
        dimension=dimension_values(context, dimensions, figures.segment),
        started=figures.started,
        reached=figures.reached,
        unreached=figures.started - figures.reached,
        rate=rate(figures.rate),
        actions=figures.actions,
        mean_seconds=whole(figures.mean),
        median_seconds=whole(median),
        p90_seconds=whole(p90),
        median_business_seconds=whole(worked_median),
        p90_business_seconds=whole(worked_p90),
        expected_median_seconds=whole(figures.expected[0]),
        expected_p90_seconds=whole(figures.expected[1]),
        attainment=_attainment(figures.attainment),
        frame=frame,
        figures=figures,
        drilldown=drilldown,
    )


def _attainment(attainment: Attainment) -> ClockAttainment:
    return ClockAttainment(
        met=attainment.met,
        breached=attainment.breached,
        overdue=attainment.overdue,
        not_yet_due=attainment.not_yet_due,
        cancelled=attainment.cancelled,
        median_business_seconds=whole(attainment.worked[0]),
        p90_business_seconds=whole(attainment.worked[1]),
        judged=attainment.met + attainment.breached,
        rate=rate(attainment.rate),
    )
