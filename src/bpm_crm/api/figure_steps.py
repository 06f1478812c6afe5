"""A step of a funnel as the API shows it, with the way to its cases."""

from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.funnel_figures import FunnelMode, StepFigures
from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_estimates import Estimating, RateEstimate
from bpm_crm.api.figure_frames import rate, whole
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection


class FunnelNumber(Enum):
    """A number of a funnel step."""

    ENTERED = ("reached", "lost", "open", "missed")
    REACHED = ("reached",)
    LOST = ("lost",)
    CANCELLED = ("cancelled",)
    OPEN = ("open",)
    MISSED = ("missed",)
    FORCED = ("forced",)
    REWORKED = ("reworked",)
    UNMAPPED = ("unmapped",)
    ADVANCED = ("advanced",)
    DROPPED = ("dropped",)


expose(
    FunnelNumber,
    "A number of a funnel step whose cases can be listed.",
    {number: f"The cases of the field `{number.name.lower()}`." for number in FunnelNumber},
)

Which = Annotated[FunnelNumber, strawberry.argument(description="Which number.")]


@strawberry.type(
    description="A step of a funnel: a checkpoint with an order. In a cohort `entered = reached + lost + open + missed`."
)
class FunnelStep:
    """A step of a funnel."""

    checkpoint: str = strawberry.field(description="Key of the checkpoint.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    number: int = strawberry.field(description="Place in the funnel, from 1.")
    entered: int = strawberry.field(
        description="The n of the row. `COHORT`: all cases of the cohort; by owner at entry, those that fell to the segment. Else: `reached`."
    )
    reached: int = strawberry.field(
        description="`COHORT`: cases that reached the step. `PERIOD`: cases that entered it first in the period. `SNAPSHOT`: cases that stand at it. Each once, at its earliest touch."
    )
    lost: int = strawberry.field(
        description="`COHORT`: ended as lost or cancelled without the step. `PERIOD`: the same, of those that entered the step before in the period. `SNAPSHOT`: stand here, lost or cancelled."
    )
    cancelled: int = strawberry.field(description="Of `lost`: cancelled.")
    open: int = strawberry.field(
        description="Still running. `COHORT`: without the step. `PERIOD`: the same, of those that entered the step before in the period. `SNAPSHOT`: here."
    )
    missed: int = strawberry.field(
        description="Can no longer reach the step, and is not lost: won without it, or the window is over. `SNAPSHOT`: stands here, won."
    )
    forced: int = strawberry.field(description="Of `reached`: by a forced move.")
    visits: int = strawberry.field(description="Touches of the step by the cases of `reached`, re-entries included.")
    reworked: int = strawberry.field(description="Of `reached`: touched the step more than once.")
    unmapped: int = strawberry.field(
        description="Cases of the row that run under a version without this step; `PERIOD`: of those that entered the step before."
    )
    base: int | None = strawberry.field(
        description="Cases that reached the step before: the denominator of `stepConversion`. Null at the first step and in a `SNAPSHOT`."
    )
    advanced: int = strawberry.field(
        description="Cases that came from the segment to this step, whoever owned them then: the numerator of `stepConversion`."
    )
    dropped: int = strawberry.field(description="Cases that reached the step before and not this one.")
    step_conversion: Decimal | None = strawberry.field(
        description="This step to the step before; null without a denominator. In a `PERIOD` a ratio, which may pass 1."
    )
    overall_conversion: Decimal | None = strawberry.field(
        description="This step to step 1: `reached / entered` of a cohort; in a `PERIOD` a ratio to the first entries into step 1."
    )
    lower_bound: Decimal | None = strawberry.field(
        description="Of a cohort: the overall conversion if none of the open cases reached the step."
    )
    upper_bound: Decimal | None = strawberry.field(
        description="Of a cohort: the overall conversion if all open cases reached the step."
    )
    loss: int = strawberry.field(
        description="The step before less this one: `base - advanced`. Negative where more came here than were there before. `SNAPSHOT`: `lost`."
    )
    loss_rate: Decimal | None = strawberry.field(description="`loss / base`; in a `SNAPSHOT` `lost / reached`.")
    median_seconds_from_previous: int | None = strawberry.field(
        description="Median of the calendar seconds from the step before, over the cases that reached both."
    )
    p90_seconds_from_previous: int | None = strawberry.field(description="The 90th percentile of the same.")

    @strawberry.field(
        description="Of a cohort: what share of `entered` will have reached the step in the end. Null without cases."
    )
    async def estimate(self) -> RateEstimate | None:
        """What share of the cohort will have reached the step in the end."""
        if self.estimating is None:
            return None
        return await self.estimating.of(self.number, self.segment)

    @strawberry.field(description="The cases of `reached`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that reached the step."""
        return await self._cases(info, FunnelNumber.REACHED, first, after)

    @strawberry.field(description="The cases of `lost`, newest first.")
    async def lost_instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that were lost before the step."""
        return await self._cases(info, FunnelNumber.LOST, first, after)

    @strawberry.field(description="The cases of any number of the step, newest first.")
    async def instances_of(
        self, info: Info, number: Which, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of any number of the step."""
        return await self._cases(info, number, first, after)

    async def _cases(
        self, info: Info, number: FunnelNumber, first: int | None, after: str | None
    ) -> ProcessInstanceConnection:
        figures = self.figures
        is_whole = number is FunnelNumber.ENTERED and figures.mode is not FunnelMode.COHORT
        numbers = FunnelNumber.REACHED.value if is_whole else number.value
        return await self.drilldown.page(info, str(figures.number), numbers, self.segment, first, after)

    figures: strawberry.Private[StepFigures]
    segment: strawberry.Private[Segment | None]
    drilldown: strawberry.Private[Drilldown]
    estimating: strawberry.Private[Estimating | None]


def step_type(
    figures: StepFigures, segment: Segment | None, drilldown: Drilldown, estimating: Estimating | None, language: str
) -> FunnelStep:
    """A step as the API shows it; `estimating` only for a cohort."""
    names = ("reached", "lost", "cancelled", "open", "missed", "forced", "reworked", "unmapped", "advanced", "dropped")
    lower, upper = figures.bounds
    median, p90 = figures.seconds or (None, None)
    return FunnelStep(
        **{name: figures.count(name) for name in names},
        checkpoint=figures.step.checkpoint,
        title=figures.step.titles["ru" if language == "ru" else "en"],
        number=figures.number,
        entered=figures.entered,
        visits=figures.visits,
        base=figures.base,
        step_conversion=rate(figures.step_conversion),
        overall_conversion=rate(figures.overall_conversion),
        lower_bound=rate(lower),
        upper_bound=rate(upper),
        loss=figures.loss,
        loss_rate=rate(figures.loss_rate),
        median_seconds_from_previous=whole(median),
        p90_seconds_from_previous=whole(p90),
        figures=figures,
        segment=segment,
        drilldown=drilldown,
        estimating=estimating,
    )
