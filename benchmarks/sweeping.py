"""10,000 due clocks out of 200,000 swept: clocks per second, and no more than one breach each."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from benchmarks.ground import DATABASE, Ground
from bpm_crm.operations.clocks import sweep_due
from bpm_crm.operations.commands import Recorded, Work
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database

DUE, WAITING = 10_000, 190_000

_CLONE = """
INSERT INTO process_instance
SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'external_id', NULL))).*
FROM process_instance AS i, generate_series(1, $2)
WHERE i.tenant_id = $3 AND i.id = $1
"""
_COUNTS = """
SELECT count(*) AS breaches, count(DISTINCT h.instance_id) AS cases
FROM history AS h, jsonb_array_elements(h.clocks) AS e
WHERE e->>'event' = 'breached' AND e->>'clock' = 'response'
"""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did: cases per second, breaches recorded, cases they belong to."""

    per_second: float
    breaches: int
    cases: int


async def measure(ground: Ground) -> Swept:
    """Sweep the due clocks with one worker."""
    admin = await asyncpg.connect(ground.server.dsn(ground.server.superuser, DATABASE))
    worker = await Database.connect(ground.access.worker, size=4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    await _fill(ground, writer, admin)
    while await sweep_due(worker, writer, most=1):
        break
    begun, swept = time.perf_counter(), 0
    while count := await sweep_due(worker, writer):
        swept += count
    seconds = time.perf_counter() - begun
    counted = await admin.fetchrow(_COUNTS)
    await writer.stop()
    await worker.close()
    await admin.close()
    return Swept(swept / seconds, counted["breaches"], counted["cases"])


async def _fill(ground: Ground, writer: Writer, admin: asyncpg.Connection) -> None:
    """Two cases, one overdue and one not, cloned into many."""
    now = datetime.now(UTC)
    for label, at, count in (("due", now - timedelta(days=14), DUE), ("waiting", now, WAITING)):
        outcome = await writer.submit(
            Work(ground.tenant_id, (ground.capture(f"sweep-{label}", at),), ground.seller.actor)
        )
        if not isinstance(outcome, Recorded):
            raise TypeError(outcome)
        await admin.execute(_CLONE, outcome.instance.id, count - 1, ground.tenant_id)
    await admin.execute("VACUUM ANALYZE process_instance")
