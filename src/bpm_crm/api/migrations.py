"""Migrating running cases to another version: plan, dry run, run, undo."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.checks import flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input, not_found, text
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.job_requests import ask_for, job_refusal
from bpm_crm.api.migration_inputs import (
    DryRunMigrationInput,
    MigrateInstancesInput,
    PlanMigrationInput,
    UndoMigrationInput,
    mapping_of,
    name_flaws,
)
from bpm_crm.api.migration_types import Migration, MigrationPlan, StaleMigrationPlan, migration_type, plan_type
from bpm_crm.api.requests import Repeatable, actor_id, key_reused
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import KeyReused, NotUnderstood
from bpm_crm.operations.job_problems import JobCode, JobProblem
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.migration_plans import Planned, PlanOutdated, PlanRequest, plan_migration
from bpm_crm.records.case_migrations import PlanRecord, load_plan
from bpm_crm.records.jobs import JobRecord, load_job

_KINDS = {JobKind.MIGRATION.value, JobKind.MIGRATION_UNDO.value}


@strawberry.type(description="The plan is stored.")
class MigrationPlanned(Repeatable):
    """The plan is stored."""

    plan: MigrationPlan = strawberry.field(description="The plan.")


@strawberry.type(description="The migration is asked for; a worker carries it out.")
class MigrationAccepted(Repeatable):
    """The migration is asked for."""

    migration: Migration = strawberry.field(description="How far it is: ask `migration` again until it is done.")


PlanMigrationResult = Annotated[
    MigrationPlanned | StaleMigrationPlan | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("PlanMigrationResult", description="The plan is stored, or why it is not."),
]
MigrateInstancesResult = Annotated[
    MigrationAccepted | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("MigrateInstancesResult", description="The migration is asked for, or why it is not."),
]
PlanArgument = Annotated[PlanMigrationInput, argument(description="Between which versions, and what is decided.")]
MigrateArgument = Annotated[MigrateInstancesInput, argument(description="By which plan.")]
DryRunArgument = Annotated[DryRunMigrationInput, argument(description="By which plan.")]
UndoArgument = Annotated[UndoMigrationInput, argument(description="Which migration.")]


@strawberry.type
class MigrationsQuery:
    """Queries about migrations."""

    @strawberry.field(description="A revision of a plan of a migration; null when there is none.")
    async def migration_plan(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument(description="Global id of the plan.")],  # noqa: A002  # as `node`
    ) -> MigrationPlan | None:
        """A revision of a plan."""
        info.context.require(Permission.MIGRATE_CASES)
        plan_id = uuid_of(id, "MigrationPlan")
        return None if plan_id is None else await find_plan(info, plan_id)

    @strawberry.field(description="A migration, a dry run or an undoing; null when there is none.")
    async def migration(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument(description="Global id of the migration.")],  # noqa: A002  # as `node`
    ) -> Migration | None:
        """A migration."""
        info.context.require(Permission.MIGRATE_CASES)
        job_id = uuid_of(id, "Migration")
        return None if job_id is None else await find_migration(info, job_id)


@strawberry.type
class MigrationsMutation:
    """Mutations that migrate running cases."""

    @strawberry.mutation(
        description="Store the next revision of a plan: stages, clocks and checkpoints by what is given, else as proposed."
    )
    async def plan_migration(self, info: Info, input: PlanArgument) -> PlanMigrationResult:  # noqa: A002  # the API's convention
        """Store a plan."""
        context = info.context
        viewer, _ = context.require(Permission.MIGRATE_CASES)
        if flawed := (*flaws(idempotency_key=input.idempotency_key), *name_flaws(input)):
            return invalid_input(flawed, context.language)
        definition = context.known.definition(input.process)
        if definition is None:
            return not_found(context.language, "input", "process")
        asked = PlanRequest(
            definition,
            input.from_version,
            input.to_version,
            mapping_of(input),
            actor_id(context),
            context.services.now(),
            input.expected_revision,
            input.idempotency_key,
        )
        processes = context.services.writer.processes
        answer = await plan_migration(context.services.database, processes, viewer.tenant_id, asked)
        return await _planned(context, answer)

    @strawberry.mutation(
        description="What a plan would do with each running case, as a job: the verdicts that `migrateInstances` would give."
    )
    async def dry_run_migration(self, info: Info, input: DryRunArgument) -> MigrateInstancesResult:  # noqa: A002  # the API's convention
        """What a plan would do."""
        return await _by_plan(info.context, input.plan, input.idempotency_key, is_dry_run=True)

    @strawberry.mutation(
        description="Migrate the cases that run under a version to another one by a plan, as a job; live work goes on meanwhile."
    )
    async def migrate_instances(self, info: Info, input: MigrateArgument) -> MigrateInstancesResult:  # noqa: A002  # the API's convention
        """Migrate running cases."""
        return await _by_plan(info.context, input.plan, input.idempotency_key, is_dry_run=False)

    @strawberry.mutation(
        description="Take the cases of a migration back to what they were before it, as a job; those that moved since stay and say so."
    )
    async def undo_migration(self, info: Info, input: UndoArgument) -> MigrateInstancesResult:  # noqa: A002  # the API's convention
        """Take a migration back."""
        context = info.context
        context.require(Permission.MIGRATE_CASES)
        if flawed := flaws(idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        job_id = uuid_of(input.migration, "Migration")
        job = None if job_id is None else await _job(context, job_id)
        if job is None or job.kind != JobKind.MIGRATION.value or job.input.get("dry_run"):
            return not_found(context.language, "input", "migration")
        if job.done_at is None:
            return job_refusal(context, JobProblem(JobCode.STILL_RUNNING), "migration")
        values = {"plan": job.input["plan"]}
        return _accepted(context, await ask_for(context, JobKind.MIGRATION_UNDO, values, input.idempotency_key, job.id))


async def find_plan(info: Any, plan_id: UUID) -> MigrationPlan | None:
    """A plan by its id."""
    info.context.require(Permission.MIGRATE_CASES)
    found = await _plan(info.context, plan_id)
    return None if found is None else await plan_type(info.context, found)


async def find_migration(info: Any, job_id: UUID) -> Migration | None:
    """A migration by its id."""
    info.context.require(Permission.MIGRATE_CASES)
    found = await _job(info.context, job_id)
    return None if found is None else migration_type(found, info.context.language)


async def _by_plan(
    context: RequestContext, plan: strawberry.ID, key: str | None, *, is_dry_run: bool
) -> MigrationAccepted | NotFound | InvalidInput | IdempotencyConflict:
    context.require(Permission.MIGRATE_CASES)
    if flawed := flaws(idempotency_key=key):
        return invalid_input(flawed, context.language)
    plan_id = uuid_of(plan, "MigrationPlan")
    found = None if plan_id is None else await _plan(context, plan_id)
    if found is None:
        return not_found(context.language, "input", "plan")
    values: dict[str, object] = {"plan": str(found.id), "dry_run": is_dry_run}
    return _accepted(context, await ask_for(context, JobKind.MIGRATION, values, key))


def _accepted(
    context: RequestContext, found: tuple[JobRecord, bool] | IdempotencyConflict
) -> MigrationAccepted | IdempotencyConflict:
    if isinstance(found, IdempotencyConflict):
        return found
    return MigrationAccepted(migration=migration_type(found[0], context.language), is_repeated=found[1])


async def _planned(
    context: RequestContext, answer: Planned | PlanOutdated | NotUnderstood | KeyReused
) -> MigrationPlanned | StaleMigrationPlan | InvalidInput | IdempotencyConflict:
    match answer:
        case Planned(record, is_repeated):
            return MigrationPlanned(plan=await plan_type(context, record), is_repeated=is_repeated)
        case PlanOutdated(current, expected):
            message = text("STALE_MIGRATION_PLAN", context.language, current=current, expected=expected)
            return StaleMigrationPlan(
                code="STALE_MIGRATION_PLAN",
                message=message,
                path=["input", "expectedRevision"],
                expected_revision=expected,
                current_revision=current,
            )
        case NotUnderstood(problems):
            return invalid_input(problems, context.language)
        case KeyReused(key):
            return key_reused(context, key)


async def _plan(context: RequestContext, plan_id: UUID) -> PlanRecord | None:
    tenant_id = context.caller.tenant_id
    async with context.services.database.reader(tenant_id) as connection:
        return await load_plan(connection, tenant_id, plan_id)


async def _job(context: RequestContext, job_id: UUID) -> JobRecord | None:
    tenant_id = context.caller.tenant_id
    async with context.services.database.reader(tenant_id) as connection:
        found = await load_job(connection, tenant_id, job_id)
    return found if found is not None and found.kind in _KINDS else None
