"""Evaluates what cases add to the cells: in batches, several side by side while others are summed up."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells.contributions import Contribution, contributions, untils
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.parts import pack_parts
from bpm_crm.analytics.cells.placed import placed
from bpm_crm.analytics.cells.sheets import Evaluation, Sheet
from bpm_crm.analytics.cells.sums import Added
from bpm_crm.analytics.frames import Frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records import cells
from bpm_crm.records.cells import StoredParts
from bpm_crm.records.database import Connection, Database

EVALUATED_AT_ONCE = 1_000
SIDE_BY_SIDE = 2
FEWEST_CONNECTIONS = 4
"""With fewer in the pool batches are evaluated one after the other."""

_PROCESSES = ProcessCache()
_days_of = lru_cache(maxsize=64)(Days)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What cases add now: by evaluation in columns, and as it is stored of each."""

    cases: Sequence[UUID]
    added: Mapping[str, Added]
    stored: Mapping[UUID, StoredParts]


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates cases of a tenant for some sheets, under the lock that its compactor holds in the transaction of `connection`."""

    database: Database
    connection: Connection
    tenant_id: UUID
    frame: Frame
    sheets: Sequence[Sheet]

    async def batches(self, cases: Sequence[UUID]) -> AsyncIterator[Evaluated]:
        """What the cases add, in batches. Several batches are evaluated side by side, each in a snapshot of its own.

        A snapshot taken under the lock shows all that was taken from the queue; what comes later has its change still there.
        """
        processes = await self._processes()
        batches = [cases[place : place + EVALUATED_AT_ONCE] for place in range(0, len(cases), EVALUATED_AT_ONCE)]
        if len(batches) == 1 or self.database.size < FEWEST_CONNECTIONS:
            for batch in batches:
                yield await self._evaluate(self.connection, processes, batch)
            return
        waiting = deque[asyncio.Task[Evaluated]]()
        try:
            for place in range(len(batches)):
                while len(waiting) < SIDE_BY_SIDE and place + len(waiting) < len(batches):
                    batch = batches[place + len(waiting)]
                    waiting.append(asyncio.create_task(self._evaluate_aside(processes, batch)))
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _evaluate_aside(self, processes: Processes, cases: Sequence[UUID]) -> Evaluated:
        async with self.database.reader(self.tenant_id) as connection:
            return await self._evaluate(connection, processes, cases)

    async def _evaluate(self, connection: Connection, processes: Processes, cases: Sequence[UUID]) -> Evaluated:
        """What these cases add now to every sheet."""
        at = await connection.fetchval("SELECT clock_timestamp()")
        frame = replace(self.frame, as_of=at)
        asked = Evaluation(connection, self.tenant_id, frame, (), processes, cases)
        within = await placed(asked, at)
        found: dict[str, Contribution] = {}
        for evaluation, sheets in self._evaluations().items():
            definitions = {definition for sheet in sheets for definition in sheet.definitions}
            few = within.of(definitions)
            if few:
                question = replace(
                    asked,
                    frame=replace(
                        frame, versions=tuple(item for item in frame.versions if item.definition_id in definitions)
                    ),
                    checkpoints=sheets[0].checkpoints,
                    processes={key: process for key, process in processes.items() if key[0] in definitions},
                    cases=few,
                )
                kept, days = KEPT[sheets[0].report], _days_of(sheets[0].zone)
                found[evaluation] = await contributions(kept, question, within, days, at)
        ahead = await cells.dated_ahead(connection, self.tenant_id, cases, self.frame.as_of)
        added = {evaluation: contribution.added for evaluation, contribution in found.items()}
        packed, until = pack_parts(within, added), untils(list(found.values()), len(cases))
        stored = {
            case: StoredParts(parts, min(filter(None, (holds, ahead.get(case))), default=None))
            for case, parts, holds in zip(cases, packed, until, strict=True)
        }
        return Evaluated(cases, added, stored)

    def _evaluations(self) -> Mapping[str, Sequence[Sheet]]:
        found: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in self.sheets:
            found[sheet.evaluation].append(sheet)
        return found

    async def _processes(self) -> Processes:
        keys = [(version.definition_id, version.number) for version in self.frame.versions]
        return {key: await _PROCESSES.get(self.connection, self.tenant_id, *key) for key in keys}
