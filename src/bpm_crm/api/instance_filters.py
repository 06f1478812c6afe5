"""How lists of cases are filtered and sorted."""

from enum import Enum

import strawberry

from bpm_crm.api.exposing import expose
from bpm_crm.api.filters import (
    DateTimeFilter,
    DecimalFilter,
    Direction,
    IDFilter,
    IntFilter,
    StringFilter,
    combined,
    comparisons,
    id_reader,
    key_comparisons,
    keys_of,
)
from bpm_crm.operations.reach import scope_condition as scope_condition  # lists and figures ask for it here
from bpm_crm.records.reference import Reference
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Exists, Key, Operator

DEAL = "deal AS d WHERE d.tenant_id = $1 AND d.id = i.deal_id"
CUSTOMER = "customer AS cu WHERE cu.tenant_id = $1 AND cu.id = i.customer_id"


class InstanceStatus(Enum):
    """Whether a case runs, or how it ended."""

    RUNNING = "running"
    WON = "won"
    LOST = "lost"
    CANCELLED = "cancelled"


expose(
    InstanceStatus,
    "Whether a case runs, or how it ended.",
    {
        InstanceStatus.RUNNING: "It has not ended.",
        InstanceStatus.WON: "It ended with success.",
        InstanceStatus.LOST: "It ended without success.",
        InstanceStatus.CANCELLED: "It ended because it should not have been a case.",
    },
)


@strawberry.input(description="Compares a status.")
class InstanceStatusFilter:
    """Compares a status."""

    eq: InstanceStatus | None = strawberry.field(default=None, description="Equal to.")
    ne: InstanceStatus | None = strawberry.field(default=None, description="Different from.")
    in_: list[InstanceStatus] | None = strawberry.field(default=None, name="in", description="One of.")


@strawberry.input(description="Which cases. All comparators given must hold.")
class InstanceWhere:
    """Which cases."""

    and_: list["InstanceWhere"] | None = strawberry.field(default=None, name="and", description="All of these hold.")
    or_: list["InstanceWhere"] | None = strawberry.field(
        default=None, name="or", description="At least one of these holds."
    )
    not_: "InstanceWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    id: IDFilter | None = strawberry.field(default=None, description="Global id of the case.")
    process: StringFilter | None = strawberry.field(default=None, description="Key of the process definition.")
    version: IntFilter | None = strawberry.field(default=None, description="Version of the definition.")
    channel: StringFilter | None = strawberry.field(default=None, description="Key of the channel.")
    campaign: StringFilter | None = strawberry.field(default=None, description="Key of the campaign.")
    region: StringFilter | None = strawberry.field(default=None, description="Region.")
    stage: StringFilter | None = strawberry.field(default=None, description="Key of the current stage.")
    status: InstanceStatusFilter | None = strawberry.field(default=None, description="Status.")
    owner: IDFilter | None = strawberry.field(default=None, description="Global id of the owner.")
    team: StringFilter | None = strawberry.field(default=None, description="Key of the team.")
    customer: IDFilter | None = strawberry.field(default=None, description="Global id of the customer.")
    deal_key: StringFilter | None = strawberry.field(default=None, description="Key of the deal.")
    amount: DecimalFilter | None = strawberry.field(default=None, description="Amount of the deal.")
    loss_reason: StringFilter | None = strawberry.field(default=None, description="Key of the reason it was lost for.")
    exclusion: StringFilter | None = strawberry.field(default=None, description="Why figures leave it out.")
    started_at: DateTimeFilter | None = strawberry.field(default=None, description="When it began.")
    entered_at: DateTimeFilter | None = strawberry.field(default=None, description="When it entered its stage.")
    ended_at: DateTimeFilter | None = strawberry.field(default=None, description="When it ended.")
    next_due_at: DateTimeFilter | None = strawberry.field(
        default=None, description="When a clock next warns, breaches or escalates."
    )
    overdue: bool | None = strawberry.field(default=None, description="Whether an open clock is breached.")


class InstanceOrderField(Enum):
    """By what lists of cases are sorted."""

    STARTED_AT = "started_at"
    ENTERED_AT = "entered_at"
    ENDED_AT = "ended_at"
    NEXT_DUE_AT = "next_due_at"
    OVERDUE_SINCE = "overdue_since"
    STAGE = "stage"
    AMOUNT = "amount"


