"""Undoes an import: the cases it began are left out of figures, by the one write path; those people have worked on since stay."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bpm_crm.excel.lead_import import UNDONE
from bpm_crm.excel.outcomes import ACCEPTED, EXCLUDED, LEFT, MOVED_ON
from bpm_crm.excel.problems import TableCode, TableProblem
from bpm_crm.excel.row_problems import of_cell
from bpm_crm.operations.commands import Exclude, Outcome, Outdated, Recorded, Work
from bpm_crm.operations.job_problems import JobCode, JobProblem, JobRefused
from bpm_crm.operations.job_runs import Run
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.jobs import RowRecord, load_job, rows_of_job
from bpm_crm.records.traces import sequels_of, worked_on

AT_ONCE = 128
COMMENTS = {"en": "The import was undone.", "ru": "Импорт отменён."}


async def undo_import(run: Run) -> None:
    """Leave out what an import began. Which cases stay, and why, is noted row by row."""
    target_id = run.job.target_id
    async with run.database.reader(run.tenant_id) as connection:
        target = None if target_id is None else await load_job(connection, run.tenant_id, target_id)
    if target is None:
        raise LookupError("an undoing names what it undoes")
    if target.done_at is None:
        raise JobRefused(JobProblem(JobCode.STILL_RUNNING))
    await run.begin(target.counts.get(ACCEPTED, 0))
    after = await _last_row(run)
    while True:
        async with run.database.reader(run.tenant_id) as connection:
            rows = await rows_of_job(connection, run.tenant_id, target.id, [ACCEPTED], after=after, most=AT_ONCE)
        if not rows:
            return
        await run.advance(run.position + len(rows), await _undone(run, rows))
        after = rows[-1].row


async def _last_row(run: Run) -> int:
    """The last row an interrupted undoing has looked at."""
    after = 0
    while True:
        async with run.database.reader(run.tenant_id) as connection:
            page = await rows_of_job(
                connection, run.tenant_id, run.job.id, [EXCLUDED, MOVED_ON, LEFT], after=after, most=1_000
            )
        if not page:
            return after
        after = page[-1].row


async def _undone(run: Run, rows: Sequence[RowRecord]) -> list[RowRecord]:
    """Leave out the cases of some rows, with the cases that steps of theirs began."""
    known = {row.instance_id: row.sequence or 0 for row in rows if row.instance_id is not None}
    async with run.database.reader(run.tenant_id) as connection:
        records = await load(connection, run.tenant_id, known)
        moved = await worked_on(connection, run.tenant_id, known)
        sequels = await sequels_of(connection, run.tenant_id, list(known))
        followers = await load(connection, run.tenant_id, [case for cases in sequels.values() for case in cases])
    is_forced = bool(run.job.input["force"])
    free = [
        records[row.instance_id]
        for row in rows
        if row.instance_id in records
        and records[row.instance_id].state.exclusion is None
        and (is_forced or row.instance_id not in moved)
    ]
    outcomes = await _excluded(run, free, is_forced=is_forced)
    after = [followers[case] for record in free for case in sequels.get(record.id, ()) if case in followers]
    await _excluded(run, [case for case in after if case.state.exclusion is None], is_forced=True)
    return [_judged(row, outcomes) if row.instance_id in outcomes else _left(row, records, moved) for row in rows]


async def _excluded(run: Run, records: Sequence[InstanceRecord], *, is_forced: bool) -> Mapping[UUID | None, Outcome]:
    works = [
        Work(
            run.tenant_id,
            (Exclude(UNDONE, COMMENTS[run.job.language]),),
            run.viewer.actor,
            instance_id=record.id,
            scope=run.scope,
            expected_sequence=None if is_forced else record.state.sequence,
            request_id=f"job {run.job.id}",
        )
        for record in records
    ]
    outcomes = await run.bench.writer.submit_all(works)
    return {record.id: outcome for record, outcome in zip(records, outcomes, strict=True)}


def _judged(row: RowRecord, outcomes: Mapping[UUID | None, Outcome]) -> RowRecord:
    outcome = outcomes[row.instance_id]
    if isinstance(outcome, Recorded):
        return RowRecord(row.row, EXCLUDED, row.instance_id, outcome.instance.state.sequence)
    if isinstance(outcome, Outdated) and outcome.instance.state.exclusion is not None:
        return RowRecord(row.row, LEFT, row.instance_id)
    code = TableCode.MOVED_ON if isinstance(outcome, Outdated) else TableCode.OUT_OF_REACH
    return RowRecord(row.row, MOVED_ON, row.instance_id, problems=[of_cell(row.row, None, TableProblem(code))])


def _left(row: RowRecord, records: Mapping[UUID, InstanceRecord], moved: frozenset[UUID]) -> RowRecord:
    """A case that stays: it was left out before, or people have worked on it."""
    record = None if row.instance_id is None else records.get(row.instance_id)
    if record is None or record.state.exclusion is not None or row.instance_id not in moved:
        return RowRecord(row.row, LEFT, row.instance_id)
    problem = of_cell(row.row, None, TableProblem(TableCode.MOVED_ON))
    return RowRecord(row.row, MOVED_ON, row.instance_id, problems=[problem])
