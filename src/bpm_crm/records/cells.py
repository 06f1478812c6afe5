"""Cells as they are stored: the queue of changed cases, what each case adds, the sheets, and the sums."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records.database import Connection, Row


class CellKey(NamedTuple):
    """Which cell."""

    sheet_id: UUID
    dimensions: str
    level: str
    starts_on: date
    segment: str


class CellValue(NamedTuple):
    """What is in a cell; empty ones are not stored."""

    numbers: Mapping[str, Any]
    spreads: bytes

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left in it."""
        return not self.numbers and not self.spreads


class StoredParts(NamedTuple):
    """What a case adds, packed, and the instant from which it would add something else; None: never."""

    parts: bytes
    valid_until: datetime | None


_LOCK = """
INSERT INTO compaction (tenant_id, folded_at) VALUES ($1, clock_timestamp())
ON CONFLICT (tenant_id) DO UPDATE SET folded_at = clock_timestamp()
"""
_ZONE = "SELECT zone FROM tenant WHERE tenant_id = $1"
_SHEETS = """
SELECT s.id, s.report, s.checkpoints, s.definitions, s.zone, s.is_whole, s.filled_to, s.is_filled
FROM cell_sheet AS s WHERE s.tenant_id = $1 AND ($2::text IS NULL OR s.report = $2) ORDER BY s.id
"""
_NEW_SHEET = """
INSERT INTO cell_sheet (tenant_id, id, report, checkpoints, definitions, zone, is_whole, filled_to, is_filled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_FILLED = "UPDATE cell_sheet SET filled_to = $3, is_filled = $4 WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_DROP_CELLS = "DELETE FROM cell WHERE tenant_id = $1 AND sheet_id = ANY($2::uuid[])"
_DROP_DAYS = "DELETE FROM cell_day WHERE tenant_id = $1 AND sheet_id = ANY($2::uuid[])"
_DROP_SHEETS = "DELETE FROM cell_sheet WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_TAKE = """
DELETE FROM case_change
WHERE tenant_id = $1 AND ctid = ANY (ARRAY(SELECT c.ctid FROM case_change AS c WHERE c.tenant_id = $1 LIMIT $2))
RETURNING instance_id
"""
_CHANGED = """
INSERT INTO case_change (tenant_id, instance_id) SELECT $1, c.instance_id FROM unnest($2::uuid[]) AS c (instance_id)
"""
_EXPIRED = "SELECT p.instance_id FROM case_part AS p WHERE p.tenant_id = $1 AND p.valid_until <= $2 LIMIT $3"
_DIRTY = """
SELECT c.instance_id FROM case_change AS c WHERE c.tenant_id = $1
UNION
SELECT p.instance_id FROM case_part AS p WHERE p.tenant_id = $1 AND p.valid_until <= $2
"""
_NEXT_CASES = """
SELECT i.id FROM process_instance AS i
WHERE i.tenant_id = $1 AND i.definition_id = ANY($2::uuid[]) AND i.id > $3
ORDER BY i.id
LIMIT $4
"""
_AHEAD = """
SELECT w.instance_id, least(a.occurred_at, v.published_at) AS at
FROM unnest($2::uuid[]) AS w (instance_id)
JOIN process_instance AS i ON i.tenant_id = $1 AND i.id = w.instance_id
CROSS JOIN LATERAL (
    SELECT min(h.occurred_at) AS occurred_at FROM history AS h
    WHERE h.tenant_id = $1 AND h.instance_id = w.instance_id AND h.occurred_at > $3
) AS a
LEFT JOIN process_version AS v
  ON v.tenant_id = $1 AND v.definition_id = i.definition_id AND v.version = i.version AND v.version > 1 AND v.published_at > $3
WHERE a.occurred_at IS NOT NULL OR v.published_at IS NOT NULL
"""
_PARTS = """
SELECT w.instance_id, p.parts, p.valid_until
FROM unnest($2::uuid[]) AS w (instance_id)
CROSS JOIN LATERAL (
    SELECT c.parts, c.valid_until FROM case_part AS c WHERE c.tenant_id = $1 AND c.instance_id = w.instance_id LIMIT 1
) AS p
"""
_SAVE_PARTS = """
INSERT INTO case_part (tenant_id, instance_id, parts, valid_until)
SELECT $1, p.instance_id, p.parts, p.valid_until
FROM unnest($2::uuid[], $3::bytea[], $4::timestamptz[]) AS p (instance_id, parts, valid_until)
ON CONFLICT (tenant_id, instance_id) DO UPDATE SET parts = excluded.parts, valid_until = excluded.valid_until
"""
_CELLS = """
SELECT w.place, c.numbers, c.spreads
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::date[], $6::text[]) WITH ORDINALITY
    AS w (sheet_id, dimensions, level, starts_on, segment, place)
