"""KPIs as the API shows them: their definitions, values, series and comparisons."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import isinf

import strawberry

from bpm_crm.analytics.comparisons import Difference
from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.formulas import LISTS, Interval, Measurement
from bpm_crm.analytics.kpi_catalogue import Better, Kpi, KpiKind, KpiUnit, PeriodBasis
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import RATE_DIGITS, DimensionValue, FigureFrame, dimension_values
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.instance_lists import ProcessInstanceConnection

expose(
    KpiUnit,
    "What the value of a KPI is measured in.",
    {
        KpiUnit.COUNT: "A number of things.",
        KpiUnit.SHARE: "A share: a decimal fraction from 0 to 1.",
        KpiUnit.SECONDS: "Calendar seconds.",
        KpiUnit.BUSINESS_SECONDS: "Seconds of business time.",
        KpiUnit.MONEY: "Money in the company's currency.",
        KpiUnit.MONEY_PER_DAY: "Money per calendar day, in the company's currency.",
        KpiUnit.NUMBER: "A plain number.",
        KpiUnit.PER_HOUR: "Things per working hour.",
    },
)
expose(
    Better,
    "Which way a KPI gets better.",
    {
        Better.HIGHER: "The higher, the better.",
        Better.LOWER: "The lower, the better.",
        Better.NEITHER: "Neither way by itself.",
    },
)
expose(
    KpiKind,
    "How a KPI is made of what it counts.",
    {
        KpiKind.COUNT: "A number: `numerator`.",
        KpiKind.SHARE: "`numerator / denominator`, a part of a whole; with the interval of Wilson.",
        KpiKind.DURATION: "The median by Kaplan-Meier of how long things last, what has not ended censored; with the interval of Brookmeyer and Crowley.",
        KpiKind.RATIO: "`numerator / denominator` of two different things.",
        KpiKind.SUM: "What the things of the numerator add up to.",
        KpiKind.RATE: "Things per working hour.",
        KpiKind.VELOCITY: "Open cases x win rate x average deal / mean cycle in days.",
    },
)
expose(
    PeriodBasis,
    "What has to fall into the period for something to count.",
    {
        PeriodBasis.BEGUN: "The start of the case.",
        PeriodBasis.CLOSED: "The last end of the case.",
        PeriodBasis.HAPPENED: "The event itself.",
        PeriodBasis.DUE: "The target of the clock.",
        PeriodBasis.AT_END: "The KPI looks at one instant: the end of the period, or `asOf` if that is earlier.",
    },
)


@strawberry.type(description="What a KPI means.")
class KpiDefinition:
    """What a KPI means."""

    key: str = strawberry.field(description="Stable key, by which `kpi` is asked.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    meaning: str = strawberry.field(description="What exactly it counts, in the same language.")
    unit: KpiUnit = strawberry.field(description="What its value is measured in.")
    better: Better = strawberry.field(description="Which way it gets better.")
    kind: KpiKind = strawberry.field(description="How its value is made.")
    period_basis: PeriodBasis = strawberry.field(description="What has to fall into the period.")
    dimensions: list[Dimension] = strawberry.field(description="By what it can be grouped.")
    process: str | None = strawberry.field(description="Key of the only process it is about; null: all processes.")
    version: int | None = strawberry.field(
        description="Version of a KPI that the company defined itself; null of a shipped one and of a draft."
    )


@strawberry.type(description="An interval of 95 %.")
class ValueInterval:
    """An interval of 95 %."""

    lower: Decimal = strawberry.field(description="Lower end.")
    upper: Decimal | None = strawberry.field(description="Upper end; null: not seen, it may be any length.")


@strawberry.type(description="The value of a KPI, in all or in one segment, with the way to its cases.")
class KpiValue:
    """The value of a KPI, in all or in one segment."""

    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension; empty for all cases."
    )
    value: Decimal | None = strawberry.field(
        description="The value, of at most ten decimals; null where there is none, for example without a denominator."
    )
    numerator: Decimal | None = strawberry.field(
        description="What is counted or summed: of a share its part, of a duration how many have ended."
    )
    denominator: Decimal | None = strawberry.field(description="What it is taken of; null of a count or sum.")
    interval: ValueInterval | None = strawberry.field(
        description="Interval of 95 % of a share (Wilson) or of a median (Brookmeyer and Crowley); null of other kinds, and of nothing."
    )
    p90: Decimal | None = strawberry.field(
        description="Of a duration: after how long nine tenths have ended; null: not seen."
    )
    seen: int | None = strawberry.field(description="Of a duration: how many have ended.")
    censored: int | None = strawberry.field(description="Of a duration: how many had not ended when last seen.")
    left_out: int = strawberry.field(
        description="Cases that could not be valued, for example for want of history or of an amount."
    )

    @strawberry.field(
        description="The cases of `numerator`, newest first; a case that counts more than once is listed as often."
    )
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases of the numerator."""
        return await self.drilldown.page(info, "", LISTS[self.kind][0], self.segment, first, after)

    @strawberry.field(description="The cases of `denominator`, in the same way; none where there is no denominator.")
    async def denominator_instances(
        self, info: Info, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of the denominator."""
        return await self.drilldown.page(info, "", LISTS[self.kind][1], self.segment, first, after)

    @strawberry.field(description="The cases of `leftOut`, in the same way.")
    async def left_out_instances(
        self, info: Info, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases left out."""
        return await self.drilldown.page(info, "", ("left_out",), self.segment, first, after)

    kind: strawberry.Private[KpiKind]
    segment: strawberry.Private[tuple[str | None, ...] | None]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(description="A KPI in one part of a period.")
class KpiPoint:
    """A KPI in one part of a period."""

    key: str = strawberry.field(
        description="The part as in ISO 8601: `2026-09-07`, `2026-W37`, `2026-09`, `2026-Q3`, `2026`."
    )
    from_: datetime = strawberry.field(name="from", description="First instant inside.")
    to: datetime = strawberry.field(description="First instant after it.")
    value: KpiValue = strawberry.field(description="The KPI in it.")


@strawberry.type(description="How a KPI differs from what it is compared with.")
class KpiDifference:
    """How a KPI differs from what it is compared with."""

    dimension: list[DimensionValue] = strawberry.field(description="Which segment; empty for all cases.")
    value: KpiValue | None = strawberry.field(
        description="The KPI there; null where the other side alone has the segment."
    )
    other: KpiValue | None = strawberry.field(description="The KPI of the other side; null where it lacks the segment.")
    difference: Decimal | None = strawberry.field(description="`value` less `other`; null where one of them has none.")
    interval: ValueInterval | None = strawberry.field(
        description="Interval of 95 % of the difference, of shares, counts and medians; null of other kinds: say nothing about those but their values."
    )
    is_clear: bool | None = strawberry.field(
        description="Whether the interval leaves zero out. Null without an interval: nothing is known of chance then."
    )


@strawberry.type(description="What a KPI is compared with, and the differences.")
class KpiComparison:
    """What a KPI is compared with."""

    frame: FigureFrame = strawberry.field(description="What the other side was asked of.")
    total: KpiDifference = strawberry.field(description="Over all cases.")
    rows: list[KpiDifference] = strawberry.field(description="By segment, those of either side.")


def kpi_definition(kpi: Kpi, language: str) -> KpiDefinition:
    """A KPI as the API explains it."""
    chosen = "ru" if language == "ru" else "en"
    return KpiDefinition(
        key=kpi.key,
        title=kpi.titles[chosen],
        meaning=kpi.meaning[chosen],
        unit=kpi.unit,
        better=kpi.better,
        kind=kpi.kind,
        period_basis=kpi.period,
        dimensions=list(kpi.dimensions),
        process=kpi.process,
        version=kpi.version,
    )


def kpi_value(
    context: RequestContext,
    kpi: Kpi,
    measured: Measurement,
    dimensions: Sequence[Dimension],
    drilldown: Drilldown,
) -> KpiValue:
    """A measurement as the API shows it."""
    versions = drilldown.versions
    return KpiValue(
        dimension=[] if measured.segment is None else dimension_values(context, dimensions, measured.segment, versions),
        value=decimal(measured.value),
        numerator=decimal(measured.numerator),
        denominator=decimal(measured.denominator),
        interval=interval(measured.interval),
        p90=decimal(measured.p90),
        seen=measured.seen,
        censored=measured.censored,
        left_out=measured.left_out,
        kind=kpi.kind,
        segment=measured.segment,
        drilldown=drilldown,
    )


def kpi_difference(
    dimension: list[DimensionValue], value: KpiValue | None, other: KpiValue | None, found: Difference
) -> KpiDifference:
    """A difference as the API shows it."""
    return KpiDifference(
        dimension=dimension,
        value=value,
        other=other,
        difference=decimal(found.value),
        interval=interval(found.interval),
        is_clear=found.is_clear,
    )


def decimal(value: Fraction | float | None) -> Decimal | None:
    """A number with at most ten decimals."""
    if value is None:
        return None
    exact = Fraction(value)
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(RATE_DIGITS)


def interval(ends: Interval | None) -> ValueInterval | None:
    """An interval as the API shows it; none for one whose lower end was not seen."""
    if ends is None or isinf(ends[0]):
        return None
    lower = decimal(ends[0])
    assert lower is not None  # noqa: S101  # a finite number
    return ValueInterval(lower=lower, upper=None if isinf(ends[1]) else decimal(ends[1]))
