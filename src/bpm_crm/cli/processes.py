"""`bpm-crm process …`: validate and publish a document, list and show the processes."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bpm_crm.cli.certificates import certificate_lines
from bpm_crm.cli.companies import company_of
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.engine.soundness.certificate import certificate_data
from bpm_crm.operations.publishing import Published, checksum_of, prove, publish
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.processes.yaml_reader import MAX_BYTES
from bpm_crm.records.notices import announce_reference

app = typer.Typer(no_args_is_help=True, help="Validate, publish, list and show process documents.")
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
        process = prove(document_text(file), datetime.now(UTC))
        definition = process.definition
        undecided = len(process.certificate.undecided)
        out.print(
            f"{file}: sound. {definition.key}: {len(definition.stages)} stages, {len(definition.transitions)} transitions, "
            f"{len(definition.policies)} clocks, {len(definition.checkpoints)} checkpoints"
            f"{f'; {undecided} properties not decided, see `process prove`' if undecided else ''}; checksum {checksum_of(process)[:12]}"
        )


@app.command("prove")
@reported
def prove_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Document to prove.")],
    language: Annotated[str, typer.Option(help="`en` or `ru`.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The certificate as it is stored.")] = False,
) -> None:
    """Prove a document sound and print its certificate; a fault comes with steps that lead a case to it, and status 1."""
    certificate = prove(document_text(file), datetime.now(UTC)).certificate
    if as_json:
        sys.stdout.write(json.dumps(certificate_data(certificate), ensure_ascii=False, indent=2) + "\n")
        return
    for line in certificate_lines(certificate, language):
        out.print(line, markup=False, highlight=False)


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
    text = document_text(file)
    with provisioned(Settings(), lambda said: err.print(said, highlight=False)) as provision:
        done = asyncio.run(_publish(provision, tenant, text, changelog or f"Published from {file.name}."))
    key = done.process.definition.key
    said = f"version {done.version} is published" if done.is_new else f"version {done.version} says the same already"
    out.print(f"{key}: {said}.", highlight=False)


def document_text(file: Path) -> str:
    """The text of a document; no more of a large file is read than shows that it is too large."""
    with file.open("rb") as stream:
        head = stream.read(MAX_BYTES + 1)
    try:
        return head.decode("utf-8-sig") if len(head) <= MAX_BYTES else head.decode("utf-8", "replace")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise CommandRefused(f"{file} (line {line}): this is not UTF-8; save the document in that encoding.") from error


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
