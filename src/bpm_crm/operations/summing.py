"""Adds what cases add to the cells, and makes the cells of dimensions of those of whole segments."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.columns import joined, joined_bodies, unpack_columns
from bpm_crm.analytics.cells.days import month_of
from bpm_crm.analytics.cells.sheets import WHOLE, Sheet
from bpm_crm.analytics.cells.sums import KINDS, WHOLE_DAYS, Added, name_of
from bpm_crm.records import cell_bodies
from bpm_crm.records.cell_bodies import CellKey
from bpm_crm.records.database import Connection

SAVED_AT_ONCE = 5_000
"""Cells."""


async def add_to_cells(connection: Connection, tenant_id: UUID, sheet: Sheet, added: Added) -> None:
    """Add to the cells of a sheet; one that is not filled has but its days of whole segments."""
    ordered = added.in_order()
    packed = dict(_packed(sheet, ordered))
    keys = list(packed)
    for place in range(0, len(keys), SAVED_AT_ONCE):
        await _add(connection, tenant_id, {key: packed[key] for key in keys[place : place + SAVED_AT_ONCE]})


async def roll_up(connection: Connection, tenant_id: UUID, sheet: Sheet) -> None:
    """Make the cells by dimensions of a sheet that has none yet, of its days, month by month."""
    for month in await cell_bodies.months(connection, tenant_id, sheet.id, *name_of(*WHOLE_DAYS)):
        added = (await _days(connection, tenant_id, sheet, month)).in_order()
        saved = {
            CellKey(sheet.id, *name_of(*kind), starts_on): (0, body)
            for kind in KINDS
            if kind != WHOLE_DAYS
            for starts_on, body in added.by(*kind)
        }
        await cell_bodies.save(connection, tenant_id, saved)


def _packed(sheet: Sheet, ordered: Added) -> Iterator[tuple[CellKey, bytes]]:
    for kind in KINDS:
        if sheet.is_filled or kind == WHOLE_DAYS:
            for starts_on, body in ordered.by(*kind):
                yield CellKey(sheet.id, *name_of(*kind), starts_on), body


async def _days(connection: Connection, tenant_id: UUID, sheet: Sheet, month: date) -> Added:
    """The days of a month in whole segments."""
    dimensions, level = name_of(*WHOLE_DAYS)
    rows = await cell_bodies.read(connection, tenant_id, sheet.id, dimensions, level, month, month_of(month, 1))
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
