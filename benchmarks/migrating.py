"""10,000 running cases migrated to another version while people work on them: cases per second, no refused request, none lost.

`python -m benchmarks.migrating [--cases N]`
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import uvloop

from benchmarks.ground import DATABASE, Ground, ground
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.step import Activity
from bpm_crm.operations.audit import verify
from bpm_crm.operations.commands import Command, Fire, Record, Recorded, Work
from bpm_crm.operations.job_runs import Bench, run_job
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.migration_plans import Planned, PlanRequest, plan_migration
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.rebuild import Rebuilder
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_text
from bpm_crm.records.database import Database
from bpm_crm.records.jobs import JobRecord, load_job
from bpm_crm.works import WORKS

CASES = 10_000
PROCESS = "callback-request"
USERS = 8
AT_ONCE = 200


@dataclass(slots=True)
class Live:
    """What people did meanwhile, and how long each waited."""

    seconds: list[float] = field(default_factory=list)
    notes: int = 0
    moves: int = 0
    captures: int = 0
    failed: list[str] = field(default_factory=list)
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """What a migration under live work came to."""

    cases: int
    per_second: float
    undone_per_second: float
    requests: int
    per_request: tuple[float, float]
    failed: int
    faults: int


async def measure(here: Ground, cases: int = CASES) -> Measured:
    """Fill, publish a second version, migrate under live work, check everything, and undo what did not move since."""
    async with _desk(here) as (bench, people):
        ids = await _begin(here, people, cases)
        definition = await _publish(here)
        plan = await _plan(here, bench, definition)
        live = Live()
        users = [asyncio.create_task(_work(here, people, ids, live, number)) for number in range(USERS)]
        begun = time.perf_counter()
        job = await _done(here, bench, JobKind.MIGRATION, {"plan": plan, "dry_run": False})
        seconds = time.perf_counter() - begun
        live.stopping = True
        await asyncio.gather(*users)
        await _check(here, job, live, cases)
        begun = time.perf_counter()
        undone = await _done(here, bench, JobKind.MIGRATION_UNDO, {"plan": plan}, job.id)
        undoing = time.perf_counter() - begun
        faults = [fault async for fault in verify(people.database, people.processes, here.tenant_id, progress=_quiet)]
        rebuilder = Rebuilder(people.database, people.processes, here.tenant_id, dry_run=True)
        faults.extend([found async for found in rebuilder.run(progress=_quiet)])  # type: ignore[misc]  # either is a fault
    waits = sorted(live.seconds)
    return Measured(
        cases=job.counts.get("migrated", 0),
        per_second=(job.total or 0) / seconds,
        undone_per_second=(undone.total or 0) / undoing,
        requests=len(waits),
        per_request=(statistics.median(waits) * 1e3, waits[int(len(waits) * 0.99)] * 1e3),
        failed=len(live.failed),
        faults=len(faults),
    )


@asynccontextmanager
async def _desk(here: Ground) -> AsyncIterator[tuple[Bench, Writer]]:
    """What the worker migrates with, and the writer of the API, each with connections of its own."""
    worker, app = await Database.connect(here.access.worker, size=4), await Database.connect(here.access.app, size=6)
    migrating, people = Writer(worker, ProcessCache()), Writer(app, ProcessCache())
    migrating.start()
    people.start()
    try:
        yield Bench(worker, migrating, ReferenceCache(worker)), people
    finally:
        await people.stop()
        await migrating.stop()
        await app.close()
        await worker.close()


async def _begin(here: Ground, people: Writer, cases: int) -> list[UUID]:
    """Cases that began over the last days, some of them contacted."""
    ids: list[UUID] = []
    rng = random.Random(1)
    for first in range(0, cases, AT_ONCE):
        works = []
        for number in range(first, min(first + AT_ONCE, cases)):
            at = datetime.now(UTC) - timedelta(hours=rng.randrange(1, 100))
            commands: tuple[Any, ...] = (here.capture(f"migrated-{number}", at),)
            if number % 3:
                commands = (*commands, Fire("contact", occurred_at=at + timedelta(minutes=3)))
            works.append(Work(here.tenant_id, commands, here.seller.actor))
        outcomes = await people.submit_all(works)
        ids.extend(outcome.instance.id for outcome in outcomes if isinstance(outcome, Recorded))
    return ids


async def _publish(here: Ground) -> UUID:
    """A second version with other targets, so that clocks are counted anew."""
    text = shipped_text(PROCESS).replace("target: PT15M", "target: PT20M").replace("target: PT2H", "target: PT3H")
    owner = await Database.connect(here.access.owner, size=1)
    async with owner.transaction(here.tenant_id) as connection:
        done = await publish(connection, here.tenant_id, text, changelog="second", at=datetime.now(UTC), by=None)
    await owner.close()
    return done.definition_id


async def _plan(here: Ground, bench: Bench, definition: UUID) -> str:
    record = here.reference.definitions[definition]
    asked = PlanRequest(record, 1, 2, MigrationMapping(), _user(here), datetime.now(UTC))
    answer = await plan_migration(bench.database, bench.writer.processes, here.tenant_id, asked)
    if not isinstance(answer, Planned):
        raise TypeError(answer)
    return str(answer.record.id)


async def _done(
    here: Ground, bench: Bench, kind: JobKind, values: dict[str, Any], target_id: UUID | None = None
) -> JobRecord:
    async with bench.database.transaction(here.tenant_id) as connection:
        job, _ = await ask(
            connection, here.tenant_id, kind=kind, by=_user(here), language="en", values=values, target_id=target_id
        )
    found: JobRecord | None = job
    while found is not None and found.done_at is None:
        await run_job(bench, WORKS, here.tenant_id, job.id)
        async with bench.database.reader(here.tenant_id) as connection:
            found = await load_job(connection, here.tenant_id, job.id)
    if found is None or found.failure is not None:
        raise RuntimeError(found)
    return found


def _user(here: Ground) -> UUID:
    return next(user.id for user in here.reference.users.values() if "admin" in user.roles)


async def _work(here: Ground, people: Writer, ids: list[UUID], live: Live, number: int) -> None:
    """One person: notes on cases, moves, new leads, one after the other."""
    rng, done = random.Random(number), 0
    while not live.stopping:
        done += 1
        kind = rng.choice(("note", "note", "move", "capture"))
        case = None if kind == "capture" else rng.choice(ids)
        commands: dict[str, Command] = {
            "note": Record(Activity("note")),
            "move": Fire("contact"),
            "capture": here.capture(f"live-{number}-{done}"),
        }
        begun = time.perf_counter()
        try:
            outcome = await people.submit(Work(here.tenant_id, (commands[kind],), here.seller.actor, instance_id=case))
        except Exception as error:  # noqa: BLE001  # whatever a person would see as an error counts
            live.failed.append(repr(error))
            continue
        live.seconds.append(time.perf_counter() - begun)
        if isinstance(outcome, Recorded):
            live.notes += kind == "note"
            live.moves += kind == "move"
            live.captures += kind == "capture"
        elif kind != "move":  # a case that was contacted before refuses to be contacted again, migrated or not
            live.failed.append(type(outcome).__name__)


async def _check(here: Ground, job: JobRecord, live: Live, cases: int) -> None:
    """Every case migrated once, every acknowledged note there."""
    admin = await asyncpg.connect(here.server.dsn(here.server.superuser, DATABASE))
    migrated = await admin.fetchrow(
        "SELECT count(*) AS rows, count(DISTINCT instance_id) AS cases FROM history WHERE kind = 'migration'"
    )
    notes = await admin.fetchval(
        "SELECT count(*) FROM history WHERE activity ->> 'kind' = 'note' AND request_id IS NULL"
    )
    left = await admin.fetchval("SELECT count(*) FROM migration_case WHERE job_id = $1 AND verdict = 'waiting'", job.id)
    await admin.close()
    found = (migrated["rows"], migrated["cases"], left, sum(job.counts.values()))
    if found != (job.counts["migrated"], job.counts["migrated"], 0, job.total) or (job.total or 0) < cases:
        raise AssertionError(f"migrated {found} of {job.total}, {cases} begun: {job.counts}")
    if notes < live.notes:
        raise AssertionError(f"{notes} notes are there, {live.notes} were acknowledged")


def _quiet(_cases: int) -> None:
    """Progress nobody looks at."""


async def main() -> None:
    """Measure once and say what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=CASES)
    cases = parser.parse_args().cases
    async with ground() as here:
        found = await measure(here, cases)
    print(
        f"{found.cases} cases migrated, {found.per_second:.0f}/s; undone {found.undone_per_second:.0f}/s; meanwhile "
        f"{found.requests} requests by {USERS} people, p50 {found.per_request[0]:.1f} ms, p99 {found.per_request[1]:.1f} ms, "
        f"{found.failed} failed; {found.faults} faults found by verify and rebuild"
    )


if __name__ == "__main__":
    uvloop.run(main())
