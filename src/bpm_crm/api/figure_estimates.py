"""The estimated eventual rate of a funnel step as the API shows it, read for a whole funnel in one statement."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property

import strawberry
from strawberry.dataloader import DataLoader

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.estimates import FEWEST_SETTLED, Estimate, read_estimates
from bpm_crm.analytics.members import Members
from bpm_crm.api.context import RequestContext
from bpm_crm.api.figure_frames import decimal

Place = tuple[int, Segment | None]


@strawberry.type(
    description="What share of a cohort will have reached a step in the end (Aalen-Johansen): open cases are censored, being lost or won without the step competes."
)
class RateEstimate:
    """What share of a cohort will have reached a step in the end."""

    rate: Decimal = strawberry.field(
        description="The estimate; it lies between `lowerBound` and `upperBound` of the step."
    )
    lower: Decimal = strawberry.field(description="Lower end of its 95 % interval.")
    upper: Decimal = strawberry.field(description="Upper end of its 95 % interval.")
    cases: int = strawberry.field(description="Cases it is made of: `entered` of the step.")
    settled: int = strawberry.field(
        description="Of `cases`: those that reached the step, or no longer can: all but `open`."
    )
    insufficient_history: bool = strawberry.field(
        description=f"Fewer than {FEWEST_SETTLED} cases are settled: do not rely on it."
    )


class Estimating:
    """The estimates of one funnel, read when the first is asked for."""

    def __init__(self, context: RequestContext, members: Members) -> None:
        self._context = context
        self._members = members

    async def of(self, step: int, segment: Segment | None) -> RateEstimate | None:
        """The estimate of a step in a segment (None: all cases); None without cases."""
        return await self._loader.load((step, segment))

    @cached_property
    def _loader(self) -> DataLoader[Place, RateEstimate | None]:
        """Made when it is needed: with it the figure is part of a cycle, and stays in memory until the garbage collector runs."""
        return DataLoader(self._load)

    async def _load(self, places: Sequence[Place]) -> list[RateEstimate | None]:
        async with self._context.services.database.reader(self._context.known.tenant.id) as connection:
            estimates = await read_estimates(connection, self._members)
        return [_shown(estimates.get(place)) for place in places]


def _shown(estimate: Estimate | None) -> RateEstimate | None:
    if estimate is None:
        return None
    lower, upper = estimate.interval
    return RateEstimate(
        rate=decimal(estimate.rate),
        lower=decimal(lower),
        upper=decimal(upper),
        cases=estimate.cases,
        settled=estimate.settled,
        insufficient_history=estimate.is_insufficient,
    )
