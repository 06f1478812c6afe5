"""Replays for tests: run here, without processes apart."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.engine.instants import instant_of
from bpm_crm.operations.replay_court import Court, History
from bpm_crm.operations.replay_tally import Key, Tally
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference
from bpm_crm.records.replays import FIRST, Span, load_histories

EVER = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


async def documents(database: Database, tenant_id: UUID, definition_id: UUID) -> dict[int, Any]:
    """The published versions of a process."""
    async with database.reader(tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT version, document FROM process_version WHERE tenant_id = $1 AND definition_id = $2",
            tenant_id,
            definition_id,
        )
    return {row["version"]: row["document"] for row in rows}


async def judged_here(
    database: Database, reference: Reference, process: str, document: Any = None, now: datetime | None = None
) -> tuple[Tally, list[tuple[str, list[Key]]]]:
    """Every history of a process run through a document (None: the newest version), in this process, in one chunk."""
    definition = reference.definition(process)
    assert definition is not None
    tenant_id = reference.tenant.id
    versions = await documents(database, tenant_id, definition.id)
    async with database.reader(tenant_id) as connection:
        at = now or await connection.fetchval("SELECT clock_timestamp()")
        rows = await load_histories(connection, tenant_id, Span(definition.id, *EVER), after=FIRST, most=100_000)
    roles = {str(user.id): sorted(user.roles) for user in reference.users.values()}
    roles |= {str(key.id): [key.role] for key in reference.api_keys.values()}
    court = Court(
        document=versions[max(versions)] if document is None else document,
        versions=versions,
        roles=roles,
        channels={str(channel.id): channel.key for channel in reference.channels.values()},
        horizon=instant_of(at),
    )
    judged = court.judge([History(str(row["id"]), str(row["channel_id"]), orjson.loads(row["steps"])) for row in rows])
    return judged.tally, judged.found
