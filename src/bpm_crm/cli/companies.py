"""The company that a command is about."""

from uuid import UUID

from bpm_crm.cli.faults import CommandRefused
from bpm_crm.records.companies import find_tenant
from bpm_crm.records.database import Database


async def company_of(owner: Database, key: str) -> UUID:
    """The id of the company of this key; `CommandRefused` where there is none."""
    async with owner.across_tenants() as connection:
        tenant_id = await find_tenant(connection, key)
    if tenant_id is None:
        raise CommandRefused(f"There is no company “{key}”. `bpm-crm demo` makes the one called demo.")
    return tenant_id
