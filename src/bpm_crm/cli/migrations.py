"""`bpm-crm process migrate …`: plan a migration of running cases, try it, run it, undo it, by the job that the API asks for."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from bpm_crm.cli.faults import CommandRefused, reported
from bpm_crm.cli.job_work import Office, carried_out, has_failed, in_office, out
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.wording import input_message
from bpm_crm.operations.commands import NotUnderstood
from bpm_crm.operations.jobs import JobKind, ask
from bpm_crm.operations.migration_plans import Planned, PlanRequest, plan_migration, unpack_plan
from bpm_crm.records.case_migrations import PlanRecord, load_plan, refused_cases, running_by_stage
from bpm_crm.records.jobs import JobRecord, load_job

MOST_SHOWN = 20
Tenant = Annotated[str, typer.Option(help="Key of the company.")]
By = Annotated[str | None, typer.Option(help="E-mail of the user in whose name; default: an administrator.")]
PlanId = Annotated[UUID, typer.Argument(help="Id of the plan, as `plan` prints it.")]

app = typer.Typer(no_args_is_help=True, help="Take running cases to another version of their process, and back.")


@app.command("plan")
@reported
def plan(
    process: Annotated[str, typer.Argument(help="Key of the process.")],
    from_version: Annotated[int, typer.Argument(help="Version left.")],
    to_version: Annotated[int, typer.Argument(help="Version entered.")],
    stage: Annotated[list[str] | None, typer.Option(help="A stage and its counterpart, as old=new; repeat.")] = None,
    clock: Annotated[list[str] | None, typer.Option(help="A clock and its counterpart, as old=new; repeat.")] = None,
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="A checkpoint and its counterpart, as old=new; repeat.")
    ] = None,
    waive_clock: Annotated[list[str] | None, typer.Option(help="A clock that may be cancelled; repeat.")] = None,
    waive_field: Annotated[list[str] | None, typer.Option(help="A field that may stay empty; repeat.")] = None,
    start_clock: Annotated[list[str] | None, typer.Option(help="A new clock that starts at once; repeat.")] = None,
    tenant: Tenant = "demo",
    by: By = None,
) -> None:
    """Store and show a plan: what is given, and proposals for the rest. `old=` says that there is no counterpart."""
    given = MigrationMapping(
        _pairs(stage),
        _pairs(clock),
        _pairs(checkpoint),
        frozenset(waive_clock or ()),
        frozenset(waive_field or ()),
        frozenset(start_clock or ()),
    )

    async def work(office: Office) -> tuple[PlanRecord, Mapping[str, int]]:
        return await _planned(office, process, from_version, to_version, given)

    record, running = in_office(tenant, by, work)
    _show(record, running)


@app.command("dry-run")
@reported
def dry_run(plan: PlanId, tenant: Tenant = "demo", by: By = None) -> None:
    """Say what a plan would do with each running case; nothing is written to cases. Status 1 if any would be refused."""
    _run(plan, tenant, by, is_dry_run=True)


@app.command("run")
@reported
def run(plan: PlanId, tenant: Tenant = "demo", by: By = None) -> None:
    """Migrate the running cases by a plan. Status 1 if any stayed where it was; each says why."""
    _run(plan, tenant, by, is_dry_run=False)


@app.command("undo")
@reported
def undo(
    migration: Annotated[UUID, typer.Argument(help="Id of the migration, as `run` prints it.")],
    tenant: Tenant = "demo",
    by: By = None,
) -> None:
    """Take the cases of a migration back to what they were; those that moved since stay. Status 1 if any does."""

    async def work(office: Office) -> Mapping[str, Any]:
        async with office.bench.database.reader(office.tenant_id) as connection:
            job = await load_job(connection, office.tenant_id, migration)
        if job is None or job.kind != JobKind.MIGRATION.value or job.input.get("dry_run"):
            raise CommandRefused(f"There is no migration {migration}; `bpm-crm process migrate run` prints the id.")
        return await _job(office, JobKind.MIGRATION_UNDO, {"plan": job.input["plan"]}, "Undoing", migration)

    _report(in_office(tenant, by, work))


def _run(plan: UUID, tenant: str, by: str | None, *, is_dry_run: bool) -> None:
    async def work(office: Office) -> Mapping[str, Any]:
        async with office.bench.database.reader(office.tenant_id) as connection:
            found = await load_plan(connection, office.tenant_id, plan)
        if found is None:
            raise CommandRefused(f"There is no plan {plan}; `bpm-crm process migrate plan` prints the id.")
        values = {"plan": str(plan), "dry_run": is_dry_run}
        return await _job(office, JobKind.MIGRATION, values, "Trying" if is_dry_run else "Migrating")

    _report(in_office(tenant, by, work))


async def _planned(
    office: Office, process: str, from_version: int, to_version: int, given: MigrationMapping
) -> tuple[PlanRecord, Mapping[str, int]]:
    definition = office.reference.definition(process)
    if definition is None:
        known = ", ".join(sorted(item.key for item in office.reference.definitions.values()))
        raise CommandRefused(f"There is no process “{process}”. Known: {known}.")
    asked = PlanRequest(definition, from_version, to_version, given, office.by, datetime.now(UTC))
    database = office.bench.database
    answer = await plan_migration(database, office.bench.writer.processes, office.tenant_id, asked)
    async with database.reader(office.tenant_id) as connection:
        running = await running_by_stage(connection, office.tenant_id, definition.id, from_version)
    if isinstance(answer, NotUnderstood):
        raise CommandRefused("\n".join(input_message(problem, "en") for problem in answer.problems))
    if not isinstance(answer, Planned):
        raise TypeError(type(answer).__name__)
    return answer.record, running


async def _job(
    office: Office, kind: JobKind, values: Mapping[str, Any], doing: str, target_id: UUID | None = None
) -> Mapping[str, Any]:
    """Carry a job out; the job when it is done, and the first of the cases that stayed."""
    async with office.bench.database.transaction(office.tenant_id) as connection:
        job, _ = await ask(
            connection, office.tenant_id, kind=kind, by=office.by, language="en", values=values, target_id=target_id
        )
    job = await carried_out(office, job.id, doing)
    async with office.bench.database.reader(office.tenant_id) as connection:
        refused = await refused_cases(connection, office.tenant_id, job.id, MOST_SHOWN)
    return {"job": job, "refused": refused}


def _pairs(items: list[str] | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for item in items or ():
        key, is_pair, to = item.partition("=")
        if not is_pair or key in found:
            raise CommandRefused(f"“{item}” is no pair, or the second one of its key: write old=new, each key once.")
        found[key] = to or None
    return found


def _show(record: PlanRecord, running: Mapping[str, int]) -> None:
    plan = unpack_plan(record.document)
    table = Table("what", "key", "goes on as", "sure", "because", "running", box=None)
    for kind, part in (("stage", plan.stages), ("clock", plan.clocks), ("checkpoint", plan.checkpoints)):
        for item in part:
            because = ", ".join(reason.value.replace("_", " ") for reason in item.because)
            count = str(running.get(item.key, 0)) if kind == "stage" else ""
            table.add_row(kind, item.key, item.to or "— say it", f"{item.confidence:.0%}", because, count)
    out.print(table)
    out.print(f"Plan {record.id}, revision {record.revision}: {sum(running.values())} running cases.", highlight=False)


def _report(done: Mapping[str, Any]) -> None:
    job: JobRecord = done["job"]
    if has_failed(job):
        raise typer.Exit(1)
    is_dry_run = bool(job.input.get("dry_run"))
    words = {"migrated": "would be migrated" if is_dry_run else "migrated", "undone": "as before", "refused": "stay"}
    said = ", ".join(f"{job.counts[name]} {word}" for name, word in words.items() if name in job.counts)
    out.print(f"Migration {job.id}: {said or 'no cases'}.{' Nothing written.' if is_dry_run else ''}", highlight=False)
    for case in done["refused"]:
        reasons = " ".join(item["message"]["en"] for item in case.obstacles or ())
        out.print(f"  {case.instance_id}: {reasons}", markup=False, highlight=False)
    if job.counts.get("refused"):
        raise typer.Exit(1)
