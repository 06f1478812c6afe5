"""The rows that decided steps bring beside cases and history: deals that follow, keys, effects, and the notice of it all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.engine.process import Process
from bpm_crm.operations.decisions import Decision
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.instances import InstanceRecord, hex_bytes, to_changes, to_row

START_PROCESS = "start_process"

_FOLLOWED = ("amount", "owner_id", "team_id", "outcome")
"""The columns of a deal that follow the case that runs it."""

_LONGEST_NOTICE = 7_900


def step_rows(decisions: Sequence[Decision], now: datetime) -> dict[str, list[dict[str, Any]]]:
    """The rows of all that was decided, by part of `records.writing`: cases and history, what follows from these, and effects due `now`."""
    rows: dict[str, list[dict[str, Any]]] = {"cases": [], "moved": [], "recorded": [], "texts": []}
    for decision in decisions:
        after = decision.after
        if after is None:
            continue
        personal_fields = decision.process.personal_fields
        if decision.before is None:
            rows["cases"].append(to_row(after, personal_fields))
        else:
            rows["moved"].append(to_changes(after, personal_fields))
        rows["recorded"].extend(entry.values for entry in decision.entries)
        rows["texts"].extend(entry.text for entry in decision.entries if entry.text is not None)
    return {**rows, "deals": deal_rows(decisions), "keys": key_rows(decisions), "effects": effect_rows(decisions, now)}


def key_rows(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """The idempotency keys to keep, each with the last step of its work."""
    return [
        {
            "tenant_id": after.tenant_id,
            "actor_id": key[0],
            "key": key[1],
            "fingerprint": hex_bytes(decision.work.fingerprint),
            "instance_id": str(after.id),
            "sequence": after.state.sequence,
            "recorded_at": after.recorded_at,
        }
        for decision in decisions
        if (after := decision.after) is not None and (key := decision.work.key) is not None
    ]


def deal_rows(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """The deals whose amount, owner, team or outcome follow a step."""
    rows = []
    for decision in decisions:
        before, after = decision.before, decision.after
        if before is None or after is None or after.deal_id is None:
            continue
        values = _followed(after, decision.process)
        if values != _followed(before, decision.source):
            identity = {"tenant_id": str(after.tenant_id), "id": str(after.deal_id), "instance_id": str(after.id)}
            rows.append({**identity, **dict(zip(_FOLLOWED, values, strict=True))})
    return rows


def effect_rows(decisions: Sequence[Decision], now: datetime) -> list[dict[str, Any]]:
    """The effects that steps asked for: processes to be started over the same deal, once per case and process."""
    return [
        {
            "tenant_id": str(after.tenant_id),
            "id": str(new_id()),
            "kind": START_PROCESS,
            "payload": {"process": process, "instance_id": str(after.id), "at": entry.values["occurred_at"]},
            "unique_key": f"{START_PROCESS}:{after.id}:{process}",
            "run_at": now,
        }
        for decision in decisions
        if (after := decision.after) is not None
        for entry in decision.entries
        for process in entry.requested
    ]


def notice_of(tenant_id: UUID, decisions: Sequence[Decision]) -> str:
    """What is announced with the commit: the tenant, the earliest next due instant, and each case with its first and last step.

    Where that would not fit into a notification, the steps are left out and listeners look for themselves.
    """
    steps, due = [], []
    for decision in decisions:
        if decision.after is not None:
            last = decision.after.state.sequence
            steps.append([str(decision.after.id), last - len(decision.entries) + 1, last])
            next_due_at = decision.after.state.next_due_at
            if next_due_at is not None:
                due.append(next_due_at)
    effects = any(entry.requested for decision in decisions for entry in decision.entries)
    notice = {"tenant": str(tenant_id), "due": min(due, default=None), "effects": effects, "steps": steps}
    text = orjson.dumps(notice).decode()
    return text if len(text) <= _LONGEST_NOTICE else orjson.dumps({**notice, "steps": None}).decode()


def _followed(record: InstanceRecord, process: Process) -> tuple[str | None, ...]:
    state = record.state
    return process.amount_of(state.data), state.owner, state.team, record.outcome
