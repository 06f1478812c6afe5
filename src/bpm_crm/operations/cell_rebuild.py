"""Rebuilds the cells of figures: fills sheets anew beside those that there are, compares the two, and puts the new in place of the old."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from hashlib import sha256
from uuid import UUID

from bpm_crm.analytics.cells.bodies import joined_bodies, unpack
from bpm_crm.analytics.cells.days import turns
from bpm_crm.operations.compacting import Compaction
from bpm_crm.operations.compactor import MOST_AT_ONCE
from bpm_crm.operations.wanted_sheets import FIRST_ID
from bpm_crm.records import cell_bodies, cells
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.identifiers import new_id

COMPARED_AT_ONCE = 1 << 25
"""Bytes of bodies."""


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
        different = sum([await _differing(connection, tenant_id, *pair) for pair in pairs])
        await cells.drop_sheets(connection, tenant_id, [sheet.id for sheet in old])
    return different


async def _differing(connection: Connection, tenant_id: UUID, old: UUID, new: UUID) -> int:
    """How many cells of two sheets say something else, or are only in one of the two."""
    different = 0
    for dimensions, level in await cell_bodies.kinds(connection, tenant_id, [old, new]):
        sizes: Counter[date] = Counter()
        for sheet in (old, new):
            sizes.update(dict(await cell_bodies.days(connection, tenant_id, sheet, dimensions, (level, None, None))))
        for turn in turns(sorted(sizes.items()), COMPARED_AT_ONCE):
            span = (level, *turn)
            known, found = [await _cells(connection, tenant_id, sheet, dimensions, span) for sheet in (old, new)]
            different += sum(known.get(start) != found.get(start) for start in known.keys() | found.keys())
    return different


async def _cells(
    connection: Connection, tenant_id: UUID, sheet_id: UUID, dimensions: str, span: cell_bodies.BodySpan
) -> dict[date, bytes]:
    """The digest of what each cell says, however many bodies it is made of; of those that say anything."""
    bodies: dict[date, list[bytes]] = defaultdict(list)
    for row in await cell_bodies.read(connection, tenant_id, sheet_id, dimensions, [span]):
        bodies[row["starts_on"]].append(row["body"])
    whole = {start: some[0] if len(some) == 1 else joined_bodies(some) for start, some in bodies.items()}
    return {start: sha256(body).digest() for start, body in whole.items() if unpack(body).size}
