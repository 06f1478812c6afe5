"""Jobs and what became of their rows: the statements that make, read and move them on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row
from bpm_crm.records.notices import announce_job
from bpm_crm.records.writing import CHANNEL

COLUMNS = """
    j.id, j.kind, j.created_by, j.language, j.input, j.target_id, j.total, j.position, j.counts, j.failure, j.file_id,
    j.created_at, j.started_at, j.attempts, j.done_at, j.fingerprint
"""
SOURCE = "job AS j"

_INSERT = """
INSERT INTO job (
    tenant_id, id, kind, created_by, language, idempotency_key, fingerprint, input, target_id, position, counts, created_at,
    run_at, attempts
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '{}', clock_timestamp(), clock_timestamp(), 0)
ON CONFLICT (tenant_id, created_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING id
"""
_LOAD = f"SELECT {COLUMNS} FROM {SOURCE} WHERE j.tenant_id = $1 AND j.id = $2"
_LOAD_MANY = f"SELECT {COLUMNS} FROM {SOURCE} WHERE j.tenant_id = $1 AND j.id = ANY($2::uuid[])"
_BY_KEY = f"SELECT {COLUMNS} FROM {SOURCE} WHERE j.tenant_id = $1 AND j.created_by = $2 AND j.idempotency_key = $3"
_BEGIN = """
UPDATE job SET started_at = coalesce(started_at, clock_timestamp()), total = coalesce($3, total), attempts = attempts + 1
WHERE tenant_id = $1 AND id = $2 AND done_at IS NULL
RETURNING CASE WHEN failure IS NULL THEN 'goes_on' ELSE 'cancelled' END
"""
_ADVANCE = """
UPDATE job SET position = $4, counts = $5, attempts = 0
WHERE tenant_id = $1 AND id = $2 AND position = $3 AND done_at IS NULL
RETURNING CASE WHEN failure IS NULL THEN 'goes_on' ELSE 'cancelled' END
"""
_CANCEL = """
UPDATE job SET failure = $3, done_at = CASE WHEN started_at IS NULL THEN clock_timestamp() END
WHERE tenant_id = $1 AND id = $2 AND done_at IS NULL AND failure IS NULL
RETURNING id
"""
_RENEW = """
INSERT INTO lease (tenant_id, subject_id, until) VALUES ($1, $2, clock_timestamp() + $3)
ON CONFLICT (tenant_id, subject_id) DO UPDATE SET until = excluded.until WHERE lease.tenant_id = $1
"""
_ROWS = """
INSERT INTO job_row (tenant_id, job_id, row, outcome, instance_id, sequence, problems, recorded_at)
SELECT $1, $2, r.row, r.outcome, r.instance_id, r.sequence, r.problems, clock_timestamp()
FROM jsonb_to_recordset($3::jsonb)
    AS r (row int, outcome text, instance_id uuid, sequence int, problems jsonb)
ON CONFLICT (tenant_id, job_id, row) DO NOTHING
"""
_FINISH = """
WITH released AS (DELETE FROM lease WHERE tenant_id = $1 AND subject_id = $2)
UPDATE job SET done_at = clock_timestamp(), file_id = $3, failure = $4 WHERE tenant_id = $1 AND id = $2 AND done_at IS NULL
"""
_POSTPONE = """
WITH released AS (DELETE FROM lease WHERE tenant_id = $1 AND subject_id = $2)
UPDATE job SET run_at = clock_timestamp() + $3 WHERE tenant_id = $1 AND id = $2
"""
_ROWS_OF = """
SELECT r.row, r.outcome, r.instance_id, r.sequence, r.problems
FROM job_row AS r
WHERE r.tenant_id = $1 AND r.job_id = $2 AND r.outcome = ANY($3::text[]) AND r.row > $4
ORDER BY r.row LIMIT $5
"""


class Standing(StrEnum):
    """How a job stands with the worker that is at it."""

    GOES_ON = "goes_on"
    CANCELLED = "cancelled"
    """Somebody wants it to end here. What was noted stays."""
    TAKEN = "taken"
    """It has ended, or another worker has gone on with it."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as stored. With a `failure` but not done it is being cancelled: its worker ends it after the step it is at."""

    id: UUID
    kind: str
    created_by: UUID
    language: str
    input: Mapping[str, Any]
    target_id: UUID | None
    total: int | None
    position: int
    counts: Mapping[str, int]
    failure: Mapping[str, Any] | None
    file_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    attempts: int
    done_at: datetime | None
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class RowRecord:
    """What became of one row."""

    row: int
    outcome: str
    instance_id: UUID | None = None
    sequence: int | None = None
    problems: Sequence[Mapping[str, Any]] | None = None


def job_of(row: Row) -> JobRecord:
    """The record of a row selected with `COLUMNS`."""
    return JobRecord(**{name: row[name] for name in JobRecord.__dataclass_fields__})


async def insert_job(
    connection: Connection,
    tenant_id: UUID,
    job_id: UUID,
    *,
    kind: str,
    by: UUID,
    language: str,
    key: str | None,
    fingerprint: bytes,
    values: Mapping[str, Any],
    target_id: UUID | None,
) -> bool:
    """Make a job that is due at once; false where its idempotency key was used before."""
    made = await connection.fetchval(
        _INSERT, tenant_id, job_id, kind, by, language, key, fingerprint, values, target_id
    )
    return made is not None


async def announce_jobs(connection: Connection, tenant_id: UUID) -> None:
    """Wake the workers, with the commit."""
    notice = f'{{"tenant": "{tenant_id}", "due": null, "effects": true, "steps": []}}'
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, notice)


