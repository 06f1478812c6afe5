"""A replay as a job: figures are kept with every step forward, so that another worker goes on where one died."""

from contextlib import aclosing

from bpm_crm.operations.job_runs import Also, Run
from bpm_crm.operations.replay_tally import unpacked
from bpm_crm.operations.replays import Progress, Replayer
from bpm_crm.records.database import Connection
from bpm_crm.records.replays import FIRST, advance_replay, count_histories, load_replay


async def carry_replay_out(run: Run) -> None:
    """Replay the histories that the job asks for, from where it stopped."""
    async with run.database.reader(run.tenant_id) as connection:
        record = await load_replay(connection, run.tenant_id, run.job.id)
        if record is None:
            raise LookupError("the job has no replay")
        total = await count_histories(connection, run.tenant_id, record.span)
    await run.begin(max(total, record.cases))
    replayer = Replayer(run.database, run.reference, record.span, record.document, record.as_of)
    async with aclosing(replayer.run(unpacked(record.figures), record.cursor or FIRST)) as steps:
        async for progress in steps:
            await run.advance(progress.tally.cases, (), _keeping(run, progress))


def _keeping(run: Run, progress: Progress) -> Also:
    async def keep(connection: Connection) -> None:
        await advance_replay(
            connection,
            run.tenant_id,
            run.job.id,
            cases=progress.tally.cases,
            cursor=progress.cursor,
            figures=progress.tally.packed(),
            found=progress.found,
        )

    return keep
