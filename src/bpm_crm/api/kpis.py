"""KPIs: the catalogue, and each one asked over a period."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.kpi_catalogue import Kpi
from bpm_crm.analytics.measures import DimensionNotOffered, Measured, measure
from bpm_crm.analytics.own_facts import TooManyCases
from bpm_crm.analytics.own_kpis import every_kpi, near_keys
from bpm_crm.analytics.series import Point, SeriesTooLong, read_series
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import (
    FigureFrame,
    by_title,
    check_product,
    check_segments,
    frame_of,
    frame_type,
    question_of,
)
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.kpi_comparisons import KpiComparisonInput, compared
from bpm_crm.api.kpi_types import KpiComparison, KpiDefinition, KpiPoint, KpiValue, kpi_definition, kpi_value
from bpm_crm.api.selections import arguments_of
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission
from bpm_crm.records.database import Connection


class KpiRowOrder(Enum):
    """How the rows of a KPI are sorted."""

    TITLE = "title"
    VALUE_ASC = "value_asc"
    VALUE_DESC = "value_desc"


expose(
    KpiRowOrder,
    "How the rows of a KPI are sorted.",
    {
        KpiRowOrder.TITLE: "By the names of the segments, those without a value of the dimension last.",
        KpiRowOrder.VALUE_ASC: "By value, smallest first; without a value last.",
        KpiRowOrder.VALUE_DESC: "By value, largest first; without a value last.",
    },
)


class SeriesPart(Enum):
    """The parts of a series."""

    YEAR = Dimension.YEAR
    QUARTER = Dimension.QUARTER
    MONTH = Dimension.MONTH
    WEEK = Dimension.WEEK
    DAY = Dimension.DAY


expose(
    SeriesPart,
    "The parts of the calendar that a series has, in the company's time zone.",
    {
        SeriesPart.YEAR: "Each year of the calendar.",
        SeriesPart.QUARTER: "Each quarter of a year.",
        SeriesPart.MONTH: "Each month of a year.",
        SeriesPart.WEEK: "Each week of ISO 8601, from Monday on.",
        SeriesPart.DAY: "Each day, from midnight on.",
    },
)

Key = Annotated[str, argument(description="Key of the KPI, as `kpiCatalogue` lists it.")]
InPeriod = Annotated[PeriodInput, argument(description="The period; see `periodBasis` of the KPI.")]
GroupBy = Annotated[list[Dimension] | None, argument(description="Segments to split it into.")]
Where = Annotated[FactWhere | None, argument(description=WHERE)]
AsOf = Annotated[datetime | None, argument(description=AS_OF)]
KnownAt = Annotated[datetime | None, argument(description=KNOWN_AT)]
CompareWith = Annotated[KpiComparisonInput | None, argument(description="What to compare it with.")]
Basis = Annotated[OwnerBasis, argument(description="Whose a case is counted as, when grouped by `OWNER` or `TEAM`.")]
OrderBy = Annotated[KpiRowOrder, argument(description="How the rows are sorted.")]
Limit = Annotated[int | None, argument(description="How many rows are given at most, the first in that order.")]
Part = Annotated[SeriesPart, argument(description="Which parts.")]


Series = dict[SeriesPart, list[Point] | Fault]
"""The points of each series asked for, or why there are none."""


@strawberry.type(description="A KPI over a period.")
class KpiResult:
    """A KPI over a period."""

    definition: KpiDefinition = strawberry.field(description="What the KPI means.")
    frame: FigureFrame = strawberry.field(description="What it was asked of.")
    total: KpiValue = strawberry.field(description="Over all cases.")
    rows: list[KpiValue] = strawberry.field(description="By segment of `groupBy`; empty without it.")
    comparison: KpiComparison | None = strawberry.field(description="The differences; null without `compareWith`.")

    @strawberry.field(
        description="The KPI in each part of the period up to `asOf`, none left out. The period needs a beginning."
    )
    def series(self, info: Info, by: Part) -> list[KpiPoint]:
        """The KPI over time."""
        context, part = info.context, by.value
        points = self.points[by]
        if isinstance(points, Fault):
            raise points
        return [
            KpiPoint(
                key=point.bucket.key,
                from_=point.bucket.since,
                to=point.bucket.until,
                value=kpi_value(
                    context, self.kpi, point.measurement, (part,), Drilldown(context, point.measured.members)
                ),
            )
            for point in points
        ]

    kpi: strawberry.Private[Kpi]
    points: strawberry.Private[Series]


@strawberry.type
class KpisQuery:
    """Queries about KPIs."""

    @strawberry.field(description="Every KPI that can be asked, shipped and own, by key.")
    async def kpi_catalogue(self, info: Info) -> list[KpiDefinition]:
        """Every KPI that can be asked."""
        context = info.context
        viewer, _ = context.require(Permission.VIEW_FIGURES)
        async with context.services.database.reader(viewer.tenant_id) as connection:
            known = await every_kpi(connection, viewer.tenant_id)
        return [kpi_definition(known[key], context.language) for key in sorted(known)]

    @strawberry.field(
        description="A KPI over the cases inside the viewer's reach: its value in all and by segment, over time, compared, with its cases."
    )
    async def kpi(
        self,
        info: Info,
        key: Key,
        period: InPeriod,
        group_by: GroupBy = None,
        where: Where = None,
        as_of: AsOf = None,
        known_at: KnownAt = None,
        compare_with: CompareWith = None,
        owner_basis: Basis = OwnerBasis.AT_ENTRY,
        order_by: OrderBy = KpiRowOrder.TITLE,
        limit: Limit = None,
    ) -> KpiResult:
        """A KPI over a period."""
        context = info.context
        grouping = Grouping(tuple(dict.fromkeys(group_by or ())), owner_basis)
        question = question_of(context, period, where, grouping)
        if limit is not None and limit < 0:
            raise Fault(Code.BAD_USER_INPUT, Title("`limit` is not below 0.", "`limit` не меньше 0."))
        async with context.services.database.reader(question.tenant_id) as connection:
            kpi = found_kpi(await every_kpi(connection, question.tenant_id), key)
            frame = await frame_of(context, connection, question, as_of=as_of, known_at=known_at)
            check_product(question.cases, frame.of(kpi.process))
            comparison = None
            with answering():
                measured = await measure(connection, kpi, frame, question)
                if compare_with is not None:
                    comparison = await compared(context, connection, measured, question, compare_with)
            points = await series_of(info, connection, measured, question)
        return kpi_result(context, measured, question, where, points, (order_by, limit), comparison)


Sort = tuple[KpiRowOrder, int | None]


@contextmanager
def answering() -> Iterator[None]:
    """Turns what a KPI cannot be asked into faults."""
    try:
        yield
    except (DimensionNotOffered, TooManyCases) as error:
        raise Fault(Code.BAD_USER_INPUT, error.text) from error
    except SeriesTooLong as error:
        raise Fault(Code.BAD_USER_INPUT, error.text, maximum=error.most) from error


async def series_of(info: Info, connection: Connection, measured: Measured, question: Question) -> Series:
    """The series that are selected below the field being resolved, read in the same snapshot as the figure itself."""
    zone, found = info.context.known.tenant.zone, Series()
    for part in {SeriesPart(arguments["by"]) for arguments in arguments_of(info, KpiResult.__name__, "series")}:
        try:
            with answering():
                found[part] = await read_series(connection, measured.kpi, measured.frame, question, part.value, zone)
        except Fault as fault:
            found[part] = fault
    return found


def kpi_result(
    context: RequestContext,
    measured: Measured,
    question: Question,
    where: FactWhere | None,
    points: Series,
    sort: Sort = (KpiRowOrder.TITLE, None),
    comparison: KpiComparison | None = None,
) -> KpiResult:
    """A measured KPI as the API shows it."""
    check_segments(len(measured.segments))
    kpi, frame, dimensions = measured.kpi, measured.frame, question.grouping.dimensions
    drilldown = Drilldown(context, measured.members, frame.versions)
    rows = [kpi_value(context, kpi, item, dimensions, drilldown) for item in measured.segments]
    return KpiResult(
        definition=kpi_definition(kpi, context.language),
        frame=frame_type(frame, frame.versions, question, where),
        total=kpi_value(context, kpi, measured.total, dimensions, drilldown),
        rows=_sorted(rows, *sort),
        comparison=comparison,
        kpi=kpi,
        points=points,
    )


def _sorted(rows: Sequence[KpiValue], order: KpiRowOrder, limit: int | None) -> list[KpiValue]:
    found = sorted(rows, key=lambda row: by_title(row.dimension))
    if order is not KpiRowOrder.TITLE:
        sign = 1 if order is KpiRowOrder.VALUE_ASC else -1
        found.sort(key=lambda row: (row.value is None, sign * (row.value or 0)))
    return found[:limit]


def found_kpi(known: dict[str, Kpi], key: str) -> Kpi:
    """The KPI of that key; a fault that names the nearest keys."""
    if key not in known:
        near = near_keys(known, key)
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"There is no KPI “{key}”; near it are: {', '.join(near)}. `kpiCatalogue` lists all.",
                f"Показателя «{key}» нет; похожи: {', '.join(near)}. Все перечисляет `kpiCatalogue`.",
            ),
            near=near,
        )
    return known[key]
