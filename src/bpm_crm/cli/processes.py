"""`bpm-crm process …`: validate a document, list and show the processes."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.operations.publishing import checksum_of, prove
from bpm_crm.processes.library import shipped_keys, shipped_text

app = typer.Typer(no_args_is_help=True, help="Validate, list and show process documents.")
out = Console(soft_wrap=True)


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
