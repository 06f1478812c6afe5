"""Reviews that are due: the KPIs of a period that has ended are frozen, once each, whichever worker does it and however late."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from bpm_crm.analytics.snapshots import Snapshot, take_snapshot, written
from bpm_crm.operations.claims import work_off
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.review_periods import ReviewPeriod, ReviewRhythm, review_period
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reviews import (
    ReviewRecord,
    ScheduleRecord,
    insert_review,
    load_schedule,
    lock_schedule_of,
    save_schedule,
)
from bpm_crm.records.sweeping import Claim, Subject
from bpm_crm.records.writing import release

MOST_AT_ONCE = 4
LEASE = timedelta(minutes=5)
"""Longer than all KPIs of a process take; a worker that dies gives its review up by this."""


async def freeze_due(database: Database, reference: ReferenceCache, *, most: int = MOST_AT_ONCE) -> int:
    """Freeze the reviews that are due, one period of up to `most` schedules; how many were claimed.

    What is frozen depends on the period alone, not on when or by whom it is done. A schedule whose KPIs took too long is tried again
    when its lease has run out.
    """
    return await work_off(database, Subject.REVIEWS, partial(_freeze, database, reference), most=most, lease=LEASE)


async def _freeze(database: Database, reference: ReferenceCache, claim: Claim) -> None:
    tenant_id, schedule_id = claim
    known = await reference.get(tenant_id)
    if known is None:
        return
    async with database.reader(tenant_id) as connection:
        schedule = await load_schedule(connection, tenant_id, schedule_id)
        if schedule is None or schedule.due_at is None:
            return
        definition = known.definitions.get(schedule.definition_id)
        if definition is None:  # published a moment ago: the lease runs out, and by then it is known
            reference.forget(tenant_id)
            return
        period = period_of(schedule, known.tenant.zone)
        snapshot = await take_snapshot(
            connection,
            tenant_id,
            definition.key,
            since=period.since,
            until=period.until,
            known_at=period.known_at,
        )
    await _record(database, tenant_id, schedule, period, snapshot, known.tenant.zone)


async def _record(
    database: Database,
    tenant_id: UUID,
    schedule: ScheduleRecord,
    period: ReviewPeriod,
    snapshot: Snapshot,
    zone: str,
) -> None:
    """Store the report and go on to the next period, unless somebody did so meanwhile or set another rhythm."""
    async with database.transaction(tenant_id) as connection:
        if await lock_schedule_of(connection, tenant_id, schedule.definition_id) == schedule:
            review = ReviewRecord(
                id=new_id(),
                definition_id=schedule.definition_id,
                rhythm=schedule.rhythm,
                since=period.since,
                until=period.until,
                owner_id=schedule.owner_id,
                as_of=snapshot.frame.as_of,
                known_at=snapshot.frame.known_at,
                frozen_at=await connection.fetchval("SELECT clock_timestamp()"),
                versions={"numbers": [version.number for version in snapshot.frame.versions]},
                results=written(snapshot),
            )
            await insert_review(connection, tenant_id, review)
            ahead = replace(schedule, next_from=period.next_from)
            await save_schedule(connection, tenant_id, replace(ahead, due_at=period_of(ahead, zone).due_at))
        await release(connection, tenant_id, [schedule.id])


def period_of(schedule: ScheduleRecord, zone: str) -> ReviewPeriod:
    """The period a schedule will freeze next."""
    return review_period(schedule.next_from, ReviewRhythm(schedule.rhythm), zone, schedule.set_at)
