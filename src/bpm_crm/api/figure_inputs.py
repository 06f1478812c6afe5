"""What figures are asked with: modes, dimensions, periods, and the inputs of the funnel and of losses."""

from datetime import date, datetime, timedelta

import strawberry

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.analytics.funnel_figures import FunnelMode, FunnelUnit, OrderMode
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_filters import FactWhere

expose(
    FunnelMode,
    "Which question about a funnel is asked. The four questions are never mixed.",
    {
        FunnelMode.COHORT: "Of the cases that reached step 1 in the period: how many ever reached each step by `asOf`?",
        FunnelMode.PERIOD: "How many first entries into each step fell into the period? Ratios may pass 100 %.",
        FunnelMode.SNAPSHOT: "At which step does each case stand at `asOf`: which has it touched last?",
    },
)
expose(
    OrderMode,
    "When a case of a cohort has reached a step.",
    {
        OrderMode.ANY: "It touched the step, whatever it did before.",
        OrderMode.ALL: "It touched the step after it had reached all earlier steps in their order.",
        OrderMode.IMPLIED: "It touched the step or a later one: reaching a step implies the earlier ones.",
    },
)
expose(
    FunnelUnit,
    "What a funnel counts once.",
    {
        FunnelUnit.INSTANCE: "A case. A customer with two requests is two cases.",
        FunnelUnit.CUSTOMER: "A customer, by all cases that are counted together: the earliest touch wins, open while one case is open, won if one is won. A case without a customer counts on its own.",
    },
)
expose(
    OwnerBasis,
    "Whose a case is counted as, in the dimensions `OWNER` and `TEAM`.",
    {
        OwnerBasis.AT_ENTRY: "The owner's when the step was entered; a case that did not reach it, the last one's before.",
        OwnerBasis.ACTOR: "The user's who made the move or recorded the activity; nobody's, if a machine did.",
        OwnerBasis.CURRENT: "The owner's at `asOf`.",
    },
)

_DIMENSIONS = {
    "CHANNEL": "Channel through which the case came.",
    "OWNER": "Who was responsible; see `ownerBasis`.",
    "PROCESS": "Process definition.",
    "TEAM": "Team; see `ownerBasis`.",
    "CAMPAIGN": "Campaign that brought the case.",
    "REGION": "Region of the customer.",
    "VERSION": "Version of the process definition.",
    "PRODUCT": "Product, as the data field says that is bound to it. Only of KPIs.",
    "STAGE": "Stage the case stood in. Only of KPIs that look at open cases.",
    "CLOCK": "SLA policy, by its key. Only of KPIs of clocks.",
    "DAY": "Day, in the company's time zone, like the four below. Only of KPIs: by the instant that puts a case into the period.",
    "WEEK": "Week of ISO 8601, `2026-W37`.",
    "MONTH": "Month, `2026-09`.",
    "QUARTER": "Quarter, `2026-Q3`.",
    "YEAR": "Year, `2026`.",
}
expose(
    Dimension,
    "By what figures can be grouped. The segments of a dimension add up to the whole; what has no value is a segment too.",
    {dimension: _DIMENSIONS[dimension.name] for dimension in Dimension},
)

AS_OF = "Leave out what happened after this instant. Null, or an instant in the future: now."
KNOWN_AT = (
    "Leave out what was recorded after this instant; null: `asOf`. "
    "Past events that were imported later are seen with `asOf` in the past and `knownAt` now."
)
WHERE = "Which cases count, beside the reach of the viewer."
_PROCESS = "Key of the process; null: every process that begins with the same step."


@strawberry.input(
    description="A period, its end not in it. Each end is an instant or a day, which begins at midnight in the company's time zone; without one the period is open."
)
class PeriodInput:
    """A half-open period."""

    from_: datetime | None = strawberry.field(default=None, name="from", description="First instant inside.")
    to: datetime | None = strawberry.field(default=None, description="First instant after it.")
    from_date: date | None = strawberry.field(default=None, description="First day inside.")
    to_date: date | None = strawberry.field(
        default=None, description="First day after it: of September, the first of October."
    )


@strawberry.input(description="Which funnel.")
class FunnelInput:
    """Which funnel."""

    process: str | None = strawberry.field(default=None, description=_PROCESS)
    mode: FunnelMode = strawberry.field(default=FunnelMode.COHORT, description="Which question is asked.")
    order_mode: OrderMode = strawberry.field(
        default=OrderMode.ANY, description="What reaching a step takes. Only a `COHORT` looks at it."
    )
    period: PeriodInput | None = strawberry.field(
        default=None,
        description="`COHORT`: when step 1 was reached. `PERIOD`: when steps were entered. `SNAPSHOT`: when cases began. Null: ever.",
    )
    unit: FunnelUnit = strawberry.field(default=FunnelUnit.INSTANCE, description="What is counted once.")
    window: timedelta | None = strawberry.field(
        default=None, description="How long after step 1 a step may be reached to count. Only for a `COHORT`."
    )
    group_by: list[Dimension] | None = strawberry.field(default=None, description="Segments to split it into.")
    owner_basis: OwnerBasis = strawberry.field(
        default=OwnerBasis.AT_ENTRY, description="Whose a case is counted as, when grouped by `OWNER` or `TEAM`."
    )
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)


@strawberry.input(description="Which losses.")
class LossInput:
    """Which losses."""

    process: str | None = strawberry.field(default=None, description="Key of the process; null: every process.")
    period: PeriodInput | None = strawberry.field(default=None, description="When cases were lost. Null: ever.")
    group_by: list[Dimension] | None = strawberry.field(default=None, description="Segments to split them into.")
    owner_basis: OwnerBasis = strawberry.field(
        default=OwnerBasis.AT_ENTRY,
        description="Whose a loss is counted as, when grouped by `OWNER` or `TEAM`; at entry: when it was lost.",
    )
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)
