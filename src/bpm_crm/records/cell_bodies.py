"""Cells: what is added in one day, month or quarter of a sheet by some dimensions. Each is the sum of its bodies, packed columns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records.database import Connection, Row

_SIZES = """
SELECT c.place, c.number, c.size
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::date[]) WITH ORDINALITY AS w (sheet_id, dimensions, level, starts_on, place)
CROSS JOIN LATERAL (
    SELECT w.place, k.number, octet_length(k.body) AS size FROM cell AS k
    WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.dimensions = w.dimensions AND k.level = w.level AND k.starts_on = w.starts_on
    ORDER BY k.number
    LIMIT 1000
) AS c
ORDER BY c.place, c.number
"""
_TAKE = """
DELETE FROM cell AS k
USING unnest($2::uuid[], $3::text[], $4::text[], $5::date[], $6::int[]) AS w (sheet_id, dimensions, level, starts_on, number)
WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.dimensions = w.dimensions AND k.level = w.level AND k.starts_on = w.starts_on
  AND k.number >= w.number
RETURNING k.sheet_id, k.dimensions, k.level, k.starts_on, k.body
"""
_SAVE = """
INSERT INTO cell (tenant_id, sheet_id, dimensions, level, starts_on, number, body)
SELECT $1, c.sheet_id, c.dimensions, c.level, c.starts_on, c.number, c.body
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::date[], $6::int[], $7::bytea[])
    AS c (sheet_id, dimensions, level, starts_on, number, body)
"""
_READ = """
SELECT w.level, k.starts_on, k.number, k.written_by, k.body
FROM unnest($4::text[], $5::date[], $6::date[]) AS w (level, since, until)
CROSS JOIN LATERAL (
    SELECT c.starts_on, c.number, c.xmin::text AS written_by,
        CASE WHEN octet_length(c.body) < CASE WHEN c.number = 0 THEN $7::int ELSE $8 END THEN c.body END AS body
    FROM cell AS c
    WHERE c.tenant_id = $1 AND c.sheet_id = $2 AND c.dimensions = $3 AND c.level = w.level
      AND c.starts_on >= w.since AND c.starts_on < w.until
    LIMIT 1000000
) AS k
"""
_LOAD = """
SELECT k.body
FROM unnest($4::text[], $5::date[], $6::int[]) AS w (level, starts_on, number)
CROSS JOIN LATERAL (
    SELECT c.body FROM cell AS c
    WHERE c.tenant_id = $1 AND c.sheet_id = $2 AND c.dimensions = $3 AND c.level = w.level
      AND c.starts_on = w.starts_on AND c.number = w.number
    LIMIT 1
) AS k
"""
_DAYS = """
SELECT k.starts_on, sum(octet_length(k.body))::bigint AS size FROM cell AS k
WHERE k.tenant_id = $1 AND k.sheet_id = $2 AND k.dimensions = $3 AND k.level = $4 AND k.starts_on >= $5 AND k.starts_on < $6
GROUP BY k.starts_on ORDER BY k.starts_on
"""
_KINDS = "SELECT DISTINCT k.dimensions, k.level FROM cell AS k WHERE k.tenant_id = $1 AND k.sheet_id = ANY($2::uuid[])"
_DROP = "DELETE FROM cell WHERE tenant_id = $1 AND sheet_id = ANY($2::uuid[])"


class CellKey(NamedTuple):
    """Which cell."""

    sheet_id: UUID
    dimensions: str
    level: str
    starts_on: date


class StoredBody(NamedTuple):
    """Which body of a cell, and the transaction that wrote it: no other bytes are ever told of alike."""

    level: str
    starts_on: date
    number: int
    written_by: str


_ANY_SIZE = 1 << 30
"""Bytes: more than a value has."""
BodySpan = tuple[str, date | None, date | None]
"""A level, and the days `[since, until)` on which its cells begin; None: open."""


async def sizes(connection: Connection, tenant_id: UUID, keys: Sequence[CellKey]) -> list[list[tuple[int, int]]]:
    """Of each cell the bodies that it is made of, oldest first: the number of each, and how many bytes it has."""
    found: list[list[tuple[int, int]]] = [[] for _ in keys]
    for row in await connection.fetch(_SIZES, tenant_id, *_columns(keys)):
        found[row["place"] - 1].append((row["number"], row["size"]))
    return found


async def take(connection: Connection, tenant_id: UUID, firsts: Mapping[CellKey, int]) -> dict[CellKey, list[bytes]]:
    """The bodies of cells from a number on, which are deleted."""
    found: dict[CellKey, list[bytes]] = {key: [] for key in firsts}
    for row in await connection.fetch(_TAKE, tenant_id, *_columns(firsts), list(firsts.values())):
        *key, body = row.values()
        found[CellKey(*key)].append(body)
    return found


async def save(connection: Connection, tenant_id: UUID, bodies: Mapping[CellKey, tuple[int, bytes]]) -> None:
    """Store one more body of each of these cells."""
    numbers, packed = [number for number, _ in bodies.values()], [body for _, body in bodies.values()]
    await connection.execute(_SAVE, tenant_id, *_columns(bodies), numbers, packed)


async def read(
    connection: Connection,
    tenant_id: UUID,
    sheet_id: UUID,
    dimensions: str,
    spans: Sequence[BodySpan],
    below: tuple[int, int] = (_ANY_SIZE, _ANY_SIZE),
) -> Sequence[Row]:
    """The bodies of the cells of some levels and days, as `StoredBody` has them, and `body` itself; None of those of so many bytes and more:
    of the first body of a cell, and of others.
    """
    rows: Sequence[Row] = await connection.fetch(_READ, tenant_id, sheet_id, dimensions, *_bounds(spans), *below)
    return rows


async def load(
    connection: Connection, tenant_id: UUID, sheet_id: UUID, dimensions: str, stored: Iterable[StoredBody]
) -> list[bytes]:
    """Some bodies of cells."""
    columns = _columns([body[:3] for body in stored])
    return [row["body"] for row in await connection.fetch(_LOAD, tenant_id, sheet_id, dimensions, *columns)]


async def days(
    connection: Connection, tenant_id: UUID, sheet_id: UUID, dimensions: str, span: BodySpan
) -> list[tuple[date, int]]:
    """The days on which such cells begin, in order, and how many bytes the bodies of each have."""
    bounds = (bound[0] for bound in _bounds([span]))
    rows = await connection.fetch(_DAYS, tenant_id, sheet_id, dimensions, *bounds)
    return [(row["starts_on"], row["size"]) for row in rows]


async def kinds(connection: Connection, tenant_id: UUID, sheets: Sequence[UUID]) -> list[tuple[str, str]]:
    """The dimensions and levels of which sheets have cells."""
    return [(row["dimensions"], row["level"]) for row in await connection.fetch(_KINDS, tenant_id, sheets)]


async def drop(connection: Connection, tenant_id: UUID, sheets: Sequence[UUID]) -> None:
    """All cells of sheets."""
    await connection.execute(_DROP, tenant_id, sheets)


def _columns(keys: Iterable[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)] or [[], [], [], []]


def _bounds(spans: Sequence[BodySpan]) -> list[list[Any]]:
    return [
        [level for level, _, _ in spans],
        [since or date.min for _, since, _ in spans],
        [until or date.max for _, _, until in spans],
    ]
