"""History rows: what one step leaves behind, chained by hashes, and how it is read back."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, assert_never
from uuid import UUID

import orjson

from bpm_crm.engine.clock import ClockEvent, ClockEventKind
from bpm_crm.engine.events import (
    ActivityRecorded,
    Approved,
    CheckpointReached,
    Completed,
    DataChanged,
    Event,
    Excluded,
    OwnerAssigned,
    ProcessRequested,
    Reopened,
    StageEntered,
    StageLeft,
    Started,
    Transitioned,
)
from bpm_crm.engine.instants import moment_of
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import as_uuid
from bpm_crm.records.instances import InstanceRecord, hex_bytes, split_personal

FIRST_HASH = bytes(32)

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
"""The columns that a row's hash covers, in this order: all but the hash itself."""

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
)

COLUMNS = ", ".join((*CHAINED, "hash"))

INSERT = f"INSERT INTO history ({COLUMNS}) SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::history, $rows) WHERE tenant_id = $1"
SELECTION = ", ".join(f"h.{name}" for name in (*CHAINED, "hash"))
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


class Circumstances(NamedTuple):
    """What surrounds a step: when it happened, who acted, under which request, and the free text that came with it."""

    occurred_at: datetime
    recorded_at: datetime
    actor_id: UUID | None
    actor_kind: str
    request_id: str | None = None
    comment: str | None = None


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


@dataclass(slots=True)
class HistoryEntry:
    """A history row about to be written, as JSON values by column, its free text apart, and the processes it asks for."""

    values: dict[str, Any]
    hash: bytes
    text: dict[str, Any] | None
    requested: list[str] = field(default_factory=list)

    @property
    def record(self) -> HistoryRecord:
        """The row as people read it."""
        return record_of(self.values, None if self.text is None else self.text["comment"])


def record_of(values: Mapping[str, Any], comment: str | None) -> HistoryRecord:
    """The record of a row, whether it was just written (`HistoryEntry.values`) or read back."""
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


def entry_of(
    before: InstanceRecord | None,
    after: InstanceRecord,
    events: Sequence[Event],
    circumstances: Circumstances,
    personal_fields: frozenset[str],
) -> HistoryEntry:
    """The history row of a step that led from `before` (None: the first) to `after`."""
    entry = HistoryEntry(_blank(after, circumstances), b"", None)
    personal: dict[str, Any] = {}
    for event in events:
        _write(entry, event, personal_fields, personal, after)
    entry.text = _text_of(after, circumstances.comment, personal)
    if entry.text is not None:
        entry.values["text_digest"] = hex_bytes(text_digest(entry.text))
    entry.hash = chain_hash(FIRST_HASH if before is None else before.head, entry.values)
    entry.values["hash"] = hex_bytes(entry.hash)
    return entry


def chain_hash(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """`sha256(previous || canonical row)`: the canonical row is the JSON array of the `CHAINED` columns, keys sorted."""
    row = list(map(values.get, CHAINED))
    return hashlib.sha256(previous + orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=_plain)).digest()


def text_digest(text: Mapping[str, Any]) -> bytes:
    """The salted digest that binds a free text to its history row without revealing it."""
    salt = text["salt"]
    raw = bytes.fromhex(salt[2:]) if isinstance(salt, str) else salt
    body = orjson.dumps([text["comment"], text["personal"]], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(raw + body).digest()


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


def _plain(value: Any) -> str:
    """What JSON does not know, the same way in a column about to be written and in one read back."""
    return hex_bytes(value) if isinstance(value, bytes) else str(value)


def _blank(after: InstanceRecord, circumstances: Circumstances) -> dict[str, Any]:
    state = after.state
    return {
        "tenant_id": after.tenant_id,
        "instance_id": after.id,
        "sequence": state.sequence,
        "kind": "clock",
        "occurred_at": circumstances.occurred_at,
        "recorded_at": circumstances.recorded_at,
        "definition_id": after.definition_id,
        "version": after.version,
        "actor_id": circumstances.actor_id,
        "actor_kind": circumstances.actor_kind,
        "request_id": circumstances.request_id,
        "owner_id": state.owner,
        "team_id": state.team,
        "channel_id": after.channel_id,
        "campaign_id": after.campaign_id,
        "region": after.region,
        "exclusion": state.exclusion,
    }


def _write(
    entry: HistoryEntry, event: Event, personal_fields: frozenset[str], personal: dict[str, Any], after: InstanceRecord
) -> None:
    values = entry.values
    match event:
        case ClockEvent():
            values.setdefault("clocks", []).append(_clock_values(event, after))
        case Started(stage):
            values |= {"kind": "started", "to_stage": stage}
        case Transitioned(transition, _, source, target, forced, reason):
            values |= {"kind": "forced" if forced else "transition", "transition": transition, "reason": reason}
            values |= {"from_stage": source, "to_stage": target}
        case StageLeft(_, visit, entered_at, business, active):
            values |= {"visit": visit, "entered_at": moment_of(entered_at), "business": business, "active": active}
        case StageEntered() | Reopened() | Approved():
            pass
        case CheckpointReached(checkpoint):
            values.setdefault("checkpoints", []).append(checkpoint)
        case ActivityRecorded(kind, direction, automated, transition):
            act = {"kind": kind, "direction": direction, "automated": automated}
            values |= {"kind": "activity", "activity": act if transition is None else {**act, "transition": transition}}
        case OwnerAssigned():
            values["kind"] = "assignment" if values["kind"] == "clock" else values["kind"]
        case DataChanged(changes):
            values["data"], hidden = split_personal(personal_fields, changes)
            personal |= hidden
        case Completed(outcome):
            values["outcome"] = outcome.value
        case Excluded():
            values["kind"] = "exclusion"
        case ProcessRequested(process):
            entry.requested.append(process)
        case _:
            assert_never(event)


def _clock_values(event: ClockEvent, after: InstanceRecord) -> dict[str, Any]:
    clock = event.clock
    values: dict[str, Any] = {
        "event": event.kind.value,
        "clock": clock.policy,
        "cycle": clock.cycle,
        "at": event.at,
        "state": clock.state.value,
        "open": clock.is_open,
        "due": clock.due_at,
    }
    if event.kind is ClockEventKind.STARTED:
        values["budget"] = clock.budget
    if event.step:
        values["step"] = event.step
    if event.to is not None:
        values["to"] = event.to
        user = {"owner": after.owner_id, "team_lead": after.lead_id}.get(event.to)
        if user is not None:
            values["user"] = str(user)
    if event.reasons:
        values["reasons"] = list(event.reasons)
    if event.withdrawn is not None:
        values["withdrawn"] = event.withdrawn.value
    if event.elapsed is not None:
        values["elapsed"] = event.elapsed
    return values


def _text_of(after: InstanceRecord, comment: str | None, personal: Mapping[str, Any]) -> dict[str, Any] | None:
    if comment is None and not personal:
        return None
    return {
        "tenant_id": str(after.tenant_id),
        "instance_id": str(after.id),
        "sequence": after.state.sequence,
        "comment": comment,
        "personal": dict(personal) or None,
        "salt": hex_bytes(secrets.token_bytes(16)),
    }
