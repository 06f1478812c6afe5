"""Replays: the histories they read, a page of cases at a time, and what they keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Exists, Operator

_CASES = """
process_instance AS i
WHERE i.tenant_id = $1 AND i.definition_id = $2 AND i.started_at >= $3 AND i.started_at < $4 AND i.exclusion IS NULL
"""
_COUNT = f"SELECT count(*) FROM {_CASES}"
# One JSON text per case: it goes to another process as it is, and is read there once.
_HISTORIES = f"""
WITH cases AS (SELECT i.id, i.channel_id FROM {_CASES} AND i.id > $5 ORDER BY i.id LIMIT $6)
SELECT i.id, i.channel_id, convert_to(h.steps::text, 'UTF8') AS steps
FROM cases AS i
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_array(
        s.sequence, s.kind, extract(epoch FROM s.occurred_at) * 1000000, s.version, s.actor_id, s.actor_kind, s.transition,
        s.to_stage, s.reason, s.checkpoints, s.clocks, s.activity, s.data, x.personal, s.owner_id, s.team_id, s.exclusion, s.region, s.migration
    ) ORDER BY s.sequence) AS steps
    FROM history AS s
    LEFT JOIN history_text AS x ON x.tenant_id = $1 AND x.instance_id = s.instance_id AND x.sequence = s.sequence
    WHERE s.tenant_id = $1 AND s.instance_id = i.id
) AS h
ORDER BY i.id
"""
_INSERT = """
INSERT INTO replay (
    tenant_id, job_id, definition_id, document, version, changes, since, until, as_of, cases, cursor, figures
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, NULL, '{}')
"""
_COLUMNS = """
r.job_id, r.definition_id, r.document, r.version, r.changes, r.since, r.until, r.as_of, r.cases, r.cursor, r.figures
"""
_LOAD = f"SELECT {_COLUMNS} FROM replay AS r WHERE r.tenant_id = $1 AND r.job_id = $2"
_ADVANCE = "UPDATE replay SET cases = $3, cursor = $4, figures = $5 WHERE tenant_id = $1 AND job_id = $2"
_KEEP = """
INSERT INTO replay_case (tenant_id, job_id, instance_id, figures)
SELECT $1, $2, c.instance_id, ARRAY(SELECT jsonb_array_elements_text(c.figures)::int)
FROM jsonb_to_recordset($3::jsonb) AS c (instance_id uuid, figures jsonb)
"""

_OF_PROCESS = f"""
SELECT {_COLUMNS} FROM replay AS r WHERE r.tenant_id = $1 AND r.definition_id = $2 ORDER BY r.job_id DESC LIMIT $3
"""

FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Span:
    """The histories of a replay: of the cases of a process that began in `[since, until)`, excluded ones left out."""

    definition_id: UUID
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay as stored. `figures` are packed (`operations.replay_tally`); `cursor` is the last case replayed."""

    job_id: UUID
    definition_id: UUID
    document: Mapping[str, Any]
    version: int | None
    changes: Sequence[Mapping[str, Any]] | None
    since: datetime
    until: datetime
    as_of: datetime
    cases: int
    cursor: UUID | None
    figures: Mapping[str, Any]

    @property
    def span(self) -> Span:
        """The histories it reads."""
        return Span(self.definition_id, self.since, self.until)


async def count_histories(connection: Connection, tenant_id: UUID, span: Span) -> int:
    """How many histories a replay has to read."""
    found: int = await connection.fetchval(_COUNT, tenant_id, span.definition_id, span.since, span.until)
    return found


async def load_histories(
    connection: Connection, tenant_id: UUID, span: Span, *, after: UUID, most: int
) -> Sequence[Row]:
    """The histories of the next cases by id: (id, channel_id, steps), steps being JSON text of one array for each row."""
    rows: Sequence[Row] = await connection.fetch(
        _HISTORIES, tenant_id, span.definition_id, span.since, span.until, after, most
    )
    return rows


async def insert_replay(connection: Connection, tenant_id: UUID, record: ReplayRecord) -> None:
    """A replay that has not begun."""
    await connection.execute(
        _INSERT,
        tenant_id,
        record.job_id,
        record.definition_id,
        record.document,
        record.version,
        record.changes,
        record.since,
        record.until,
        record.as_of,
    )


async def load_replay(connection: Connection, tenant_id: UUID, job_id: UUID) -> ReplayRecord | None:
    """A replay with its figures so far."""
    row = await connection.fetchrow(_LOAD, tenant_id, job_id)
    return None if row is None else ReplayRecord(**row)


async def replays_of(connection: Connection, tenant_id: UUID, definition_id: UUID, most: int) -> list[ReplayRecord]:
    """The newest replays of a process, newest first."""
    return [ReplayRecord(**row) for row in await connection.fetch(_OF_PROCESS, tenant_id, definition_id, most)]


def counted_by(job_id: UUID, figure: int | None) -> Condition:
    """The cases, as `i`, that a figure of a replay counts; None: the figure counts none."""
    if figure is None:
        return AnyOf()
    counts = All(
        (Compare("rc.job_id", Operator.EQ, job_id, "uuid"), Compare("rc.figures", Operator.HAS, [figure], "int[]"))
    )
    return Exists(
        "replay_case AS rc WHERE rc.tenant_id = $1 AND rc.tenant_id = i.tenant_id AND rc.instance_id = i.id", counts
    )


async def advance_replay(
    connection: Connection,
    tenant_id: UUID,
    job_id: UUID,
    *,
    cases: int,
    cursor: UUID,
    figures: Mapping[str, Any],
    found: Sequence[tuple[UUID, Sequence[int]]],
) -> None:
    """Keep the figures up to a case, and which of them count the cases looked at last."""
    await connection.execute(_ADVANCE, tenant_id, job_id, cases, cursor, figures)
    values = [{"instance_id": str(instance_id), "figures": list(numbers)} for instance_id, numbers in found]
    await connection.execute(_KEEP, tenant_id, job_id, values)
