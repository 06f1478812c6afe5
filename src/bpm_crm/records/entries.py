"""History rows about to be written: what one step leaves behind, chained to the row before it by hashes."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, assert_never

import orjson

from bpm_crm.engine.clock import ClockEvent, ClockEventKind
from bpm_crm.engine.events import (
    ActivityRecorded,
    Approved,
    CaseEvent,
    CheckpointReached,
    Completed,
    DataChanged,
    Excluded,
    Migrated,
    MigrationUndone,
    OwnerAssigned,
    ProcessRequested,
    Reopened,
    StageEntered,
    StageLeft,
    Started,
    Transitioned,
)
from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import Step
from bpm_crm.records.history import CHAINED, HistoryRecord, record_of
from bpm_crm.records.instances import InstanceRecord, hex_bytes, split_personal
from bpm_crm.records.states import pack_migration

FIRST_HASH = bytes(32)

_WITH_BUDGET = frozenset({ClockEventKind.STARTED, ClockEventKind.MIGRATED})
"""Events after which a clock may have another budget."""


class Circumstances(NamedTuple):
    """What surrounds a step: when it happened, who acted, under which request, and the free text that came with it.

    A migration or its undoing has the version that the case leaves.
    """

    occurred_at: datetime
    recorded_at: datetime
    actor_id: str | None
    actor_kind: str
    request_id: str | None = None
    comment: str | None = None
    version_left: int | None = None


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


def entry_of(
    case: InstanceRecord, step: Step, circumstances: Circumstances, personal_fields: frozenset[str]
) -> HistoryEntry:
    """The history row of a step of a case; `case` is as it was before, with `FIRST_HASH` as its head if this is its first row."""
    values = _blank(case, step.state, circumstances)
    entry = HistoryEntry(values, b"", None)
    personal: dict[str, Any] = {}
    for event in step.events:
        if isinstance(event, ClockEvent):
            values.setdefault("clocks", []).append(_clock_values(event, case, step.state))
        else:
            _write(entry, event, personal_fields, personal)
    if circumstances.version_left is not None:
        values["migration"]["from"] = circumstances.version_left
    if personal or circumstances.comment is not None:
        entry.text = _text_of(case, step.state, circumstances.comment, personal)
        values["text_digest"] = hex_bytes(text_digest(entry.text))
    entry.hash = chain_hash(case.head, values)
    values["hash"] = hex_bytes(entry.hash)
    return entry


def chain_hash(previous: bytes, values: Mapping[str, Any]) -> bytes:
    """`sha256(previous || canonical row)`: the canonical row is the JSON array of the `CHAINED` columns, keys sorted.

    How a case was migrated follows where a row says it: rows of other kinds have the hashes they had before there were migrations.
    """
    row = list(map(values.get, CHAINED))
    if (migration := values.get("migration")) is not None:
        row.append(migration)
    return hashlib.sha256(previous + orjson.dumps(row, option=orjson.OPT_SORT_KEYS, default=_plain)).digest()


def text_digest(text: Mapping[str, Any]) -> bytes:
    """The salted digest that binds a free text to its history row without revealing it."""
    salt = text["salt"]
    raw = bytes.fromhex(salt[2:]) if isinstance(salt, str) else salt
    body = orjson.dumps([text["comment"], text["personal"]], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(raw + body).digest()


def _plain(value: Any) -> str:
    """What JSON does not know, the same way in a column about to be written and in one read back."""
    return hex_bytes(value) if isinstance(value, bytes) else str(value)


def _blank(case: InstanceRecord, state: InstanceState, circumstances: Circumstances) -> dict[str, Any]:
    return {
        "tenant_id": case.tenant_id,
        "instance_id": str(case.id),
        "sequence": state.sequence,
        "kind": "clock",
        "occurred_at": circumstances.occurred_at,
        "recorded_at": circumstances.recorded_at,
        "definition_id": str(case.definition_id),
        "version": case.version,
        "actor_id": circumstances.actor_id,
        "actor_kind": circumstances.actor_kind,
        "request_id": circumstances.request_id,
        "owner_id": state.owner,
        "team_id": state.team,
        "channel_id": str(case.channel_id),
        "campaign_id": None if case.campaign_id is None else str(case.campaign_id),
        "region": case.region,
        "exclusion": state.exclusion,
    }


def _write(entry: HistoryEntry, event: CaseEvent, personal_fields: frozenset[str], personal: dict[str, Any]) -> None:
    values = entry.values
    match event:
        case Transitioned(transition, _, source, target, forced, reason):
            values |= {"kind": "forced" if forced else "transition", "transition": transition, "reason": reason}
            values |= {"from_stage": source, "to_stage": target}
        case StageLeft(_, visit, entered_at, business, active):
            values |= {"visit": visit, "entered_at": moment_of(entered_at), "business": business, "active": active}
        case CheckpointReached(checkpoint):
            values.setdefault("checkpoints", []).append(checkpoint)
        case StageEntered() | Reopened() | Approved():
            pass
        case DataChanged(changes):
            values["data"], hidden = split_personal(personal_fields, changes)
            personal |= hidden
        case Started(stage):
            values |= {"kind": "started", "to_stage": stage}
        case ActivityRecorded(kind, direction, automated, transition):
            act = {"kind": kind, "direction": direction, "automated": automated}
            values |= {"kind": "activity", "activity": act if transition is None else {**act, "transition": transition}}
        case OwnerAssigned():
            values["kind"] = "assignment" if values["kind"] == "clock" else values["kind"]
        case Completed(outcome):
            values["outcome"] = outcome.value
        case Excluded():
            values["kind"] = "exclusion"
        case ProcessRequested(process):
            entry.requested.append(process)
        case Migrated(source, target, mapping, what):
            values |= {"kind": "migration", "migration": pack_migration(mapping, what), **_went(source, target)}
        case MigrationUndone(source, target, what):
            values |= {"kind": "migration_undone", "migration": pack_migration(None, what), **_went(source, target)}
        case _:
            assert_never(event)


def _went(source: str, target: str) -> dict[str, str]:
    """The stages left and entered; none where the case stayed."""
    return {} if source == target else {"from_stage": source, "to_stage": target}


def _clock_values(event: ClockEvent, case: InstanceRecord, state: InstanceState) -> dict[str, Any]:
    clock = event.clock
    values: dict[str, Any] = {
        "event": str(event.kind),
        "clock": clock.policy,
        "cycle": clock.cycle,
        "at": event.at,
        "state": str(clock.state),
        "open": clock.is_open,
        "due": clock.due_at,
    }
    if event.kind in _WITH_BUDGET:
        values["budget"] = clock.budget
    if event.step:
        values["step"] = event.step
    if event.to is not None:
        values["to"] = event.to
        user = {"owner": state.owner, "team_lead": case.lead_id}.get(event.to)
        if user is not None:
            values["user"] = str(user)
    if event.reasons:
        values["reasons"] = list(event.reasons)
    if event.withdrawn is not None:
        values["withdrawn"] = event.withdrawn.value
    if event.elapsed is not None:
        values["elapsed"] = event.elapsed
    return values


def _text_of(
    case: InstanceRecord, state: InstanceState, comment: str | None, personal: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "tenant_id": str(case.tenant_id),
        "instance_id": str(case.id),
        "sequence": state.sequence,
        "comment": comment,
        "personal": dict(personal) or None,
        "salt": hex_bytes(secrets.token_bytes(16)),
    }
