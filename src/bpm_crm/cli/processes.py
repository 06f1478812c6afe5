"""`bpm-crm process …`: validate and publish a document, list and show the processes."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bpm_crm.cli import migrations
from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.operations.publishing import Published, checksum_of, prove, publish
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.notices import announce_reference

app = typer.Typer(no_args_is_help=True, help="Validate, publish, list and show process documents.")
app.add_typer(migrations.app, name="migrate")
out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@app.command("validate")
@reported
def validate(
    files: Annotated[
        list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, help="Documents to check.")
    ],
) -> None:
    """Check documents as publishing would: every problem with its place and cure; status 1 if there is any."""
    for file in files:
        process = prove(file.read_text(encoding="utf-8"), datetime.now(UTC))
        definition = process.definition
        out.print(
            f"{file}: sound. {definition.key}: {len(definition.stages)} stages, {len(definition.transitions)} transitions, "
            f"{len(definition.policies)} clocks, {len(definition.checkpoints)} checkpoints; checksum {checksum_of(process)[:12]}"
        )


@app.command("publish")
@reported
def publish_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Document to publish.")],
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    changelog: Annotated[str, typer.Option(help="What is new in this version, for its readers.")] = "",
) -> None:
    """Publish a document as the next version of its process. New cases take it; cases under way stay with theirs.

    Channels that the document names and the company lacks are made; those that no process handles yet are handed to it.
    """
    text = file.read_text(encoding="utf-8")
    with provisioned(Settings(), lambda said: err.print(said, highlight=False)) as provision:
        done = asyncio.run(_publish(provision, tenant, text, changelog or f"Published from {file.name}."))
    key = done.process.definition.key
    said = f"version {done.version} is published" if done.is_new else f"version {done.version} says the same already"
    out.print(f"{key}: {said}.", highlight=False)


async def _publish(provision: Provision, tenant: str, text: str, changelog: str) -> Published:
    at = datetime.now(UTC)
    owner = await provision.owner_database(2)
    try:
        tenant_id = await company_of(owner, tenant)
        async with owner.transaction(tenant_id) as connection:
            published = await publish(connection, tenant_id, text, changelog=changelog, at=at, by=None)
            await announce_reference(connection, tenant_id)
        return published
    finally:
        await owner.close()


@app.command("list")
@reported
def list_() -> None:
    """List the shipped processes."""
    table = Table("key", "title", "название", "stages", "transitions", "clocks", box=None)
    for key in shipped_keys():
        definition = prove(shipped_text(key), datetime.now(UTC)).definition
        counts = (len(definition.stages), len(definition.transitions), len(definition.policies))
        table.add_row(key, definition.title.en, definition.title.ru, *map(str, counts))
    out.print(table)


@app.command("show")
@reported
def show(
    key: Annotated[str, typer.Argument(help="Key of a shipped process.")],
) -> None:
    """Print a shipped document as it is written."""
    if key not in shipped_keys():
        raise CommandRefused(f"There is no process “{key}”. Known: {', '.join(shipped_keys())}.")
    sys.stdout.write(shipped_text(key))
