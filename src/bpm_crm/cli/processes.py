"""`bpm-crm process …`: validate and publish a document, list and show the processes."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from bpm_crm.cli import migrations, process_life, rollouts
from bpm_crm.cli.certificates import certificate_lines
from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.process_work import accepted, at_company, document_text, out, request_of
from bpm_crm.engine.soundness.certificate import certificate_data
from bpm_crm.operations.publishing import checksum_of, prove
from bpm_crm.operations.releasing import AskedRelease, Released, publish_process
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.database import Database

app = typer.Typer(no_args_is_help=True, help="Validate, publish, list and show process documents.")
app.add_typer(migrations.app, name="migrate")
app.add_typer(process_life.draft_app, name="draft")
app.add_typer(rollouts.app, name="rollout")
app.command("diff")(process_life.diff)
app.command("versions")(process_life.versions)
app.command("export")(process_life.export)
app.command("retire")(process_life.retire)
app.command("reinstate")(process_life.reinstate)
app.command("install")(process_life.install)


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
    file: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, readable=True, help="Document; without: the draft.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Key of the company.")] = "demo",
    changelog: Annotated[str, typer.Option(help="What is new in this version, for its readers.")] = "",
    draft: Annotated[str | None, typer.Option(help="Key of the process whose draft is published.")] = None,
    base_version: Annotated[
        int | None, typer.Option(help="Newest version that the author knew; a newer one refuses the document.")
    ] = None,
    held: Annotated[
        bool, typer.Option(help="New cases go on as they are, until a rollout brings this version.")
    ] = False,
    dry_run: Annotated[bool, typer.Option(help="Decide and tell; publish nothing.")] = False,
) -> None:
    """Publish a document, or a draft, as the next version of its process. New cases take it; cases under way stay with theirs.

    Channels that the document names and the company lacks are made; those that no process handles yet are handed to it.
    """
    if (file is None) is (draft is None):
        raise CommandRefused("Name a document, or a process with `--draft`: one of the two.")
    text = None if file is None else document_text(file)
    said = changelog or (f"Published from {file.name}." if file is not None else "Published from the draft.")
    asked = AskedRelease(draft, text, said, base_version, is_held=held, is_dry_run=dry_run)

    async def work(owner: Database, tenant_id: UUID) -> Released:
        answer = await publish_process(owner, request_of(tenant_id, said), asked, datetime.now(UTC))
        return accepted(answer, Released, process=draft or "")

    done = at_company(tenant, work)
    told = f"version {done.version} is published" if done.is_new else f"version {done.version} says the same already"
    out.print(f"{done.process}: {told}{'; nothing was written, as asked' if dry_run else ''}.", highlight=False)


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
