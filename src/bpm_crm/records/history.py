"""History rows as they are stored and read back; `entries` makes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import as_uuid

CHAINED = (
    "tenant_id",
    "instance_id",
    "sequence",
    "kind",
    "occurred_at",
    "recorded_at",
    "definition_id",
    "version",
    "actor_id",
    "actor_kind",
    "request_id",
    "transition",
    "from_stage",
    "to_stage",
    "outcome",
    "reason",
    "visit",
    "entered_at",
    "business",
    "active",
    "checkpoints",
    "clocks",
    "activity",
    "data",
    "owner_id",
    "team_id",
    "channel_id",
    "campaign_id",
    "region",
    "exclusion",
    "text_digest",
)
"""The columns that a row's hash covers, in this order: all but the hash itself, and `migration`, which follows where there is one."""

_READ = (
    "sequence",
    "kind",
    "occurred_at",
    "recorded_at",
    "version",
    "actor_kind",
    "transition",
    "from_stage",
    "to_stage",
    "outcome",
    "reason",
    "visit",
    "entered_at",
    "business",
    "active",
    "activity",
    "data",
    "exclusion",
    "migration",
)

STORED = (*CHAINED, "migration", "hash")
COLUMNS = ", ".join(STORED)

INSERT = f"INSERT INTO history ({COLUMNS}) SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::history, $rows) WHERE tenant_id = $1"
SELECTION = ", ".join(f"h.{name}" for name in STORED)
SOURCE = """
    history AS h
    LEFT JOIN history_text AS x
      ON x.tenant_id = $1 AND x.tenant_id = h.tenant_id AND x.instance_id = h.instance_id AND x.sequence = h.sequence
"""
_LOAD = f"""
SELECT {SELECTION}, x.comment
FROM {SOURCE}
JOIN unnest($2::uuid[], $3::int[]) AS wanted (instance_id, sequence)
  ON wanted.instance_id = h.instance_id AND wanted.sequence = h.sequence
WHERE h.tenant_id = $1
ORDER BY h.instance_id, h.sequence
"""
_RUNS = f"""
SELECT {SELECTION}, x.comment
FROM {SOURCE}
JOIN unnest($2::uuid[], $3::int[], $4::int[]) AS wanted (instance_id, first, last)
  ON wanted.instance_id = h.instance_id AND h.sequence BETWEEN wanted.first AND wanted.last
WHERE h.tenant_id = $1
ORDER BY h.recorded_at, h.instance_id, h.sequence
"""
_SINCE = f"""
SELECT {SELECTION}, x.comment
FROM {SOURCE}
WHERE h.tenant_id = $1 AND h.recorded_at >= $2
ORDER BY h.recorded_at, h.instance_id, h.sequence
LIMIT $3
"""
INSERT_TEXT = """
INSERT INTO history_text (tenant_id, instance_id, sequence, comment, personal, salt)
SELECT tenant_id, instance_id, sequence, comment, personal, salt
FROM jsonb_populate_recordset(NULL::history_text, $rows) WHERE tenant_id = $1
"""


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """A history row as people read it; instants are aware datetimes, `comment` is None when there is none or it was erased."""

    instance_id: UUID
    sequence: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    version: int
    actor_id: UUID | None
    actor_kind: str
    transition: str | None
    from_stage: str | None
    to_stage: str | None
    outcome: str | None
    reason: str | None
    visit: int | None
    entered_at: datetime | None
    business: int | None
    active: int | None
    checkpoints: tuple[str, ...]
    clocks: tuple[Mapping[str, Any], ...]
    activity: Mapping[str, Any] | None
    data: Mapping[str, Any] | None
    owner_id: UUID | None
    team_id: UUID | None
    exclusion: str | None
    comment: str | None
    migration: Mapping[str, Any] | None = None


def record_of(values: Mapping[str, Any], comment: str | None) -> HistoryRecord:
    """The record of a row, whether it was just written (`entries.HistoryEntry.values`) or read back."""
    plain: dict[str, Any] = {name: values.get(name) for name in _READ}
    return HistoryRecord(
        **plain,
        instance_id=_uuid(values["instance_id"]),
        actor_id=_uuid(values.get("actor_id")),
        owner_id=_uuid(values.get("owner_id")),
        team_id=_uuid(values.get("team_id")),
        checkpoints=tuple(values.get("checkpoints") or ()),
        clocks=tuple(values.get("clocks") or ()),
        comment=comment,
    )


async def load_entries(
    connection: Connection, tenant_id: UUID, steps: Sequence[tuple[UUID, int]]
) -> list[HistoryRecord]:
    """History rows by (case, sequence), with their free texts."""
    ids, sequences = [step[0] for step in steps], [step[1] for step in steps]
    rows = await connection.fetch(_LOAD, tenant_id, ids, sequences)
    return [record_of(row, row["comment"]) for row in rows]


async def load_runs(
    connection: Connection, tenant_id: UUID, runs: Sequence[tuple[UUID, int, int]]
) -> list[HistoryRecord]:
    """History rows by (case, first sequence, last sequence), in the order of recording."""
    columns = [list(column) for column in zip(*runs, strict=True)] if runs else [[], [], []]
    rows = await connection.fetch(_RUNS, tenant_id, *columns)
    return [record_of(row, row["comment"]) for row in rows]


async def load_since(connection: Connection, tenant_id: UUID, since: datetime, *, most: int) -> list[HistoryRecord]:
    """History rows recorded at or after an instant, in the order of recording, up to `most`."""
    rows = await connection.fetch(_SINCE, tenant_id, since, most)
    return [record_of(row, row["comment"]) for row in rows]


def _uuid(value: Any) -> Any:
    return as_uuid(value) if isinstance(value, str) else value
