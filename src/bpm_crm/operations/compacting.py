"""Folds changed cases into the cells, so that figures are read without looking at history.

One transaction of the compactor takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.parts import NOTHING_ADDED, Part, added_of, unpack_parts, with_kept
from bpm_crm.analytics.cells.sheets import Sheet
from bpm_crm.analytics.cells.sums import Added, together
from bpm_crm.analytics.frames import Frame, read_frame
from bpm_crm.operations.evaluating import Evaluated, Evaluator
from bpm_crm.operations.summing import add_to_cells, roll_up
from bpm_crm.operations.wanted_sheets import have_sheets
from bpm_crm.records import cells
from bpm_crm.records.cells import StoredParts
from bpm_crm.records.database import Connection, Database

FILLED_AT_ONCE = 32_000
"""Cases that sheets take in one transaction: summed up once."""
LAST_ID = UUID(int=2**128 - 1)
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
        """Have the sheets that the published processes call for.

        The caller holds the lock, and has taken the changes before: what they need is published by now.
        """
        frame = await read_frame(connection, tenant_id)
        sheets = await have_sheets(connection, tenant_id, frame.versions)
        return cls(database, connection, tenant_id, frame, sheets)

    async def fold(self, cases: Sequence[UUID], filling: Collection[UUID] = ()) -> int:
        """Put what these cases add now in place of what the cells hold of them; sheets being filled hold nothing of them.

        To fill sheets, cases are evaluated for these alone; what is stored of them for others stays, unless they are elsewhere by now.
        """
        if not cases or not self.sheets:
            return 0
        filled_by = {sheet.evaluation for sheet in self.sheets if sheet.id in filling}
        others = {sheet.evaluation for sheet in self.sheets} - filled_by if filling else set()
        some = [sheet for sheet in self.sheets if sheet.evaluation not in others]
        if moved := await self._fold(some, cases, filling, others):
            await self._fold(self.sheets, moved, filling)
        return len(cases)

    async def _fold(
        self, sheets: Sequence[Sheet], cases: Sequence[UUID], filling: Collection[UUID], others: Collection[str] = ()
    ) -> list[UUID]:
        """Fold cases into some sheets; which were left out, as what is stored of them for other evaluations is of other segments."""
        changes: dict[UUID, list[Added]] = defaultdict(list)
        moved: list[UUID] = []
        evaluator = Evaluator(self.database, self.connection, self.tenant_id, self.frame, sheets)
        async for evaluated in evaluator.batches(cases):
            before = await cells.load_parts(self.connection, self.tenant_id, evaluated.cases)
            after = replace(evaluated, stored=_with_others(evaluated.stored, before, others))
            moved.extend(case for case in after.cases if case not in after.stored)
            for sheet, added in _changes(sheets, after, before, filling):
                changes[sheet.id].append(added)
            differing = {case: parts for case, parts in after.stored.items() if before.get(case) != parts}
            await cells.save_parts(self.connection, self.tenant_id, differing)
        for sheet in sheets:
            if sheet.id in changes:
                await add_to_cells(self.connection, self.tenant_id, sheet, together(changes.pop(sheet.id)))
        return moved

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


def _with_others(
    stored: Mapping[UUID, StoredParts], before: Mapping[UUID, StoredParts], others: Collection[str]
) -> dict[UUID, StoredParts]:
    """What is to be stored of cases, with what is stored for other evaluations; without those that have moved to another segment."""
    found = dict(stored)
    for case in stored.keys() & before.keys() if others else ():
        parts = with_kept(stored[case].parts, before[case].parts, others)
        if parts is None:
            del found[case]
        else:
            untils = (stored[case].valid_until, before[case].valid_until)
            found[case] = StoredParts(parts, min(filter(None, untils), default=None))
    return found


def _changes(
    sheets: Sequence[Sheet], after: Evaluated, before: Mapping[UUID, StoredParts], filling: Collection[UUID]
) -> Iterator[tuple[Sheet, Added]]:
    """What is to be added to each sheet, and what to be taken away: of cases that changed, where it holds them."""
    is_told = [case in after.stored for case in after.cases]
    is_changed = [
        told and before.get(case, NO_PARTS).parts != after.stored[case].parts
        for case, told in zip(after.cases, is_told, strict=True)
    ]
    told, changed = np.asarray(is_told, np.bool_), np.asarray(is_changed, np.bool_)
    gone = _gone(after.cases, is_changed, before)
    for sheet in sheets:
        held = np.asarray([case <= sheet.filled_to for case in after.cases], np.bool_)
        taken = told if sheet.id in filling else held & changed
        for added, cases in ((after.added, taken), (gone, held & changed)):
            some = added.get(sheet.evaluation)
            if some is not None and cases.any():
                yield sheet, some.only(cases[some.cases]).of(sheet.definitions)


def _gone(cases: Sequence[UUID], is_changed: Sequence[bool], before: Mapping[UUID, StoredParts]) -> dict[str, Added]:
    """What changed cases added, taken away, by evaluation."""
    known: dict[str, list[tuple[int, Part]]] = defaultdict(list)
    for place, case in enumerate(cases):
        if is_changed[place] and case in before:
            for evaluation, parts in unpack_parts(before[case].parts).items():
                known[evaluation].extend((place, part) for part in parts)
    return {evaluation: added_of(parts).taken_away() for evaluation, parts in known.items()}
