"""Managers compared, as the API shows them."""

from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.managers import Manager, ManagerFigures, ManagerStep, StepVerdict
from bpm_crm.analytics.stratified import FEWEST_CASES
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, by_title, decimal, dimension_values, rate
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection

expose(
    StepVerdict,
    "A manager's conversion at a step beside that of all others in the same channels. Where all managers are equal, any of them is called strong or weak in at most one comparison of twenty.",
    {
        StepVerdict.STRONG: "Better than the others, beyond chance.",
        StepVerdict.WEAK: "Worse than the others, beyond chance.",
        StepVerdict.NO_EVIDENCE: "The difference may be chance.",
        StepVerdict.NOT_ENOUGH: f"Fewer than {FEWEST_CASES} settled cases, of the manager or of the others, in channels that both work.",
    },
)


class ManagerNumber(Enum):
    """A number of a manager's step."""

    CASES = ("advanced", "failed")
    CONVERTED = ("advanced",)
    FAILED = ("failed",)
    PENDING = ("pending",)


expose(
    ManagerNumber,
    "A number of a manager's step whose cases can be listed.",
    {
        ManagerNumber.CASES: "The cases of `cases`.",
        ManagerNumber.CONVERTED: "The cases of `converted`.",
        ManagerNumber.FAILED: "Those of `cases` that are not `converted`.",
        ManagerNumber.PENDING: "The cases of `pending`.",
    },
)

Which = Annotated[ManagerNumber, strawberry.argument(description="Which number.")]


@strawberry.type(
    description="How one manager's cases get from the step before to this one. A step counts as reached with a later one."
)
class ManagerStepFigures:
    """How one manager's cases get from the step before to this one."""

    checkpoint: str = strawberry.field(description="Key of the step's checkpoint.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    number: int = strawberry.field(description="Place of the step in the funnel, from 2.")
    cases: int = strawberry.field(
        description="Settled cases that reached the step before: they reached this one, or ended. The n, and the denominator of `rate`."
    )
    converted: int = strawberry.field(description="Of `cases`: reached this step.")
    pending: int = strawberry.field(description="Reached the step before and are still open: in no rate.")
    rate: Decimal | None = strawberry.field(description="`converted / cases`; null without cases.")
    lower: Decimal = strawberry.field(description="Lower end of its 95 % interval (Wilson).")
    upper: Decimal = strawberry.field(description="Upper end of it.")
    adjusted_rate: Decimal | None = strawberry.field(
        description="The rate if the channels were those of all managers' cases at the step (direct standardisation); null without cases."
    )
    adjusted_lower: Decimal = strawberry.field(description="Lower end of its 95 % interval.")
    adjusted_upper: Decimal = strawberry.field(description="Upper end of it.")
    covered: Decimal = strawberry.field(
        description="Share of all managers' cases that came by channels in which this manager has any: the adjusted rate speaks of these."
    )
    expected: Decimal = strawberry.field(
        description="How many of `cases` would have converted at the rates that all managers together have in the same channels."
    )
    adjusted_p: Decimal | None = strawberry.field(
        description="How likely a family of equal managers is to show any difference as strong as this one (exact stratified test, Holm's procedure); null where the step is not judged."
    )
    verdict: StepVerdict | None = strawberry.field(
        description="Strong, weak, or neither; null: cases without a manager are compared with nobody."
    )

    @strawberry.field(description="The cases of any number, newest first.")
    async def instances_of(
        self, info: Info, number: Which, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of any number."""
        return await self.drilldown.page(info, str(self.number), number.value, (self.manager,), first, after)

    @strawberry.field(description="The cases of `cases`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The settled cases."""
        numbers = ManagerNumber.CASES.value
        return await self.drilldown.page(info, str(self.number), numbers, (self.manager,), first, after)

    manager: strawberry.Private[Manager]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(description="The funnel of one manager, from step 2 on.")
class ManagerFunnel:
    """The funnel of one manager."""

    manager: DimensionValue = strawberry.field(
        description="Who; a null `key`: the cases that had no owner or team then."
    )
    steps: list[ManagerStepFigures] = strawberry.field(description="The steps, in their order.")


@strawberry.type(
    description="Managers compared step by step, by name and not by rank. What differs by chance is not called a difference."
)
class ManagerComparison:
    """Managers compared step by step."""

    owner_basis: OwnerBasis = strawberry.field(description="Whose a case was counted as.")
    comparisons: int = strawberry.field(description="Size of the family: steps of managers that were judged together.")
    managers: list[ManagerFunnel] = strawberry.field(description="The managers by name.")
    frame: FigureFrame = strawberry.field(description="What the figure was asked of.")


def comparison_type(
    context: RequestContext, figures: ManagerFigures, by: Dimension, basis: OwnerBasis, frame: FigureFrame
) -> ManagerComparison:
    """A comparison as the API shows it."""
    drilldown = Drilldown(context, figures.members)
    managers = [
        ManagerFunnel(
            manager=dimension_values(context, [by], (manager,))[0],
            steps=[_step(step, manager, drilldown, context.language) for step in steps],
        )
        for manager, steps in figures.managers.items()
    ]
    managers.sort(key=lambda item: by_title([item.manager]))
    return ManagerComparison(owner_basis=basis, comparisons=figures.family, managers=managers, frame=frame)


def _step(figures: ManagerStep, manager: Manager, drilldown: Drilldown, language: str) -> ManagerStepFigures:
    lower, upper = figures.interval
    adjusted_lower, adjusted_upper = figures.adjusted_interval
    return ManagerStepFigures(
        checkpoint=figures.step.checkpoint,
        title=figures.step.titles["ru" if language == "ru" else "en"],
        number=figures.number,
        cases=figures.cases,
        converted=figures.converted,
        pending=figures.pending,
        rate=rate(figures.rate),
        lower=decimal(lower),
        upper=decimal(upper),
        adjusted_rate=None if figures.adjusted is None else decimal(figures.adjusted),
        adjusted_lower=decimal(adjusted_lower),
        adjusted_upper=decimal(adjusted_upper),
        covered=decimal(figures.covered),
        expected=decimal(figures.expected),
        adjusted_p=None if figures.adjusted_p is None else decimal(figures.adjusted_p),
        verdict=figures.verdict,
        manager=manager,
        drilldown=drilldown,
    )
