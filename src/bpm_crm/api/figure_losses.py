"""Losses as the API shows them."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import strawberry

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.forensics import Trace
from bpm_crm.analytics.losses import Loss, LossFigures
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, dimension_values, rate
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection
from bpm_crm.api.money import Money


@strawberry.type
class LostCases:
    """Cases lost in one stage for one reason: what every figure of losses shows of them."""

    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension of `groupBy`."
    )
    stage: str = strawberry.field(description="Key of the stage they were lost in.")
    stage_title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    reason: str | None = strawberry.field(
        description="Key of the stated reason; null where none was given, as in a forced move."
    )
    reason_title: str | None = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="Number of cases: the numerator of `share`.")
    frame: FigureFrame = strawberry.field(description="What the figure was asked of.")

    @strawberry.field(description="The cases of `count`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases lost."""
        return await self.drilldown.page(info, self.loss.key, ("lost",), self.loss.segment, first, after)

    loss: strawberry.Private[Loss | Trace]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(
    description="Cases lost in one stage for one reason. A case counts at its last loss; one that was re-opened is not lost."
)
class LossCell(LostCases):
    """Cases lost in one stage for one reason."""

    stage_count: int = strawberry.field(
        description="All losses of the stage in the segment: the denominator of `share`."
    )
    share: Decimal | None = strawberry.field(description="`count / stageCount`.")
    amount: list[Money] = strawberry.field(
        description="Amounts of their deals as known when they were lost, by currency."
    )
    without_amount: int = strawberry.field(description="Of `count`: cases without a deal or without a known amount.")


def loss_cells(
    context: RequestContext, figures: LossFigures, dimensions: list[Dimension], frame: FigureFrame
) -> list[LossCell]:
    """Losses as the API shows them."""
    drilldown = Drilldown(context, figures.members)
    return [_cell(context, loss, dimensions, frame, drilldown) for loss in figures.losses]


def lost_cases(
    context: RequestContext, loss: Loss | Trace, dimensions: list[Dimension], frame: FigureFrame, drilldown: Drilldown
) -> dict[str, Any]:
    """The values of the fields of `LostCases`."""
    language = "ru" if context.language == "ru" else "en"
    return {
        "dimension": dimension_values(context, dimensions, loss.segment),
        "stage": loss.stage,
        "stage_title": loss.stage_titles[language],
        "reason": loss.reason,
        "reason_title": None if loss.reason_titles is None else loss.reason_titles[language],
        "count": loss.cases,
        "frame": frame,
        "loss": loss,
        "drilldown": drilldown,
    }


def _cell(
    context: RequestContext, loss: Loss, dimensions: list[Dimension], frame: FigureFrame, drilldown: Drilldown
) -> LossCell:
    return LossCell(
        **lost_cases(context, loss, dimensions, frame, drilldown),
        stage_count=loss.of_stage,
        share=rate(Fraction(loss.cases, loss.of_stage)),
        amount=[Money(amount=amount, currency=currency) for currency, amount in sorted(loss.amounts.items())],
        without_amount=loss.cases - loss.priced,
    )
