"""Transitions per second of the engine alone: everything but HTTP and GraphQL, in one process."""

import asyncio
import time
from uuid import UUID, uuid4

from benchmarks.ground import Ground, moves
from bpm_crm.garbage import calm
from bpm_crm.operations.commands import Fire, Recorded, Work
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database

CASES = 768


async def captured(ground: Ground, writer: Writer, count: int, label: str) -> list[UUID]:
    """The ids of that many new cases."""
    actor = ground.seller.actor
    works = [Work(ground.tenant_id, (ground.capture(f"{label}-{n}"),), actor) for n in range(count)]
    outcomes = await writer.submit_all(works)
    return [outcome.instance.id for outcome in outcomes if isinstance(outcome, Recorded)]


async def measure(ground: Ground, in_flight: int, label: str) -> float:
    """Transitions per second with that many in flight: guards, records, clocks, tenancy and idempotency keys included.

    Prints what a transition costs this process, which depends on the load of the machine less than its speed does.
    """
    database = await Database.connect(ground.access.app, size=4)
    writer = Writer(database, ProcessCache())
    writer.start()
    cases = await captured(ground, writer, CASES, label)
    await ground.analyse()
    calm()
    path = moves()

    async def client(mine: list[UUID]) -> None:
        for move in path:
            for case in mine:
                outcome = await writer.submit(_work(ground, case, move))
                if not isinstance(outcome, Recorded):
                    raise TypeError(outcome)

    begun, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client(cases[number::in_flight]) for number in range(in_flight)))
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    await writer.stop()
    await database.close()
    transitions = len(cases) * len(path)
    print(f"engine, {in_flight} in flight: {1e6 * busy / transitions:.0f} µs of Python a transition")
    return transitions / seconds


def _work(ground: Ground, case: UUID, move: Fire) -> Work:
    key = uuid4()
    return Work(ground.tenant_id, (move,), ground.seller.actor, case, idempotency_key=str(key), fingerprint=key.bytes)