async def load_job(connection: Connection, tenant_id: UUID, job_id: UUID) -> JobRecord | None:
    """A job."""
    row = await connection.fetchrow(_LOAD, tenant_id, job_id)
    return None if row is None else job_of(row)


async def load_jobs(connection: Connection, tenant_id: UUID, job_ids: Sequence[UUID]) -> dict[UUID, JobRecord]:
    """Jobs by their ids."""
    rows = await connection.fetch(_LOAD_MANY, tenant_id, job_ids)
    return {row["id"]: job_of(row) for row in rows}


async def job_of_key(connection: Connection, tenant_id: UUID, by: UUID, key: str) -> JobRecord | None:
    """The job somebody asked for with an idempotency key."""
    row = await connection.fetchrow(_BY_KEY, tenant_id, by, key)
    return None if row is None else job_of(row)


async def begin_job(
    connection: Connection, tenant_id: UUID, job_id: UUID, total: int | None, lease: timedelta
) -> Standing:
    """Note that a worker has begun, and how many rows there are, where that is known."""
    standing = Standing(await connection.fetchval(_BEGIN, tenant_id, job_id, total) or Standing.TAKEN)
    if standing is not Standing.TAKEN:
        await connection.execute(_RENEW, tenant_id, job_id, lease)
        await announce_job(connection, job_id)
    return standing


async def cancel_job(connection: Connection, tenant_id: UUID, job_id: UUID, failure: Mapping[str, Any]) -> bool:
    """End a job that has not begun, or ask the worker that is at it to end it; false where it has ended or was asked to."""
    if await connection.fetchval(_CANCEL, tenant_id, job_id, failure) is None:
        return False
    await announce_job(connection, job_id)
    return True


async def advance_job(
    connection: Connection,
    tenant_id: UUID,
    job_id: UUID,
    *,
    before: int,
    position: int,
    counts: Mapping[str, int],
    rows: Iterable[RowRecord],
    lease: timedelta,
) -> Standing:
    """Note what became of some rows and go on from `position`; nothing is noted where another worker has gone on from `before`."""
    advanced = await connection.fetchval(_ADVANCE, tenant_id, job_id, before, position, counts)
    standing = Standing(advanced or Standing.TAKEN)
    if standing is Standing.TAKEN:
        return standing
    values = [
        {
            "row": row.row,
            "outcome": row.outcome,
            "instance_id": None if row.instance_id is None else str(row.instance_id),
            "sequence": row.sequence,
            "problems": row.problems,
        }
        for row in rows
    ]
    await connection.execute(_ROWS, tenant_id, job_id, values)
    await connection.execute(_RENEW, tenant_id, job_id, lease)
    await announce_job(connection, job_id)
    return standing


async def finish_job(
    connection: Connection,
    tenant_id: UUID,
    job_id: UUID,
    *,
    file_id: UUID | None = None,
    failure: Mapping[str, Any] | None = None,
) -> None:
    """Note that a job is done, with the file it made, or why it could not be done."""
    await connection.execute(_FINISH, tenant_id, job_id, file_id, failure)
    await announce_job(connection, job_id)


async def postpone_job(connection: Connection, tenant_id: UUID, job_id: UUID, pause: timedelta) -> None:
    """Give a job back: it is due again after a pause, behind those that wait."""
    await connection.execute(_POSTPONE, tenant_id, job_id, pause)


async def rows_of_job(
    connection: Connection, tenant_id: UUID, job_id: UUID, outcomes: Sequence[str], *, after: int, most: int
) -> list[RowRecord]:
    """What became of the rows after one, in their order, of some outcomes only."""
    rows = await connection.fetch(_ROWS_OF, tenant_id, job_id, list(outcomes), after, most)
    return [RowRecord(**row) for row in rows]
