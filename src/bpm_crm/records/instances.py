"""Process instances as records: the row of a case joined with the engine's state, and the statements that read and write it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from bpm_crm.engine.instants import instant_of, moment_of
from bpm_crm.engine.state import InstanceState
from bpm_crm.records.database import Connection, Row
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.states import pack_clocks, pack_progress, unpack_clocks, unpack_progress

COLUMNS = """
    i.id, i.definition_id, i.version, i.deal_id, i.customer_id, i.channel_id, i.campaign_id, i.region, i.external_id,
    i.fingerprint, i.owner_id, i.team_id, i.stage, i.outcome, i.reason, i.exclusion, i.sequence, i.started_at, i.entered_at,
    i.ended_at, i.recorded_at, i.overdue_since, i.data, i.personal, i.progress, i.clocks, i.head,
    c.key AS channel_key
"""
_JOINED = "JOIN channel AS c ON c.tenant_id = $1 AND c.tenant_id = i.tenant_id AND c.id = i.channel_id"
SOURCE = f"process_instance AS i {_JOINED}"

# LATERAL with LIMIT 1 pins the plan to one lookup by primary key per id, in the order of the ids, whatever the statistics say.
_LOCK = f"""
SELECT {COLUMNS}, t.lead_id, clock_timestamp() AS now
FROM unnest($2::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT p.* FROM process_instance AS p WHERE p.tenant_id = $1 AND p.id = wanted.id LIMIT 1 FOR UPDATE
) AS i
{_JOINED}
LEFT JOIN team AS t ON t.tenant_id = $1 AND t.tenant_id = i.tenant_id AND t.id = i.team_id
"""
_LOAD = f"SELECT {COLUMNS} FROM {SOURCE} WHERE i.tenant_id = $1 AND i.id = ANY($2::uuid[])"
_IDENTITY = (
    "tenant_id, id, definition_id, deal_id, customer_id, channel_id, campaign_id, region, external_id, fingerprint, "
    "started_at"
)
_STATE = (
    "version, owner_id, team_id, stage, outcome, reason, exclusion, sequence, entered_at, ended_at, recorded_at, next_due_at, "
    "overdue_since, data, personal, progress, clocks, head"
)
INSERT = f"""
INSERT INTO process_instance ({_IDENTITY}, {_STATE})
SELECT {_IDENTITY}, {_STATE} FROM jsonb_populate_recordset(NULL::process_instance, $rows) WHERE tenant_id = $1
"""
UPDATE = f"""
UPDATE process_instance AS i
SET ({_STATE}) = ({", ".join("s." + name for name in _STATE.split(", "))})
FROM jsonb_populate_recordset(NULL::process_instance, $rows) AS s
WHERE i.tenant_id = $1 AND s.tenant_id = $1 AND i.id = s.id AND i.sequence < s.sequence
"""


class InstanceRecord(NamedTuple):
    """A case as stored: who and what it is about, and the engine's state of it."""

    tenant_id: UUID
    id: UUID
    definition_id: UUID
    version: int
    deal_id: UUID | None
    customer_id: UUID | None
    channel_id: UUID
    campaign_id: UUID | None
    region: str | None
    external_id: str | None
    fingerprint: bytes | None
    state: InstanceState
    outcome: str | None
    recorded_at: datetime
    head: bytes
    lead_id: UUID | None = None

    @property
    def owner_id(self) -> UUID | None:
        """The owner now."""
        return None if self.state.owner is None else as_uuid(self.state.owner)

    @property
    def team_id(self) -> UUID | None:
        """The team now."""
        return None if self.state.team is None else as_uuid(self.state.team)


