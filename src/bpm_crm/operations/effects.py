"""Effects of steps, done once each: processes that a step starts over the same deal."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from bpm_crm.operations.clocks import LEASE, SYSTEM
from bpm_crm.operations.commands import AlreadyCaptured, Capture, Outcome, Recorded, Work
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.operations.written import START_PROCESS
from bpm_crm.records.database import Database
from bpm_crm.records.effects import finish_effect, load_effect, postpone_effect
from bpm_crm.records.instances import load
from bpm_crm.records.sweeping import Claim, Subject, claim_due

MOST_AT_ONCE = 64
LONGEST_PAUSE = timedelta(hours=6)

logger = logging.getLogger(__name__)


class EffectFailed(Exception):
    """An effect could not be done now; it is kept and tried again."""


async def drain_effects(
    database: Database, writer: Writer, reference: ReferenceCache, *, most: int = MOST_AT_ONCE
) -> int:
    """Do the effects that are due, up to `most`; how many were claimed. A failed one is kept and tried again later."""
    claims = await claim_due(database, Subject.EFFECTS, most=most, lease=LEASE)
    for claim in claims:
        await _do(database, writer, reference, claim)
    return len(claims)


async def _do(database: Database, writer: Writer, reference: ReferenceCache, claim: Claim) -> None:
    tenant_id, effect_id = claim
    async with database.reader(tenant_id) as connection:
        effect = await load_effect(connection, tenant_id, effect_id)
    if effect is None:
        return
    try:
        if effect["kind"] != START_PROCESS:
            raise EffectFailed(f"unknown kind of effect {effect['kind']}")
        await _start_process(database, writer, reference, tenant_id, effect["payload"])
    except EffectFailed as error:
        logger.warning("effect %s of tenant %s failed: %s", effect_id, tenant_id, error)
        pause = min(LONGEST_PAUSE, timedelta(seconds=5) * 2 ** min(effect["attempts"], 16))
        async with database.transaction(tenant_id) as connection:
            await postpone_effect(connection, tenant_id, effect_id, str(error), pause)
        return
    async with database.transaction(tenant_id) as connection:
        await finish_effect(connection, tenant_id, effect_id)


async def _start_process(
    database: Database, writer: Writer, reference: ReferenceCache, tenant_id: UUID, payload: Mapping[str, Any]
) -> None:
    """Begin a case of another process over the deal of a case; its external id is that case, so it begins once."""
    known = await reference.get(tenant_id)
    definition = None if known is None else known.definition(payload["process"])
    channel = None if known is None else known.channel(payload["process"])
    if definition is None or channel is None:
        raise EffectFailed(f"there is no published process and channel “{payload['process']}”")
    if definition.retired_at is not None:
        raise EffectFailed(
            f"the process “{definition.key}” is retired; bring it back, or publish a version that does not start it"
        )
    async with database.reader(tenant_id) as connection:
        source = (await load(connection, tenant_id, [UUID(payload["instance_id"])]))[UUID(payload["instance_id"])]
        process = await writer.processes.get(connection, tenant_id, definition.id, definition.taken_version)
        origin = await writer.processes.get(connection, tenant_id, source.definition_id, source.version)
    amount = origin.amount_of(source.state.data)
    capture = Capture(
        definition_id=definition.id,
        version=definition.taken_version,
        rollout_id=definition.rollout_id,
        channel_id=channel.id,
        channel_key=channel.key,
        data=process.amount_data(amount),
        external_id=str(source.id),
        fingerprint=b"started by a step",
        customer_id=source.customer_id,
        deal_id=source.deal_id,
        opens_deal=False,
        campaign_id=source.campaign_id,
        region=source.region,
        owner_id=source.owner_id,
        team_id=source.team_id,
        exclusion=source.state.exclusion,
        occurred_at=datetime.fromisoformat(payload["at"]),
    )
    _require_begun(await writer.submit(Work(tenant_id, (capture,), SYSTEM)))


def _require_begun(outcome: Outcome) -> None:
    if not isinstance(outcome, Recorded | AlreadyCaptured):
        raise EffectFailed(f"the case could not begin: {outcome}")
