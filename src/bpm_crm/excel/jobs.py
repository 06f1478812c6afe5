"""Jobs over tables: asked for once, carried out by a worker in small steps, taken up again by another where one dies."""

import logging
from asyncio import get_running_loop
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.excel.problems import TableCode, TableProblem, TableRefused
from bpm_crm.operations.access import Permission, Scope, Viewer
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.requests import digest_of
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.files import FileRecord, insert_file, load_file
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.jobs import (
    JobRecord,
    RowRecord,
    advance_job,
    announce_jobs,
    begin_job,
    finish_job,
    insert_job,
    job_of_key,
    load_job,
    postpone_job,
)
from bpm_crm.records.reference import Reference
from bpm_crm.records.sweeping import until_next_job

LEASE = timedelta(seconds=60)
FILES_KEPT = timedelta(days=7)
GIVE_WAY_SECONDS = 30.0
"""After so long a job lets another one go first, if one waits."""
MOST_ATTEMPTS = 5
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

logger = logging.getLogger(__name__)


class JobKind(StrEnum):
    """The kinds of jobs."""

    LEADS = "leads"
    HISTORY = "history"
    UNDO = "undo"
    WORKBOOK = "workbook"
    REPLAY = "replay"
    MIGRATION = "migration"
    MIGRATION_UNDO = "migration_undo"


NEEDED: Mapping[JobKind, Permission] = {
    JobKind.LEADS: Permission.IMPORT_LEADS,
    JobKind.HISTORY: Permission.IMPORT_HISTORY,
    JobKind.UNDO: Permission.EXCLUDE_CASE,
    JobKind.WORKBOOK: Permission.VIEW_FIGURES,
    JobKind.REPLAY: Permission.MANAGE_PROCESSES,
    JobKind.MIGRATION: Permission.MIGRATE_CASES,
    JobKind.MIGRATION_UNDO: Permission.MIGRATE_CASES,
}
"""What somebody must be permitted when the job is carried out, not only when it is asked for."""


class GaveWay(Exception):
    """The job let another go first, and is due again."""


class JobTaken(Exception):
    """Another worker carries the job out."""


class KeyUsed(Exception):
    """The idempotency key was used for something else."""


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
        """Say how many rows there are."""
        self.total = total
        async with self.bench.database.transaction(self.tenant_id) as connection:
            await begin_job(connection, self.tenant_id, self.job.id, total, LEASE)

    async def advance(self, position: int, rows: Sequence[RowRecord], also: Also | None = None) -> None:
        """Note what became of some rows, and `also` write something in the same transaction. `JobTaken` where another worker was faster, `GaveWay` when it is others' turn."""
        self.counts.update(row.outcome for row in rows)
        async with self.bench.database.transaction(self.tenant_id) as connection:
            advanced = await advance_job(
                connection,
                self.tenant_id,
                self.job.id,
                before=self.position,
                position=position,
                counts=dict(self.counts),
                rows=rows,
                lease=LEASE,
            )
            if advanced and also is not None:
                await also(connection)
        if not advanced:
            raise JobTaken
        self.position = position
        if self.hear is not None:
            self.hear(position, self.total, self.counts)
        if get_running_loop().time() - self.begun > GIVE_WAY_SECONDS:
            pause = await until_next_job(self.bench.database)
            if pause is not None and pause <= timedelta(0):
                raise GaveWay

    async def file(self) -> FileRecord:
        """The file the job was asked to read. `TableRefused` when it is gone."""
        async with self.bench.database.reader(self.tenant_id) as connection:
            found = await load_file(connection, self.tenant_id, UUID(self.job.input["file"]))
        if found is None:
            raise TableRefused(TableCode.FILE_EXPIRED)
        return found

    async def keep(self, name: str, content: bytes) -> UUID:
        """Keep a workbook for who asked for the job; its id."""
        file_id = new_id()
        async with self.bench.database.transaction(self.tenant_id) as connection:
            await insert_file(
                connection,
                self.tenant_id,
                file_id,
                name=name,
                media_type=XLSX,
                content=content,
                by=self.job.created_by,
                kept=FILES_KEPT,
            )
        return file_id


