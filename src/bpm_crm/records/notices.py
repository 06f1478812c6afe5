"""Notices of committed steps, changed reference data and jobs that went on, over LISTEN on a connection of its own (never through a pooler)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from bpm_crm.records.database import Connection
from bpm_crm.records.writing import CHANNEL

REFERENCE_CHANNEL = "bpm_crm_reference"
JOB_CHANNEL = "bpm_crm_job"
RECONNECT_SECONDS = 0.5

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """Steps that were committed. `steps` are (case, first sequence, last sequence); None when they did not fit."""

    tenant_id: UUID
    due: int | None
    effects: bool
    steps: tuple[tuple[UUID, int, int], ...] | None


class Listener:
    """Keeps listening. `on_gap` is called whenever notices may have been missed: at the start and after a lost connection.

    `on_job` hears of jobs that went on; without it nobody listens to them. `on_connect` is awaited with each new connection, which lives as long as the listening.
    """

    def __init__(
        self,
        dsn: str,
        *,
        on_notice: Callable[[Notice], None],
        on_reference: Callable[[UUID], None],
        on_gap: Callable[[], None],
        on_job: Callable[[UUID], None] | None = None,
        on_connect: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._dsn = dsn
        self._on_notice = on_notice
        self._on_reference = on_reference
        self._on_gap = on_gap
        self._on_job = on_job
        self._on_connect = on_connect
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen; returns once the first connection listens."""
        self._task = asyncio.create_task(self._run(), name="listener")
        await self._listening.wait()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                logger.warning("listening interrupted: %s", type(error).__name__)
            self._on_gap()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, server_settings={"application_name": "bpm_crm listener"})
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(CHANNEL, self._heard_steps)
            await connection.add_listener(REFERENCE_CHANNEL, self._heard_reference)
            if self._on_job is not None:
                await connection.add_listener(JOB_CHANNEL, partial(self._heard_job, self._on_job))
            if self._on_connect is not None:
                await self._on_connect(connection)
            self._on_gap()
            self._listening.set()
            await lost.wait()
        finally:
            connection.terminate()

    def _heard_steps(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._on_notice(parse_notice(str(payload)))

    def _heard_reference(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        self._on_reference(UUID(str(payload)))

    def _heard_job(
        self, heard: Callable[[UUID], None], _connection: Any, _pid: int, _channel: str, payload: object
    ) -> None:
        heard(UUID(str(payload)))


def parse_notice(payload: str) -> Notice:
    """A notice as `operations.written.notice_of` wrote it."""
    values = orjson.loads(payload)
    steps = values["steps"]
    return Notice(
        tenant_id=UUID(values["tenant"]),
        due=values["due"],
        effects=values["effects"],
        steps=None if steps is None else tuple((UUID(case), first, last) for case, first, last in steps),
    )


async def announce_reference(connection: Connection, tenant_id: UUID) -> None:
    """Tell everyone, with the commit, that reference data of a tenant changed."""
    await connection.execute("SELECT pg_notify($1, $2)", REFERENCE_CHANNEL, str(tenant_id))


async def announce_job(connection: Connection, job_id: UUID) -> None:
    """Tell everyone, with the commit, that a job went on."""
    await connection.execute("SELECT pg_notify($1, $2)", JOB_CHANNEL, str(job_id))
