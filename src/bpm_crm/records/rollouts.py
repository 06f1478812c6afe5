"""Rollouts of versions in the database, and how many new cases of each channel they have taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row
from bpm_crm.records.selection import Key, Listing

RUNNING = "running"
FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """A split of new cases: `share` per cent of each channel take `version_b`, the others `version_a`.

    `guard_drop` is by how much (0.05: five points) the attainment of `guard_clock` may fall. `figures` are those of the last check.
    """

    id: UUID
    definition_id: UUID
    version_a: int
    version_b: int
    share: int
    guard_clock: str | None
    guard_drop: Decimal | None
    status: str
    started_at: datetime
    started_by: UUID | None
    ended_at: datetime | None
    check_at: datetime | None
    revision: int
    figures: Mapping[str, Any] | None

    @property
    def is_running(self) -> bool:
        """Whether new cases are being split."""
        return self.status == RUNNING


_NAMES = tuple(RolloutRecord.__slots__)
ROLLOUTS = Listing(
    ", ".join(f"r.{name}" for name in _NAMES),
    "process_rollout AS r",
    "r.tenant_id",
    Key("r.id", "uuid", descending=True),
)
_SELECT = f"SELECT {ROLLOUTS.columns} FROM {ROLLOUTS.source} WHERE r.tenant_id = $1"
_COUNTERS = """
INSERT INTO counter AS c (tenant_id, name, value)
SELECT $1, wanted.name, 0 FROM unnest($2::text[]) AS wanted (name) ORDER BY wanted.name
ON CONFLICT (tenant_id, name) DO UPDATE SET value = c.value WHERE c.tenant_id = $1
RETURNING name, value
"""
_COUNTED = """
UPDATE counter AS c SET value = counted.value
FROM unnest($2::text[], $3::bigint[]) AS counted (name, value)
WHERE c.tenant_id = $1 AND c.name = counted.name
"""


def rollout_of(row: Row) -> RolloutRecord:
    """The rollout of a row of `ROLLOUTS`."""
    return RolloutRecord(**{name: row[name] for name in _NAMES})


async def running_rollout(connection: Connection, tenant_id: UUID, definition_id: UUID) -> RolloutRecord | None:
    """The rollout that a definition is under, locked."""
    statement = f"{_SELECT} AND r.definition_id = $2 AND r.status = '{RUNNING}' FOR UPDATE"
    row = await connection.fetchrow(statement, tenant_id, definition_id)
    return None if row is None else rollout_of(row)


async def load_rollouts(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, RolloutRecord]:
    """Rollouts by id."""
    rows = await connection.fetch(f"{_SELECT} AND r.id = ANY($2::uuid[])", tenant_id, list(ids))
    return {row["id"]: rollout_of(row) for row in rows}


async def lock_rollout(connection: Connection, tenant_id: UUID, rollout_id: UUID) -> RolloutRecord | None:
    """A rollout, locked."""
    row = await connection.fetchrow(f"{_SELECT} AND r.id = $2 FOR UPDATE", tenant_id, rollout_id)
    return None if row is None else rollout_of(row)


async def save_rollout(connection: Connection, tenant_id: UUID, record: RolloutRecord) -> None:
    """Insert a rollout, or bring its row to this state."""
    values = [tenant_id, *(getattr(record, name) for name in _NAMES)]
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name != "id")
    statement = (
        f"INSERT INTO process_rollout (tenant_id, {', '.join(_NAMES)}) VALUES ({places}) "
        f"ON CONFLICT (tenant_id, id) DO UPDATE SET {changes}"
    )
    await connection.execute(statement, *values)


async def lock_counters(connection: Connection, tenant_id: UUID, names: Sequence[str]) -> dict[str, int]:
    """What these counters stand at; nobody else counts on them until the transaction ends."""
    rows = await connection.fetch(_COUNTERS, tenant_id, sorted(names))
    return {row["name"]: row["value"] for row in rows}


async def set_counters(connection: Connection, tenant_id: UUID, values: Mapping[str, int]) -> None:
    """Let counters that were locked stand at these values."""
    await connection.execute(_COUNTED, tenant_id, list(values), list(values.values()))
