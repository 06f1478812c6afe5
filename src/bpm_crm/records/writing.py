"""The statements that write a batch of decided steps: set-based, one for the common case."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bpm_crm.records import history, instances
from bpm_crm.records.database import Connection

Rows = Sequence[Mapping[str, Any]]

CHANNEL = "bpm_crm_steps"
"""The NOTIFY channel on which committed steps are announced."""

_MOVE = f"""
WITH moved AS ({instances.UPDATE} RETURNING i.id),
recorded AS ({history.INSERT} RETURNING 1)
SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM recorded) AS recorded, pg_notify('{CHANNEL}', $4)
"""
_DEALS = """
UPDATE deal AS d
SET amount = s.amount, owner_id = s.owner_id, team_id = s.team_id, outcome = s.outcome
FROM jsonb_populate_recordset(NULL::deal, $2) AS s
WHERE d.tenant_id = $1 AND s.tenant_id = $1 AND d.id = s.id AND d.instance_id = s.instance_id
"""
_KEYS = """
INSERT INTO idempotency_key (tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at)
SELECT tenant_id, actor_id, key, fingerprint, instance_id, sequence, recorded_at
FROM jsonb_populate_recordset(NULL::idempotency_key, $2) WHERE tenant_id = $1
"""
_EFFECTS = """
INSERT INTO outbox (tenant_id, id, kind, payload, unique_key, run_at, attempts)
SELECT tenant_id, id, kind, payload, unique_key, run_at, 0
FROM jsonb_populate_recordset(NULL::outbox, $2) WHERE tenant_id = $1
ON CONFLICT (tenant_id, unique_key) DO NOTHING
"""
_NEW_CUSTOMERS = """
INSERT INTO customer (tenant_id, id, name, phone, email, region, created_at)
SELECT tenant_id, id, name, phone, email, region, created_at
FROM jsonb_populate_recordset(NULL::customer, $2) WHERE tenant_id = $1
"""
_NEW_CONTACTS = """
INSERT INTO customer_contact (tenant_id, kind, value, customer_id)
SELECT tenant_id, kind, value, customer_id
FROM jsonb_populate_recordset(NULL::customer_contact, $2) WHERE tenant_id = $1
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
FROM jsonb_populate_recordset(NULL::deal, $2) WHERE tenant_id = $1
"""
_RELEASE = "DELETE FROM lease WHERE tenant_id = $1 AND subject_id = ANY($2::uuid[])"


class WriteLost(Exception):
    """Fewer rows were written than decided: the state was changed by someone who did not lock it."""


async def write_steps(connection: Connection, tenant_id: UUID, moved: Rows, recorded: Rows, notice: str) -> None:
    """Update cases and append their history in one statement, and announce it."""
    row = await connection.fetchrow(_MOVE, tenant_id, moved, recorded, notice)
    if row["moved"] != len(moved) or row["recorded"] != len(recorded):
        raise WriteLost(
            f"{row['moved']} of {len(moved)} cases and {row['recorded']} of {len(recorded)} history rows written"
        )


async def write_new_cases(
    connection: Connection, tenant_id: UUID, *, customers: Rows, contacts: Rows, deals: Rows, cases: Rows
) -> None:
    """Insert what begins with a case: customers and their addresses, deals, cases."""
    for statement, rows in (
        (_NEW_CUSTOMERS, customers),
        (_NEW_CONTACTS, contacts),
        (_NEW_DEALS, deals),
        (instances.INSERT, cases),
    ):
        if rows:
            await connection.execute(statement, tenant_id, rows)


async def write_beside(
    connection: Connection, tenant_id: UUID, *, texts: Rows, deals: Rows, keys: Rows, effects: Rows
) -> None:
    """Write what only some steps bring: free texts, changes of deals, idempotency keys, effects."""
    for statement, rows in ((history.INSERT_TEXT, texts), (_DEALS, deals), (_KEYS, keys), (_EFFECTS, effects)):
        if rows:
            await connection.execute(statement, tenant_id, rows)


async def release(connection: Connection, tenant_id: UUID, subjects: Sequence[UUID]) -> None:
    """Give up the leases of a worker."""
    await connection.execute(_RELEASE, tenant_id, subjects)
