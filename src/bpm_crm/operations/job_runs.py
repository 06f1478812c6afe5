"""Jobs carried out: in small steps that are noted as they are done, so that another worker goes on where one died."""

from asyncio import get_running_loop
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from bpm_crm.operations.access import Scope, Viewer
from bpm_crm.operations.job_problems import JobCode, JobProblem, JobRefused
from bpm_crm.operations.jobs import NEEDED, JobKind
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.jobs import (
    JobRecord,
    RowRecord,
    Standing,
    advance_job,
    begin_job,
    finish_job,
    load_job,
    postpone_job,
)
from bpm_crm.records.reference import Reference
from bpm_crm.records.sweeping import until_next_job

LEASE = timedelta(seconds=60)
GIVE_WAY_SECONDS = 30.0
"""After so long a job lets another one go first, if one waits."""
MOST_ATTEMPTS = 5


class GaveWay(Exception):
    """The job let another go first, and is due again."""


class JobTaken(Exception):
    """Another worker carries the job out, or it has ended."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What jobs are carried out with."""

    database: Database
    writer: Writer
    reference: ReferenceCache


Hear = Callable[[int, int | None, Mapping[str, int]], None]
"""Hears how far a job is: done, in all, and its counts by outcome."""


Also = Callable[[Connection], Awaitable[None]]
"""What is written together with the progress of a job."""


@dataclass(slots=True)
class Run:
    """One job under way."""

    bench: Bench
    job: JobRecord
    viewer: Viewer
    scope: Scope
    reference: Reference
    begun: float
    hear: Hear | None = None
    total: int | None = None
    position: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def tenant_id(self) -> UUID:
        """The tenant."""
        return self.reference.tenant.id

    @property
    def database(self) -> Database:
        """Where the tenant's rows are."""
        return self.bench.database

    async def begin(self, total: int | None) -> None:
        """Say how many rows there are; raises as `advance` does."""
        self.total = total
        async with self.database.transaction(self.tenant_id) as connection:
            standing = await begin_job(connection, self.tenant_id, self.job.id, total, LEASE)
        _go_on(standing)

    async def advance(self, position: int, rows: Sequence[RowRecord], also: Also | None = None) -> None:
        """Note what became of some rows, and `also` write something in the same transaction.

        `JobTaken` where another worker was faster, `GaveWay` when it is others' turn, `JobRefused` once it is cancelled.
        """
        self.counts.update(row.outcome for row in rows)
        async with self.database.transaction(self.tenant_id) as connection:
            standing = await advance_job(
                connection,
                self.tenant_id,
                self.job.id,
                before=self.position,
                position=position,
                counts=dict(self.counts),
                rows=rows,
                lease=LEASE,
            )
            if standing is not Standing.TAKEN and also is not None:
                await also(connection)
        _go_on(standing)
        self.position = position
        if self.hear is not None:
            self.hear(position, self.total, self.counts)
        if get_running_loop().time() - self.begun > GIVE_WAY_SECONDS:
            pause = await until_next_job(self.database)
            if pause is not None and pause <= timedelta(0):
                raise GaveWay


def _go_on(standing: Standing) -> None:
    if standing is Standing.TAKEN:
        raise JobTaken
    if standing is Standing.CANCELLED:
        raise JobRefused(JobProblem(JobCode.CANCELLED))


Work = Callable[[Run], Awaitable[UUID | None]]
"""Carries a job out; the id of the file it made."""


async def run_job(
    bench: Bench, works: Mapping[JobKind, Work], tenant_id: UUID, job_id: UUID, hear: Hear | None = None
) -> None:
    """Carry a job out, or on from where it stopped. What cannot be done is noted with its reason; trouble is tried again later."""
    async with bench.database.reader(tenant_id) as connection:
        job = await load_job(connection, tenant_id, job_id)
    if job is None or job.done_at is not None:
        return
    try:
        if job.failure is not None:
            raise JobRefused(JobProblem(JobCode.CANCELLED))
        run = await _run(bench, tenant_id, job, hear)
        file_id = await works[JobKind(job.kind)](run)
    except JobRefused as refused:
        await _finish(bench, tenant_id, job_id, failure=refused.problem.as_json())
    except JobTaken:
        return
    except GaveWay:
        await _postpone(bench, tenant_id, job_id, timedelta(0))
    except Exception:
        if job.attempts + 1 >= MOST_ATTEMPTS:
            await _finish(bench, tenant_id, job_id, failure=JobProblem(JobCode.INTERNAL).as_json())
        else:
            await _postpone(bench, tenant_id, job_id, timedelta(seconds=2) * 4**job.attempts)
        raise
    else:
        await _finish(bench, tenant_id, job_id, file_id=file_id)


async def _run(bench: Bench, tenant_id: UUID, job: JobRecord, hear: Hear | None) -> Run:
    """The run of a job by who asked for it, as they are now. `JobRefused` when they may no longer do it."""
    reference = await bench.reference.get(tenant_id)
    viewer = None if reference is None else viewer_of_user(reference, job.created_by)
    scope = None if viewer is None else viewer.scope(NEEDED[JobKind(job.kind)])
    if reference is None or viewer is None or scope is None:
        raise JobRefused(JobProblem(JobCode.NOBODY))
    run = Run(bench, job, viewer, scope, reference, get_running_loop().time(), hear)
    run.position, run.total, run.counts = job.position, job.total, Counter(job.counts)
    return run


async def _finish(
    bench: Bench, tenant_id: UUID, job_id: UUID, *, file_id: UUID | None = None, failure: dict[str, Any] | None = None
) -> None:
    async with bench.database.transaction(tenant_id) as connection:
        await finish_job(connection, tenant_id, job_id, file_id=file_id, failure=failure)


async def _postpone(bench: Bench, tenant_id: UUID, job_id: UUID, pause: timedelta) -> None:
    async with bench.database.transaction(tenant_id) as connection:
        await postpone_job(connection, tenant_id, job_id, pause)
