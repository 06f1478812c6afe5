"""The jobs that migrate running cases and undo migrations: a list of cases made once, then worked off in small steps."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from bpm_crm.operations.job_problems import JobCode, JobProblem, JobRefused
from bpm_crm.operations.job_runs import Run
from bpm_crm.operations.migrating import WAITING, Hand, migrate_cases, undo_cases
from bpm_crm.records.case_migrations import (
    CaseVerdict,
    PlanRecord,
    enlist_migrated,
    enlist_running,
    judge_cases,
    load_plan,
    waiting_cases,
)
from bpm_crm.records.jobs import load_job

AT_ONCE = 128

Judge = Callable[[Sequence[CaseVerdict]], Awaitable[list[CaseVerdict]]]


async def migrate_instances(run: Run) -> None:
    """Migrate the cases that run under a version; a dry run says what would become of each."""
    plan = await _plan(run)
    async with run.database.transaction(run.tenant_id) as connection:
        total = await enlist_running(connection, run.tenant_id, run.job.id, plan.definition_id, plan.from_version)
    hand = _hand(run)

    async def judge(cases: Sequence[CaseVerdict]) -> list[CaseVerdict]:
        return await migrate_cases(run.bench.writer, hand, plan, cases)

    await _work_off(run, total, judge)


async def undo_migration(run: Run) -> None:
    """Take back the cases that a migration took to another version, but for those to which anything happened since."""
    plan, target_id = await _plan(run), run.job.target_id
    async with run.database.transaction(run.tenant_id) as connection:
        migration = None if target_id is None else await load_job(connection, run.tenant_id, target_id)
        if migration is None:
            raise LookupError("an undoing names what it undoes")
        if migration.done_at is None:
            raise JobRefused(JobProblem(JobCode.STILL_RUNNING))
        total = await enlist_migrated(connection, run.tenant_id, run.job.id, migration.id)
    hand = _hand(run)

    async def judge(cases: Sequence[CaseVerdict]) -> list[CaseVerdict]:
        return await undo_cases(run.bench.writer, hand, plan.definition_id, cases)

    await _work_off(run, total, judge)


async def _work_off(run: Run, total: int, judge: Judge) -> None:
    """Judge the cases that wait until none does. Cases judged before a kill wait no more; those of its last step are found again."""
    await run.begin(total)
    while True:
        async with run.database.reader(run.tenant_id) as connection:
            cases = await waiting_cases(connection, run.tenant_id, run.job.id, AT_ONCE)
        if not cases:
            return
        verdicts = await judge(cases)
        async with run.database.transaction(run.tenant_id) as connection:
            counts = await judge_cases(connection, run.tenant_id, run.job.id, verdicts)
        run.counts = Counter({verdict: number for verdict, number in counts.items() if verdict != WAITING})
        await run.advance(cases[-1].row, ())


async def _plan(run: Run) -> PlanRecord:
    async with run.database.reader(run.tenant_id) as connection:
        found = await load_plan(connection, run.tenant_id, UUID(run.job.input["plan"]))
    if found is None:
        raise LookupError("a migration names its plan")
    return found


def _hand(run: Run) -> Hand:
    return Hand(
        run.tenant_id,
        run.viewer.actor,
        run.scope,
        f"job {run.job.id}",
        dry_run=bool(run.job.input.get("dry_run")),
    )
