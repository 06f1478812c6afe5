"""Where to look when a KPI moved: the contributions of the values of each dimension, as the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import Dimension, Grouping, Segment
from bpm_crm.analytics.drivers import Contribution
from bpm_crm.analytics.formulas import nothing_measured
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question
from bpm_crm.analytics.kpi_catalogue import Kpi
from bpm_crm.analytics.kpi_moves import DECOMPOSED, Breakdown, Decomposition, Move, read_move
from bpm_crm.analytics.measures import DimensionNotOffered, Measured
from bpm_crm.analytics.own_kpis import every_kpi
from bpm_crm.analytics.periods import previous
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import UserError, text
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import (
    DimensionValue,
    FigureFrame,
    Period,
    check_product,
    check_segments,
    frame_of,
    frame_type,
    question_of,
)
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.kpi_types import KpiDefinition, KpiValue, decimal, kpi_definition, kpi_value
from bpm_crm.api.kpis import found_kpi
from bpm_crm.engine.definition import Title

MOST_DIMENSIONS = 7
SHOWN, MOST_SHOWN = 10, 100


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


@strawberry.type(
    description="The value of this KPI is a median, or a product of several figures: no contributions of segments add up to its move. Look at the KPI itself by the dimension, in both periods."
)
class KpiDoesNotDecompose(UserError):
    """No contributions of segments add up to the move of this KPI."""


KpiDriversResult = Annotated[
    KpiDrivers | KpiDoesNotDecompose,
    strawberry.union("KpiDriversResult", description="What made a KPI move, or why that cannot be said of it."),
]


@strawberry.type
class KpiDriversQuery:
    """Queries about what made KPIs move."""

    @strawberry.field(
        description="Where to look when a KPI moved: what each value of a dimension contributed to the move, rate and mix apart."
    )
    async def kpi_drivers(
        self,
        info: Info,
        key: Annotated[str, argument(description="Key of the KPI.")],
        period: Annotated[PeriodInput, argument(description="The period it moved in; both ends are given.")],
        dimensions: Annotated[
            list[Dimension],
            argument(description=f"By what the move is broken down, each by itself; at most {MOST_DIMENSIONS}."),
        ],
        base_period: Annotated[
            PeriodInput | None,
            argument(description="The period it moved from; null: the one before, of as many months, days or seconds."),
        ] = None,
        where: Annotated[FactWhere | None, argument(description=WHERE)] = None,
        most: Annotated[
            int, argument(description=f"How many values of each dimension are shown, at most {MOST_SHOWN}.")
        ] = SHOWN,
        as_of: Annotated[datetime | None, argument(description=AS_OF)] = None,
        known_at: Annotated[datetime | None, argument(description=KNOWN_AT)] = None,
    ) -> KpiDriversResult:
        """What made a KPI move."""
        context = info.context
        now, base = _questions(context, period, base_period, where)
        chosen = _chosen(dimensions, most)
        async with context.services.database.reader(now.tenant_id) as connection:
            kpi = found_kpi(await every_kpi(connection, now.tenant_id), key)
            if kpi.kind not in DECOMPOSED:
                code = "KPI_DOES_NOT_DECOMPOSE"
                return KpiDoesNotDecompose(code=code, message=text(code, context.language, kpi=key), path=["key"])
            frame = await frame_of(context, connection, now, as_of=as_of, known_at=known_at)
            check_product(now.cases, frame.of(kpi.process))
            try:
                move = await read_move(connection, kpi, frame, base, now, chosen)
            except DimensionNotOffered as error:
                raise Fault(Code.BAD_USER_INPUT, error.text) from error
        shown = frame_type(frame, frame.versions, now, where)
        return _drivers(context, kpi, move, base, shown, most)


def _chosen(dimensions: Sequence[Dimension], most: int) -> list[Dimension]:
    chosen = list(dict.fromkeys(dimensions))
    if not 1 <= len(chosen) <= MOST_DIMENSIONS:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"`dimensions` has from 1 to {MOST_DIMENSIONS} dimensions.",
                f"В `dimensions` от 1 до {MOST_DIMENSIONS} измерений.",
            ),
        )
    if not 0 <= most <= MOST_SHOWN:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(f"`most` is from 0 to {MOST_SHOWN}.", f"`most` — от 0 до {MOST_SHOWN}."),
            maximum=MOST_SHOWN,
        )
    return chosen


def _questions(
    context: RequestContext, period: PeriodInput, base_period: PeriodInput | None, where: FactWhere | None
) -> tuple[Question, Question]:
    """The question about the period, and that about the one before; a fault for an open period."""
    now = question_of(context, period, where, Grouping())
    if base_period is not None:
        base = question_of(context, base_period, where, Grouping())
    else:
        since, until = _closed(now)
        since, until = previous(since, until, context.known.tenant.zone)
        base = Question(now.tenant_id, now.cases, since, until)
    _closed(base)
    return now, base


def _closed(question: Question) -> tuple[datetime, datetime]:
    if question.since == FIRST_INSTANT or question.until == LAST_INSTANT:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "Give both ends of a period whose KPI is compared with another one.",
                "Задайте оба конца периода, показатель которого сравнивается с другим.",
            ),
        )
    return question.since, question.until


def _drivers(
    context: RequestContext, kpi: Kpi, move: Move, base: Question, frame: FigureFrame, most: int
) -> KpiDrivers:
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
