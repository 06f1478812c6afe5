"""What is due is claimed and worked off one after the other, by whichever worker comes first."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg

from bpm_crm.records.database import Database
from bpm_crm.records.sweeping import Claim, Subject, claim_due

logger = logging.getLogger(__name__)


async def work_off(
    database: Database, subject: Subject, work: Callable[[Claim], Awaitable[None]], *, most: int, lease: timedelta
) -> int:
    """Work on up to `most` subjects that are due; how many were claimed. One that takes the database too long is due again after its lease."""
    claims = await claim_due(database, subject, most=most, lease=lease)
    for claim in claims:
        try:
            await work(claim)
        except asyncpg.QueryCanceledError:
            logger.warning("%s: %s of tenant %s took too long", subject.value, claim[1], claim[0])
    return len(claims)
