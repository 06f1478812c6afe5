"""Stage outcomes as the API shows them."""

from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.outcomes import OutcomeFigures, StageOutcomes
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, by_title, dimension_values, rate
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection


class OutcomeNumber(Enum):
    """A number of a stage outcome."""

    ENTERED = "entered"
    NEXT = "next"
    SKIPPED_AHEAD = "skipped"
    BACK = "back"
    LOST = "lost"
    CANCELLED = "cancelled"
    WON = "won"
    STILL_THERE = "open"
    REWORKED = "reworked"


expose(
    OutcomeNumber,
    "A number of a stage outcome whose cases can be listed.",
    {number: f"The cases of the field of this name: `{number.name}`." for number in OutcomeNumber},
)

Which = Annotated[OutcomeNumber, strawberry.argument(description="Which number.")]


@strawberry.type(
    description="What became of the cases that entered a step in the period: `entered = next + skippedAhead + back + lost + won + stillThere`."
)
class StageOutcome:
    """What became of the cases that entered a step in the period."""

    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension of `groupBy`."
    )
    checkpoint: str = strawberry.field(description="Key of the step's checkpoint.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    number: int = strawberry.field(description="Place of the step in the funnel, from 1.")
    entered: int = strawberry.field(
        description="Cases that entered the step in the period, each once, at its first entry in it: the denominator of the rates."
    )
    next: int = strawberry.field(description="Went to the following step that their version has.")
    skipped_ahead: int = strawberry.field(description="Went further than that, passing over a step.")
    back: int = strawberry.field(description="Went to an earlier step.")
    lost: int = strawberry.field(description="Ended as lost or cancelled without touching another step.")
    cancelled: int = strawberry.field(description="Of `lost`: cancelled.")
    won: int = strawberry.field(
        description="Ended with success without touching another step: at the last one the aim, before it skipping."
    )
    still_there: int = strawberry.field(description="Still running, and this is the step they touched last.")
    visits: int = strawberry.field(description="Entries of these cases in the period, re-entries included.")
    reworked: int = strawberry.field(description="Of `entered`: entered the step more than once in the period.")
    next_rate: Decimal | None = strawberry.field(description="`next / entered`; null when none entered.")
    skipped_ahead_rate: Decimal | None = strawberry.field(description="`skippedAhead / entered`.")
    back_rate: Decimal | None = strawberry.field(description="`back / entered`.")
    lost_rate: Decimal | None = strawberry.field(description="`lost / entered`.")
    won_rate: Decimal | None = strawberry.field(description="`won / entered`.")
    still_there_rate: Decimal | None = strawberry.field(description="`stillThere / entered`.")
    frame: FigureFrame = strawberry.field(description="What the figure was asked of.")

    @strawberry.field(description="The cases of `entered`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that entered the step."""
        return await self._cases(info, OutcomeNumber.ENTERED, first, after)

    @strawberry.field(description="The cases of any number, newest first.")
    async def instances_of(
        self, info: Info, number: Which, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of any number."""
        return await self._cases(info, number, first, after)

    async def _cases(
        self, info: Info, number: OutcomeNumber, first: int | None, after: str | None
    ) -> ProcessInstanceConnection:
        figures = self.figures
        return await self.drilldown.page(info, str(figures.number), (number.value,), figures.segment, first, after)

    figures: strawberry.Private[StageOutcomes]
    drilldown: strawberry.Private[Drilldown]


def outcome_types(
    context: RequestContext, figures: OutcomeFigures, dimensions: list[Dimension], frame: FigureFrame
) -> list[StageOutcome]:
    """Outcomes as the API shows them: by segment, those without a value last, then by step."""
    drilldown = Drilldown(context, figures.members)
    shown = [_outcome(context, item, dimensions, frame, drilldown) for item in figures.outcomes]
    return sorted(shown, key=lambda item: (by_title(item.dimension), item.number))


def _outcome(
    context: RequestContext,
    figures: StageOutcomes,
    dimensions: list[Dimension],
    frame: FigureFrame,
    drilldown: Drilldown,
) -> StageOutcome:
    return StageOutcome(
        dimension=dimension_values(context, dimensions, figures.segment),
        checkpoint=figures.step.checkpoint,
        title=figures.step.titles["ru" if context.language == "ru" else "en"],
        number=figures.number,
        entered=figures.count("entered"),
        next=figures.count("next"),
        skipped_ahead=figures.count("skipped"),
        back=figures.count("back"),
        lost=figures.count("lost"),
        cancelled=figures.count("cancelled"),
        won=figures.count("won"),
        still_there=figures.count("open"),
        visits=figures.visits,
        reworked=figures.count("reworked"),
        next_rate=rate(figures.share("next")),
        skipped_ahead_rate=rate(figures.share("skipped")),
        back_rate=rate(figures.share("back")),
        lost_rate=rate(figures.share("lost")),
        won_rate=rate(figures.share("won")),
        still_there_rate=rate(figures.share("open")),
        frame=frame,
        figures=figures,
        drilldown=drilldown,
    )
