"""The guard-rails of rollouts: the worker looks again and again, and stops a rollout that is worse beyond doubt."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from bpm_crm.analytics.rollouts import ArmCounts, ArmFigures, Arms, attainment_of, has_fallen, total_of
from bpm_crm.operations.claims import work_off
from bpm_crm.operations.commands import NOBODY
from bpm_crm.operations.process_journal import ProcessChangeKind
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.requests import Request
from bpm_crm.operations.rollouts import CHECK_EVERY, end
from bpm_crm.records.database import Database
from bpm_crm.records.definitions import lock_definition
from bpm_crm.records.rollouts import RolloutRecord, load_rollouts, lock_rollout, save_rollout
from bpm_crm.records.sweeping import Claim, Subject
from bpm_crm.records.writing import release

MOST_AT_ONCE = 16
LEASE = timedelta(minutes=2)


async def check_due(database: Database, reference: ReferenceCache, *, most: int = MOST_AT_ONCE) -> int:
    """Check the guard-rails that are due, up to `most`; how many were claimed. One that takes too long is tried again later."""
    return await work_off(database, Subject.ROLLOUTS, partial(_check, database, reference), most=most, lease=LEASE)


async def _check(database: Database, reference: ReferenceCache, claim: Claim) -> None:
    tenant_id, rollout_id = claim
    known = await reference.get(tenant_id)
    async with database.reader(tenant_id) as connection:
        rollout = (await load_rollouts(connection, tenant_id, [rollout_id])).get(rollout_id)
        definition = None if known is None or rollout is None else known.definitions.get(rollout.definition_id)
        if rollout is None or rollout.guard_clock is None or definition is None:
            return
        arms = arms_of(tenant_id, definition.key, rollout)
        figures = await attainment_of(connection, arms, rollout.guard_clock)
    await _record(database, tenant_id, definition.key, rollout_id, figures)


def arms_of(tenant_id: UUID, process: str, rollout: RolloutRecord) -> Arms:
    """What a rollout compares: the cases that took a turn in it."""
    return Arms(
        tenant_id=tenant_id,
        rollout_id=rollout.id,
        process=process,
        a=rollout.version_a,
        b=rollout.version_b,
        since=rollout.started_at,
    )


async def _record(database: Database, tenant_id: UUID, process: str, rollout_id: UUID, figures: ArmFigures) -> None:
    """Keep the figures, and stop the rollout if they say so; unless somebody ended it meanwhile."""
    async with database.transaction(tenant_id) as connection:
        definition = await lock_definition(connection, tenant_id, process)
        rollout = await lock_rollout(connection, tenant_id, rollout_id)
        if definition is not None and rollout is not None and rollout.is_running:
            now = await connection.fetchval("SELECT clock_timestamp()")
            checked = replace(rollout, figures=written(figures), check_at=now + CHECK_EVERY)
            if has_fallen(figures, float(rollout.guard_drop or 0)):
                request = Request(tenant_id, NOBODY)
                await end(connection, request, definition, ProcessChangeKind.ROLLOUT_TRIPPED, checked)
            else:
                await save_rollout(connection, tenant_id, checked)
        await release(connection, tenant_id, [rollout_id])


def written(figures: ArmFigures) -> Mapping[str, Any]:
    """Figures as they are kept with a rollout and in the journal: cycles due, those met, and the difference with its interval."""
    lower, upper = figures.interval or (None, None)
    return {
        "clock": figures.clock,
        "a": _totals(figures.a),
        "b": _totals(figures.b),
        "difference": figures.difference,
        "lower": lower,
        "upper": upper,
    }


def _totals(counts: ArmCounts) -> Mapping[str, int]:
    due, met = total_of(counts)
    return {"due": due, "met": met}