CROSS JOIN LATERAL (
    SELECT k.numbers, k.spreads FROM cell AS k
    WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.dimensions = w.dimensions AND k.level = w.level
      AND k.starts_on = w.starts_on AND k.segment = w.segment
    LIMIT 1
) AS c
"""
_SAVE_CELLS = """
INSERT INTO cell (tenant_id, sheet_id, dimensions, level, starts_on, segment, numbers, spreads)
SELECT $1, c.sheet_id, c.dimensions, c.level, c.starts_on, c.segment, c.numbers, c.spreads
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::date[], $6::text[], $7::jsonb[], $8::bytea[])
    AS c (sheet_id, dimensions, level, starts_on, segment, numbers, spreads)
ON CONFLICT (tenant_id, sheet_id, dimensions, level, starts_on, segment)
DO UPDATE SET numbers = excluded.numbers, spreads = excluded.spreads
"""
_DELETE_CELLS = """
DELETE FROM cell AS k
USING unnest($2::uuid[], $3::text[], $4::text[], $5::date[], $6::text[]) AS w (sheet_id, dimensions, level, starts_on, segment)
WHERE k.tenant_id = $1 AND k.sheet_id = w.sheet_id AND k.dimensions = w.dimensions AND k.level = w.level
  AND k.starts_on = w.starts_on AND k.segment = w.segment
"""
_READ = """
SELECT k.segment, k.numbers, k.spreads
FROM cell AS k
WHERE k.tenant_id = $1 AND k.sheet_id = $2 AND k.dimensions = $3 AND k.level = $4 AND k.starts_on >= $5 AND k.starts_on < $6
"""
_DIFFERENCES = """
SELECT count(*)
FROM unnest($2::uuid[], $3::uuid[]) AS p (old_id, new_id)
CROSS JOIN LATERAL (
    SELECT FROM (SELECT * FROM cell AS c WHERE c.tenant_id = $1 AND c.sheet_id = p.old_id) AS o
    FULL JOIN (SELECT * FROM cell AS c WHERE c.tenant_id = $1 AND c.sheet_id = p.new_id) AS n
      ON n.dimensions = o.dimensions AND n.level = o.level AND n.starts_on = o.starts_on AND n.segment = o.segment
    WHERE (o.numbers, o.spreads) IS DISTINCT FROM (n.numbers, n.spreads)
) AS d
"""


async def lock(connection: Connection, tenant_id: UUID) -> None:
    """Wait until nobody else folds this tenant's cases; until the end of the transaction nobody will."""
    await connection.execute(_LOCK, tenant_id)


async def zone_of(connection: Connection, tenant_id: UUID) -> str:
    """The time zone of a tenant's days."""
    zone: str = await connection.fetchval(_ZONE, tenant_id)
    return zone


async def load_sheets(connection: Connection, tenant_id: UUID, report: str | None = None) -> Sequence[Row]:
    """The sheets of a tenant, oldest first: of one report, or all."""
    rows: Sequence[Row] = await connection.fetch(_SHEETS, tenant_id, report)
    return rows


async def insert_sheet(connection: Connection, tenant_id: UUID, sheet: Any) -> None:
    """A new sheet."""
    names = ("id", "report", "checkpoints", "definitions", "zone", "is_whole", "filled_to", "is_filled")
    await connection.execute(_NEW_SHEET, tenant_id, *(getattr(sheet, name) for name in names))


