"""Carries out the jobs of all tenants: a few at a time, the longest waiting first, beside whatever else the process does."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from bpm_crm.operations.job_runs import LEASE, Bench, Work, run_job
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.sweeping import Subject, claim_due, until_next_job

AT_ONCE = 2
LONGEST_SLEEP = timedelta(seconds=15)
PAUSE_AFTER_TROUBLE = timedelta(seconds=2)

logger = logging.getLogger(__name__)


class JobRunner:
    """Runs jobs between `start` and `stop`; `wake` has it look at once."""

    def __init__(self, bench: Bench, works: Mapping[JobKind, Work]) -> None:
        self._bench = bench
        self._works = works
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="jobs")

    def wake(self) -> None:
        """Look for jobs at once."""
        self._wake.set()

    async def stop(self) -> None:
        """End; a job under way goes on where it is when its lease has run out."""
        tasks = [*self._under_way, *([] if self._task is None else [self._task])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Carry out every job that is due, then return."""
        while await self._claim():
            await asyncio.gather(*self._under_way)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._claim()
                pause = await until_next_job(self._bench.database)
            except Exception as error:  # noqa: BLE001  # the loop outlives any outage
                logger.warning("jobs wait for the database: %s", type(error).__name__)
                pause = PAUSE_AFTER_TROUBLE
            is_full = len(self._under_way) >= AT_ONCE
            await self._sleep(
                LONGEST_SLEEP if pause is None or is_full else min(max(pause, timedelta(0)), LONGEST_SLEEP)
            )

    async def _claim(self) -> int:
        free = AT_ONCE - len(self._under_way)
        claims = await claim_due(self._bench.database, Subject.JOBS, most=free, lease=LEASE) if free > 0 else ()
        for tenant_id, job_id in claims:
            task = asyncio.create_task(self._carry_out(tenant_id, job_id), name=f"job {job_id}")
            self._under_way.add(task)
            task.add_done_callback(self._finished)
        return len(claims)

    async def _carry_out(self, tenant_id: UUID, job_id: UUID) -> None:
        try:
            await run_job(self._bench, self._works, tenant_id, job_id)
        except Exception as error:  # noqa: BLE001  # it is tried again, and given up after a few times
            logger.warning("job %s of tenant %s failed: %s", job_id, tenant_id, type(error).__name__)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()

    async def _sleep(self, pause: timedelta) -> None:
        try:
            async with asyncio.timeout(pause.total_seconds()):
                await self._wake.wait()
        except TimeoutError:
            return
