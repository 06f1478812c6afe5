"""The one write path: concurrent work queues up and is carried out in batches, each in one transaction.

There is no timer: a flusher takes what is there, so at low load a batch is one and waits for nobody; under load commits are shared.
Tenants take turns. Work on one case keeps its order and is never in two batches at once.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from bpm_crm.operations.batches import run_batch
from bpm_crm.operations.commands import Outcome, Work
from bpm_crm.operations.moves import Moves, decide_known, write_moves
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records.database import Database
from bpm_crm.records.known_cases import KnownCases
from bpm_crm.records.outages import CommitInterrupted, is_outage

MOST_IN_BATCH = 128
SMALLEST_SHARE = 16
FLUSHERS = 3
PROMPT_FLUSHERS = 2
"""So many take whatever is there."""
WORTH_WHILE = 8
"""So much has to wait for another one to take part: a smaller batch costs nearly as much."""
MOST_WAITING = 20_000
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.02

_CONFLICTS = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
_NOT_WRITTEN = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What may keep moves from being written: the database refused them or was not reached. Whatever it is comes up again with locks, or does not."""
logger = logging.getLogger(__name__)


class Overloaded(Exception):
    """More work waits than will be accepted; try again later."""


class Unavailable(Exception):
    """The database cannot be reached. `uncertain` means that the work may have been done: repeat it with its idempotency key."""

    def __init__(self, *, uncertain: bool) -> None:
        super().__init__("the database cannot be reached")
        self.uncertain = uncertain


