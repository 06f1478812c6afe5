"""Steps as they happen: notices of committed steps, turned into events for those who follow a tenant in this process.

Delivery is at least once: after a lost connection, or when a follower resumes from a revision, recent steps may come again; a case's
id and the step's sequence tell them apart.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.records.database import Database
from bpm_crm.records.history import HistoryRecord, load_runs, load_since
from bpm_crm.records.instances import InstanceRecord, load
from bpm_crm.records.notices import Notice
from bpm_crm.records.outages import is_outage

MOST_PENDING = 2_000
MOST_REPLAYED = 10_000
LONGEST_TRANSACTION = timedelta(seconds=30)
"""No step becomes visible later than this after its `recorded_at`: statements and idle transactions time out before."""

PAUSE_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Lagging(Exception):
    """A follower takes events more slowly than they happen; it may resume from the last revision it saw."""


class RevisionUnknown(ValueError):
    """The text is not a revision that an event carried."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step that was committed, and the case as it was when the event was made."""

    entry: HistoryRecord
    instance: InstanceRecord

    @property
    def revision(self) -> str:
        """Where a follower may resume: the time of recording and the step."""
        return f"{instant_of(self.entry.recorded_at):x}.{self.entry.instance_id.hex}.{self.entry.sequence:x}"


Followers = set["asyncio.Queue[StepEvent | None]"]


class EventHub:
    """Followers of tenants. `heard` and `gap` are called by the listener; events are loaded once for all followers of a tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._followers: dict[UUID, Followers] = {}
        self._notices: dict[UUID, asyncio.Queue[Notice | None]] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}

    def heard(self, notice: Notice) -> None:
        """Steps were committed."""
        queue = self._notices.get(notice.tenant_id)
        if queue is not None:
            queue.put_nowait(notice)

    def gap(self) -> None:
        """Notices may have been missed: look for what happened meanwhile."""
        for queue in self._notices.values():
            queue.put_nowait(None)

    async def follow(self, tenant_id: UUID, after: str | None = None) -> AsyncGenerator[StepEvent]:
        """The steps of a tenant from now on, or from a revision on. `RevisionUnknown`, `Lagging`."""
        since = None if after is None else revision_time(after)
        with self._following(tenant_id) as queue:
            if since is not None:
                for event in await self._since(tenant_id, since - LONGEST_TRANSACTION):
                    yield event
            while True:
                live = await queue.get()
                if live is None:
                    raise Lagging
                yield live

    async def stop(self) -> None:
        """End all following."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    @contextmanager
    def _following(self, tenant_id: UUID) -> "Iterator[asyncio.Queue[StepEvent | None]]":
        queue: asyncio.Queue[StepEvent | None] = asyncio.Queue(MOST_PENDING)
        followers = self._followers.setdefault(tenant_id, set())
        followers.add(queue)
        if tenant_id not in self._tasks:
            self._notices[tenant_id] = asyncio.Queue()
            self._tasks[tenant_id] = asyncio.create_task(self._serve(tenant_id), name=f"events of {tenant_id}")
        try:
            yield queue
        finally:
            followers.discard(queue)
            if not followers and self._followers.get(tenant_id) is followers:
                del self._followers[tenant_id]
                del self._notices[tenant_id]
                self._tasks.pop(tenant_id).cancel()

    async def _serve(self, tenant_id: UUID) -> None:
        """Load what notices speak of and hand it to the followers, in the order of the notices."""
        notices = self._notices[tenant_id]
        seen: datetime | None = None
        while True:
            notice = await notices.get()
            try:
                events = await self._patiently(tenant_id, notice, seen)
            except Exception:
                logger.exception("events of a tenant are lost to those who follow them; they are told")
                for queue in self._followers.get(tenant_id, ()):
                    _lag(queue)
                continue
            for event in events:
                seen = event.entry.recorded_at if seen is None else max(seen, event.entry.recorded_at)
                self._hand_out(tenant_id, event)

    async def _patiently(self, tenant_id: UUID, notice: Notice | None, seen: datetime | None) -> Sequence[StepEvent]:
        """What a notice speaks of, or without one (or its steps) everything since `seen`; an outage is waited out."""
        while True:
            try:
                if notice is not None and notice.steps is not None:
                    return await self._of(tenant_id, notice.steps)
                return [] if seen is None else await self._since(tenant_id, seen - LONGEST_TRANSACTION)
            except Exception as error:
                if not is_outage(error):
                    raise
                logger.warning("events of a tenant delayed: %s", type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    def _hand_out(self, tenant_id: UUID, event: StepEvent) -> None:
        for queue in self._followers.get(tenant_id, ()):
            if queue.qsize() >= MOST_PENDING - 1:
                _lag(queue)
            else:
                queue.put_nowait(event)

    async def _of(self, tenant_id: UUID, steps: Sequence[tuple[UUID, int, int]]) -> list[StepEvent]:
        async with self._database.reader(tenant_id) as connection:
            entries = await load_runs(connection, tenant_id, steps)
            cases = await load(connection, tenant_id, {entry.instance_id for entry in entries})
        return [StepEvent(entry, cases[entry.instance_id]) for entry in entries]

    async def _since(self, tenant_id: UUID, since: datetime) -> list[StepEvent]:
        async with self._database.reader(tenant_id) as connection:
            entries = await load_since(connection, tenant_id, since, most=MOST_REPLAYED)
            cases = await load(connection, tenant_id, {entry.instance_id for entry in entries})
        return [StepEvent(entry, cases[entry.instance_id]) for entry in entries]


def _lag(queue: "asyncio.Queue[StepEvent | None]") -> None:
    """Tell a follower that events were lost to it, in place of those that wait."""
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def revision_time(revision: str) -> datetime:
    """The time of recording of the step a revision stands for; `RevisionUnknown` for anything else."""
    parts = revision.split(".")
    try:
        if len(parts) != 3:
            raise ValueError(revision)
        UUID(hex=parts[1])
        return moment_of(int(parts[0], 16))
    except ValueError as error:
        raise RevisionUnknown(revision[:80]) from error
