"""Rebuilds the cells of figures: fills sheets anew beside those that there are, compares the two, and puts the new in place of the old."""

from collections import defaultdict
from dataclasses import replace
from datetime import date
from hashlib import sha256
from uuid import UUID

from bpm_crm.analytics.cells.columns import joined, pack_columns, unpack_columns
from bpm_crm.operations.compacting import FIRST_ID, Compaction
from bpm_crm.operations.compactor import MOST_AT_ONCE
from bpm_crm.records import cell_days, cells
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

NOTHING = pack_columns(joined([]))


async def rebuild_cells(database: Database, tenant_id: UUID, *, dry_run: bool = False) -> int:
    """Derive the cells of a tenant anew from history, and replace what is stored otherwise; how many cells differed.

    One transaction: the compactor waits for its end, so that figures take longer meanwhile. Nobody else waits, and nobody sees anything
    but the cells of before or those of after.
    """
    async with database.transaction(tenant_id, dry_run=dry_run) as connection:
        await cells.lift_limits(connection)
        await cells.lock(connection, tenant_id)
        while taken := await cells.take_changes(connection, tenant_id, MOST_AT_ONCE):
            await (await Compaction.begin(database, connection, tenant_id)).fold(sorted(taken))
        compaction = await Compaction.begin(database, connection, tenant_id)
        old = compaction.sheets
        new = [replace(sheet, id=new_id(), filled_to=FIRST_ID, is_filled=False) for sheet in old]
        for sheet in new:
            await cells.insert_sheet(connection, tenant_id, sheet)
        await Compaction(database, connection, tenant_id, compaction.frame, [*old, *new]).fill_up()
        pairs = [(was.id, now.id) for was, now in zip(old, new, strict=True) if was.is_filled]
        different = await cells.count_differences(connection, tenant_id, pairs)
        different += sum([await _differing_days(connection, tenant_id, *pair) for pair in pairs])
        await cells.drop_sheets(connection, tenant_id, [sheet.id for sheet in old])
    return different


async def _differing_days(connection: Connection, tenant_id: UUID, old: UUID, new: UUID) -> int:
    """How many days of two sheets say something else of whole segments."""
    known, found = [await _days(connection, tenant_id, sheet_id) for sheet_id in (old, new)]
    return sum(known.get(day) != found.get(day) for day in known.keys() | found.keys())


async def _days(connection: Connection, tenant_id: UUID, sheet_id: UUID) -> dict[date, bytes]:
    """The digest of what each day says, however many bodies it is made of."""
    bodies: dict[date, list[bytes]] = defaultdict(list)
    for row in await cell_days.read_days(connection, tenant_id, sheet_id, None, None):
        bodies[row["starts_on"]].append(row["body"])
    whole = {day: pack_columns(joined(map(unpack_columns, some))) for day, some in bodies.items()}
    return {day: sha256(body).digest() for day, body in whole.items() if body != NOTHING}
