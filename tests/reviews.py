"""The review cycle in tests: schedules, time that has passed for them, reviews frozen by a worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID

from bpm_crm.operations.freezing import freeze_due
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.requests import Request
from bpm_crm.operations.review_journal import Saved
from bpm_crm.operations.review_periods import ReviewRhythm
from bpm_crm.operations.reviews import ScheduleDraft, set_review_period
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.reviews import REVIEWS, ReviewRecord, review_of
from tests.world import World

PROCESS = "callback-request"


def request(world: World, by: str = "admin", **options: Any) -> Request:
    user_id = world.viewer(by).user_id
    assert user_id is not None
    return Request(world.tenant_id, user_id, **options)


async def scheduled(
    world: World,
    starts_on: date,
    rhythm: ReviewRhythm = ReviewRhythm.WEEKLY,
    process: str = PROCESS,
    by: str = "owner",
    **options: Any,
) -> UUID:
    """A schedule that begins on a day."""
    asked = request(world, by, **options)
    answer = await set_review_period(
        world.database, world.reference, asked, ScheduleDraft(process, rhythm, starts_on, asked.actor_id)
    )
    assert isinstance(answer, Saved), answer
    return answer.subject_id


@asynccontextmanager
async def as_owner(world: World, tenant_id: UUID | None = None) -> AsyncIterator[Connection]:
    async with world.owner.transaction(tenant_id or world.tenant_id) as connection:
        yield connection


async def settle(world: World) -> None:
    """Let the two minutes pass that a report has to settle: what is due after its period, now or long ago, is due now."""
    async with as_owner(world) as connection:
        await connection.execute(
            "UPDATE review_schedule SET due_at = now() - interval '1 second' "
            "WHERE tenant_id = $1 AND due_at < now() + interval '3 minutes'",
            world.tenant_id,
        )


async def frozen(world: World, worker: Database | None = None) -> int:
    """All that a worker freezes until nothing is due; how many times it looked."""
    database = worker or await Database.connect(world.access.worker, size=2)
    try:
        reference, looked = ReferenceCache(database), 0
        await settle(world)
        while await freeze_due(database, reference):
            await settle(world)
            looked += 1
        return looked
    finally:
        if worker is None:
            await database.close()


async def reviews_of(world: World) -> list[ReviewRecord]:
    """The reviews there are, oldest first."""
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch(
            f"SELECT {REVIEWS.columns} FROM {REVIEWS.source} WHERE r.tenant_id = $1 ORDER BY r.since", world.tenant_id
        )
    return [review_of(row) for row in rows]
