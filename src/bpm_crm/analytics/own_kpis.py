"""KPIs that a company defined itself, beside those that ship."""

from uuid import UUID

from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Kpi
from bpm_crm.records.database import Connection


async def every_kpi(_connection: Connection, _tenant_id: UUID) -> dict[str, Kpi]:
    """Every KPI by key."""
    return dict(CATALOGUE)
