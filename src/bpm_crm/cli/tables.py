"""`bpm-crm import-leads`: leads from a workbook or csv, by the same job that the API asks for."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.job_work import Office, carried_out, err, has_failed, in_office, out
from bpm_crm.excel.limits import FILES_KEPT
from bpm_crm.excel.reading import read_head
from bpm_crm.excel.settings import Wish, settle
from bpm_crm.excel.targets import ImportKind
from bpm_crm.excel.values import DateOrder
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.records.files import insert_file, load_file
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.jobs import JobRecord


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

    async def work(office: Office) -> tuple[JobRecord, bytes | None]:
        asked = await _ask(office, file, channel, wish, dry_run=dry_run)
        done = await carried_out(office, asked.id, "Importing")
        return done, await _refused(office, done)

    job, refused = in_office(tenant, by, work)
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


async def _ask(office: Office, file: Path, channel: str, wish: Wish, *, dry_run: bool) -> JobRecord:
    bench, tenant_id, reference = office.bench, office.tenant_id, office.reference
    found = reference.channel(channel)
    if found is None or found.definition_id is None:
        known = [item.key for item in reference.channels.values() if item.definition_id is not None]
        raise CommandRefused(f"There is no channel “{channel}” with a process. Known: {', '.join(known) or 'none'}.")
    definition = reference.definitions[found.definition_id]
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
            by=office.by,
            kept=FILES_KEPT,
        )
        values = settings.as_json()
        job, _ = await ask(connection, tenant_id, kind=JobKind.LEADS, by=office.by, language="en", values=values)
    return job


async def _refused(office: Office, job: JobRecord) -> bytes | None:
    if job.file_id is None:
        return None
    async with office.bench.database.reader(office.tenant_id) as connection:
        found = await load_file(connection, office.tenant_id, job.file_id)
    return None if found is None else found.content


def _report(job: JobRecord, *, dry_run: bool) -> None:
    if has_failed(job):
        return
    names = {"accepted": "would begin" if dry_run else "begun", "duplicate": "known before", "refused": "refused"}
    said = ", ".join(f"{job.counts.get(name, 0)} {word}" for name, word in names.items())
    out.print(f"{said}.{' Nothing written.' if dry_run else ''}", highlight=False)
