"""The compactor: folds changed cases into the cells, so that figures are read without looking at history.

One transaction takes the changes from the queue (`DELETE … RETURNING`), takes away what the cells hold of these cases, adds what they
add now, and remembers it. Killed at any moment it has done all of that or nothing. A case that changes meanwhile has a new change in the queue.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

import orjson

from bpm_crm.analytics.cells.days import Days, Level, month_of
from bpm_crm.analytics.cells.parts import (
    Part,
    Parts,
    Sums,
    contributions,
    exact_numbers,
    pack_parts,
    plain_numbers,
    unpack_parts,
)
from bpm_crm.analytics.cells.reading import sheet_of
from bpm_crm.analytics.cells.sheets import PROCESS, ROLLED_UP, Sheet
from bpm_crm.analytics.cells.spreads import merge, pack
from bpm_crm.analytics.frames import Frame, Version, read_frame
from bpm_crm.analytics.kept import KEPT
from bpm_crm.records import cells
from bpm_crm.records.cells import CellKey, CellValue, StoredParts
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.sweeping import changed_tenants

MOST_AT_ONCE = 1_000
FILLED_AT_ONCE = 2_000
ENOUGH_CHANGES = 250
"""Changes of a tenant that are folded at once; fewer wait."""
LONGEST_WAIT_SECONDS = 15.0
FIRST_ID, LAST_ID = UUID(int=0), UUID(int=2**128 - 1)
NO_PARTS = StoredParts(pack_parts({}), None)

ROLL_UPS = [(), *((dimension,) for dimension in ROLLED_UP)]


async def compact(database: Database, tenant_id: UUID, *, most: int = MOST_AT_ONCE) -> int:
    """Fold up to `most` changes of a tenant and go on filling new sheets; nothing is left to do when it gives 0."""
    folded, filled = await _compact(database, tenant_id, most)
    return folded + filled


async def _compact(database: Database, tenant_id: UUID, most: int) -> tuple[int, int]:
    """How many cases were folded, and how many taken into sheets that were not filled."""
    async with database.transaction(tenant_id) as connection:
        await cells.lock(connection, tenant_id)
        taken = await cells.take_changes(connection, tenant_id, most)
        compaction = await Compaction.begin(connection, tenant_id)
        taken |= await cells.expired(connection, tenant_id, compaction.frame.as_of, most)
        return await compaction.fold(sorted(taken)), await compaction.fill(FILLED_AT_ONCE)


class Compactor:
    """Keeps the cells of all tenants near to their history. Figures are exact however far behind it is; they only take longer.

    A tenant is folded when many of its cases have changed, or when it has not been for a while: every folding writes the cells of
    today again, so that changes are cheaper together. Sheets that are not filled are filled without a pause.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._folded_at: dict[UUID, float] = {}
        self._filling: set[UUID] = set()

    async def run(self, now: float) -> bool:
        """Fold once what it is time for, at a reading of a monotone clock in seconds; whether more is waiting already."""
        is_behind = False
        changes = await changed_tenants(self._database)
        for tenant_id in {*changes, *self._filling}:
            if self._is_due(tenant_id, changes.get(tenant_id, 0), now):
                folded, filled = await _compact(self._database, tenant_id, MOST_AT_ONCE)
                if filled:
                    self._filling.add(tenant_id)
                else:
                    self._filling.discard(tenant_id)
                    self._folded_at[tenant_id] = now
                is_behind = is_behind or filled > 0 or folded >= MOST_AT_ONCE
        return is_behind

    def _is_due(self, tenant_id: UUID, changes: int, now: float) -> bool:
        has_waited = now - self._folded_at.get(tenant_id, -LONGEST_WAIT_SECONDS) >= LONGEST_WAIT_SECONDS
        return tenant_id in self._filling or changes >= ENOUGH_CHANGES or has_waited


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

    async def fill(self, most: int) -> int:
        """Take the next cases into the sheets that are filled least, all together; how many."""
        unfilled = [sheet for sheet in self.sheets if not sheet.is_filled]
        if not unfilled:
            return 0
        after = min(sheet.filled_to for sheet in unfilled)
        filling = [sheet for sheet in unfilled if sheet.filled_to == after]
        definitions = {definition for sheet in filling for definition in sheet.definitions}
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
        while await self.fill(FILLED_AT_ONCE):
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


class Changes:
    """Changes of cells: summed up by day and whole segment first, since many cases share these, then by each dimension."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sums: dict[tuple[UUID, date, tuple[str | None, ...]], Sums] = defaultdict(Sums)
        self._fed: dict[tuple[str, str | None], list[Sheet]] = defaultdict(list)
        for sheet in sheets:
            for definition in sheet.definitions:
                self._fed[sheet.evaluation, str(definition)].append(sheet)

    def add(self, case: UUID, parts: Parts, sign: int, filling: Collection[UUID], *, is_changed: bool) -> None:
        """Add what a case adds, or (-1) take it away: in sheets that are being filled, and, where it changed, in those that hold it."""
        for evaluation, some in parts.items():
            for part in some:
                for sheet in self._fed[evaluation, part.segment[PROCESS]]:
                    if sheet.id in filling or (is_changed and case <= sheet.filled_to):
                        self._sums[sheet.id, part.on, part.segment].add(part, sign)

    def by_cell(self) -> Mapping[CellKey, Sums]:
        """The changes by cell."""
        found: dict[CellKey, Sums] = defaultdict(Sums)
        for (sheet_id, day, segment), sums in self._sums.items():
            month = month_of(day)
            for dimensions, values in rolled_up(segment):
                found[CellKey(sheet_id, dimensions, Level.DAY.value, day, values)].include(sums)
                found[CellKey(sheet_id, dimensions, Level.MONTH.value, month, values)].include(sums)
        return found


@lru_cache(maxsize=65_536)
def rolled_up(segment: tuple[str | None, ...]) -> list[tuple[str, str]]:
    """The dimensions that a whole segment is summed up by, each with its values there as a cell names them."""
    return [
        (",".join(dimensions), orjson.dumps([segment[ROLLED_UP.index(item)] for item in dimensions]).decode())
        for dimensions in ROLL_UPS
    ]


def changed(value: CellValue | None, sums: Sums) -> CellValue:
    """What a cell holds after a change."""
    if value is None:
        return CellValue(plain_numbers(sums.numbers), pack(sums.lengths))
    numbers = dict(exact_numbers(value.numbers))
    for name, amount in sums.numbers.items():
        numbers[name] = numbers.get(name, 0) + amount
    return CellValue(plain_numbers(numbers), merge(value.spreads, sums.lengths))


def _question(sheet: Sheet) -> tuple[str, tuple[str, ...], tuple[UUID, ...], str]:
    return sheet.report, sheet.checkpoints, sheet.definitions, sheet.zone
