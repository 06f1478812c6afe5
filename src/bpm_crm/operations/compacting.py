"""Folds changed cases into the cells, so that figures are read without looking at history.

One transaction of the compactor takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from bpm_crm.analytics.cells.changes import Change, Changes, changed
from bpm_crm.analytics.cells.parts import pack_parts, unpack_parts
from bpm_crm.analytics.cells.sheets import Sheet, sheet_of
from bpm_crm.analytics.frames import Frame, read_frame
from bpm_crm.operations.evaluating import Evaluator
from bpm_crm.operations.wanted_sheets import question_of, wanted_sheets
from bpm_crm.operations.whole_days import add_to_days
from bpm_crm.records import cells
from bpm_crm.records.cells import CellKey, StoredParts
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

FILLED_AT_ONCE = 8_000
"""Cases that sheets take in one transaction: summed up once."""
SAVED_AT_ONCE = 5_000
"""Cells."""
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(pack_parts({}), None)


class Compaction:
    """One transaction of the compactor over a tenant, whose cells nobody else changes meanwhile."""

    def __init__(
        self, database: Database, connection: Connection, tenant_id: UUID, frame: Frame, sheets: Sequence[Sheet]
    ) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.frame = frame
        self.sheets = sheets
        self.database = database

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
            if question_of(sheet) in wanted:
                wanted.remove(question_of(sheet))
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
        evaluator = Evaluator(self.database, self.connection, self.tenant_id, self.frame, self.sheets)
        async for batch, after in evaluator.batches(cases):
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
        await add_to_days(self.connection, self.tenant_id, changes.by_day())
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
        most = FILLED_AT_ONCE
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

    async def _apply(self, changes: Mapping[CellKey, Change]) -> None:
        keys = list(changes)
        for place in range(0, len(keys), SAVED_AT_ONCE):
            some = keys[place : place + SAVED_AT_ONCE]
            stored = await cells.load_cells(self.connection, self.tenant_id, some)
            values = {key: changed(stored.get(key), changes[key]) for key in some}
            await cells.save_cells(self.connection, self.tenant_id, values)
