"""Plans of migrations and what becomes of their cases: the statements that keep and read them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row, hold
from bpm_crm.records.selection import Key, Listing

_PLAN = """
SELECT p.id, p.definition_id, p.from_version, p.to_version, p.revision, p.document, p.created_at, p.created_by, p.fingerprint
FROM migration_plan AS p
"""
_BY_ID = f"{_PLAN} WHERE p.tenant_id = $1 AND p.id = $2"
_BY_KEY = f"{_PLAN} WHERE p.tenant_id = $1 AND p.created_by = $2 AND p.idempotency_key = $3"
_NEWEST = f"""
{_PLAN}
WHERE p.tenant_id = $1 AND p.definition_id = $2 AND p.from_version = $3 AND p.to_version = $4
ORDER BY p.revision DESC LIMIT 1
"""
_INSERT = """
INSERT INTO migration_plan (
    tenant_id, id, definition_id, from_version, to_version, revision, document, created_at, created_by, idempotency_key, fingerprint
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_RUNNING = """
SELECT i.stage, count(*) AS cases
FROM process_instance AS i
WHERE i.tenant_id = $1 AND i.definition_id = $2 AND i.version = $3 AND i.ended_at IS NULL
GROUP BY i.stage
"""
_ENLIST = """
INSERT INTO migration_case (tenant_id, job_id, row, instance_id, verdict)
SELECT $1, $2, row_number() OVER (ORDER BY i.id), i.id, 'waiting'
FROM process_instance AS i
WHERE i.tenant_id = $1 AND i.definition_id = $3 AND i.version = $4 AND i.ended_at IS NULL
"""
_ENLIST_MIGRATED = """
INSERT INTO migration_case (tenant_id, job_id, row, instance_id, verdict, sequence)
SELECT $1, $2, row_number() OVER (ORDER BY m.row), m.instance_id, 'waiting', m.sequence
FROM migration_case AS m
WHERE m.tenant_id = $1 AND m.job_id = $3 AND m.verdict = 'migrated'
"""
_COUNT = "SELECT count(*) FROM migration_case AS m WHERE m.tenant_id = $1 AND m.job_id = $2"
_COUNTS = (
    "SELECT m.verdict, count(*) AS cases FROM migration_case AS m WHERE m.tenant_id = $1 AND m.job_id = $2 GROUP BY 1"
)
_OF_VERDICT = """
SELECT m.row, m.instance_id, m.verdict, m.sequence, m.obstacles
FROM migration_case AS m
WHERE m.tenant_id = $1 AND m.job_id = $2 AND m.verdict = $3
ORDER BY m.row LIMIT $4
"""
_JUDGE = """
UPDATE migration_case AS m
SET verdict = v.verdict, sequence = coalesce(v.sequence, m.sequence), obstacles = v.obstacles
FROM jsonb_to_recordset($3::jsonb) AS v (row int, verdict text, sequence int, obstacles jsonb)
WHERE m.tenant_id = $1 AND m.job_id = $2 AND m.row = v.row AND m.verdict = 'waiting'
"""
_SINCE = """
SELECT h.instance_id, h.sequence, h.kind, h.request_id
FROM unnest($2::uuid[], $3::int[]) AS w (instance_id, sequence)
JOIN history AS h ON h.tenant_id = $1 AND h.instance_id = w.instance_id AND h.sequence > w.sequence
ORDER BY h.instance_id, h.sequence
"""
_MIGRATED_BY = """
SELECT h.instance_id, max(h.sequence) AS sequence
FROM history AS h
WHERE h.tenant_id = $1 AND h.instance_id = ANY($2::uuid[]) AND h.kind = 'migration' AND h.request_id = $3
GROUP BY h.instance_id
"""
CASES = Listing(
    "m.row, m.instance_id, m.verdict, m.sequence, m.obstacles",
    "migration_case AS m",
    "m.tenant_id",
    Key("m.row", "int"),
)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A revision of a plan as stored."""

    id: UUID
    definition_id: UUID
    from_version: int
    to_version: int
    revision: int
    document: Mapping[str, Any]
    created_at: datetime
    created_by: UUID
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class CaseVerdict:
    """What becomes of one case of a migration."""

    row: int
    instance_id: UUID
    verdict: str
    sequence: int | None = None
    obstacles: Sequence[Mapping[str, Any]] | None = None


def verdict_of(row: Row) -> CaseVerdict:
    """The verdict of a row selected with the columns of `CASES`."""
    return CaseVerdict(**{name: row[name] for name in CaseVerdict.__dataclass_fields__})


async def load_plan(connection: Connection, tenant_id: UUID, plan_id: UUID) -> PlanRecord | None:
    """A plan by its id."""
    return _plan_of(await connection.fetchrow(_BY_ID, tenant_id, plan_id))


async def plan_of_key(connection: Connection, tenant_id: UUID, by: UUID, key: str) -> PlanRecord | None:
    """The plan somebody stored with an idempotency key."""
    return _plan_of(await connection.fetchrow(_BY_KEY, tenant_id, by, key))


async def newest_plan(
    connection: Connection, tenant_id: UUID, definition_id: UUID, from_version: int, to_version: int
) -> PlanRecord | None:
    """The newest revision of the plan between two versions."""
    return _plan_of(await connection.fetchrow(_NEWEST, tenant_id, definition_id, from_version, to_version))


async def lock_plans(connection: Connection, tenant_id: UUID, definition_id: UUID) -> None:
    """Let nobody else store a plan for this process until the transaction ends."""
    await hold(connection, f"migration_plan/{tenant_id}/{definition_id}")


async def insert_plan(connection: Connection, tenant_id: UUID, plan: PlanRecord, idempotency_key: str | None) -> None:
    """Keep a revision of a plan."""
    await connection.execute(
        _INSERT,
        tenant_id,
        plan.id,
        plan.definition_id,
        plan.from_version,
        plan.to_version,
        plan.revision,
        plan.document,
        plan.created_at,
        plan.created_by,
        idempotency_key,
        plan.fingerprint,
    )


async def running_by_stage(
    connection: Connection, tenant_id: UUID, definition_id: UUID, version: int
) -> Mapping[str, int]:
    """How many cases run under a version, by stage."""
    rows = await connection.fetch(_RUNNING, tenant_id, definition_id, version)
    return {row["stage"]: row["cases"] for row in rows}


async def enlist_running(
    connection: Connection, tenant_id: UUID, job_id: UUID, definition_id: UUID, version: int
) -> int:
    """List the cases that run under a version for a job, once; how many they are."""
    return await _enlist(connection, tenant_id, job_id, _ENLIST, definition_id, version)


async def enlist_migrated(connection: Connection, tenant_id: UUID, job_id: UUID, migration: UUID) -> int:
    """List the cases that another job migrated for this one, once; how many they are."""
    return await _enlist(connection, tenant_id, job_id, _ENLIST_MIGRATED, migration)


async def _enlist(connection: Connection, tenant_id: UUID, job_id: UUID, statement: str, *values: Any) -> int:
    known: int = await connection.fetchval(_COUNT, tenant_id, job_id)
    if not known:
        await connection.execute(statement, tenant_id, job_id, *values)
        known = await connection.fetchval(_COUNT, tenant_id, job_id)
    return known


async def waiting_cases(connection: Connection, tenant_id: UUID, job_id: UUID, most: int) -> list[CaseVerdict]:
    """The next cases of a job that were not looked at."""
    return await _with_verdict(connection, tenant_id, job_id, "waiting", most)


async def refused_cases(connection: Connection, tenant_id: UUID, job_id: UUID, most: int) -> list[CaseVerdict]:
    """The first cases of a job that stay where they are."""
    return await _with_verdict(connection, tenant_id, job_id, "refused", most)


async def judge_cases(
    connection: Connection, tenant_id: UUID, job_id: UUID, verdicts: Iterable[CaseVerdict]
) -> Mapping[str, int]:
    """Keep what became of cases that waited; how many of the job have which verdict then."""
    rows = [
        {"row": item.row, "verdict": item.verdict, "sequence": item.sequence, "obstacles": item.obstacles}
        for item in verdicts
    ]
    await connection.execute(_JUDGE, tenant_id, job_id, rows)
    return {row["verdict"]: row["cases"] for row in await connection.fetch(_COUNTS, tenant_id, job_id)}


async def steps_since(
    connection: Connection, tenant_id: UUID, steps: Sequence[tuple[UUID, int]]
) -> Mapping[UUID, Sequence[Row]]:
    """The later steps (sequence, kind, request_id) of cases, each after one of its steps."""
    rows = await connection.fetch(_SINCE, tenant_id, [case for case, _ in steps], [number for _, number in steps])
    found: dict[UUID, list[Row]] = {}
    for row in rows:
        found.setdefault(row["instance_id"], []).append(row)
    return found


async def migrated_by(
    connection: Connection, tenant_id: UUID, cases: Sequence[UUID], request_id: str
) -> Mapping[UUID, int]:
    """Which of these cases were migrated under a request, and by which step."""
    rows = await connection.fetch(_MIGRATED_BY, tenant_id, cases, request_id)
    return {row["instance_id"]: row["sequence"] for row in rows}


async def _with_verdict(
    connection: Connection, tenant_id: UUID, job_id: UUID, verdict: str, most: int
) -> list[CaseVerdict]:
    return [verdict_of(row) for row in await connection.fetch(_OF_VERDICT, tenant_id, job_id, verdict, most)]


def _plan_of(row: Row | None) -> PlanRecord | None:
    return None if row is None else PlanRecord(**{name: row[name] for name in PlanRecord.__dataclass_fields__})
