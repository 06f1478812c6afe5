"""Time passing: due clocks are found and warned, breached and escalated without anyone touching the case."""

from datetime import timedelta

from bpm_crm.engine.state import Actor
from bpm_crm.operations.commands import Tick, Work
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.sweeping import Subject, claim_due

SYSTEM = Actor(None, "system", frozenset())
MOST_AT_ONCE = 512
LEASE = timedelta(seconds=30)


async def sweep_due(database: Database, writer: Writer, *, most: int = MOST_AT_ONCE) -> int:
    """Let time pass for the cases that are due, up to `most` of them; how many were claimed.

    Any number of workers may sweep at once: a case is claimed by one, and a second tick of the same case finds nothing to do.
    """
    claims = await claim_due(database, Subject.INSTANCES, most=most, lease=LEASE)
    works = [Work(tenant_id, (Tick(),), SYSTEM, instance_id=case, leased=True) for tenant_id, case in claims]
    if works:
        await writer.submit_all(works)
    return len(claims)
