"""A company with the job runner at hand, and tables made by the libraries people's programs are like."""

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import openpyxl

from bpm_crm.excel.reading import read_head
from bpm_crm.excel.settings import Wish, settle
from bpm_crm.excel.targets import ImportKind
from bpm_crm.operations.job_runner import JobRunner
from bpm_crm.operations.job_runs import Bench
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.files import insert_file, load_file
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.jobs import JobRecord, RowRecord, load_job, rows_of_job
from bpm_crm.works import WORKS
from tests.world import World

OUTCOMES = ("accepted", "duplicate", "refused", "blank", "excluded", "moved_on", "left")


def xlsx(rows: Sequence[Sequence[Any]], sheet: str = "Leads") -> bytes:
    """A workbook with one sheet."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in rows:
        page.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@dataclass
class Desk:
    """A company, and what its jobs are carried out with, as the worker's role."""

    world: World
    worker: Database
    bench: Bench
    runner: JobRunner

    async def keep(self, content: bytes, by: str = "admin") -> UUID:
        file_id = new_id()
        async with self.world.database.transaction(self.world.tenant_id) as connection:
            await insert_file(
                connection,
                self.world.tenant_id,
                file_id,
                name="table",
                media_type="application/octet-stream",
                content=content,
                by=self.user(by),
                kept=timedelta(days=1),
            )
        return file_id

    def user(self, name: str) -> UUID:
        return self.world.founded.users[f"{name}@example.org"]

    async def ask(
        self,
        content: bytes,
        kind: ImportKind = ImportKind.LEADS,
        channel: str = "callback-request",
        by: str = "admin",
        *,
        dry_run: bool = False,
        **wish: Any,
    ) -> JobRecord:
        """Ask for an import as the API does."""
        wished = Wish(**wish)
        definition = self.world.reference.definition(channel)
        assert definition is not None
        async with self.world.database.reader(self.world.tenant_id) as connection:
            process = await self.world.writer.processes.get(
                connection, self.world.tenant_id, definition.id, definition.latest_version
            )
        head = await read_head(content, wished.sheet)
        settings = settle(
            kind,
            process.definition,
            head,
            wished,
            file_id=await self.keep(content, by),
            channel=channel,
            zone="Europe/Moscow",
            is_dry_run=dry_run,
        )
        return await self.asked(JobKind(kind.value), settings.as_json(), by)

    async def asked(
        self, kind: JobKind, values: Mapping[str, Any], by: str = "admin", target: UUID | None = None
    ) -> JobRecord:
        async with self.world.database.transaction(self.world.tenant_id) as connection:
            job, _ = await ask(
                connection,
                self.world.tenant_id,
                kind=kind,
                by=self.user(by),
                language="en",
                values=values,
                target_id=target,
            )
        return job

    async def done(self, job: JobRecord) -> JobRecord:
        """Carry out what is due; the job after it."""
        await self.runner.drain()
        return await self.job(job.id)

    async def job(self, job_id: UUID) -> JobRecord:
        async with self.world.database.reader(self.world.tenant_id) as connection:
            found = await load_job(connection, self.world.tenant_id, job_id)
        assert found is not None
        return found

    async def imported(self, content: bytes, **options: Any) -> JobRecord:
        """Import a table; the job when it is done."""
        return await self.done(await self.ask(content, **options))

    async def undone(self, job: JobRecord, by: str = "admin", *, force: bool = False) -> JobRecord:
        return await self.done(await self.asked(JobKind.UNDO, {"force": force}, by, job.id))

    async def rows(self, job: JobRecord) -> list[RowRecord]:
        async with self.world.database.reader(self.world.tenant_id) as connection:
            return await rows_of_job(connection, self.world.tenant_id, job.id, OUTCOMES, after=0, most=10_000)

    async def problems(self, job: JobRecord) -> list[tuple[str | None, str]]:
        """(cell, code) of everything refused."""
        return [(item["cell"], item["code"]) for row in await self.rows(job) for item in row.problems or ()]

    async def file(self, file_id: UUID | None) -> bytes:
        assert file_id is not None
        async with self.world.database.reader(self.world.tenant_id) as connection:
            found = await load_file(connection, self.world.tenant_id, file_id)
        assert found is not None
        return found.content

    async def cases(self) -> list[dict[str, Any]]:
        """The cases with what was captured, in the order of their external ids."""
        async with self.world.owner.reader(self.world.tenant_id) as connection:
            rows = await connection.fetch(
                "SELECT i.id, i.external_id, i.stage, i.exclusion, i.region, i.data, i.started_at, i.sequence, i.owner_id, "
                "c.name, c.phone, c.email, d.title FROM process_instance i "
                "LEFT JOIN customer c ON c.tenant_id = i.tenant_id AND c.id = i.customer_id "
                "LEFT JOIN deal d ON d.tenant_id = i.tenant_id AND d.id = i.deal_id "
                "WHERE i.tenant_id = $1 ORDER BY i.external_id",
                self.world.tenant_id,
            )
        return [dict(row) for row in rows]


@asynccontextmanager
async def a_desk(world: World) -> AsyncIterator[Desk]:
    """The desk of a company."""
    worker = await Database.connect(world.access.worker)
    writer = Writer(worker, ProcessCache())
    writer.start()
    bench = Bench(worker, writer, ReferenceCache(worker))
    try:
        yield Desk(world, worker, bench, JobRunner(bench, WORKS))
    finally:
        await writer.stop()
        await worker.close()
