"""What cells are made of as it is stored: the queue of changed cases, what each case adds, and the sheets."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.records import cell_bodies
from bpm_crm.records.database import Connection, Row


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
SELECT s.id, s.report, s.checkpoints, s.definitions, s.zone, s.evaluation, s.filled_to, s.is_filled
FROM cell_sheet AS s WHERE s.tenant_id = $1 AND ($2::text IS NULL OR s.report = $2) ORDER BY s.id
"""
_NEW_SHEET = """
INSERT INTO cell_sheet (tenant_id, id, report, checkpoints, definitions, zone, evaluation, filled_to, is_filled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_GROWN = "UPDATE cell_sheet SET checkpoints = $3, definitions = $4 WHERE tenant_id = $1 AND id = $2"
_FILLED = "UPDATE cell_sheet SET filled_to = $3, is_filled = $4 WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
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
_ARE_FOLDED = """
SELECT EXISTS (
    SELECT FROM process_instance AS i
    JOIN case_part AS p ON p.tenant_id = $1 AND p.instance_id = i.id
    WHERE i.tenant_id = $1 AND i.definition_id = ANY($2::uuid[])
)
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
    names = ("id", "report", "checkpoints", "definitions", "zone", "evaluation", "filled_to", "is_filled")
    await connection.execute(_NEW_SHEET, tenant_id, *(getattr(sheet, name) for name in names))


async def save_grown(connection: Connection, tenant_id: UUID, sheet: Any) -> None:
    """The checkpoints and definitions of a sheet that has more of them now."""
    await connection.execute(_GROWN, tenant_id, sheet.id, sheet.checkpoints, sheet.definitions)


async def lift_limits(connection: Connection) -> None:
    """Let the statements of this transaction take as long as they need."""
    await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")


async def mark_filled(
    connection: Connection, tenant_id: UUID, ids: Sequence[UUID], filled_to: UUID, *, is_filled: bool
) -> None:
    """How far sheets hold the cases."""
    await connection.execute(_FILLED, tenant_id, ids, filled_to, is_filled)


async def drop_sheets(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> None:
    """Sheets with their cells."""
    await cell_bodies.drop(connection, tenant_id, ids)
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


async def are_folded(connection: Connection, tenant_id: UUID, definitions: Sequence[UUID]) -> bool:
    """Whether it is stored what any case of these definitions adds."""
    found: bool = await connection.fetchval(_ARE_FOLDED, tenant_id, definitions)
    return found


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
