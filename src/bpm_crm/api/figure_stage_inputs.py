"""What the figures of stages and managers are asked with."""

from datetime import datetime
from enum import Enum

import strawberry

from bpm_crm.analytics.dimensions import Dimension, OwnerBasis
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput

_BASIS = "Whose a case is counted as, when grouped by `OWNER` or `TEAM`."


class ComparedBy(Enum):
    """Who is compared."""

    OWNER = Dimension.OWNER
    TEAM = Dimension.TEAM


expose(
    ComparedBy,
    "Who is compared.",
    {ComparedBy.OWNER: "The owners of the cases.", ComparedBy.TEAM: "Their teams."},
)


@strawberry.input(description="Of which entries the outcomes are asked.")
class StageOutcomeInput:
    """Of which entries the outcomes are asked."""

    process: str | None = strawberry.field(
        default=None, description="Key of the process; null: every process that begins with the same step."
    )
    period: PeriodInput | None = strawberry.field(default=None, description="When steps were entered. Null: ever.")
    group_by: list[Dimension] | None = strawberry.field(default=None, description="Segments to split the cases into.")
    owner_basis: OwnerBasis = strawberry.field(default=OwnerBasis.AT_ENTRY, description=_BASIS)
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)


@strawberry.input(description="Of which visits the times are asked.")
class StageTimeInput:
    """Of which visits the times are asked."""

    process: str | None = strawberry.field(default=None, description="Key of the process; null: every process.")
    period: PeriodInput | None = strawberry.field(
        default=None, description="When cases first entered the stage. Null: ever."
    )
    group_by: list[Dimension] | None = strawberry.field(default=None, description="Segments to split the cases into.")
    owner_basis: OwnerBasis = strawberry.field(default=OwnerBasis.AT_ENTRY, description=_BASIS)
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)


@strawberry.input(description="Which managers are compared, over which cohort.")
class ManagerComparisonInput:
    """Which managers are compared, over which cohort."""

    process: str | None = strawberry.field(
        default=None, description="Key of the process; null: every process that begins with the same step."
    )
    period: PeriodInput | None = strawberry.field(default=None, description="When step 1 was reached. Null: ever.")
    by: ComparedBy = strawberry.field(default=ComparedBy.OWNER, description="Who is compared.")
    owner_basis: OwnerBasis = strawberry.field(
        default=OwnerBasis.AT_ENTRY, description="Whose a case is counted as; at entry: into the step before."
    )
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)
