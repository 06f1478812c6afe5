"""The compactor: folds changed cases into the cells, so that figures are read without looking at history.

One transaction takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Days, Level, month_of
from bpm_crm.analytics.cells.parts import (
    Part,
    Sums,
    contributions,
    exact_numbers,
    pack_parts,
    plain_numbers,
    unpack_parts,
)
from bpm_crm.analytics.cells.reading import sheet_of
from bpm_crm.analytics.cells.sheets import ROLLED_UP, Kept, Sheet
from bpm_crm.analytics.cells.spreads import merge, pack
from bpm_crm.analytics.frames import Frame, Version, read_frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.records import cells
from bpm_crm.records.cells import CellKey, CellValue, StoredParts
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

MOST_AT_ONCE = 1_000
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(pack_parts({}), None)

ROLL_UPS = [(), *((dimension,) for dimension in ROLLED_UP)]


async def compact(database: Database, tenant_id: UUID, *, most: int = MOST_AT_ONCE) -> int:
    """Fold up to `most` changes of a tenant and go on filling new sheets; how many cases were folded."""
    async with database.transaction(tenant_id) as connection:
        await cells.lock(connection, tenant_id)
        taken = await cells.take_changes(connection, tenant_id, most)
        compaction = await Compaction.begin(connection, tenant_id)
        taken |= await cells.expired(connection, tenant_id, compaction.frame.as_of, most)
        folded = await compaction.fold(sorted(taken))
        return folded + await compaction.fill(most)


class Compaction:
    """One transaction of the compactor over a tenant, whose cells nobody else changes meanwhile."""

    def __init__(
        self, connection: Connection, tenant_id: UUID, frame: Frame, zone: str, sheets: Sequence[Sheet]
    ) -> None:
        self.connection = connection
        self.tenant_id = tenant_id
        self.frame = frame
        self.sheets = sheets
        self._days = Days(zone)

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
            await cells.insert_sheet(connection, tenant_id, [sheet.id, *question, FIRST_ID, False])
            kept.append(sheet)
        return cls(connection, tenant_id, frame, zone, kept)

    async def fold(self, cases: Sequence[UUID], filling: Sheet | None = None) -> int:
        """Put what these cases add now in place of what the cells hold of them; a sheet that is being filled holds nothing of them."""
        if not cases or not self.sheets:
            return 0
        before = await cells.load_parts(self.connection, self.tenant_id, cases)
        at = await self.connection.fetchval("SELECT clock_timestamp()")
        after = await self.evaluate(cases, at)
        changes: dict[CellKey, Sums] = defaultdict(Sums)
        for case in cases:
            old = unpack_parts(before.get(case, NO_PARTS).parts)
            new = unpack_parts(after[case].parts)
            for sheet in self.sheets:
                is_filling = filling is not None and sheet.id == filling.id
                if is_filling or case <= sheet.filled_to:
                    was = () if is_filling else old.get(sheet.evaluation, ())
                    _note(changes, sheet, new.get(sheet.evaluation, ()), was)
        await self._apply(changes)
        await cells.save_parts(
            self.connection,
            self.tenant_id,
            {case: parts for case, parts in after.items() if before.get(case) != parts},
        )
        return len(cases)

    async def fill(self, most: int) -> int:
        """Take the next cases into the first sheet that is not filled; how many."""
        sheet = next((sheet for sheet in self.sheets if not sheet.is_filled), None)
        if sheet is None:
            return 0
        cases = await cells.next_cases(self.connection, self.tenant_id, sheet.filled_to, most)
        await self.fold(cases, sheet)
        is_filled = len(cases) < most
        to = LAST_ID if is_filled else cases[-1]
        await cells.mark_filled(self.connection, self.tenant_id, sheet.id, to, is_filled=is_filled)
        return max(1, len(cases))

    async def evaluate(self, cases: Sequence[UUID], at: datetime) -> dict[UUID, StoredParts]:
        """What these cases add at an instant to every sheet, as it is stored."""
        found: dict[UUID, dict[str, Sequence[Part]]] = {case: {} for case in cases}
        for evaluation, sheets in self._evaluations().items():
            definitions = {definition for sheet in sheets for definition in sheet.definitions}
            versions = [version for version in self.frame.versions if version.definition_id in definitions]
            kept, checkpoints = _kept(sheets[0]), sheets[0].checkpoints
            parts = await contributions(
                self.connection, self.tenant_id, kept, versions, checkpoints, self._days, cases, at
            )
            for case, some in parts.items():
                found[case][evaluation] = some
        ahead = await cells.dated_ahead(self.connection, self.tenant_id, cases, at)
        return {case: StoredParts(pack_parts(parts), ahead.get(case)) for case, parts in found.items()}

    def _evaluations(self) -> Mapping[str, Sequence[Sheet]]:
        found: dict[str, list[Sheet]] = defaultdict(list)
        for sheet in self.sheets:
            found[sheet.evaluation].append(sheet)
        return found

    async def _apply(self, changes: Mapping[CellKey, Sums]) -> None:
        keys = sorted(changes)
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


def cell_keys(sheet: Sheet, part: Part) -> Iterable[CellKey]:
    """The cells that a part of a case is in."""
    for dimensions in ROLL_UPS:
        segment = orjson.dumps([part.segment[ROLLED_UP.index(dimension)] for dimension in dimensions]).decode()
        for level, starts_on in ((Level.DAY, part.on), (Level.MONTH, month_of(part.on))):
            yield CellKey(sheet.id, ",".join(dimensions), level.value, starts_on, segment)


def changed(value: CellValue | None, sums: Sums) -> CellValue:
    """What a cell holds after a change."""
    if value is None:
        return CellValue(plain_numbers(sums.numbers), pack(sums.lengths))
    numbers = dict(exact_numbers(value.numbers))
    for name, amount in sums.numbers.items():
        numbers[name] = numbers.get(name, 0) + amount
    return CellValue(plain_numbers(numbers), merge(value.spreads, sums.lengths))


def _note(changes: dict[CellKey, Sums], sheet: Sheet, new: Sequence[Part], old: Sequence[Part]) -> None:
    if new == old:
        return
    for parts, sign in ((old, -1), (new, 1)):
        for part in parts:
            if sheet.has(part.segment):
                for key in cell_keys(sheet, part):
                    changes[key].add(part, sign)


def _question(sheet: Sheet) -> tuple[str, tuple[str, ...], tuple[UUID, ...], str]:
    return sheet.report, sheet.checkpoints, sheet.definitions, sheet.zone


def _kept(sheet: Sheet) -> Kept:
    return KEPT[sheet.report]