class Writer:
    """Takes work, carries it out in batches, answers each. Run it between `start` and `stop`."""

    def __init__(
        self,
        database: Database,
        processes: ProcessCache,
        *,
        flushers: int = FLUSHERS,
        most_in_batch: int = MOST_IN_BATCH,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self.database = database
        self.processes = processes
        self.known = KnownCases()
        self._most_in_batch = most_in_batch
        self._most_waiting = most_waiting
        self._queues: OrderedDict[UUID, deque[Work]] = OrderedDict()
        self._waiting = 0
        self._busy: set[object] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._flushers = flushers
        self._writing = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work the queue off."""
        self._tasks = [asyncio.create_task(self._flush(), name=f"flusher-{number}") for number in range(self._flushers)]

    async def stop(self) -> None:
        """Carry out what waits, then stop."""
        self._stopping = True
        self._wake.set()
        await asyncio.gather(*self._tasks)

    async def submit(self, work: Work) -> Outcome:
        """Carry out one work. `Overloaded` when too much waits, `Unavailable` when the database cannot be reached."""
        return await self._enqueue([work])[0]

    async def submit_all(self, works: Sequence[Work]) -> list[Outcome]:
        """Carry out several works, each on its own, in order where they concern one case; the answers in the same order."""
        return list(await asyncio.gather(*self._enqueue(works)))

    def _enqueue(self, works: Sequence[Work]) -> "list[asyncio.Future[Outcome]]":
        """Queue works; where their answers will be."""
        if self._waiting + len(works) > self._most_waiting:
            raise Overloaded
        loop = asyncio.get_running_loop()
        answers = []
        for work in works:
            work.answer = loop.create_future()
            answers.append(work.answer)
            self._queues.setdefault(work.tenant_id, deque()).append(work)
        self._waiting += len(works)
        self._wake.set()
        return answers

    async def _flush(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                if self._stopping and not self._waiting:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            self._writing += 1
            try:
                left = await self._move(batch)
                if left:
                    await self._carry_out(left)
            except Exception as error:
                logger.exception("a batch of %d failed", len(batch))
                _fail(batch, error)
            finally:
                self._writing -= 1
                self._busy.difference_update(mark for work in batch for mark in work.marks)
                self._wake.set()

    def _take(self) -> list[Work]:
        """The next batch: work of the tenant whose turn it is, leaving what concerns a case or key that is being worked on."""
        if self._writing >= PROMPT_FLUSHERS and self._waiting < WORTH_WHILE:
            return []
        for tenant_id in list(self._queues):
            queue = self._queues[tenant_id]
            batch: list[Work] = []
            left: deque[Work] = deque()
            held: set[object] = set()
            most = self._share(len(queue))
            while queue and len(batch) < most:
                work = queue.popleft()
                if self._busy.isdisjoint(work.marks) and held.isdisjoint(work.marks):
                    self._busy.update(work.marks)
                    batch.append(work)
                else:
                    held.update(work.marks)
                    left.append(work)
            left.extend(queue)
            if left:
                self._queues[tenant_id] = left
                self._queues.move_to_end(tenant_id)
            else:
                del self._queues[tenant_id]
            if batch:
                self._waiting -= len(batch)
                return batch
        return []

    def _share(self, waiting: int) -> int:
        """How much one flusher takes: of much work, idle flushers take equal parts, so one decides while the database writes for another."""
        idle = self._flushers - self._writing
        return min(self._most_in_batch, max(SMALLEST_SHARE, -(-waiting // max(1, idle))))

    async def _move(self, works: Sequence[Work]) -> Sequence[Work]:
        """Answer those works of a batch that are moves of known cases; what is left, is carried out with locks."""
        decided = self._decided(works) if self.database.commits_by_statement else None
        if decided is None:
            return works
        try:
            answers = await write_moves(self.database, self.known, decided)
        except _NOT_WRITTEN as error:
            logger.info("%d moves are carried out with locks after %s", len(decided.moves), type(error).__name__)
            return works
        except Exception as error:  # noqa: BLE001  # every waiting caller must be answered, and nothing done twice
            _fail(decided.works, Unavailable(uncertain=True) if isinstance(error, CommitInterrupted) else error)
            return [work for work in works if work.answer is not None and not work.answer.done()]
        for work in works:
            if work.instance_id in answers:
                _answer(work, answers[work.instance_id])
        return [work for work in works if work.instance_id not in answers]

    def _decided(self, works: Sequence[Work]) -> Moves | None:
        """The moves of known cases among works; none where one cannot be decided or told, which then fails by itself, with locks."""
        try:
            return decide_known(self.processes, self.known, works)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the fault of one work, and the others are to be done
            logger.warning("%d works are carried out with locks after %s", len(works), type(error).__name__)
            return None

    async def _carry_out(self, works: Sequence[Work]) -> None:
        """Answer every work of a batch: with its outcome, or with the error that was its own."""
        try:
            outcomes = await self._run(works)
        except Exception as error:  # noqa: BLE001  # every waiting caller must be answered, whatever went wrong
            if len(works) == 1 or isinstance(error, Unavailable):
                _fail(works, error)
                return
            logger.warning("batch of %d split after %s", len(works), type(error).__name__)
            for work in works:
                await self._carry_out([work])
            return
        for work, outcome in zip(works, outcomes, strict=True):
            _answer(work, outcome)

    async def _run(self, works: Sequence[Work]) -> list[Outcome]:
        """Run a batch, again after conflicts and short outages; never again once its commit may have succeeded."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await run_batch(self.database, self.processes, self.known, works)
            except CommitInterrupted as error:
                raise Unavailable(uncertain=True) from error
            except _CONFLICTS:
                if attempt == ATTEMPTS:
                    raise
            except Exception as error:
                if not is_outage(error):
                    raise
                if attempt == ATTEMPTS:
                    raise Unavailable(uncertain=False) from error
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 4 ** (attempt - 1))
        raise Unavailable(uncertain=False)


def _answer(work: Work, outcome: Outcome) -> None:
    if work.answer is not None and not work.answer.done():
        work.answer.set_result(outcome)


def _fail(works: Iterable[Work], error: Exception) -> None:
    for work in works:
        if work.answer is not None and not work.answer.done():
            work.answer.set_exception(error)
