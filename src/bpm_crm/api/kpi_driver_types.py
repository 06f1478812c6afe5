"""The contributions to the move of a KPI as the API shows them."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import strawberry

from bpm_crm.analytics.dimensions import Dimension, Segment
from bpm_crm.analytics.drivers import Contribution
from bpm_crm.analytics.formulas import nothing_measured
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.kpi_catalogue import Kpi
from bpm_crm.analytics.kpi_moves import DECOMPOSED, Breakdown, Decomposition, Move
from bpm_crm.analytics.measures import Measured
from bpm_crm.api.context import RequestContext
from bpm_crm.api.figure_frames import (
    DimensionValue,
    FigureFrame,
    Period,
    check_segments,
)
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.kpi_types import KpiDefinition, KpiValue, decimal, kpi_definition, kpi_value


@strawberry.type(description="What the cases with one value of a dimension contributed to the move of a KPI.")
class KpiDriver:
    """What one value of a dimension contributed."""

    dimension: DimensionValue = strawberry.field(description="Which value of the dimension.")
    contribution: Decimal = strawberry.field(description="What it contributed, in the unit of the KPI: `rate + mix`.")
    rate: Decimal = strawberry.field(
        description="By being better or worse than before; of a count or sum: by being more or less."
    )
    mix: Decimal = strawberry.field(
        description="By having a larger or smaller part of all cases than before; of a count or sum: 0."
    )
    base: KpiValue = strawberry.field(description="The KPI over these cases in the base period.")
    now: KpiValue = strawberry.field(description="The KPI over these cases in the period.")
    standard_error: Decimal | None = strawberry.field(
        description="How far chance alone takes it, as a standard error; null for means and sums, where the numbers do not tell."
    )
    within_noise: bool | None = strawberry.field(
        description="Whether chance takes the farthest of so many values this far in one of twenty cases; null without `standardError`."
    )


@strawberry.type(description="The values of a dimension that are not shown, together.")
class KpiDriverRest:
    """The values of a dimension that are not shown, together."""

    values: int = strawberry.field(description="How many values there are.")
    contribution: Decimal = strawberry.field(description="What they contributed.")
    rate: Decimal = strawberry.field(description="By being better or worse, more or less than before.")
    mix: Decimal = strawberry.field(description="By having a larger or smaller part of all cases than before.")


@strawberry.type(description="The move of a KPI by the values of one dimension: `drivers` and `rest` add up to it.")
class KpiBreakdown:
    """The move of a KPI by the values of one dimension."""

    dimension: Dimension = strawberry.field(description="Which dimension.")
    drivers: list[KpiDriver] = strawberry.field(description="The greatest contributions, up or down, first.")
    rest: KpiDriverRest = strawberry.field(description="All others.")


@strawberry.type(
    description="How far a KPI moved between two periods, and which values of the dimensions made it move."
)
class KpiDrivers:
    """How far a KPI moved, and what made it move."""

    definition: KpiDefinition = strawberry.field(description="What the KPI means.")
    decomposition: Decomposition = strawberry.field(description="How its move is made of those of the segments.")
    base_period: Period = strawberry.field(description="The period it moved from.")
    base_value: Decimal | None = strawberry.field(description="The KPI in that period; null where it has no value.")
    value: Decimal | None = strawberry.field(description="The KPI in the period; null where it has no value.")
    move: Decimal | None = strawberry.field(description="`value - baseValue`; null where one of them is.")
    breakdowns: list[KpiBreakdown] = strawberry.field(
        description="The move by each dimension, in the order asked; empty without a move."
    )
    frame: FigureFrame = strawberry.field(description="What it was asked of; both periods as of the same instant.")


def drivers_type(
    context: RequestContext, kpi: Kpi, move: Move, base: Question, frame: FigureFrame, most: int
) -> KpiDrivers:
    """A move with what made it, at most `most` values of each dimension."""
    before, after = decimal(move.base.value), decimal(move.now.value)
    return KpiDrivers(
        definition=kpi_definition(kpi, context.language),
        decomposition=DECOMPOSED[kpi.kind],
        base_period=Period(from_=base.since, to=base.until),
        base_value=before,
        value=after,
        move=None if before is None or after is None else after - before,
        breakdowns=[
            _breakdown(context, kpi, item, Fraction(move.base.value or 0), most)
            for item in move.breakdowns
            if item.contributions is not None
        ],
        frame=frame,
    )


def _breakdown(context: RequestContext, kpi: Kpi, item: Breakdown, base: Fraction, most: int) -> KpiBreakdown:
    contributions = item.contributions or ()
    check_segments(len(contributions))
    head, tail = contributions[:most], contributions[most:]
    rest = sum((one.rate for one in tail), Fraction(0)), sum((one.mix for one in tail), Fraction(0))
    amounts = adding_up(base, [part for one in head for part in (one.rate, one.mix)] + list(rest))
    sides = _Side(context, kpi, item.dimension, item.base), _Side(context, kpi, item.dimension, item.now)
    drivers = [_driver(one, (amounts[2 * place], amounts[2 * place + 1]), *sides) for place, one in enumerate(head)]
    rate, mix = amounts[-2:]
    remaining = KpiDriverRest(values=len(tail), contribution=rate + mix, rate=rate, mix=mix)
    return KpiBreakdown(dimension=item.dimension, drivers=drivers, rest=remaining)


class _Side:
    """A KPI by one dimension in one period."""

    def __init__(self, context: RequestContext, kpi: Kpi, dimension: Dimension, measured: Measured) -> None:
        self._context = context
        self._kpi = kpi
        self._dimension = dimension
        self._known = {item.segment: item for item in measured.segments}
        self._drilldown = Drilldown(context, measured.members, measured.frame.versions)

    def value(self, segment: Segment) -> KpiValue:
        """The KPI over the cases of a segment, of which there may be none."""
        found = self._known.get(segment) or nothing_measured(self._kpi.kind, segment)
        return kpi_value(self._context, self._kpi, found, (self._dimension,), self._drilldown)


def _driver(one: Contribution, shown: tuple[Decimal, Decimal], base: _Side, now: _Side) -> KpiDriver:
    value = now.value(one.segment)
    return KpiDriver(
        dimension=value.dimension[0],
        contribution=shown[0] + shown[1],
        rate=shown[0],
        mix=shown[1],
        base=base.value(one.segment),
        now=value,
        standard_error=decimal(one.error),
        within_noise=one.is_noise,
    )


def adding_up(base: Fraction, parts: Sequence[Fraction]) -> list[Decimal]:
    """Parts rounded so that what is shown adds up to what is shown of the move: each is where the rounded sum goes next from `base`."""
    shown, reached = [], base
    for part in parts:
        before, reached = reached, reached + part
        shown.append(_rounded(reached) - _rounded(before))
    return shown


def _rounded(value: Fraction) -> Decimal:
    return decimal(value) or Decimal(0)