Work = Callable[[Run], Awaitable[UUID | None]]
"""Carries a job out; the id of the file it made."""


async def ask(
    connection: Connection,
    tenant_id: UUID,
    *,
    kind: JobKind,
    by: UUID,
    language: str,
    values: Mapping[str, Any],
    key: str | None = None,
    target_id: UUID | None = None,
) -> tuple[JobRecord, bool]:
    """Ask for a job; and whether it was asked for before. `KeyUsed` for a key that stands for something else."""
    fingerprint = digest_of([kind, values, target_id])
    job_id = new_id()
    made = await insert_job(
        connection,
        tenant_id,
        job_id,
        kind=kind.value,
        by=by,
        language=language,
        key=key,
        fingerprint=fingerprint,
        values=values,
        target_id=target_id,
    )
    found = await load_job(connection, tenant_id, job_id) if made or key is None else None
    found = found or await job_of_key(connection, tenant_id, by, key or "")
    if found is None:
        raise LookupError("the job was neither made nor found")
    if found.fingerprint != fingerprint:
        raise KeyUsed
    if made:
        await announce_jobs(connection, tenant_id)
    return found, not made


async def run_job(
    bench: Bench, works: Mapping[JobKind, Work], tenant_id: UUID, job_id: UUID, hear: Hear | None = None
) -> None:
    """Carry a job out, or on from where it stopped. What cannot be done is noted with its reason; trouble is tried again later."""
    async with bench.database.reader(tenant_id) as connection:
        job = await load_job(connection, tenant_id, job_id)
    if job is None or job.done_at is not None:
        return
    try:
        run = await _run(bench, tenant_id, job, hear)
        file_id = await works[JobKind(job.kind)](run)
    except TableRefused as refused:
        await _finish(bench, tenant_id, job_id, failure=as_json(refused.problem))
    except JobTaken:
        return
    except GaveWay:
        await _postpone(bench, tenant_id, job_id, timedelta(0))
    except Exception:
        if job.attempts + 1 >= MOST_ATTEMPTS:
            await _finish(bench, tenant_id, job_id, failure=as_json(TableProblem(TableCode.INTERNAL)))
        else:
            await _postpone(bench, tenant_id, job_id, timedelta(seconds=2) * 4**job.attempts)
        raise
    else:
        await _finish(bench, tenant_id, job_id, file_id=file_id)


async def _run(bench: Bench, tenant_id: UUID, job: JobRecord, hear: Hear | None) -> Run:
    """The run of a job by who asked for it, as they are now. `TableRefused` when they may no longer do it."""
    reference = await bench.reference.get(tenant_id)
    viewer = None if reference is None else viewer_of_user(reference, job.created_by)
    scope = None if viewer is None else viewer.scope(NEEDED[JobKind(job.kind)])
    if reference is None or viewer is None or scope is None:
        raise TableRefused(TableCode.NOBODY)
    run = Run(bench, job, viewer, scope, reference, get_running_loop().time(), hear)
    run.position, run.total, run.counts = job.position, job.total, Counter(job.counts)
    return run


def as_json(problem: TableProblem) -> dict[str, Any]:
    """A problem as it is stored, in both languages."""
    return {
        "code": problem.code.value,
        "message": {language: problem.message(language) for language in ("en", "ru")},
        "cure": {language: problem.cure(language) for language in ("en", "ru")},
    }


def chunks(items: Iterable[Any], size: int) -> Iterable[list[Any]]:
    """Items in lists of at most `size`."""
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _finish(
    bench: Bench, tenant_id: UUID, job_id: UUID, *, file_id: UUID | None = None, failure: dict[str, Any] | None = None
) -> None:
    async with bench.database.transaction(tenant_id) as connection:
        await finish_job(connection, tenant_id, job_id, file_id=file_id, failure=failure)


async def _postpone(bench: Bench, tenant_id: UUID, job_id: UUID, pause: timedelta) -> None:
    async with bench.database.transaction(tenant_id) as connection:
        await postpone_job(connection, tenant_id, job_id, pause)
