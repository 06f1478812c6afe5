"""What the commands that carry out jobs share: a company, a user of it, the worker's way to the database, and a bar."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.operations.access import Role
from bpm_crm.operations.job_runs import Bench, run_job
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.jobs import JobRecord, load_job
from bpm_crm.records.reference import Reference
from bpm_crm.works import WORKS

PAUSE_SECONDS = 0.5

T = TypeVar("T")

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Office:
    """What jobs of a company are asked for and carried out with; `by` is the user in whose name."""

    bench: Bench
    tenant_id: UUID
    reference: Reference
    by: UUID


def in_office(tenant: str, by: str | None, work: Callable[[Office], Awaitable[T]]) -> T:
    """Do something in a company, in the name of a user (None: an administrator)."""
    with provisioned(Settings(), lambda said: err.print(said, highlight=False)) as provision:

        async def inside() -> T:
            async with _office(provision, tenant, by) as office:
                return await work(office)

        return asyncio.run(inside())


async def carried_out(office: Office, job_id: UUID, doing: str) -> JobRecord:
    """The job once it is done, here or by a worker that was faster; a bar shows how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(doing, total=None)

        def hear(done: int, total: int | None, _counts: Mapping[str, int]) -> None:
            bar.update(task, completed=done, total=total)

        while True:
            await run_job(office.bench, WORKS, office.tenant_id, job_id, hear)
            async with office.bench.database.reader(office.tenant_id) as connection:
                job = await load_job(connection, office.tenant_id, job_id)
            if job is None:
                raise LookupError("the job is gone")
            hear(job.position, job.total, job.counts)
            if job.done_at is not None:
                return job
            await asyncio.sleep(PAUSE_SECONDS)


def has_failed(job: JobRecord) -> bool:
    """Whether a job could not be done; why is told."""
    if job.failure is not None:
        err.print(f"{job.failure['message']['en']} {job.failure['cure']['en']}", markup=False, highlight=False)
    return job.failure is not None


@asynccontextmanager
async def _office(provision: Provision, tenant: str, by: str | None) -> AsyncIterator[Office]:
    owner = await provision.owner_database(1)
    worker = await provision.worker_database(4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    try:
        tenant_id = await company_of(owner, tenant)
        bench = Bench(worker, writer, ReferenceCache(worker))
        reference = await bench.reference.get(tenant_id)
        if reference is None:
            raise CommandRefused(f"There is no company “{tenant}”.")
        yield Office(bench, tenant_id, reference, _user_of(reference, by))
    finally:
        await writer.stop()
        await worker.close()
        await owner.close()


def _user_of(reference: Reference, by: str | None) -> UUID:
    for user in reference.users.values():
        if user.is_active and (user.email == by if by is not None else Role.ADMIN in user.roles):
            return user.id
    raise CommandRefused(f"There is no active user “{by or 'with the role admin'}”.")
