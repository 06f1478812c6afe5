"""The worker's entry point: lets time pass for due cases, does effects and jobs, freezes due reviews, and checks rollouts. Any number of workers may run."""

import asyncio
import logging
import os
import signal
import sys
from datetime import UTC, datetime, timedelta

import asyncpg

from bpm_crm.config import Settings, listen_url, worker_url
from bpm_crm.garbage import calm
from bpm_crm.logs import set_up_logs
from bpm_crm.operations import clocks, effects, freezing, rollout_checks
from bpm_crm.operations.compactor import Compactor
from bpm_crm.operations.job_runner import JobRunner
from bpm_crm.operations.job_runs import Bench
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Unavailable, Writer
from bpm_crm.records.database import Database
from bpm_crm.records.notices import Listener, Notice
from bpm_crm.records.outages import CommitInterrupted
from bpm_crm.records.readiness import announce_worker
from bpm_crm.records.sweeping import forget_files, forget_used_keys, until_next_due
from bpm_crm.works import WORKS

if sys.platform == "win32":
    from asyncio import new_event_loop
else:
    from uvloop import new_event_loop

LONGEST_SLEEP = timedelta(seconds=15)
KEYS_KEPT = timedelta(days=30)
"""How long a retry finds the first answer by its idempotency key; the schema tells clients."""
PROBLEMS_KEPT = timedelta(days=7)
"""How long is kept what was wrong with the rows of imported tables: it may name people."""
FORGETTING_EVERY = timedelta(hours=1)
COMPACTING_EVERY = timedelta(seconds=1)
"""How often the queue of changed cases is looked at."""
PAUSE_AFTER_TROUBLE = timedelta(seconds=1)
_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, CommitInterrupted, Unavailable)

logger = logging.getLogger(__name__)


class Worker:
    """Sleeps until the next due instant; a notice of something due earlier, or of an effect, wakes it."""

    def __init__(self, database: Database, writer: Writer, reference: ReferenceCache) -> None:
        self._database = database
        self._writer = writer
        self._reference = reference
        self._wake = asyncio.Event()
        self._compactor = Compactor(database)
        self._planned: datetime | None = None
        self._forget_at = datetime.min.replace(tzinfo=UTC)
        self.stopping = False

    def heard(self, notice: Notice) -> None:
        """Wake for effects, and for anything due before the planned waking."""
        due = None if notice.due is None else datetime.fromtimestamp(notice.due / 1_000_000, UTC)
        if notice.effects or (due is not None and (self._planned is None or due < self._planned)):
            self._wake.set()

    def wake(self) -> None:
        """Look at once: notices may have been missed, or it is time to stop."""
        self._wake.set()

    async def run(self) -> None:
        """Work until `stopping` is set; figures are kept ready meanwhile."""
        compacting = asyncio.create_task(self._compact(), name="compactor")
        try:
            await self._work()
        finally:
            compacting.cancel()
            await asyncio.gather(compacting, return_exceptions=True)

    async def _compact(self) -> None:
        """Keep figures ready; stopped at any moment, it has done a folding or left it undone."""
        while True:
            is_behind = False
            try:
                is_behind = await self._compactor.run(asyncio.get_running_loop().time())
            except _TROUBLE as error:
                logger.warning("the compactor waits for the database: %s", type(error).__name__)
            except Exception:  # clocks must go on whatever is wrong with figures
                logger.exception("the compactor failed")
            await asyncio.sleep(0 if is_behind else COMPACTING_EVERY.total_seconds())

    async def _work(self) -> None:
        while not self.stopping:
            self._wake.clear()
            try:
                await self._work_off()
                await self._forget_keys(datetime.now(UTC))
                pause = await until_next_due(self._database)
            except _TROUBLE as error:
                logger.warning("the worker waits for the database: %s", type(error).__name__)
                pause = PAUSE_AFTER_TROUBLE
            await self._sleep(LONGEST_SLEEP if pause is None else min(pause, LONGEST_SLEEP))

    async def _work_off(self) -> None:
        """Do what is due until nothing is."""
        while not self.stopping:
            swept = await clocks.sweep_due(self._database, self._writer)
            done = await effects.drain_effects(self._database, self._writer, self._reference)
            frozen = await freezing.freeze_due(self._database, self._reference)
            checked = await rollout_checks.check_due(self._database, self._reference)
            if swept < clocks.MOST_AT_ONCE and done < effects.MOST_AT_ONCE and not frozen and not checked:
                return

    async def _forget_keys(self, now: datetime) -> None:
        if now >= self._forget_at:
            await forget_used_keys(self._database, older_than=KEYS_KEPT)
            await forget_files(self._database, problems_older_than=PROBLEMS_KEPT)
            self._forget_at = now + FORGETTING_EVERY

    async def _sleep(self, pause: timedelta) -> None:
        self._planned = datetime.now(UTC) + pause
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return


async def run(settings: Settings) -> None:
    """Run one worker until SIGTERM or SIGINT."""
    url = worker_url(settings, os.environ)
    database = await Database.connect(url, size=settings.pool_size, through_pooler=settings.through_pooler)
    reference, writer = ReferenceCache(database), Writer(database, ProcessCache())
    worker, jobs = Worker(database, writer, reference), JobRunner(Bench(database, writer, reference), WORKS)

    def heard(notice: Notice) -> None:
        worker.heard(notice)
        if notice.effects:
            jobs.wake()

    def missed() -> None:
        reference.forget_all()
        worker.wake()
        jobs.wake()

    listener = Listener(
        listen_url(settings, url),
        on_notice=heard,
        on_reference=reference.forget,
        on_gap=missed,
        on_connect=announce_worker,
    )
    writer.start()
    await listener.start()
    jobs.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, worker)
    calm()
    try:
        await worker.run()
    finally:
        await jobs.stop()
        await listener.stop()
        await writer.stop()
        await database.close()


def _stop(worker: Worker) -> None:
    worker.stopping = True
    worker.wake()


def main() -> None:
    """Run one worker with the settings of the environment."""
    settings = Settings()
    set_up_logs(settings.log_format)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(run(settings))


if __name__ == "__main__":
    main()
