"""Folds changed cases into the cells, so that figures are read without looking at history.

One transaction of the compactor takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from bpm_crm.analytics.cells.changes import Changes, changed
from bpm_crm.analytics.cells.days import Days
from bpm_crm.analytics.cells.parts import Part, Sums, contributions, pack_parts, unpack_parts
from bpm_crm.analytics.cells.reading import sheet_of
from bpm_crm.analytics.cells.sheets import Sheet
from bpm_crm.analytics.frames import Frame, Version, read_frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.records import cells
from bpm_crm.records.cells import CellKey, StoredParts
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id

FILLED_AT_ONCE = 2_000
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(pack_parts({}), None)


class Compaction:
    """One transaction of the compactor over a tenant, whose cells nobody else changes meanwhile."""

    def __init__(self, connection: Connection, tenant_id: UUID, frame: Frame, sheets: Sequence[Sheet]) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.frame = frame
        self.sheets = sheets

    @classmethod
    async def begin(cls, connection: Connection, tenant_id: UUID) -> "Compaction":
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
        return cls(connection, tenant_id, frame, kept)

    async def fold(self, cases: Sequence[UUID], filling: Collection[UUID] = ()) -> int:
        """Put what these cases add now in place of what the cells hold of them; sheets being filled hold nothing of them."""
        if not cases or not self.sheets:
            return 0
        before = await cells.load_parts(self.connection, self.tenant_id, cases)
        at = await self.connection.fetchval("SELECT clock_timestamp()")
        after = await self.evaluate(cases, at)
        stored = {case: StoredParts(pack_parts(parts.now), parts.valid_until) for case, parts in after.items()}
        changes = Changes(self.sheets)
        for case in cases:
            known = before.get(case, NO_PARTS).parts
            is_changed = known != stored[case].parts
            if is_changed or filling:
                changes.add(case, after[case].now, 1, filling, is_changed=is_changed)
            if is_changed:
                changes.add(case, unpack_parts(known), -1, (), is_changed=True)
        await self._apply(changes.by_cell())
        changed = {case: parts for case, parts in stored.items() if before.get(case) != parts}
        await cells.save_parts(self.connection, self.tenant_id, changed)
        return len(cases)

    async def fill(self) -> int:
        """Take the next cases into the sheets that are filled least, all together; how many."""
        unfilled = [sheet for sheet in self.sheets if not sheet.is_filled]
        if not unfilled:
            return 0
        after = min(sheet.filled_to for sheet in unfilled)
        filling = [sheet for sheet in unfilled if sheet.filled_to == after]
        definitions = {definition for sheet in filling for definition in sheet.definitions}
        cases = await cells.next_cases(self.connection, self.tenant_id, sorted(definitions), after, FILLED_AT_ONCE)
        ids = [sheet.id for sheet in filling]
        await self.fold(cases, ids)
        is_filled = len(cases) < FILLED_AT_ONCE
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

    async def evaluate(self, cases: Sequence[UUID], at: datetime) -> dict[UUID, "Evaluated"]:
        """What these cases add at an instant to every sheet."""
        found = {case: Evaluated({}) for case in cases}
        for evaluation, sheets in self._evaluations().items():
            definitions = {definition for sheet in sheets for definition in sheet.definitions}
            versions = [version for version in self.frame.versions if version.definition_id in definitions]
            kept, checkpoints, days = KEPT[sheets[0].report], sheets[0].checkpoints, Days(sheets[0].zone)
            parts = await contributions(self.connection, self.tenant_id, kept, versions, checkpoints, days, cases, at)
            for case, some in parts.items():
                found[case].now[evaluation] = some
        ahead = await cells.dated_ahead(self.connection, self.tenant_id, cases, self.frame.as_of)
        for case, until in ahead.items():
            found[case].valid_until = until
        return found

    def _evaluations(self) -> Mapping[str, Sequence[Sheet]]:
        found: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in self.sheets:
            found[sheet.evaluation].append(sheet)
        return found

    async def _apply(self, changes: Mapping[CellKey, Sums]) -> None:
        keys = list(changes)
        stored = await cells.load_cells(self.connection, self.tenant_id, keys)
        await cells.save_cells(
            self.connection, self.tenant_id, {key: changed(stored.get(key), changes[key]) for key in keys}
        )


def wanted_sheets(versions: Sequence[Version], zone: str) -> list[tuple[str, tuple[str, ...], tuple[UUID, ...], str]]:
    """The questions to be kept: every kept report over all processes, and over each."""
    processes = dict.fromkeys(version.process for version in versions)
    wanted: dict[tuple[str, tuple[str, ...], tuple[UUID, ...], str], None] = {}
    for kept in KEPT.values():
        for some in (versions, *([item for item in versions if item.process == process] for process in processes)):
            checkpoints, definitions = kept.layout(some)
            if definitions:
                wanted[kept.name, checkpoints, definitions, zone] = None
    return list(wanted)


@dataclass(slots=True)
class Evaluated:
    """What a case adds now, by evaluation, and until when that holds; None: until it changes."""

    now: dict[str, Sequence[Part]]
    valid_until: datetime | None = None


def _question(sheet: Sheet) -> tuple[str, tuple[str, ...], tuple[UUID, ...], str]:
    return sheet.report, sheet.checkpoints, sheet.definitions, sheet.zone
