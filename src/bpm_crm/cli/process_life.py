"""`bpm-crm process …`: drafts, differences, versions, retirement, and the shipped library installed again."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.process_work import accepted, acted, at_company, document_text, out, request_of
from bpm_crm.operations.comparing import DRAFT, Compared, Side, compare_documents
from bpm_crm.operations.drafts import (
    AskedDraft,
    DraftDiscarded,
    DraftSaved,
    discard_process_draft,
    problems_of,
    save_process_draft,
)
from bpm_crm.operations.installing import Installed, install_processes
from bpm_crm.operations.releasing import Retired, reinstate_process, retire_process
from bpm_crm.processes.library import shipped_keys
from bpm_crm.records.database import Database
from bpm_crm.records.definitions import count_instances, find_definition, load_version, load_versions
from bpm_crm.records.drafts import load_drafts

draft_app = typer.Typer(no_args_is_help=True, help="The draft of a process: save, show, discard.")

Key = Annotated[str, typer.Argument(help="Key of the process.")]
Document = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Document.")]
Tenant = Annotated[str, typer.Option(help="Key of the company.")]
Why = Annotated[str | None, typer.Option(help="Why; kept in the journal of the process.")]


@draft_app.command("save")
@reported
def save(
    key: Key,
    file: Document,
    tenant: Tenant = "demo",
    revision: Annotated[
        int | None, typer.Option(help="Revision of the draft it was begun with; without: there is none.")
    ] = None,
    base_version: Annotated[int | None, typer.Option(help="Version it was edited from; default: the newest.")] = None,
) -> None:
    """Keep a document as the draft of a process. It may be unsound; its problems are told."""
    text = document_text(file)
    asked = AskedDraft(key, text, base_version, revision)
    done = acted(tenant, key, lambda owner, request: save_process_draft(owner, request, asked), DraftSaved)
    problems = problems_of(text, datetime.now(UTC))
    out.print(f"{key}: the draft is saved at revision {done.draft.revision}; {len(problems) or 'no'} problems.")
    for problem in problems:
        out.print(f"  {problem.code}: {'.'.join(problem.path)} (line {problem.line}): {problem.text()}", markup=False)


@draft_app.command("show")
@reported
def show(key: Key, tenant: Tenant = "demo") -> None:
    """Print the draft of a process as it was written."""

    async def work(owner: Database, tenant_id: UUID) -> str:
        async with owner.reader(tenant_id) as connection:
            found = (await load_drafts(connection, tenant_id, [key])).get(key)
        if found is None or found.document is None:
            raise CommandRefused(f"There is no draft of “{key}”; `bpm-crm process draft save` makes one.")
        return found.document

    sys.stdout.write(at_company(tenant, work))


@draft_app.command("discard")
@reported
def discard(
    key: Key,
    revision: Annotated[int, typer.Option(help="Revision of the draft as it was seen.")],
    tenant: Tenant = "demo",
) -> None:
    """Throw the draft of a process away."""
    acted(tenant, key, lambda owner, request: discard_process_draft(owner, request, key, revision), DraftDiscarded)
    out.print(f"{key}: the draft is discarded.")


@reported
def diff(
    key: Key,
    before: Annotated[int | None, typer.Option(help="Version compared with; default: the newest.")] = None,
    after: Annotated[int | None, typer.Option(help="Version compared; default: the draft.")] = None,
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Document compared.")] = None,
    tenant: Tenant = "demo",
) -> None:
    """Tell what differs between two documents of a process: by structure, not by text."""
    side = Side(after, None if file is None else document_text(file))

    async def work(owner: Database, tenant_id: UUID) -> Compared:
        first = None if before is None else Side(version=before)
        return accepted(
            await compare_documents(owner, tenant_id, key, first, side if side != Side() else DRAFT),
            Compared,
            process=key,
        )

    found = at_company(tenant, work).differences
    for item in found:
        place = ".".join(item.path)
        out.print(f"{item.kind.value} {place}: {item.old!r} -> {item.new!r}", markup=False)
    out.print(f"{key}: {len(found) or 'no'} differences.")


@reported
def versions(key: Key, tenant: Tenant = "demo") -> None:
    """List the versions of a process, with the cases under each."""

    async def work(owner: Database, tenant_id: UUID) -> Table:
        async with owner.reader(tenant_id) as connection:
            definition = await find_definition(connection, tenant_id, key)
            if definition is None:
                raise CommandRefused(f"There is no process “{key}” in this company.")
            rows = await load_versions(connection, tenant_id, [definition["id"]])
            counts = (await count_instances(connection, tenant_id, [definition["id"]])).get(definition["id"], {})
        taken = definition["current_version"] or definition["latest_version"]
        table = Table("version", "published", "open", "total", "checksum", "changelog", box=None)
        for row in rows:
            total, still = counts.get(row["version"], (0, 0))
            number = f"{row['version']}{' *' if row['version'] == taken else ''}"
            cells = (
                f"{row['published_at']:%Y-%m-%d %H:%M}",
                str(still),
                str(total),
                row["checksum"][:12],
                row["changelog"],
            )
            table.add_row(number, *cells)
        return table

    out.print(at_company(tenant, work))


@reported
def export(
    key: Key,
    version: Annotated[int | None, typer.Option(help="Number of the version; default: the newest.")] = None,
    tenant: Tenant = "demo",
) -> None:
    """Print the text a version was published from, with its comments; `publish` takes it again."""

    async def work(owner: Database, tenant_id: UUID) -> str:
        async with owner.reader(tenant_id) as connection:
            definition = await find_definition(connection, tenant_id, key)
            row = None
            if definition is not None:
                number = version or definition["latest_version"]
                row = await load_version(connection, tenant_id, definition["id"], number)
        if row is None:
            raise CommandRefused(f"There is no such version of “{key}”; `bpm-crm process versions {key}` lists them.")
        return str(row["source"])

    sys.stdout.write(at_company(tenant, work))


@reported
def retire(key: Key, comment: Why = None, tenant: Tenant = "demo") -> None:
    """Let no case of a process begin any more; those under way go on."""
    done = acted(tenant, key, lambda owner, request: retire_process(owner, request, key), Retired, comment)
    out.print(f"{key}: retired since {done.at:%Y-%m-%d %H:%M} UTC; `bpm-crm process reinstate {key}` brings it back.")


@reported
def reinstate(key: Key, comment: Why = None, tenant: Tenant = "demo") -> None:
    """Let cases of a retired process begin again."""
    acted(tenant, key, lambda owner, request: reinstate_process(owner, request, key), Retired, comment)
    out.print(f"{key}: in use again.")


@reported
def install(
    keys: Annotated[list[str] | None, typer.Argument(help="Keys of shipped processes; default: all.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Tell what would be done; do nothing.")] = False,
    tenant: Tenant = "demo",
) -> None:
    """Install the shipped processes again. Those that the company changed are left alone."""
    unknown = [key for key in keys or () if key not in shipped_keys()]
    if unknown:
        raise CommandRefused(f"There is no shipped process “{unknown[0]}”. Known: {', '.join(shipped_keys())}.")

    async def work(owner: Database, tenant_id: UUID) -> Installed:
        at = datetime.now(UTC)
        answer = await install_processes(owner, request_of(tenant_id), at, keys=keys, is_dry_run=dry_run)
        return accepted(answer, Installed)

    for item in at_company(tenant, work).processes:
        out.print(f"{item.state.value:8} {item.process}: version {item.version}")
