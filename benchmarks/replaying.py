"""`make bench-replay`: a replay of many histories through an edited draft, as the job of a worker, with what it takes of the machine."""

import argparse
import json
import resource
import time
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import cloning
from benchmarks.ground import Ground, ground
from bpm_crm.operations.job_runner import JobRunner
from bpm_crm.operations.job_runs import Bench
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.replay_tally import CLOCK, unpacked
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.jobs import load_job
from bpm_crm.records.replays import ReplayRecord, insert_replay, load_replay
from bpm_crm.works import WORKS

PROCESS = "inbound-call"
RESULTS = Path(__file__).parent / "results"


async def main() -> None:
    """Load histories of one process, and replay them through their own version and through a draft."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="how many cases")
    cases = parser.parse_args().cases
    figures: dict[str, Any] = {"cases": cases}
    async with ground() as here:
        begun = time.perf_counter()
        definition = here.reference.definition(PROCESS)
        if definition is None:
            raise LookupError(PROCESS)
        rows = await cloning.load(here, cases, definition.id)
        print(f"{cases} cases, {rows} rows of history, loaded in {time.perf_counter() - begun:.0f} s")
        worker = await Database.connect(here.access.worker, size=4)
        for name in ("itself", "draft"):
            figures[name] = await _replay(here, worker, PROCESS, name)
        await worker.close()
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    (RESULTS / f"replay-{at:%Y%m%d-%H%M%S}.json").write_text(json.dumps(figures, indent=1) + "\n")


async def _replay(here: Ground, worker: Database, process: str, name: str) -> dict[str, float]:
    """One replay as a job; cases per second, seconds, and processor seconds of the worker and of the processes that judge."""
    record = await _asked(here, worker, process, draft=name == "draft")
    reference = ReferenceCache(worker)
    runner = JobRunner(Bench(worker, Writer(worker, ProcessCache()), reference), WORKS)
    begun, own, judges = time.perf_counter(), time.process_time(), _children()
    await runner.drain()
    seconds, own, judges = time.perf_counter() - begun, time.process_time() - own, _children() - judges
    async with worker.reader(here.tenant_id) as connection:
        done = await load_replay(connection, here.tenant_id, record.job_id)
        job = await load_job(connection, here.tenant_id, record.job_id)
    if done is None or job is None or job.failure is not None:
        raise SystemExit("the replay failed")
    tally = unpacked(done.figures)
    if name == "itself" and any(key[0] != CLOCK for key in tally.figures):
        raise SystemExit("steps differ from their own version")
    print(
        f"{process:18} through {name:6}: {tally.cases:7} cases, {tally.moves:7} moves in {seconds:6.1f} s = {tally.cases / seconds:5.0f} cases/s; "
        f"{tally.differing} differ; worker {own:.1f} s, judges {judges:.1f} s of processor"
    )
    return {"cases": tally.cases, "seconds": seconds, "per second": tally.cases / seconds}


async def _asked(here: Ground, worker: Database, process: str, *, draft: bool) -> ReplayRecord:
    """A replay that is due."""
    definition = here.reference.definition(process)
    admin = next(user.id for user in here.reference.users.values() if "admin" in user.roles)
    if definition is None:
        raise LookupError(process)
    async with worker.transaction(here.tenant_id) as connection:
        document = await connection.fetchval(
            "SELECT document FROM process_version WHERE tenant_id = $1 AND definition_id = $2",
            here.tenant_id,
            definition.id,
        )
        job, _ = await ask(
            connection, here.tenant_id, kind=JobKind.REPLAY, by=admin, language="en", values={"draft": draft}
        )
        at = job.created_at
        record = ReplayRecord(
            job_id=job.id,
            definition_id=definition.id,
            document=_edited(document) if draft else document,
            version=None,
            changes=None,
            since=at - timedelta(days=1_500),
            until=at,
            as_of=at,
            cases=0,
            cursor=None,
            figures={},
        )
        await insert_replay(connection, here.tenant_id, record)
    return record


def _edited(document: dict[str, Any]) -> dict[str, Any]:
    """A draft in which much differs: a tighter clock, a field more to give, a move less."""
    found = deepcopy(document)
    found["clocks"]["response"]["target"] = "PT5M"
    found["transitions"]["make_offer"]["require"] = ["amount", "budget"]
    del found["transitions"]["postpone"]
    return found


def _children() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    uvloop.run(main())
