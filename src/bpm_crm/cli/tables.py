"""`bpm-crm import-leads`: leads from a workbook or csv, by the same job that the API asks for."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.excel.job_files import FILES_KEPT
from bpm_crm.excel.reading import read_head
from bpm_crm.excel.settings import Wish, settle
from bpm_crm.excel.targets import ImportKind
from bpm_crm.excel.values import DateOrder
from bpm_crm.operations.access import Role
from bpm_crm.operations.job_runs import Bench, Hear, run_job
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.files import insert_file, load_file
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.jobs import JobRecord, load_job
from bpm_crm.records.reference import Reference
from bpm_crm.works import WORKS

PAUSE_SECONDS = 0.5

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@reported
def import_leads(
    file: Annotated[
        Path, typer.Argument(help="Table of leads: xlsx, xlsb, xls, ods or csv.", exists=True, dir_okay=False)
    ],
    channel: Annotated[str, typer.Option(help="Key of the channel they came by.")],
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    by: Annotated[str | None, typer.Option(help="E-mail of the user who imports; default: an administrator.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Name of the sheet; default: the first with rows.")] = None,
    header_row: Annotated[int | None, typer.Option(help="Row of the headers; default: found.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="What a column is, as C=phone; may be repeated. Default: by the headers.")
    ] = None,
    date_order: Annotated[
        DateOrder | None, typer.Option(help="How dates written as text begin; default: found.")
    ] = None,
    country: Annotated[str, typer.Option(help="Country of phones without a country code.")] = "RU",
    dry_run: Annotated[bool, typer.Option(help="Decide every row; begin no case.")] = False,
    errors: Annotated[Path | None, typer.Option(help="Where to write the workbook of refused rows.")] = None,
) -> None:
    """Import leads from a table. Rows imported before are found again and begin nothing; status 1 if any row was refused."""
    mapping = None if not column else [_pair(item) for item in column]
    wish = Wish(sheet=sheet, header_row=header_row, mapping=mapping, date_order=date_order, country=country.upper())
    with provisioned(Settings(), lambda text: err.print(text, highlight=False)) as provision:
        job, refused = asyncio.run(_import(provision, tenant, by, file, channel, wish, dry_run=dry_run))
    _report(job, dry_run=dry_run)
    if refused is not None and errors is not None:
        errors.write_bytes(refused)
        err.print(f"Refused rows are in {errors}.", highlight=False)
    if job.counts.get("refused") or job.failure is not None:
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, is_pair, target = text.partition("=")
    if not is_pair:
        raise CommandRefused(f"“{text}” is no column: write its letters, = and what it is, as C=phone.")
    return name, target


async def _import(
    provision: Provision, tenant: str, by: str | None, file: Path, channel: str, wish: Wish, *, dry_run: bool
) -> tuple[JobRecord, bytes | None]:
    """Import a file; the job when it is done, and the workbook of refused rows."""
    owner = await provision.owner_database(1)
    worker = await provision.worker_database(4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    try:
        tenant_id = await company_of(owner, tenant)
        bench = Bench(worker, writer, ReferenceCache(worker))
        job = await _ask(bench, tenant_id, by, file, channel, wish, dry_run=dry_run)
        with progress_bar() as bar:
            task = bar.add_task("Importing", total=None)

            def hear(done: int, total: int | None, _counts: Mapping[str, int]) -> None:
                bar.update(task, completed=done, total=total)

            job = await carried_out(bench, tenant_id, job.id, hear)
        return job, await _refused(bench, tenant_id, job)
    finally:
        await writer.stop()
        await worker.close()
        await owner.close()


async def _ask(
    bench: Bench, tenant_id: UUID, by: str | None, file: Path, channel: str, wish: Wish, *, dry_run: bool
) -> JobRecord:
    reference = await bench.reference.get(tenant_id)
    found = None if reference is None else reference.channel(channel)
    if reference is None or found is None or found.definition_id is None:
        known = () if reference is None else (item.key for item in reference.channels.values() if item.definition_id)
        raise CommandRefused(f"There is no channel “{channel}” with a process. Known: {', '.join(known) or 'none'}.")
    user_id, definition = user_of(reference, by), reference.definitions[found.definition_id]
    async with bench.database.reader(tenant_id) as connection:
        process = await bench.writer.processes.get(connection, tenant_id, definition.id, definition.taken_version)
    content, file_id = await asyncio.to_thread(file.read_bytes), new_id()
    head = await read_head(content, wish.sheet)
    settings = settle(
        ImportKind.LEADS,
        process.definition,
        head,
        wish,
        file_id=file_id,
        channel=channel,
        zone=reference.tenant.zone,
        is_dry_run=dry_run,
    )
    async with bench.database.transaction(tenant_id) as connection:
        await insert_file(
            connection,
            tenant_id,
            file_id,
            name=file.name,
            media_type="application/octet-stream",
            content=content,
            by=user_id,
            kept=FILES_KEPT,
        )
        values = settings.as_json()
        job, _ = await ask(connection, tenant_id, kind=JobKind.LEADS, by=user_id, language="en", values=values)
    return job


def user_of(reference: Reference, by: str | None) -> UUID:
    """The user in whose name something is done."""
    for user in reference.users.values():
        if user.is_active and (user.email == by if by is not None else Role.ADMIN in user.roles):
            return user.id
    raise CommandRefused(f"There is no active user “{by or 'with the role admin'}”.")


async def carried_out(bench: Bench, tenant_id: UUID, job_id: UUID, hear: Hear) -> JobRecord:
    """The job once it is done, here or by a worker that was faster."""
    while True:
        await run_job(bench, WORKS, tenant_id, job_id, hear)
        async with bench.database.reader(tenant_id) as connection:
            job = await load_job(connection, tenant_id, job_id)
        if job is None:
            raise LookupError("the job is gone")
        hear(job.position, job.total, job.counts)
        if job.done_at is not None:
            return job
        await asyncio.sleep(PAUSE_SECONDS)


async def _refused(bench: Bench, tenant_id: UUID, job: JobRecord) -> bytes | None:
    if job.file_id is None:
        return None
    async with bench.database.reader(tenant_id) as connection:
        found = await load_file(connection, tenant_id, job.file_id)
    return None if found is None else found.content


def _report(job: JobRecord, *, dry_run: bool) -> None:
    if job.failure is not None:
        err.print(f"{job.failure['message']['en']} {job.failure['cure']['en']}", markup=False, highlight=False)
        return
    names = {"accepted": "would begin" if dry_run else "begun", "duplicate": "known before", "refused": "refused"}
    said = ", ".join(f"{job.counts.get(name, 0)} {word}" for name, word in names.items())
    out.print(f"{said}.{' Nothing written.' if dry_run else ''}", highlight=False)


def progress_bar() -> Progress:
    """A bar on standard error: what is done of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)
