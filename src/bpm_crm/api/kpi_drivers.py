"""Where to look when a KPI moved: the contributions of the values of each dimension, as the API shows them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question
from bpm_crm.analytics.kpi_moves import DECOMPOSED, read_move
from bpm_crm.analytics.measures import DimensionNotOffered
from bpm_crm.analytics.own_kpis import every_kpi
from bpm_crm.analytics.periods import before
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import UserError, text
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import (
    check_product,
    frame_of,
    frame_type,
    question_of,
)
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput
from bpm_crm.api.kpi_driver_types import KpiDrivers, drivers_type
from bpm_crm.api.kpis import found_kpi
from bpm_crm.engine.definition import Title

MOST_DIMENSIONS = 7
SHOWN, MOST_SHOWN = 10, 100


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
        return drivers_type(context, kpi, move, base, shown, most)


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
    if base_period is None:
        base = before(now, context.known.tenant.zone)
    else:
        base = question_of(context, base_period, where, Grouping())
    if base is None or base.since == FIRST_INSTANT or base.until == LAST_INSTANT:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "Give both ends of a period whose KPI is compared with another one.",
                "Задайте оба конца периода, показатель которого сравнивается с другим.",
            ),
        )
    return now, base