def from_row(tenant_id: UUID, row: Row) -> InstanceRecord:
    """The record of a row selected with `COLUMNS`."""
    state = InstanceState(
        stage=row["stage"],
        sequence=row["sequence"],
        started_at=instant_of(row["started_at"]),
        entered_at=instant_of(row["entered_at"]),
        ended_at=None if row["ended_at"] is None else instant_of(row["ended_at"]),
        data={**row["data"], **row["personal"]},
        clocks=unpack_clocks(row["clocks"]),
        subject={"channel": row["channel_key"], "region": row["region"] or ""},
        owner=None if row["owner_id"] is None else str(row["owner_id"]),
        team=None if row["team_id"] is None else str(row["team_id"]),
        reason=row["reason"],
        exclusion=row["exclusion"],
        **unpack_progress(row["progress"]),
    )
    return InstanceRecord(
        tenant_id=tenant_id,
        id=row["id"],
        definition_id=row["definition_id"],
        version=row["version"],
        deal_id=row["deal_id"],
        customer_id=row["customer_id"],
        channel_id=row["channel_id"],
        campaign_id=row["campaign_id"],
        region=row["region"],
        external_id=row["external_id"],
        fingerprint=row["fingerprint"],
        state=state,
        outcome=row["outcome"],
        recorded_at=row["recorded_at"],
        head=row["head"],
        lead_id=row.get("lead_id"),
    )


def to_row(record: InstanceRecord, personal_fields: frozenset[str]) -> dict[str, Any]:
    """The row of a new case as JSON values."""
    return {
        "definition_id": str(record.definition_id),
        "deal_id": _text(record.deal_id),
        "customer_id": _text(record.customer_id),
        "channel_id": str(record.channel_id),
        "campaign_id": _text(record.campaign_id),
        "region": record.region,
        "external_id": record.external_id,
        "fingerprint": None if record.fingerprint is None else hex_bytes(record.fingerprint),
        "started_at": moment_of(record.state.started_at),
        **to_changes(record, personal_fields),
    }


def to_changes(record: InstanceRecord, personal_fields: frozenset[str]) -> dict[str, Any]:
    """What a step changes in the row of its case, as JSON values: personal data fields apart from the others."""
    state = record.state
    open_data, personal = split_personal(personal_fields, state.data)
    return {
        "tenant_id": record.tenant_id,
        "id": record.id,
        "version": record.version,
        "owner_id": state.owner,
        "team_id": state.team,
        "stage": state.stage,
        "outcome": record.outcome,
        "reason": state.reason,
        "exclusion": state.exclusion,
        "sequence": state.sequence,
        "entered_at": moment_of(state.entered_at),
        "ended_at": _moment(state.ended_at),
        "recorded_at": record.recorded_at,
        "next_due_at": _moment(state.next_due_at),
        "overdue_since": _moment(state.overdue_since),
        "data": open_data,
        "personal": personal,
        "progress": pack_progress(state),
        "clocks": pack_clocks(state.clocks),
        "head": hex_bytes(record.head),
    }


def split_personal(personal_fields: frozenset[str], data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values of data fields, apart: those that may stand in history, and personal data."""
    if not personal_fields:
        return dict(data), {}
    return (
        {key: value for key, value in data.items() if key not in personal_fields},
        {key: value for key, value in data.items() if key in personal_fields},
    )


async def lock(
    connection: Connection, tenant_id: UUID, ids: Iterable[UUID]
) -> tuple[Sequence[InstanceRecord], datetime | None]:
    """Lock cases in the order of their ids and load them, with the database's time once all are locked; None without any."""
    rows = await connection.fetch(_LOCK, tenant_id, list(ids))
    return [from_row(tenant_id, row) for row in rows], (max(row["now"] for row in rows) if rows else None)


async def load(connection: Connection, tenant_id: UUID, ids: Iterable[UUID]) -> dict[UUID, InstanceRecord]:
    """Cases by id; those that do not exist for this tenant are absent."""
    rows = await connection.fetch(_LOAD, tenant_id, list(ids))
    return {row["id"]: from_row(tenant_id, row) for row in rows}


async def load_by_channel(connection: Connection, tenant_id: UUID, channel_id: UUID) -> list[InstanceRecord]:
    """All cases of a channel, oldest first."""
    statement = f"SELECT {COLUMNS} FROM {SOURCE} WHERE i.tenant_id = $1 AND i.channel_id = $2 ORDER BY i.id"
    return [from_row(tenant_id, row) for row in await connection.fetch(statement, tenant_id, channel_id)]


def hex_bytes(value: bytes) -> str:
    """Bytes as PostgreSQL reads them from JSON."""
    return "\\x" + value.hex()


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else moment_of(instant)
