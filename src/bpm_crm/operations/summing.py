"""Adds what cases add to the cells, and makes the cells of dimensions of those of whole segments."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.bodies import joined_bodies, unpack_columns
from bpm_crm.analytics.cells.columns import joined
from bpm_crm.analytics.cells.days import Level, turns
from bpm_crm.analytics.cells.sheets import WHOLE, Sheet
from bpm_crm.analytics.cells.sums import KINDS, ROLL_UPS, Added, name_of
from bpm_crm.records import cell_bodies
from bpm_crm.records.cell_bodies import CellKey
from bpm_crm.records.database import Connection

SAVED_AT_ONCE = 5_000
"""Cells."""
ROLLED_UP_AT_ONCE = 1 << 22
"""Bytes of bodies."""


async def add_to_cells(connection: Connection, tenant_id: UUID, sheet: Sheet, added: Added) -> None:
    """Add to the cells of a sheet; one that is not filled has but its days of whole segments."""
    ordered = added.in_order()
    packed = dict(_packed(sheet, ordered))
    keys = list(packed)
    for place in range(0, len(keys), SAVED_AT_ONCE):
        await _add(connection, tenant_id, {key: packed[key] for key in keys[place : place + SAVED_AT_ONCE]})


async def roll_up(connection: Connection, tenant_id: UUID, sheet: Sheet) -> None:
    """Make the cells by dimensions of a sheet that has none yet: of its days, some at a time, so that never more are in memory."""
    days = await cell_bodies.days(connection, tenant_id, sheet.id, name_of(WHOLE), (Level.DAY, None, None))
    made: dict[CellKey, list[bytes]] = {}
    for since, until in turns(days, ROLLED_UP_AT_ONCE):
        added = (await _days(connection, tenant_id, sheet, since, until)).in_order()
        for dimensions in ROLL_UPS:
            for level, starts_on, body in added.by(dimensions, KINDS[dimensions]):
                made.setdefault(CellKey(sheet.id, name_of(dimensions), level, starts_on), []).append(body)
        await _save(connection, tenant_id, {key: made.pop(key) for key in list(made) if _end_of(key) <= until})
    await _save(connection, tenant_id, made)


def _end_of(key: CellKey) -> date:
    """The first day after what a cell sums up."""
    return Level(key.level).start_of(key.starts_on, 1)


def _packed(sheet: Sheet, ordered: Added) -> Iterator[tuple[CellKey, bytes]]:
    for dimensions, levels in KINDS.items():
        if sheet.is_filled or dimensions == WHOLE:
            for level, starts_on, body in ordered.by(dimensions, levels):
                yield CellKey(sheet.id, name_of(dimensions), level, starts_on), body


async def _save(connection: Connection, tenant_id: UUID, bodies: Mapping[CellKey, Sequence[bytes]]) -> None:
    """Store the first body of each of these cells."""
    saved = {key: (0, some[0] if len(some) == 1 else joined_bodies(some)) for key, some in bodies.items()}
    await cell_bodies.save(connection, tenant_id, saved)


async def _days(connection: Connection, tenant_id: UUID, sheet: Sheet, since: date, until: date) -> Added:
    """Days in whole segments."""
    rows = await cell_bodies.read(connection, tenant_id, sheet.id, name_of(WHOLE), [(Level.DAY, since, until)])
    parts = [unpack_columns(row["body"]) for row in rows]
    days = np.repeat([row["starts_on"].toordinal() for row in rows], [part.size for part in parts])
    return Added(joined(parts, len(WHOLE)), days, np.zeros(len(days), np.int64))


async def _add(connection: Connection, tenant_id: UUID, packed: Mapping[CellKey, bytes]) -> None:
    """Add a body to each cell, together with those last added as far as they are no larger."""
    known = await cell_bodies.sizes(connection, tenant_id, list(packed))
    firsts = {key: _first_joined(sizes, len(body)) for (key, body), sizes in zip(packed.items(), known, strict=True)}
    taken = await cell_bodies.take(
        connection, tenant_id, {key: firsts[key] for key, sizes in zip(packed, known, strict=True) if sizes}
    )
    saved = dict(packed)
    for key, bodies in taken.items():
        if bodies:
            saved[key] = joined_bodies([*bodies, packed[key]])
    await cell_bodies.save(connection, tenant_id, {key: (firsts[key], body) for key, body in saved.items()})


def _first_joined(sizes: Sequence[tuple[int, int]], size: int) -> int:
    """The number of the first body that a new one of some size is put together with: each is then at least twice as large as the next."""
    first = sizes[-1][0] + 1 if sizes else 0
    for number, held in reversed(sizes):
        if held > 2 * size:
            break
        first, size = number, size + held
    return first
