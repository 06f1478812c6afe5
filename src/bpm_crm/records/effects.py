"""The outbox: effects asked for by steps, kept until they are done."""

from datetime import timedelta
from uuid import UUID

from bpm_crm.records.database import Connection, Row

_LOAD = """
SELECT o.id, o.kind, o.payload, o.attempts FROM outbox AS o WHERE o.tenant_id = $1 AND o.id = $2 AND o.done_at IS NULL
"""
_DONE = """
WITH released AS (DELETE FROM lease WHERE tenant_id = $1 AND subject_id = $2)
UPDATE outbox SET done_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL WHERE tenant_id = $1 AND id = $2
"""
_FAILED = """
WITH released AS (DELETE FROM lease WHERE tenant_id = $1 AND subject_id = $2)
UPDATE outbox SET attempts = attempts + 1, last_error = $3, run_at = clock_timestamp() + $4 WHERE tenant_id = $1 AND id = $2
"""


async def load_effect(connection: Connection, tenant_id: UUID, effect_id: UUID) -> Row | None:
    """An effect that is still to be done."""
    return await connection.fetchrow(_LOAD, tenant_id, effect_id)


async def finish_effect(connection: Connection, tenant_id: UUID, effect_id: UUID) -> None:
    """Mark an effect as done and give up its lease."""
    await connection.execute(_DONE, tenant_id, effect_id)


async def postpone_effect(
    connection: Connection, tenant_id: UUID, effect_id: UUID, error: str, pause: timedelta
) -> None:
    """Keep a failed effect for another attempt after a pause, with what went wrong."""
    await connection.execute(_FAILED, tenant_id, effect_id, error, pause)
