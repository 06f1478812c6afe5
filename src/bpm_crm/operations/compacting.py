"""Folds changed cases into the cells, so that figures are read without looking at history.

One transaction of the compactor takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells.changes import Change, Changes, changed
from bpm_crm.analytics.cells.columns import Columns, joined, pack_columns, unpack_columns
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.parts import Part, contributions, pack_parts, segments_of, unpack_parts
from bpm_crm.analytics.cells.sheets import PROCESS, Evaluation, Sheet, sheet_of
from bpm_crm.analytics.frames import Frame, Version, read_frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.records import cells
from bpm_crm.records.cells import CellKey, Day, StoredParts
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

FILLED_AT_ONCE = 1_000
"""Cases that are evaluated together while sheets are filled."""
BATCHES = 8
"""So many batches are filled in one transaction, and summed up once."""
EVALUATED_AT_ONCE = 2
"""Batches that are evaluated side by side, while others are summed up."""
FEWEST_CONNECTIONS = 4
"""With fewer in the pool they are evaluated one after the other."""
SAVED_AT_ONCE = 5_000
"""Cells."""
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(pack_parts({}), None)

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


class Compaction:
    """One transaction of the compactor over a tenant, whose cells nobody else changes meanwhile."""

    def __init__(
        self, database: Database, connection: Connection, tenant_id: UUID, frame: Frame, sheets: Sequence[Sheet]
    ) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.frame = frame
        self.sheets = sheets
        self._database = database

    @classmethod
    async def begin(cls, database: Database, connection: Connection, tenant_id: UUID) -> "Compaction":
        """Have the sheets that the published processes call for; those no longer called for are dropped.

        The caller holds the lock, and has taken the changes before: what they need is published by now.
        """
        frame = await read_frame(connection, tenant_id)
        zone = await cells.zone_of(connection, tenant_id)
        wanted = wanted_sheets(frame.versions, zone)
        kept: list[Sheet] = []
        dropped: list[UUID] = []
        for row in await cells.load_sheets(connection, tenant_id):
            sheet = sheet_of(row)
            if _question(sheet) in wanted:
                wanted.remove(_question(sheet))
                kept.append(sheet)
            else:
                dropped.append(sheet.id)
        if dropped:
            await cells.drop_sheets(connection, tenant_id, dropped)
        for question in wanted:
            sheet = Sheet(new_id(), *question, FIRST_ID, is_filled=False)
            await cells.insert_sheet(connection, tenant_id, sheet)
            kept.append(sheet)
        return cls(database, connection, tenant_id, frame, kept)

    async def fold(self, cases: Sequence[UUID], filling: Collection[UUID] = ()) -> int:
        """Put what these cases add now in place of what the cells hold of them; sheets being filled hold nothing of them."""
        if not cases or not self.sheets:
            return 0
        changes = Changes(self.sheets)
        async for batch, after in self._evaluated(cases):
            before = await cells.load_parts(self.connection, self.tenant_id, batch)
            stored = {case: StoredParts(pack_parts(parts.now), parts.valid_until) for case, parts in after.items()}
            for case in batch:
                known = before.get(case, NO_PARTS).parts
                is_changed = known != stored[case].parts
                if is_changed or filling:
                    changes.add(case, after[case].now, 1, filling, is_changed=is_changed)
                if is_changed:
                    changes.add(case, unpack_parts(known), -1, (), is_changed=True)
            differing = {case: parts for case, parts in stored.items() if before.get(case) != parts}
            await cells.save_parts(self.connection, self.tenant_id, differing)
        await self._apply(changes.by_cell())
        await self._apply_days(changes.by_day())
        return len(cases)

    async def fill(self) -> int:
        """Take the next cases into the sheets that are filled least, all together; how many."""
        unfilled = [sheet for sheet in self.sheets if not sheet.is_filled]
        if not unfilled:
            return 0
        await cells.lift_limits(self.connection)
        after = min(sheet.filled_to for sheet in unfilled)
        filling = [sheet for sheet in unfilled if sheet.filled_to == after]
        definitions = {definition for sheet in filling for definition in sheet.definitions}
        most = FILLED_AT_ONCE * BATCHES
        cases = await cells.next_cases(self.connection, self.tenant_id, sorted(definitions), after, most)
        ids = [sheet.id for sheet in filling]
        await self.fold(cases, ids)
        is_filled = len(cases) < most
        to = LAST_ID if is_filled else cases[-1]
        await cells.mark_filled(self.connection, self.tenant_id, ids, to, is_filled=is_filled)
        self.sheets = [
            replace(sheet, filled_to=to, is_filled=is_filled) if sheet.id in ids else sheet for sheet in self.sheets
        ]
        return max(1, len(cases))

    async def fill_up(self) -> None:
        """Fill every sheet to its end."""
        while await self.fill():
            pass

    async def _evaluated(self, cases: Sequence[UUID]) -> AsyncIterator[tuple[Sequence[UUID], dict[UUID, Evaluated]]]:
        """The cases in batches, with what each adds. Several batches are evaluated side by side, each in a snapshot of its own.

        A snapshot taken under the lock shows all that was taken from the queue; what comes later has its change still there.
        """
        batches = [cases[place : place + FILLED_AT_ONCE] for place in range(0, len(cases), FILLED_AT_ONCE)]
        if len(batches) == 1 or self._database.size < FEWEST_CONNECTIONS:
            for batch in batches:
                yield batch, await self.evaluate(self.connection, batch)
            return
        waiting = deque[asyncio.Task[dict[UUID, Evaluated]]]()
        try:
            for place, batch in enumerate(batches):
                while len(waiting) < EVALUATED_AT_ONCE and place + len(waiting) < len(batches):
                    waiting.append(asyncio.create_task(self._evaluate_aside(batches[place + len(waiting)])))
                yield batch, await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _evaluate_aside(self, cases: Sequence[UUID]) -> dict[UUID, Evaluated]:
        async with self._database.reader(self.tenant_id) as connection:
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

    async def _apply(self, changes: Mapping[CellKey, Change]) -> None:
        keys = list(changes)
        for place in range(0, len(keys), SAVED_AT_ONCE):
            some = keys[place : place + SAVED_AT_ONCE]
            stored = await cells.load_cells(self.connection, self.tenant_id, some)
            values = {key: changed(stored.get(key), changes[key]) for key in some}
            await cells.save_cells(self.connection, self.tenant_id, values)

    async def _apply_days(self, changes: Iterator[tuple[UUID, date, Columns]]) -> None:
        """Add a body to each changed day, together with those last added as far as they are no larger."""
        added = {Day(sheet_id, day): columns for sheet_id, day, columns in changes}
        packed = {day: pack_columns(columns) for day, columns in added.items()}
        sizes = await cells.day_sizes(self.connection, self.tenant_id, list(packed))
        firsts = {day: _first_joined(sizes[day], len(body)) for day, body in packed.items()}
        taken = await cells.take_days(self.connection, self.tenant_id, firsts)
        for day, bodies in taken.items():
            if bodies:
                packed[day] = pack_columns(joined([*(unpack_columns(body) for body in bodies), added[day]]))
        saved = {day: (firsts[day], body) for day, body in packed.items()}
        await cells.save_days(self.connection, self.tenant_id, saved)


def _first_joined(sizes: Sequence[tuple[int, int]], size: int) -> int:
    """The number of the first body that a new one of some size is put together with: each is then at least twice as large as the next."""
    first = sizes[-1][0] + 1 if sizes else 0
    for number, held in reversed(sizes):
        if held > 2 * size:
            break
        first, size = number, size + held
    return first


Wanted = tuple[str, tuple[str, ...], tuple[UUID, ...], str, bool]


def wanted_sheets(versions: Sequence[Version], zone: str) -> list[Wanted]:
    """The questions to be kept: every kept report over all processes, where it can be, and over each."""
    processes = dict.fromkeys(version.process for version in versions)
    each = [tuple(item for item in versions if item.process == process) for process in processes]
    wanted: list[Wanted] = []
    for kept in KEPT.values():
        together = [] if kept.is_of_one_process else [tuple(versions)]
        layouts = {layout: None for some in (*together, *each) if (layout := kept.layout(some)) is not None}
        whole = kept.layout(versions) if kept.shares_steps else None
        found = [(layout if whole is None else (whole[0], layout[1])) for layout in layouts]
        for checkpoints, definitions in found:
            is_whole = not any(steps == checkpoints and set(definitions) < set(wider) for steps, wider in found)
            wanted.append((kept.name, checkpoints, definitions, zone, is_whole))
    return wanted


def _question(sheet: Sheet) -> Wanted:
    return sheet.report, sheet.checkpoints, sheet.definitions, sheet.zone, sheet.is_whole
