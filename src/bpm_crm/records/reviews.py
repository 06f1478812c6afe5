"""Rows of the review cycle: schedules, frozen reviews, corrective actions, and the changes of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row, hold
from bpm_crm.records.selection import Key, Listing


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """How often a process is reviewed; stopped: `due_at` is None."""

    id: UUID
    definition_id: UUID
    rhythm: str
    starts_on: date
    owner_id: UUID
    set_at: datetime
    next_from: date
    due_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A frozen review; `results` as `analytics.snapshots` writes them, `versions` the numbers of the versions it was made of."""

    id: UUID
    definition_id: UUID
    rhythm: str
    since: datetime
    until: datetime
    owner_id: UUID
    as_of: datetime
    known_at: datetime
    frozen_at: datetime
    versions: Mapping[str, Any]
    results: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """A corrective action as it is now."""

    id: UUID
    definition_id: UUID
    review_id: UUID | None
    title: str
    description: str | None
    stage: str | None
    checkpoint: str | None
    team_id: UUID | None
    channel_id: UUID | None
    campaign_id: UUID | None
    case_owner_id: UUID | None
    region: str | None
    owner_id: UUID
    kpi: str
    expected_direction: str
    expected_size: Decimal | None
    starts_on: date
    ends_on: date | None
    status: str
    created_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """A change of a schedule or action: `values` has, of each field that changed, what it was and what it became."""

    subject_id: UUID
    revision: int
    kind: str
    values: Mapping[str, Any]
    comment: str | None
    actor_id: UUID
    recorded_at: datetime


def _columns(record: type, alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in record.__slots__)  # type: ignore[attr-defined]  # a dataclass with slots


REVIEWS = Listing(_columns(ReviewRecord, "r"), "review AS r", "r.tenant_id", Key("r.id", "uuid", descending=True))
ACTIONS = Listing(
    _columns(ActionRecord, "a"), "corrective_action AS a", "a.tenant_id", Key("a.id", "uuid", descending=True)
)

_SCHEDULES = f"SELECT {_columns(ScheduleRecord, 's')} FROM review_schedule AS s WHERE s.tenant_id = $1"
_CHANGES = f"""
SELECT {_columns(ChangeRecord, "c")} FROM review_change AS c
WHERE c.tenant_id = $1 AND c.subject_id = ANY($2::uuid[]) ORDER BY c.subject_id, c.revision
"""


def review_of(row: Row) -> ReviewRecord:
    """The review of a row of `REVIEWS`."""
    return ReviewRecord(**{name: row[name] for name in ReviewRecord.__slots__})


def action_of(row: Row) -> ActionRecord:
    """The action of a row of `ACTIONS`."""
    return ActionRecord(**{name: row[name] for name in ActionRecord.__slots__})


async def load_schedules(connection: Connection, tenant_id: UUID) -> list[ScheduleRecord]:
    """Every schedule of a tenant."""
    return [ScheduleRecord(**row) for row in await connection.fetch(_SCHEDULES, tenant_id)]


async def load_schedule(connection: Connection, tenant_id: UUID, schedule_id: UUID) -> ScheduleRecord | None:
    """A schedule by its id."""
    row = await connection.fetchrow(f"{_SCHEDULES} AND s.id = $2", tenant_id, schedule_id)
    return None if row is None else ScheduleRecord(**row)


async def lock_schedule_of(connection: Connection, tenant_id: UUID, definition_id: UUID) -> ScheduleRecord | None:
    """The schedule of a process, locked; nobody else makes its first one before this transaction ends."""
    await hold(connection, f"review_schedule/{tenant_id}/{definition_id}")
    row = await connection.fetchrow(f"{_SCHEDULES} AND s.definition_id = $2 FOR UPDATE", tenant_id, definition_id)
    return None if row is None else ScheduleRecord(**row)


async def last_review_end(connection: Connection, tenant_id: UUID, definition_id: UUID) -> datetime | None:
    """Up to when a process has been reviewed."""
    statement = "SELECT max(r.until) FROM review AS r WHERE r.tenant_id = $1 AND r.definition_id = $2"
    found: datetime | None = await connection.fetchval(statement, tenant_id, definition_id)
    return found


async def has_review(connection: Connection, tenant_id: UUID, definition_id: UUID, review_id: UUID) -> bool:
    """Whether a process has this review."""
    statement = "SELECT EXISTS (SELECT FROM review AS r WHERE r.tenant_id = $1 AND r.definition_id = $2 AND r.id = $3)"
    found: bool = await connection.fetchval(statement, tenant_id, definition_id, review_id)
    return found


async def save_schedule(connection: Connection, tenant_id: UUID, record: ScheduleRecord) -> None:
    """Insert a schedule, or bring its row to this state."""
    await _save(connection, "review_schedule", tenant_id, record)


async def save_action(connection: Connection, tenant_id: UUID, record: ActionRecord) -> None:
    """Insert an action, or bring its row to this state."""
    await _save(connection, "corrective_action", tenant_id, record)


async def insert_review(connection: Connection, tenant_id: UUID, record: ReviewRecord) -> None:
    """A frozen review; it never changes."""
    await _insert(connection, "review", tenant_id, record)


async def lock_action(connection: Connection, tenant_id: UUID, action_id: UUID) -> ActionRecord | None:
    """An action, locked."""
    statement = f"SELECT {ACTIONS.columns} FROM {ACTIONS.source} WHERE a.tenant_id = $1 AND a.id = $2 FOR UPDATE"
    row = await connection.fetchrow(statement, tenant_id, action_id)
    return None if row is None else action_of(row)


async def load_changes(
    connection: Connection, tenant_id: UUID, subject_ids: Sequence[UUID]
) -> dict[UUID, list[ChangeRecord]]:
    """The changes of schedules or actions, oldest first."""
    found: dict[UUID, list[ChangeRecord]] = {subject: [] for subject in subject_ids}
    for row in await connection.fetch(_CHANGES, tenant_id, subject_ids):
        found[row["subject_id"]].append(ChangeRecord(**row))
    return found


async def insert_change(
    connection: Connection, tenant_id: UUID, record: ChangeRecord, key: str | None, fingerprint: bytes | None
) -> None:
    """A change, with the idempotency key it came with."""
    more = {"idempotency_key": key, "fingerprint": None if key is None else fingerprint}
    await _insert(connection, "review_change", tenant_id, record, more)


async def find_change(connection: Connection, tenant_id: UUID, actor_id: UUID, key: str) -> Row | None:
    """The change that came with a key of an actor; others with this key wait until this transaction ends."""
    await hold(connection, f"review_change/{tenant_id}/{actor_id}/{key}")
    statement = """
    SELECT c.subject_id, c.fingerprint FROM review_change AS c
    WHERE c.tenant_id = $1 AND c.actor_id = $2 AND c.idempotency_key = $3
    """
    return await connection.fetchrow(statement, tenant_id, actor_id, key)


async def _save(connection: Connection, table: str, tenant_id: UUID, record: Any) -> None:
    names = record.__slots__
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    await _insert(connection, table, tenant_id, record, then=f"ON CONFLICT (tenant_id, id) DO UPDATE SET {changes}")


async def _insert(
    connection: Connection,
    table: str,
    tenant_id: UUID,
    record: Any,
    more: Mapping[str, Any] | None = None,
    then: str = "",
) -> None:
    values = {"tenant_id": tenant_id, **{name: getattr(record, name) for name in record.__slots__}, **(more or {})}
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    columns = ", ".join(f'"{name}"' for name in values)
    await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({places}) {then}", *values.values())
