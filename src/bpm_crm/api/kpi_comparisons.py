"""A KPI compared with the period before, or with other cases."""

from dataclasses import replace

import strawberry

from bpm_crm.analytics.comparisons import Difference, difference
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.formulas import Measurement, nothing_measured
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.measures import Measured, measure
from bpm_crm.analytics.periods import before
from bpm_crm.api.context import RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import by_title, check_product, check_segments, dimension_values, frame_type, question_of
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.kpi_types import KpiComparison, KpiDifference, KpiValue, kpi_difference, kpi_value
from bpm_crm.engine.definition import Title
from bpm_crm.records.database import Connection


@strawberry.input(
    one_of=True,
    description="What a KPI is compared with. Intervals of differences hold when both sides are made of different cases.",
)
class KpiComparisonInput:
    """What a KPI is compared with."""

    previous_period: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="`true`: the period before: as many months before whole months, as many days before whole days, else as long.",
    )
    where: FactWhere | None = strawberry.field(
        default=strawberry.UNSET,
        description="The same period with these cases in place of those of `where`; for example `{version: {eq: 1}}` of the same process.",
    )


async def compared(
    context: RequestContext,
    connection: Connection,
    measured: Measured,
    question: Question,
    with_: KpiComparisonInput,
) -> KpiComparison:
    """A measured KPI beside the same one asked otherwise, over the same snapshot of the records."""
    other_question, where = _other(context, question, with_)
    check_product(other_question.cases, measured.frame.of(measured.kpi.process))
    other = await measure(connection, measured.kpi, measured.frame, other_question)
    segments = list(dict.fromkeys(item.segment for item in (*measured.segments, *other.segments)))
    check_segments(len(segments))
    comparing = _Comparing(context, question, measured, other)
    rows = [comparing.row(segment) for segment in segments]
    return KpiComparison(
        frame=frame_type(other.frame, other.frame.versions, other_question, where),
        total=comparing.row(None),
        rows=sorted(rows, key=lambda row: by_title(row.dimension)),
    )


def _other(context: RequestContext, question: Question, with_: KpiComparisonInput) -> tuple[Question, FactWhere | None]:
    if isinstance(with_.where, FactWhere):
        cases = question_of(context, None, with_.where, question.grouping).cases
        return replace(question, cases=cases), with_.where
    if with_.previous_period is not True:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "`previousPeriod` is true; leave `compareWith` out to compare with nothing.",
                "`previousPeriod` бывает только true; чтобы не сравнивать, уберите `compareWith`.",
            ),
        )
    earlier = before(question, context.known.tenant.zone)
    if earlier is None:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "There is a period before one that has both ends; give both.",
                "Предыдущий период есть у периода с обоими концами; задайте оба.",
            ),
        )
    return earlier, None


class _Comparing:
    """Two measurements side by side."""

    def __init__(self, context: RequestContext, question: Question, here: Measured, there: Measured) -> None:
        self._context = context
        self._dimensions = question.grouping.dimensions
        self._kpi = here.kpi
        self._sides = [
            (
                {item.segment: item for item in (side.total, *side.segments)},
                Drilldown(context, side.members, side.frame.versions),
            )
            for side in (here, there)
        ]

    def row(self, segment: Segment | None) -> KpiDifference:
        """The difference in a segment (None: in all)."""
        found = [known.get(segment) for known, _ in self._sides]
        values = [
            None if item is None else self._value(item, drilldown)
            for item, (_, drilldown) in zip(found, self._sides, strict=True)
        ]
        versions = self._sides[0][1].versions
        dimension = [] if segment is None else dimension_values(self._context, self._dimensions, segment, versions)
        return kpi_difference(dimension, values[0], values[1], self._difference(segment, found))

    def _difference(self, segment: Segment | None, found: list[Measurement | None]) -> Difference:
        one, two = (item or nothing_measured(self._kpi.kind, segment) for item in found)
        return difference(self._kpi, one, two)

    def _value(self, item: Measurement, drilldown: Drilldown) -> KpiValue:
        return kpi_value(self._context, self._kpi, item, self._dimensions, drilldown)
