"""`bpm-crm rebuild` and `bpm-crm verify`: whether what is stored is what history says, and making it so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.provision import Provision, provisioned
from bpm_crm.config import Settings
from bpm_crm.operations.audit import verify as verified
from bpm_crm.operations.cell_rebuild import rebuild_cells
from bpm_crm.operations.folding import Fault
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.rebuild import Different, Rebuilder
from bpm_crm.records.companies import tenant_keys
from bpm_crm.records.database import Database
from bpm_crm.records.derived import count_cases
from bpm_crm.records.reference import load_reference

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)

Tenant = Annotated[str | None, typer.Option(help="Key of one company; default: every company.")]


@dataclass(slots=True)
class Tally:
    """What a command found."""

    cases: int = 0
    different: int = 0
    faults: int = 0
    cells: int = 0


@reported
def rebuild(
    tenant: Tenant = None,
    process: Annotated[str | None, typer.Option(help="Key of one process; default: every process.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Compare only; status 1 if anything differs.")] = False,
    trust_history: Annotated[
        bool, typer.Option(help="Rebuild also cases that know of more history than there is: its end is then given up.")
    ] = False,
) -> None:
    """Derive every case and its deal anew from history, and then the cells of figures; replace what is stored otherwise.

    The product may go on working meanwhile. Prints each case that differed with the columns. A case whose history is not whole is left alone, with status 1.
    """
    with provisioned(Settings(), _tell) as provision:
        tally = asyncio.run(_rebuild(provision, tenant, process, dry_run=dry_run, trust_history=trust_history))
    done = "nothing was written" if dry_run else "rebuilt"
    out.print(f"Cases: {tally.cases}. Different: {tally.different} ({done}). Left alone: {tally.faults}.")
    out.print(f"Cells of figures that differed: {tally.cells} ({done}).")
    if tally.faults or (dry_run and (tally.different or tally.cells)):
        raise typer.Exit(1)


@reported
def verify(tenant: Tenant = None) -> None:
    """Prove that nothing was altered: the chain of hashes, free texts, verdicts of clocks, and every case against its history.

    Prints the first fault of each case; status 1 if there is any.
    """
    with provisioned(Settings(), _tell) as provision:
        tally = asyncio.run(_verify(provision, tenant))
    out.print(f"Cases: {tally.cases}. Faults: {tally.faults}.")
    if tally.faults:
        raise typer.Exit(1)


async def _rebuild(
    provision: Provision, tenant: str | None, process: str | None, *, dry_run: bool, trust_history: bool
) -> Tally:
    tally, processes = Tally(), ProcessCache()
    async with _databases(provision) as (owner, worker):
        known = await _definitions(worker, await _tenants(owner, tenant), process)
        with _bar() as bar:
            for key, tenant_id, definition_id in known:
                rebuilder = Rebuilder(worker, processes, tenant_id, dry_run=dry_run, trust_history=trust_history)
                progress = await _progress(bar, tally, worker, key, tenant_id, definition_id)
                async for finding in rebuilder.run(definition_id=definition_id, progress=progress):
                    if isinstance(finding, Different):
                        tally.different += 1
                        _say(f"{key} {finding.instance_id}: {', '.join(finding.columns)}")
                    else:
                        tally.faults += 1
                        _say(f"{_place(key, finding.fault)} (left alone)")
                tally.cells += await rebuild_cells(worker, tenant_id, dry_run=dry_run)
    return tally


async def _verify(provision: Provision, tenant: str | None) -> Tally:
    tally, processes = Tally(), ProcessCache()
    async with _databases(provision) as (owner, worker):
        with _bar() as bar:
            for key, tenant_id in (await _tenants(owner, tenant)).items():
                progress = await _progress(bar, tally, worker, key, tenant_id, None)
                async for fault in verified(worker, processes, tenant_id, progress=progress):
                    tally.faults += 1
                    _say(_place(key, fault))
    return tally


@asynccontextmanager
async def _databases(provision: Provision) -> AsyncIterator[tuple[Database, Database]]:
    """The database as the owner, who sees the companies, and as the worker, who does the rest."""
    owner = await provision.owner_database(1)
    try:
        worker = await provision.worker_database(2)
        try:
            yield owner, worker
        finally:
            await worker.close()
    finally:
        await owner.close()


async def _tenants(owner: Database, tenant: str | None) -> dict[str, UUID]:
    async with owner.across_tenants() as connection:
        known = await tenant_keys(connection)
    if tenant is None:
        return known
    if tenant not in known:
        raise CommandRefused(f"There is no company “{tenant}”. Known: {', '.join(known) or 'none'}.")
    return {tenant: known[tenant]}


async def _definitions(
    worker: Database, tenants: dict[str, UUID], process: str | None
) -> list[tuple[str, UUID, UUID | None]]:
    """Each tenant with the process asked for; without one, all its processes (None)."""
    if process is None:
        return [(key, tenant_id, None) for key, tenant_id in tenants.items()]
    found: list[tuple[str, UUID, UUID | None]] = []
    for key, tenant_id in tenants.items():
        async with worker.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        definition = None if reference is None else reference.definition(process)
        if definition is not None:
            found.append((key, tenant_id, definition.id))
    if not found:
        raise CommandRefused(f"There is no process “{process}” in {', '.join(tenants) or 'any company'}.")
    return found


async def _progress(
    bar: Progress, tally: Tally, worker: Database, key: str, tenant_id: UUID, definition_id: UUID | None
) -> Callable[[int], None]:
    """A task of the bar for one tenant, and what moves it on."""
    async with worker.reader(tenant_id) as connection:
        total = await count_cases(connection, tenant_id, definition_id)
    task: TaskID = bar.add_task(key, total=total)

    def progress(cases: int) -> None:
        tally.cases += cases
        bar.advance(task, cases)

    return progress


def _place(key: str, fault: Fault) -> str:
    return f"{key} {fault.instance_id} row {fault.sequence}: {fault.text}"


def _say(line: str) -> None:
    out.print(line, markup=False)


def _tell(text: str) -> None:
    err.print(text, markup=False)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, redirect_stdout=out.is_terminal)
