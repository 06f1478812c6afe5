"""`bpm-crm import-log`: a foreign event log becomes a process with its cases."""

import asyncio
import functools
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.log_options import LogOptions, show_preview
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.exchange.csv_log import Role
from bpm_crm.exchange.derivation import derive_document
from bpm_crm.exchange.log_import import CHECKING, IMPORTING, READING, Imported
from bpm_crm.exchange.log_import import Progress as Heard
from bpm_crm.exchange.log_import import import_log as carry_out
from bpm_crm.exchange.profile import CHANNEL, profile_log, unique_key
from bpm_crm.exchange.sources import LogSource
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.publishing import prove
from bpm_crm.operations.writer import Writer

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@reported
def import_log(
    file: Annotated[Path, typer.Argument(help="Event log in XES, plain or gzipped, or in CSV with a header.")],
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    process: Annotated[str | None, typer.Option(help="Key of the process to derive; default: the file's name.")] = None,
    channel_attribute: Annotated[str, typer.Option(help="XES: attribute of a case that holds its channel.")] = CHANNEL,
    case: Annotated[str | None, typer.Option(help="CSV: column with the number of the case.")] = None,
    activity: Annotated[str | None, typer.Option(help="CSV: column with the activity.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="CSV: column with the time of the event.")] = None,
    resource: Annotated[str | None, typer.Option(help="CSV: column with who did it.")] = None,
    group: Annotated[str | None, typer.Option(help="CSV: column with their group.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="CSV: column with the phase; only `complete` counts.")] = None,
    channel: Annotated[str | None, typer.Option(help="CSV: column with the channel of the case.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="CSV: column about the whole case; repeatable.")] = None,
    time_format: Annotated[
        str | None, typer.Option(help="CSV: form of times, as %d.%m.%Y %H:%M, or epoch, epoch-ms; default: ISO 8601.")
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Time zone of times without an offset.")] = None,
    wall_time: Annotated[
        bool, typer.Option("--wall-time", help="Take all times as of --zone (default UTC), whatever offset they state.")
    ] = False,
    encoding: Annotated[str | None, typer.Option(help="CSV: encoding; default: told from the file.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="CSV: delimiter, or `tab`; default: told from the file.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="CSV: show how it would be read; write nothing.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Read, check and derive; write nothing.")] = False,
) -> None:
    """Import an event log: derive a process from it and make its cases instances, with their own timestamps.

    The log is read and checked to its end before anything is written. A repeated import writes nothing twice.
    """
    named = (case, activity, timestamp, resource, group, lifecycle, channel)
    options = LogOptions(
        dict(zip(Role, named, strict=True)), attribute or (), time_format, zone, wall_time, encoding, delimiter
    )
    if preview:
        if not options.is_csv(file):
            raise CommandRefused("Only a log in CSV has columns to preview; use --dry-run.")
        show_preview(out, file, options)
        return
    title = re.sub(r"(\.(xes|csv|tsv|txt))?(\.gz)?$", "", file.name)
    key = process or unique_key(title, (), "-")
    attribute_of_channel = CHANNEL if options.is_csv(file) else channel_attribute
    with _bar() as bar:
        steps = (READING, CHECKING, IMPORTING) if options.is_csv(file) else (CHECKING, IMPORTING)
        tasks = {step: bar.add_task(step, total=None) for step in steps}

        def progress(step: str, read: int, total: int | None) -> None:
            bar.update(tasks[step], completed=read, total=total)

        with options.source(file, functools.partial(progress, READING)) as source:
            if dry_run:
                _check(source, key, title, attribute_of_channel, progress)
                return
            with provisioned(Settings(), lambda text: err.print(text, highlight=False)) as provision:
                imported = asyncio.run(_import(provision, tenant, source, key, title, attribute_of_channel, progress))
    _report(imported, key)


def _check(source: LogSource, key: str, title: str, channel_attribute: str, progress: Heard) -> None:
    """Read, check and derive; nothing of the database is touched."""
    at = datetime.now(UTC)
    profile = profile_log(source, channel_attribute, at, functools.partial(progress, CHECKING))
    definition = prove(derive_document(profile, key=key, title=title), at).definition
    err.print(f"Nothing written. {profile.cases} cases, {profile.events} events, {len(definition.stages)} stages.")


async def _import(
    provision: Provision, tenant: str, source: LogSource, key: str, title: str, channel_attribute: str, progress: Heard
) -> Imported:
    owner = await provision.owner_database(2)
    worker = await provision.worker_database(4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    try:
        tenant_id = await company_of(owner, tenant)
        imported = await carry_out(
            source,
            owner=owner,
            writer=writer,
            tenant_id=tenant_id,
            key=key,
            title=title,
            channel_attribute=channel_attribute,
            at=datetime.now(UTC),
            progress=progress,
        )
        await owner.analyse()
        return imported
    finally:
        await writer.stop()
        await worker.close()
        await owner.close()


def _report(imported: Imported, key: str) -> None:
    profile = imported.profile
    out.print(
        f"{key} v{imported.published.version}: {imported.new} cases imported, {imported.known} were here already; "
        f"{profile.events} events, {len(profile.activities)} activities."
    )
    table = Table("channel", "cases", box=None)
    for channel, count in sorted(imported.by_channel.items(), key=lambda item: -item[1]):
        table.add_row(channel, str(count))
    out.print(table)
    if imported.different:
        shown = ", ".join(imported.different[:5])
        err.print(f"{len(imported.different)} cases differ from those imported before and were left alone: {shown} …")


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err)
