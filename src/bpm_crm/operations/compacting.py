"""Folds changed cases into the cells, so that figures are read without looking at history.

One transaction of the compactor takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.parts import NOTHING_ADDED, Part, added_of, unpack_parts
from bpm_crm.analytics.cells.sheets import Sheet, sheet_of
from bpm_crm.analytics.cells.sums import Added, together
from bpm_crm.analytics.frames import Frame, read_frame
from bpm_crm.operations.evaluating import Evaluated, Evaluator
from bpm_crm.operations.summing import add_to_cells, roll_up
from bpm_crm.operations.wanted_sheets import question_of, wanted_sheets
from bpm_crm.records import cells
from bpm_crm.records.cells import StoredParts
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

FILLED_AT_ONCE = 32_000
"""Cases that sheets take in one transaction: summed up once."""
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(NOTHING_ADDED, None)


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
        changes: dict[UUID, list[Added]] = defaultdict(list)
        evaluator = Evaluator(self.database, self.connection, self.tenant_id, self.frame, self.sheets)
        async for after in evaluator.batches(cases):
            before = await cells.load_parts(self.connection, self.tenant_id, after.cases)
            for sheet, added in self._changes(after, before, filling):
                changes[sheet.id].append(added)
            differing = {case: parts for case, parts in after.stored.items() if before.get(case) != parts}
            await cells.save_parts(self.connection, self.tenant_id, differing)
        for sheet in self.sheets:
            if sheet.id in changes:
                await add_to_cells(self.connection, self.tenant_id, sheet, together(changes.pop(sheet.id)))
        return len(cases)

    def _changes(
        self, after: Evaluated, before: Mapping[UUID, StoredParts], filling: Collection[UUID]
    ) -> Iterator[tuple[Sheet, Added]]:
        """What is to be added to each sheet, and what to be taken away: of cases that changed, where it holds them."""
        is_changed = [before.get(case, NO_PARTS).parts != after.stored[case].parts for case in after.cases]
        changed = np.asarray(is_changed, np.bool_)
        gone = _gone(after.cases, is_changed, before)
        for sheet in self.sheets:
            held = np.asarray([case <= sheet.filled_to for case in after.cases], np.bool_)
            is_filling = sheet.id in filling
            for added, cases in ((after.added, held & changed | is_filling), (gone, held & changed)):
                some = added.get(sheet.evaluation)
                if some is not None and cases.any():
                    yield sheet, some.only(cases[some.cases]).of(sheet.definitions)

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
        await self.fold(cases, [sheet.id for sheet in filling])
        is_filled = len(cases) < most
        if is_filled:
            for sheet in filling:
                await roll_up(self.connection, self.tenant_id, sheet)
        to = LAST_ID if is_filled else cases[-1]
        ids = [sheet.id for sheet in filling]
        await cells.mark_filled(self.connection, self.tenant_id, ids, to, is_filled=is_filled)
        self.sheets = [
            replace(sheet, filled_to=to, is_filled=is_filled) if sheet in filling else sheet for sheet in self.sheets
        ]
        return max(1, len(cases))

    async def fill_up(self) -> None:
        """Fill every sheet to its end."""
        while await self.fill():
            pass


def _gone(cases: Sequence[UUID], is_changed: Sequence[bool], before: Mapping[UUID, StoredParts]) -> dict[str, Added]:
    """What changed cases added, taken away, by evaluation."""
    known: dict[str, list[tuple[int, Part]]] = defaultdict(list)
    for place, case in enumerate(cases):
        if is_changed[place] and case in before:
            for evaluation, parts in unpack_parts(before[case].parts).items():
                known[evaluation].extend((place, part) for part in parts)
    return {evaluation: added_of(parts).taken_away() for evaluation, parts in known.items()}
