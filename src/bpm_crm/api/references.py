"""References to cases as callers write them: by global id, by the deal's key, or by what the channel calls the lead."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import strawberry

from bpm_crm.api.context import RequestContext
from bpm_crm.api.ids import uuid_of
from bpm_crm.records.intake import captured_leads
from bpm_crm.records.listings import cases_of_deals


@strawberry.input(description="A lead as its channel knows it.")
class ExternalRef:
    """A lead as its channel knows it."""

    channel: str = strawberry.field(description="Key of the channel.")
    external_id: str = strawberry.field(description="The channel's own id of the lead.")


@strawberry.input(one_of=True, description="A reference to a case: give exactly one of these.")
class InstanceRef:
    """A reference to a case."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Global id of the case.")
    deal_key: strawberry.Maybe[str] = strawberry.field(
        description="Key of the deal it runs, for example `D-2026-000123`."
    )
    external: strawberry.Maybe[ExternalRef] = strawberry.field(description="The channel's own id of the lead.")


async def find_instance(context: RequestContext, ref: InstanceRef) -> UUID | None:
    """The id of the case a reference means; None when there is none in this tenant. Whether the caller may see it is not asked."""
    return (await find_instances(context, [ref]))[0]


async def find_instances(context: RequestContext, refs: Sequence[InstanceRef]) -> list[UUID | None]:
    """The ids of the cases that references mean, in their order, with one statement for each kind of reference."""
    deal_keys = {ref.deal_key.value for ref in refs if ref.deal_key is not None}
    external = {pair for ref in refs if (pair := _external(context, ref)) is not None}
    by_deal: Mapping[str, UUID] = {}
    by_lead: Mapping[tuple[UUID, str], UUID] = {}
    tenant_id = context.known.tenant.id
    if deal_keys or external:
        async with context.services.database.reader(tenant_id) as connection:
            by_deal = await cases_of_deals(connection, tenant_id, deal_keys) if deal_keys else {}
            by_lead = await captured_leads(connection, tenant_id, external) if external else {}
    return [_found(context, ref, by_deal, by_lead) for ref in refs]


def _found(
    context: RequestContext,
    ref: InstanceRef,
    by_deal: Mapping[str, UUID],
    by_lead: Mapping[tuple[UUID, str], UUID],
) -> UUID | None:
    if ref.id is not None:
        return uuid_of(ref.id.value, "ProcessInstance")
    if ref.deal_key is not None:
        return by_deal.get(ref.deal_key.value)
    pair = _external(context, ref)
    return None if pair is None else by_lead.get(pair)


def _external(context: RequestContext, ref: InstanceRef) -> tuple[UUID, str] | None:
    if ref.external is None:
        return None
    channel = context.known.channel(ref.external.value.channel)
    return None if channel is None else (channel.id, ref.external.value.external_id)
