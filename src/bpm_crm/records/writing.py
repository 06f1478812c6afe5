"""The statement that writes a batch of decided steps: set-based, one for everything that the batch brings."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from bpm_crm.records import history, instances
from bpm_crm.records.database import Connection

Rows = Sequence[Mapping[str, Any]]

CHANNEL = "bpm_crm_steps"
"""The NOTIFY channel on which committed steps are announced."""

_CUSTOMERS = """
INSERT INTO customer (tenant_id, id, name, phone, email, region, created_at)
SELECT tenant_id, id, name, phone, email, region, created_at
FROM jsonb_populate_recordset(NULL::customer, $rows) WHERE tenant_id = $1
"""
_CONTACTS = """
INSERT INTO customer_contact (tenant_id, kind, value, customer_id)
SELECT tenant_id, kind, value, customer_id
FROM jsonb_populate_recordset(NULL::customer_contact, $rows) WHERE tenant_id = $1
ORDER BY kind, value
"""
_NEW_DEALS = """
INSERT INTO deal (
    tenant_id, id, key, title, customer_id, channel_id, campaign_id, region, owner_id, team_id, instance_id, amount, currency, outcome,
    started_at
)
SELECT
    tenant_id, id, key, title, customer_id, channel_id, campaign_id, region, owner_id, team_id, instance_id, amount, currency, outcome,
    started_at
FROM jsonb_populate_recordset(NULL::deal, $rows) WHERE tenant_id = $1
"""
_DEALS = """
UPDATE deal AS d
SET amount = s.amount, owner_id = s.owner_id, team_id = s.team_id, outcome = s.outcome
FROM jsonb_populate_recordset(NULL::deal, $rows) AS s
WHERE d.tenant_id = $1 AND s.tenant_id = $1 AND d.id = s.id AND d.instance_id = s.instance_id
"""
_KEYS = """
INSERT INTO idempotency_key (tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at)
SELECT tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at
FROM jsonb_populate_recordset(NULL::idempotency_key, $rows) WHERE tenant_id = $1
"""
_EFFECTS = """
INSERT INTO outbox (tenant_id, id, kind, payload, unique_key, run_at, attempts)
SELECT tenant_id, id, kind, payload, unique_key, run_at, 0
FROM jsonb_populate_recordset(NULL::outbox, $rows) WHERE tenant_id = $1
ON CONFLICT (tenant_id, unique_key) DO NOTHING
"""
_TURNS = """
INSERT INTO rollout_case (tenant_id, instance_id, rollout_id, revision, version)
SELECT tenant_id, instance_id, rollout_id, revision, version
FROM jsonb_populate_recordset(NULL::rollout_case, $rows) WHERE tenant_id = $1
"""
_PARTS = {
    "customers": _CUSTOMERS,
    "contacts": _CONTACTS,
    "new_deals": _NEW_DEALS,
    "cases": instances.INSERT,
    "moved": instances.UPDATE,
    "recorded": history.INSERT,
    "texts": history.INSERT_TEXT,
    "deals": _DEALS,
    "keys": _KEYS,
    "effects": _EFFECTS,
    "turns": _TURNS,
}
"""What a batch may write, in the order in which it is written; `$rows` stands for the parameter with the rows as JSON."""

_RETURNED = {"recorded": "instance_id"}

_MAY_BE_FEWER = frozenset({"deals", "effects"})
"""A deal follows the case it names only; an effect that was asked for before is not asked for again."""

_CHANGED = """
INSERT INTO case_change (tenant_id, instance_id) SELECT DISTINCT $1::uuid, r.instance_id FROM recorded AS r
"""
"""Tells the compactor which cases the batch changed."""

_RELEASE = "DELETE FROM lease WHERE tenant_id = $1 AND subject_id = ANY($2::uuid[])"


class WriteLost(Exception):
    """Fewer rows were written than decided: the state was changed by someone who did not lock it."""


async def write(connection: Connection, tenant_id: UUID, rows: Mapping[str, Rows], notice: str) -> int:
    """Write what a batch decided in one statement, and announce it; `rows` by part of `_PARTS`, empty ones are left out.

    Answers with the transaction, which is the `xmin` of the rows once it is committed.
    """
    parts = tuple(name for name in _PARTS if rows.get(name))
    written = await connection.fetchrow(_statement(parts), tenant_id, notice, *(rows[name] for name in parts))
    lost = [name for name in parts if written[name] != len(rows[name]) and name not in _MAY_BE_FEWER]
    if lost:
        counts = ", ".join(f"{written[name]} of {len(rows[name])} {name}" for name in lost)
        raise WriteLost(f"not all rows were written: {counts}")
    written_by: int = written["written_by"]
    return written_by


async def release(connection: Connection, tenant_id: UUID, subjects: Sequence[UUID]) -> None:
    """Give up the leases of a worker."""
    await connection.execute(_RELEASE, tenant_id, subjects)


@cache
def _statement(parts: tuple[str, ...]) -> str:
    """One statement for all parts: every round trip costs a batch as much as some of its steps."""
    writes = ",\n".join(
        f"{name} AS ({_PARTS[name].replace('$rows', f'${number}')} RETURNING {_RETURNED.get(name, '1')})"
        for number, name in enumerate(parts, 3)
    )
    if "recorded" in parts:
        writes += f",\nchanged AS ({_CHANGED})"
    counts = ", ".join(f"(SELECT count(*) FROM {name}) AS {name}" for name in parts)
    return f"WITH {writes}\nSELECT {counts}, pg_current_xact_id()::xid AS written_by, pg_notify('{CHANNEL}', $2)"
