"""Adds changes to the days that keep whole segments."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from bpm_crm.analytics.cells.columns import Columns, joined, pack_columns, unpack_columns
from bpm_crm.records import cell_days
from bpm_crm.records.cell_days import Day
from bpm_crm.records.database import Connection


async def add_to_days(connection: Connection, tenant_id: UUID, changes: Iterable[tuple[UUID, date, Columns]]) -> None:
    """Add a body to each changed day, together with those last added as far as they are no larger."""
    added = {Day(sheet_id, day): columns for sheet_id, day, columns in changes}
    packed = {day: pack_columns(columns) for day, columns in added.items()}
    sizes = await cell_days.day_sizes(connection, tenant_id, list(packed))
    firsts = {day: _first_joined(sizes[day], len(body)) for day, body in packed.items()}
    taken = await cell_days.take_days(connection, tenant_id, firsts)
    for day, bodies in taken.items():
        if bodies:
            packed[day] = pack_columns(joined([*(unpack_columns(body) for body in bodies), added[day]]))
    saved = {day: (firsts[day], body) for day, body in packed.items()}
    await cell_days.save_days(connection, tenant_id, saved)


def _first_joined(sizes: Sequence[tuple[int, int]], size: int) -> int:
    """The number of the first body that a new one of some size is put together with: each is then at least twice as large as the next."""
    first = sizes[-1][0] + 1 if sizes else 0
    for number, held in reversed(sizes):
        if held > 2 * size:
            break
        first, size = number, size + held
    return first