async def lift_limits(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they need."""
    await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")


async def count_differences(connection: Connection, tenant_id: UUID, pairs: Sequence[tuple[UUID, UUID]]) -> int:
    """How many cells of the first sheet of a pair are not as in the second, or only in one of the two."""
    columns = [[pair[place] for pair in pairs] for place in (0, 1)]
    found: int = await connection.fetchval(_DIFFERENCES, tenant_id, *columns, timeout=None)
    return found


async def mark_filled(
    connection: Connection, tenant_id: UUID, ids: Sequence[UUID], filled_to: UUID, *, is_filled: bool
) -> None:
    """How far sheets hold the cases."""
    await connection.execute(_FILLED, tenant_id, ids, filled_to, is_filled)


async def drop_sheets(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """Sheets with their cells and whole segments."""
    await connection.execute(_DROP_CELLS, tenant_id, ids)
    await connection.execute(_DROP_DAYS, tenant_id, ids)
    await connection.execute(_DROP_SHEETS, tenant_id, ids)


async def take_changes(connection: Connection, tenant_id: UUID, most: int) -> set[UUID]:
    """The cases of up to `most` changes, which are deleted."""
    return {row["instance_id"] for row in await connection.fetch(_TAKE, tenant_id, most)}


async def note_changes(connection: Connection, tenant_id: UUID, cases: Sequence[UUID]) -> None:
    """Have these cases folded again."""
    await connection.execute(_CHANGED, tenant_id, cases)


async def expired(connection: Connection, tenant_id: UUID, at: datetime, most: int) -> set[UUID]:
    """Cases that by now add something else than what is stored."""
    return {row["instance_id"] for row in await connection.fetch(_EXPIRED, tenant_id, at, most)}


async def dirty_cases(connection: Connection, tenant_id: UUID, at: datetime) -> list[UUID]:
    """Every case whose stored parts may not be what it adds at an instant."""
    return [row["instance_id"] for row in await connection.fetch(_DIRTY, tenant_id, at)]


async def next_cases(
    connection: Connection, tenant_id: UUID, definitions: Sequence[UUID], after: UUID, most: int
) -> list[UUID]:
    """The next cases of some definitions by id."""
    return [row["id"] for row in await connection.fetch(_NEXT_CASES, tenant_id, definitions, after, most)]


async def dated_ahead(
    connection: Connection, tenant_id: UUID, cases: Sequence[UUID], at: datetime
) -> dict[UUID, datetime]:
    """Of cases with steps, or a version, dated after an instant: when the first of these is reached."""
    rows = await connection.fetch(_AHEAD, tenant_id, cases, at)
    return {row["instance_id"]: row["at"] for row in rows}


async def load_parts(connection: Connection, tenant_id: UUID, cases: Sequence[UUID]) -> dict[UUID, StoredParts]:
    """What these cases add, as stored."""
    rows = await connection.fetch(_PARTS, tenant_id, cases)
    return {row["instance_id"]: StoredParts(row["parts"], row["valid_until"]) for row in rows}


async def save_parts(connection: Connection, tenant_id: UUID, parts: Mapping[UUID, StoredParts]) -> None:
    """Store what cases add from now on."""
    values = list(parts.values())
    columns = ([item.parts for item in values], [item.valid_until for item in values])
    await connection.execute(_SAVE_PARTS, tenant_id, list(parts), *columns)


async def load_cells(connection: Connection, tenant_id: UUID, keys: Sequence[CellKey]) -> dict[CellKey, CellValue]:
    """These cells, those that there are."""
    rows = await connection.fetch(_CELLS, tenant_id, *_columns(keys))
    return {keys[row["place"] - 1]: CellValue(row["numbers"], row["spreads"]) for row in rows}


async def save_cells(connection: Connection, tenant_id: UUID, cells: Mapping[CellKey, CellValue]) -> None:
    """Store cells; empty ones are deleted."""
    kept = {key: value for key, value in cells.items() if not value.is_empty}
    gone = [key for key, value in cells.items() if value.is_empty]
    if kept:
        values = ([value.numbers for value in kept.values()], [value.spreads for value in kept.values()])
        await connection.execute(_SAVE_CELLS, tenant_id, *_columns(kept), *values)
    if gone:
        await connection.execute(_DELETE_CELLS, tenant_id, *_columns(gone))


async def read_cells(
    connection: Connection,
    tenant_id: UUID,
    sheet_id: UUID,
    dimensions: str,
    level: str,
    since: date | None,
    until: date | None,
) -> Sequence[Row]:
    """The cells of `[since, until)` (None: open): segment, numbers, spreads."""
    bounds = (since or date.min, until or date.max)
    rows: Sequence[Row] = await connection.fetch(_READ, tenant_id, sheet_id, dimensions, level, *bounds)
    return rows


def _columns(keys: Iterable[CellKey]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)] or [[], [], [], [], []]
