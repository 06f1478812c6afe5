"""One batch of work of one tenant in one transaction: lock, decide, write, commit, answer each."""

from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from uuid import UUID

from bpm_crm.engine.process import Process
from bpm_crm.operations.commands import (
    AlreadyCaptured,
    Capture,
    KeyReused,
    Missing,
    Outcome,
    Recorded,
    Work,
)
from bpm_crm.operations.decisions import Decision, decide
from bpm_crm.operations.newcomers import Newcomers
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.splitting import Splits
from bpm_crm.operations.written import notice_of, step_rows
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.history import HistoryRecord, load_entries
from bpm_crm.records.instances import load
from bpm_crm.records.known_cases import KnownCases
from bpm_crm.records.locking import Found, Wanted, lock
from bpm_crm.records.writing import release, write


async def run_batch(
    database: Database, processes: ProcessCache, known: KnownCases, works: Sequence[Work]
) -> list[Outcome]:
    """Carry out works of one tenant, at most one per case and per idempotency key; a refused one does not touch the others.

    Cases that are written are kept in `known` afterwards. Raises what the database raises; then nothing of the batch is written, unless it was the commit that was interrupted.
    """
    async with database.transaction(works[0].tenant_id, by_key=True) as connection:
        batch = _Batch(connection, processes, known, works)
        await batch.prepare()
        answers = [await batch.answer(work) for work in works]
        await batch.write()
        outcomes = [await batch.recalled(answer) if isinstance(answer, _Repeat) else answer for answer in answers]
    batch.committed()
    return outcomes


class _Repeat:
    """A work that was carried out before, and the step that answered it."""

    def __init__(self, instance_id: UUID, sequence: int) -> None:
        self.instance_id = instance_id
        self.sequence = sequence


class _Batch:
    """A batch under way: what was found before deciding, and what has been decided."""

    def __init__(
        self, connection: Connection, processes: ProcessCache, known: KnownCases, works: Sequence[Work]
    ) -> None:
        self.connection = connection
        self.processes = processes
        self.known = known
        self.works = works
        self.tenant_id = works[0].tenant_id
        self.found: Found
        self.versions: dict[tuple[UUID, int], Process] = {}
        self.newcomers = Newcomers(self.tenant_id)
        self.splits = Splits(self.tenant_id)
        self.decisions: list[Decision] = []
        self.written_by: int | None = None

    async def prepare(self) -> None:
        """Lock the cases concerned and look up what the works are checked against."""
        wanted = [Wanted(work.instance_id, work.key) for work in self.works]
        sent = monotonic()
        self.found = await lock(self.connection, self.tenant_id, wanted, self.known)
        self.known.clock.heard(sent, self.found.now, self.found.now)
        captures = [first for work in self.works if isinstance(first := work.commands[0], Capture)]
        if captures:
            await self.newcomers.prepare(self.connection, captures)
            await self.splits.prepare(self.connection, captures)
        versions = {(record.definition_id, record.version) for record in self.found.cases.values()}
        self.versions = {version: await self._process(*version) for version in versions}

    async def answer(self, work: Work) -> "Outcome | _Repeat":
        """The answer to a work: decided now, or given before."""
        if work.key is not None and (used := self.found.used.get(work.key)) is not None:
            same = used.fingerprint == work.fingerprint
            return _Repeat(used.instance_id, used.sequence) if same else KeyReused(work.key[1])
        first = work.commands[0]
        if isinstance(first, Capture):
            known = self.newcomers.captured_as(first)
            if known is not None:
                return _Repeat(known.id, 1) if known.fingerprint == first.fingerprint else AlreadyCaptured(known)
            decision = await self._decide_capture(work, first)
        else:
            record = None if work.instance_id is None else self.found.cases.get(work.instance_id)
            if record is None:
                return Missing()
            decision = decide(work, record, self.versions[record.definition_id, record.version], self.found.now)
        if decision.after is not None and not work.dry_run:
            self.decisions.append(decision)
        return decision.outcome

    async def _decide_capture(self, work: Work, capture: Capture) -> Decision:
        if capture.rollout_id is not None:
            capture = self.splits.assigned(capture)
            work = replace(work, commands=(capture, *work.commands[1:]))
        process = await self._process(capture.definition_id, capture.version)
        decision = decide(work, None, process, self.found.now, self.newcomers.identities(capture))
        if decision.after is not None and not work.dry_run:
            self.newcomers.accept(capture, decision.after, process, self.found.now)
            self.splits.accept(capture, decision.after.id)
        return decision

    async def _process(self, definition_id: UUID, version: int) -> Process:
        return await self.processes.get(self.connection, self.tenant_id, definition_id, version)

    async def write(self) -> None:
        """Write everything that was decided; nothing when nothing was."""
        if self.decisions:
            await self._write_decisions()
        leased = [work.instance_id for work in self.works if work.leased and work.instance_id is not None]
        if leased:
            await release(self.connection, self.tenant_id, leased)

    async def _write_decisions(self) -> None:
        await self.splits.write(self.connection)
        await self.newcomers.number_deals(self.connection, self.found.now)
        rows = {
            **step_rows(self.decisions, self.found.now),
            "customers": self.newcomers.customers,
            "contacts": self.newcomers.contacts,
            "new_deals": self.newcomers.deals,
            "turns": self.splits.turns,
        }
        notice = notice_of(self.tenant_id, self.decisions)
        self.written_by = await write(self.connection, self.tenant_id, rows, notice)

    def committed(self) -> None:
        """Keep the cases as they were written: the next step of each need not read it."""
        if self.written_by is not None:
            self.known.keep((item.after for item in self.decisions if item.after is not None), self.written_by)

    async def recalled(self, repeat: _Repeat) -> Outcome:
        """The first answer to a work that was carried out before, with the case as it is now."""
        found = await load(self.connection, self.tenant_id, [repeat.instance_id])
        entries: Sequence[HistoryRecord] = await load_entries(
            self.connection, self.tenant_id, [(repeat.instance_id, repeat.sequence)]
        )
        return Recorded(found[repeat.instance_id], tuple(entries), repeated=True)
