"""Teams and their leads."""

from collections.abc import Sequence
from uuid import UUID

from bpm_crm.records.database import Connection

_LEADS = (
    "SELECT t.id, t.lead_id FROM team AS t WHERE t.tenant_id = $1 AND t.id = ANY($2::uuid[]) AND t.lead_id IS NOT NULL"
)


async def load_leads(connection: Connection, tenant_id: UUID, team_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The leads of some teams."""
    rows = await connection.fetch(_LEADS, tenant_id, team_ids)
    return {row["id"]: row["lead_id"] for row in rows}
