"""Drafts of process documents in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bpm_crm.records.database import Connection, hold


@dataclass(frozen=True, slots=True)
class DraftRecord:
    """The draft of a process. `document` is None once it was discarded or published; then `saved_by` did that, at `saved_at`."""

    process: str
    document: str | None
    base_version: int | None
    revision: int
    saved_at: datetime
    saved_by: UUID | None

    @property
    def open_revision(self) -> int | None:
        """The revision that a next save must have seen; None where there is no draft."""
        return None if self.document is None else self.revision


_SELECT = """
SELECT d.process, d.document, d.base_version, d.revision, d.saved_at, d.saved_by
FROM process_draft AS d WHERE d.tenant_id = $1
"""
_SAVE = """
INSERT INTO process_draft (tenant_id, process, document, base_version, revision, saved_at, saved_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant_id, process) DO UPDATE SET
    document = excluded.document, base_version = excluded.base_version, revision = excluded.revision,
    saved_at = excluded.saved_at, saved_by = excluded.saved_by
"""


async def load_drafts(
    connection: Connection, tenant_id: UUID, processes: Sequence[str] | None = None
) -> dict[str, DraftRecord]:
    """The drafts there are of these processes (None: of all), by process."""
    statement = (
        f"{_SELECT} AND d.document IS NOT NULL AND ($2::text[] IS NULL OR d.process = ANY($2)) ORDER BY d.process"
    )
    rows = await connection.fetch(statement, tenant_id, None if processes is None else list(processes))
    return {row["process"]: DraftRecord(**row) for row in rows}


async def lock_draft(connection: Connection, tenant_id: UUID, process: str) -> DraftRecord | None:
    """What is known of the draft of a process, locked; nobody else makes its first one before this transaction ends."""
    await hold(connection, f"process_draft/{tenant_id}/{process}")
    row = await connection.fetchrow(f"{_SELECT} AND d.process = $2 FOR UPDATE", tenant_id, process)
    return None if row is None else DraftRecord(**row)


async def save_draft(connection: Connection, tenant_id: UUID, record: DraftRecord) -> None:
    """Make this the draft of its process."""
    values = (record.process, record.document, record.base_version, record.revision, record.saved_at, record.saved_by)
    await connection.execute(_SAVE, tenant_id, *values)
