"""Days of sheets that keep whole segments: each is the sum of its bodies."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records.database import Connection, Row

_DAY_SIZES = """
SELECT d.sheet_id, d.starts_on, d.number, octet_length(d.body) AS size
FROM unnest($2::uuid[], $3::date[]) AS w (sheet_id, starts_on)
CROSS JOIN LATERAL (
    SELECT k.* FROM cell_day AS k WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.starts_on = w.starts_on
    ORDER BY k.number
    LIMIT 1000
) AS d
ORDER BY d.sheet_id, d.starts_on, d.number
"""
_TAKE_DAYS = """
DELETE FROM cell_day AS k
USING unnest($2::uuid[], $3::date[], $4::int[]) AS w (sheet_id, starts_on, number)
WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.starts_on = w.starts_on AND k.number >= w.number
RETURNING k.sheet_id, k.starts_on, k.body
"""
_SAVE_DAYS = """
INSERT INTO cell_day (tenant_id, sheet_id, starts_on, number, body)
SELECT $1, d.sheet_id, d.starts_on, d.number, d.body
FROM unnest($2::uuid[], $3::date[], $4::int[], $5::bytea[]) AS d (sheet_id, starts_on, number, body)
"""
_READ_DAYS = """
SELECT k.starts_on, k.body FROM cell_day AS k
WHERE k.tenant_id = $1 AND k.sheet_id = $2 AND k.starts_on >= $3 AND k.starts_on < $4
"""


class Day(NamedTuple):
    """A day of a sheet that keeps whole segments."""

    sheet_id: UUID
    starts_on: date


async def day_sizes(connection: Connection, tenant_id: UUID, days: Sequence[Day]) -> dict[Day, list[tuple[int, int]]]:
    """The bodies that days are made of, oldest first: the number of each, and how many bytes it has."""
    found: dict[Day, list[tuple[int, int]]] = {day: [] for day in days}
    for row in await connection.fetch(_DAY_SIZES, tenant_id, *_columns_of_days(days)):
        found[Day(row["sheet_id"], row["starts_on"])].append((row["number"], row["size"]))
    return found


async def take_days(connection: Connection, tenant_id: UUID, firsts: Mapping[Day, int]) -> dict[Day, list[bytes]]:
    """The bodies of days from a number on, which are deleted."""
    found: dict[Day, list[bytes]] = {day: [] for day in firsts}
    for row in await connection.fetch(_TAKE_DAYS, tenant_id, *_columns_of_days(firsts), list(firsts.values())):
        found[Day(row["sheet_id"], row["starts_on"])].append(row["body"])
    return found


async def save_days(connection: Connection, tenant_id: UUID, bodies: Mapping[Day, tuple[int, bytes]]) -> None:
    """Store one more body of each of these days."""
    numbers, packed = [number for number, _ in bodies.values()], [body for _, body in bodies.values()]
    await connection.execute(_SAVE_DAYS, tenant_id, *_columns_of_days(bodies), numbers, packed)


async def read_days(
    connection: Connection, tenant_id: UUID, sheet_id: UUID, since: date | None, until: date | None
) -> Sequence[Row]:
    """The bodies of the days of `[since, until)` (None: open): day, body."""
    rows: Sequence[Row] = await connection.fetch(_READ_DAYS, tenant_id, sheet_id, since or date.min, until or date.max)
    return rows


def _columns_of_days(days: Iterable[Day]) -> list[list[Any]]:
    return [list(column) for column in zip(*days, strict=True)] or [[], []]
