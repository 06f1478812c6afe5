"""Evaluates what cases add to the cells: in batches, several side by side while others are summed up."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.parts import Part, contributions, segments_of
from bpm_crm.analytics.cells.sheets import PROCESS, Evaluation, Sheet
from bpm_crm.analytics.frames import Frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records import cells
from bpm_crm.records.database import Connection, Database

EVALUATED_AT_ONCE = 1_000
SIDE_BY_SIDE = 2
FEWEST_CONNECTIONS = 4
"""With fewer in the pool batches are evaluated one after the other."""

_PROCESSES = ProcessCache()


@dataclass(slots=True)
class Evaluated:
    """What a case adds now, by evaluation, and until when that holds; None: until it changes."""

    now: dict[str, Sequence[Part]] = field(default_factory=dict)
    valid_until: datetime | None = None

    def until(self, at: datetime | None) -> None:
        """It holds no longer than until an instant."""
        if at is not None:
            self.valid_until = at if self.valid_until is None else min(at, self.valid_until)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates cases of a tenant for some sheets, under the lock that its compactor holds in the transaction of `connection`."""

    database: Database
    connection: Connection
    tenant_id: UUID
    frame: Frame
    sheets: Sequence[Sheet]

    async def batches(self, cases: Sequence[UUID]) -> AsyncIterator[tuple[Sequence[UUID], dict[UUID, Evaluated]]]:
        """The cases in batches, with what each adds. Several batches are evaluated side by side, each in a snapshot of its own.

        A snapshot taken under the lock shows all that was taken from the queue; what comes later has its change still there.
        """
        batches = [cases[place : place + EVALUATED_AT_ONCE] for place in range(0, len(cases), EVALUATED_AT_ONCE)]
        if len(batches) == 1 or self.database.size < FEWEST_CONNECTIONS:
            for batch in batches:
                yield batch, await self.evaluate(self.connection, batch)
            return
        waiting = deque[asyncio.Task[dict[UUID, Evaluated]]]()
        try:
            for place, batch in enumerate(batches):
                while len(waiting) < SIDE_BY_SIDE and place + len(waiting) < len(batches):
                    waiting.append(asyncio.create_task(self._evaluate_aside(batches[place + len(waiting)])))
                yield batch, await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _evaluate_aside(self, cases: Sequence[UUID]) -> dict[UUID, Evaluated]:
        async with self.database.reader(self.tenant_id) as connection:
            return await self.evaluate(connection, cases)

    async def evaluate(self, connection: Connection, cases: Sequence[UUID]) -> dict[UUID, Evaluated]:
        """What these cases add now to every sheet."""
        at = await connection.fetchval("SELECT clock_timestamp()")
        found = {case: Evaluated() for case in cases}
        frame = replace(self.frame, as_of=at)
        asked = Evaluation(connection, self.tenant_id, frame, (), await self._processes(), cases)
        segments = await segments_of(asked, at)
        for evaluation, sheets in self._evaluations().items():
            definitions = {definition for sheet in sheets for definition in sheet.definitions}
            few = [case for case in cases if case in segments and UUID(str(segments[case][PROCESS])) in definitions]
            if few:
                versions = tuple(version for version in frame.versions if version.definition_id in definitions)
                within = replace(
                    asked,
                    frame=replace(frame, versions=versions),
                    checkpoints=sheets[0].checkpoints,
                    processes={key: process for key, process in asked.processes.items() if key[0] in definitions},
                    cases=few,
                )
                added = await contributions(KEPT[sheets[0].report], within, segments, Days(sheets[0].zone), at)
                for case, contribution in added.items():
                    found[case].now[evaluation] = contribution.parts
                    found[case].until(contribution.valid_until)
        for case, until in (await cells.dated_ahead(connection, self.tenant_id, cases, self.frame.as_of)).items():
            found[case].until(until)
        return found

    def _evaluations(self) -> Mapping[str, Sequence[Sheet]]:
        found: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in self.sheets:
            found[sheet.evaluation].append(sheet)
        return found

    async def _processes(self) -> Processes:
        keys = [(version.definition_id, version.number) for version in self.frame.versions]
        return {key: await _PROCESSES.get(self.connection, self.tenant_id, *key) for key in keys}