expose(
    InstanceOrderField,
    "By what lists of cases are sorted.",
    {
        InstanceOrderField.STARTED_AT: "When the case began.",
        InstanceOrderField.ENTERED_AT: "When it entered its stage.",
        InstanceOrderField.ENDED_AT: "When it ended.",
        InstanceOrderField.NEXT_DUE_AT: "When a clock next warns, breaches or escalates.",
        InstanceOrderField.OVERDUE_SINCE: "Since when it is overdue.",
        InstanceOrderField.STAGE: "Key of the stage.",
        InstanceOrderField.AMOUNT: "Amount of the deal.",
    },
)


@strawberry.input(
    description="A key by which lists of cases are sorted; later keys decide among equals, then the newest come first."
)
class InstanceOrder:
    """A key by which lists of cases are sorted."""

    field: InstanceOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


_KEYS = {
    InstanceOrderField.STARTED_AT: Key("i.started_at", "timestamptz"),
    InstanceOrderField.ENTERED_AT: Key("i.entered_at", "timestamptz"),
    InstanceOrderField.ENDED_AT: Key("i.ended_at", "timestamptz", nullable=True),
    InstanceOrderField.NEXT_DUE_AT: Key("i.next_due_at", "timestamptz", nullable=True),
    InstanceOrderField.OVERDUE_SINCE: Key("i.overdue_since", "timestamptz", nullable=True),
    InstanceOrderField.STAGE: Key("i.stage", "text"),
    InstanceOrderField.AMOUNT: Key(f"(SELECT d.amount FROM {DEAL})", "numeric", nullable=True),
}


def instance_keys(order: list[InstanceOrder] | None) -> tuple[Key, ...]:
    """The order of a list of cases."""
    return keys_of(order, _KEYS)


def instance_condition(where: InstanceWhere | None, reference: Reference) -> Condition:
    """The condition of a `where` over cases."""
    return combined(where, lambda part: _own(part, reference))


def search_condition(search: str | None) -> Condition:
    """Cases whose external id is a text, whose deal's key begins with it, or whose customer's name, phone or e-mail contains it."""
    if not search:
        return All()
    return AnyOf(
        (
            Compare("i.external_id", Operator.EQ, search, "text"),
            Exists(DEAL, Compare("d.key", Operator.STARTS_WITH, search, "text")),
            Exists(CUSTOMER, customer_search(search)),
        )
    )


def customer_search(search: str) -> Condition:
    """Customers whose name, phone or e-mail contains a text."""
    return AnyOf(
        tuple(Compare(f"cu.{column}", Operator.CONTAINS, search, "text") for column in ("name", "phone", "email"))
    )


def _own(part: InstanceWhere, reference: Reference) -> list[Condition]:
    channels = {item.key: key for key, item in reference.channels.items()}
    definitions = {item.key: key for key, item in reference.definitions.items()}
    campaigns = {item.key: key for key, item in reference.campaigns.items()}
    teams = {item.key: key for key, item in reference.teams.items()}
    found: list[Condition] = [
        *comparisons(part.id, "i.id", "uuid", id_reader("ProcessInstance")),
        *key_comparisons(part.process, "i.definition_id", definitions),
        *comparisons(part.version, "i.version", "int"),
        *key_comparisons(part.channel, "i.channel_id", channels),
        *key_comparisons(part.campaign, "i.campaign_id", campaigns),
        *comparisons(part.region, "i.region", "text"),
        *comparisons(part.stage, "i.stage", "text"),
        *comparisons(part.status, "coalesce(i.outcome, 'running')", "text", lambda status: status.value),
        *comparisons(part.owner, "i.owner_id", "uuid", id_reader("User")),
        *key_comparisons(part.team, "i.team_id", teams),
        *comparisons(part.customer, "i.customer_id", "uuid", id_reader("Customer")),
        *comparisons(part.deal_key, f"(SELECT d.key FROM {DEAL})", "text"),
        *comparisons(part.amount, f"(SELECT d.amount FROM {DEAL})", "numeric"),
        *comparisons(part.loss_reason, "i.reason", "text"),
        *comparisons(part.exclusion, "i.exclusion", "text"),
        *comparisons(part.started_at, "i.started_at", "timestamptz"),
        *comparisons(part.entered_at, "i.entered_at", "timestamptz"),
        *comparisons(part.ended_at, "i.ended_at", "timestamptz"),
        *comparisons(part.next_due_at, "i.next_due_at", "timestamptz"),
    ]
    if part.overdue is not None:
        found.append(Compare("i.overdue_since", Operator.IS_NULL, not part.overdue, "timestamptz"))
    return found
