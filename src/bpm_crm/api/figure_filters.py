"""Which cases a figure is made of: by what history says of them, so that a figure asked again for the same instants has the same value."""

import strawberry

from bpm_crm.analytics.dimensions import PRODUCT
from bpm_crm.api.filters import (
    DateTimeFilter,
    IDFilter,
    IntFilter,
    StringFilter,
    combined,
    comparisons,
    id_reader,
    key_comparisons,
)
from bpm_crm.api.instance_filters import InstanceStatusFilter
from bpm_crm.records.reference import Reference
from bpm_crm.records.selection import Condition


@strawberry.input(
    description="Which cases a figure is made of. All comparators given must hold. Dimensions are those known at `knownAt`, stage and status those at `asOf`."
)
class FactWhere:
    """Which cases a figure is made of."""

    and_: list["FactWhere"] | None = strawberry.field(default=None, name="and", description="All of these hold.")
    or_: list["FactWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "FactWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    id: IDFilter | None = strawberry.field(default=None, description="Global id of the case.")
    process: StringFilter | None = strawberry.field(default=None, description="Key of the process definition.")
    version: IntFilter | None = strawberry.field(default=None, description="Version of the definition.")
    channel: StringFilter | None = strawberry.field(default=None, description="Key of the channel.")
    campaign: StringFilter | None = strawberry.field(default=None, description="Key of the campaign.")
    region: StringFilter | None = strawberry.field(default=None, description="Region.")
    product: StringFilter | None = strawberry.field(
        default=None,
        description="Product, as the data field says that is bound to it; a fault where no version of the process binds one.",
    )
    owner: IDFilter | None = strawberry.field(default=None, description="Global id of the owner.")
    team: StringFilter | None = strawberry.field(default=None, description="Key of the team.")
    stage: StringFilter | None = strawberry.field(default=None, description="Key of the stage it stood in.")
    status: InstanceStatusFilter | None = strawberry.field(
        default=None, description="Whether it was running, or how it had ended."
    )
    loss_reason: StringFilter | None = strawberry.field(
        default=None, description="Key of the reason it stood lost or cancelled for."
    )
    started_at: DateTimeFilter | None = strawberry.field(default=None, description="When it began.")


def fact_condition(where: FactWhere | None, reference: Reference) -> Condition:
    """The condition of a `where` over the cases of a figure."""
    return combined(where, lambda part: _own(part, reference))


def _own(part: FactWhere, reference: Reference) -> list[Condition]:
    channels = {item.key: key for key, item in reference.channels.items()}
    definitions = {item.key: key for key, item in reference.definitions.items()}
    campaigns = {item.key: key for key, item in reference.campaigns.items()}
    teams = {item.key: key for key, item in reference.teams.items()}
    ended = "CASE WHEN m.outcome IS NOT NULL THEN m.reason END"
    return [
        *comparisons(part.id, "i.id", "uuid", id_reader("ProcessInstance")),
        *key_comparisons(part.process, "i.definition_id", definitions),
        *comparisons(part.version, "k.version", "int"),
        *key_comparisons(part.channel, "k.channel_id", channels),
        *key_comparisons(part.campaign, "k.campaign_id", campaigns),
        *comparisons(part.region, "k.region", "text"),
        *comparisons(part.product, PRODUCT, "text"),
        *comparisons(part.owner, "k.owner_id", "uuid", id_reader("User")),
        *key_comparisons(part.team, "k.team_id", teams),
        *comparisons(part.stage, "m.to_stage", "text"),
        *comparisons(part.status, "coalesce(m.outcome, 'running')", "text", lambda status: status.value),
        *comparisons(part.loss_reason, ended, "text"),
        *comparisons(part.started_at, "i.started_at", "timestamptz"),
    ]
