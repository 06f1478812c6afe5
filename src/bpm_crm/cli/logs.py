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
from bpm_crm.cli.faults import reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.exchange.derivation import derive_document
from bpm_crm.exchange.log_import import CHECKING, IMPORTING, Imported
from bpm_crm.exchange.log_import import Progress as Heard
from bpm_crm.exchange.log_import import import_log as carry_out
from bpm_crm.exchange.profile import profile_log, unique_key
from bpm_crm.exchange.sources import xes_source
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.publishing import prove
from bpm_crm.operations.writer import Writer

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@reported
def import_log(
    file: Annotated[Path, typer.Argument(help="Event log in XES, plain or gzipped.")],
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    process: Annotated[str | None, typer.Option(help="Key of the process to derive; default: the file's name.")] = None,
    channel_attribute: Annotated[str, typer.Option(help="Attribute of a case that holds its channel.")] = "channel",
    dry_run: Annotated[bool, typer.Option(help="Read, check and derive; write nothing.")] = False,
) -> None:
    """Import an event log: derive a process from it and make its cases instances, with their own timestamps.

    The log is read and checked to its end before anything is written. A repeated import writes nothing twice.
    """
    title = re.sub(r"(\.xes)?(\.gz)?$", "", file.name)
    key = process or unique_key(title, (), "-")
    with _bar() as bar:
        tasks = {step: bar.add_task(step, total=None) for step in (CHECKING, IMPORTING)}

        def progress(step: str, read: int, total: int | None) -> None:
            bar.update(tasks[step], completed=read, total=total)

        if dry_run:
            at = datetime.now(UTC)
            profile = profile_log(xes_source(file), channel_attribute, at, functools.partial(progress, CHECKING))
            definition = prove(derive_document(profile, key=key, title=title), at).definition
            err.print(
                f"Nothing written. {profile.cases} cases, {profile.events} events, {len(definition.stages)} stages."
            )
            return
        with provisioned(Settings(), lambda text: err.print(text, highlight=False)) as provision:
            imported = asyncio.run(_import(provision, tenant, file, key, title, channel_attribute, progress))
    _report(imported, key)


async def _import(
    provision: Provision, tenant: str, file: Path, key: str, title: str, channel_attribute: str, progress: Heard
) -> Imported:
    owner = await provision.owner_database(2)
    worker = await provision.worker_database(4)
    writer = Writer(worker, ProcessCache())
    writer.start()
    try:
        tenant_id = await company_of(owner, tenant)
        imported = await carry_out(
            xes_source(file),
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
