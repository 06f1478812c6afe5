"""Capturing leads from any channel."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.answers import Refusal, answered, carried_out, work_on
from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import (
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    StaleInstance,
    TransitionRefused,
    UserError,
    invalid_input,
    text,
)
from bpm_crm.api.history import TransitionRecord, transition_record
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.scalars import EmailAddress, PhoneNumber
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import NOBODY, AlreadyCaptured, CustomerDetails, NotUnderstood, Outcome, Recorded
from bpm_crm.operations.leads import Lead, capture_of


@strawberry.input(description="Who asks. A phone or e-mail known already recognises the customer.")
class LeadCustomerInput:
    """Who asks."""

    name: str | None = strawberry.field(default=None, description="Name.")
    phone: PhoneNumber | None = strawberry.field(default=None, description="Phone with country code.")
    email: EmailAddress | None = strawberry.field(default=None, description="E-mail.")
    region: str | None = strawberry.field(default=None, description="Region.")


@strawberry.input(
    description="A lead, from any channel. `channel` and `externalId` together identify it: a repetition captures nothing twice."
)
class CaptureLeadInput:
    """A lead, from any channel."""

    channel: str = strawberry.field(description="Key of the channel.")
    external_id: str | None = strawberry.field(
        default=None,
        description="The channel's own id of the lead. Not personal data: use a number of the source system.",
    )
    customer: LeadCustomerInput | None = strawberry.field(default=None, description="Who asks.")
    title: str | None = strawberry.field(default=None, description="Title of the deal.")
    data: JSON | None = strawberry.field(default=None, description="Values of data fields, by key.")
    campaign: str | None = strawberry.field(default=None, description="Key of the campaign that brought it.")
    region: str | None = strawberry.field(default=None, description="Region; default: the customer's.")
    team: str | None = strawberry.field(
        default=None, description="Key of the team in whose queue it goes; default: the caller's."
    )
    owner: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the owner; default: none, it waits in the queue."
    )
    is_test: bool = strawberry.field(default=False, description="A test lead: figures leave it out.")
    comment: str | None = strawberry.field(default=None, description="Free text.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it arrived, if earlier than now.")
    version: int | None = strawberry.field(
        default=None,
        description="Version of the process that the case takes; null: the one that is due. Needs the permission `CHOOSE_VERSION`.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description=f"{KEY_DESCRIPTION} For leads without an `externalId`."
    )
    dry_run: bool = strawberry.field(default=False, description="Decide and answer, but write nothing.")


@strawberry.type(description="The lead is captured: its case has begun and its clocks run.")
class LeadCaptured:
    """The lead is captured."""

    instance: ProcessInstance = strawberry.field(description="The case.")
    record: TransitionRecord = strawberry.field(description="Its first step.")
    is_repeated: bool = strawberry.field(description="Whether the lead was captured before, with the same content.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was written, as asked.")


@strawberry.type(description="The channel has reported this lead before, with other content. Nothing was written.")
class LeadAlreadyCaptured(UserError):
    """The channel has reported this lead before, with other content."""

    instance: ProcessInstance | None = strawberry.field(
        description="The case it became; null when the caller may not see it."
    )


CaptureLeadResult = Annotated[
    LeadCaptured
    | LeadAlreadyCaptured
    | InvalidInput
    | IdempotencyConflict
    | NotFound
    | TransitionRefused
    | StaleInstance,
    strawberry.union("CaptureLeadResult", description="The lead is captured, or why it is not."),
]

CaptureLeadArgument = Annotated[CaptureLeadInput, argument(description="The lead.")]


@strawberry.type
class LeadsMutation:
    """Mutations that capture leads."""

    @strawberry.mutation(description="Capture a lead from any channel: the channel's process begins, its clocks start.")
    async def capture_lead(self, info: Info, input: CaptureLeadArgument) -> CaptureLeadResult:  # noqa: A002  # the API's convention
        """Capture a lead."""
        context = info.context
        viewer, scope = context.require(Permission.CAPTURE_LEAD)
        if flawed := flaws(comment=input.comment, data=input.data, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        if input.version is not None:
            context.require(Permission.CHOOSE_VERSION)
        capture = capture_of(context.known, viewer, scope, _lead(input))
        if isinstance(capture, NotUnderstood):
            return invalid_input(capture.problems, context.language)
        work = work_on(
            context,
            scope,
            None,
            capture,
            asked=["captureLead", capture.fingerprint, input.team, input.owner, input.comment],
            idempotency_key=input.idempotency_key,
            dry_run=input.dry_run,
        )
        return await _captured(context, await carried_out(context, work), input.dry_run)


def _lead(lead: CaptureLeadInput) -> Lead:
    data: Any = {} if lead.data is None else lead.data
    owner_id = None if lead.owner is None else uuid_of(lead.owner, "User") or NOBODY
    details = lead.customer
    customer = None if details is None else CustomerDetails(details.name, details.phone, details.email, details.region)
    return Lead(
        channel=lead.channel,
        external_id=lead.external_id,
        customer=customer,
        title=lead.title,
        data=data,
        campaign=lead.campaign,
        region=lead.region,
        team=lead.team,
        owner_id=owner_id,
        is_test=lead.is_test,
        comment=lead.comment,
        occurred_at=lead.occurred_at,
        version=lead.version,
    )


async def _captured(
    context: RequestContext, outcome: Outcome, dry_run: bool
) -> LeadCaptured | LeadAlreadyCaptured | Refusal:
    async def success(recorded: Recorded) -> LeadCaptured:
        return LeadCaptured(
            instance=await instance_view(context, recorded.instance),
            record=transition_record(context, recorded.entries[0]),
            is_repeated=recorded.repeated,
            is_dry_run=dry_run,
        )

    if not isinstance(outcome, AlreadyCaptured):
        return await answered(context, outcome, success)
    record = outcome.instance
    scope = context.scope(Permission.VIEW_CASES)
    visible = scope is not None and scope.covers_state(record.state, record.channel_id)
    return LeadAlreadyCaptured(
        code="LEAD_ALREADY_CAPTURED",
        message=text("LEAD_ALREADY_CAPTURED", context.language),
        path=["input", "externalId"],
        instance=await instance_view(context, record) if visible else None,
    )
