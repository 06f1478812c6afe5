"""Setting a company up: tenant, people, teams, channels, campaigns, integrations; run by the owner role."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bpm_crm.operations.access import Role
from bpm_crm.records import companies
from bpm_crm.records.channels import channels_by_key, insert_channel, put_campaign, rename_channel
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.notices import announce_reference

KEY_PREFIX = "bpm"


@dataclass(frozen=True, slots=True)
class Person:
    """A user to be set up. `leads` names the team they lead, `subject` is what an identity provider calls them."""

    email: str
    name: str
    roles: tuple[Role, ...]
    team: str | None = None
    leads: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """What a new tenant begins with; channels are (key, English title, Russian title)."""

    key: str
    title: str
    zone: str
    currency: str
    people: Sequence[Person]
    teams: Mapping[str, str]
    channels: Sequence[tuple[str, str, str]]
    campaigns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Founded:
    """The ids of a company that was set up: users by e-mail, teams and channels by key."""

    tenant_id: UUID
    users: Mapping[str, UUID]
    teams: Mapping[str, UUID]
    channels: Mapping[str, UUID]


async def found_company(connection: Connection, tenant_id: UUID, company: Company, at: datetime) -> Founded:
    """Set a company up, or bring it up to date, in one transaction of its tenant.

    People, teams, channels and campaigns that it has beside those named stay as they are; so do zone and currency, which its figures
    and deals were made with.
    """
    await companies.put_tenant(connection, tenant_id, company.key, company.title, company.zone, company.currency, at)
    users = {}
    for person in company.people:
        roles = [role.value for role in person.roles]
        values = (person.email, person.name, person.subject, roles, at)
        users[person.email] = await companies.put_user(connection, tenant_id, *values)
    leads = {person.leads: users[person.email] for person in company.people if person.leads}
    teams = {}
    for key, name in company.teams.items():
        members = [users[person.email] for person in company.people if person.team == key]
        teams[key] = await companies.put_team(connection, tenant_id, key, name, leads.get(key), members)
    for key, *titles in company.channels:
        await insert_channel(connection, tenant_id, new_id(), key, (titles[0], titles[1]), None, at)
        await rename_channel(connection, tenant_id, key, (titles[0], titles[1]))
    for key, title in company.campaigns.items():
        await put_campaign(connection, tenant_id, key, title, at)
    await announce_reference(connection, tenant_id)
    known = await channels_by_key(connection, tenant_id)
    return Founded(tenant_id, users, teams, {key: known[key] for key, *_ in company.channels})


async def issue_key(
    connection: Connection,
    tenant_id: UUID,
    *,
    name: str,
    role: Role,
    channels: Sequence[UUID],
    at: datetime,
    expires_at: datetime | None = None,
) -> str:
    """A new key for an integration: 256 random bits, told once; only their SHA-256 is kept. No channels: every channel."""
    secret = secrets.token_urlsafe(32)
    values = (new_id(), name, secret_hash(secret), role.value, list(channels), at, expires_at)
    await companies.insert_api_key(connection, tenant_id, *values)
    await announce_reference(connection, tenant_id)
    return f"{KEY_PREFIX}_{tenant_id.hex}_{secret}"


def parse_key(text: str) -> tuple[UUID, bytes] | None:
    """The tenant of an integration's key and the hash of its secret; None when the text is not such a key."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != KEY_PREFIX:
        return None
    try:
        return UUID(hex=parts[1]), secret_hash(parts[2])
    except ValueError:
        return None


def secret_hash(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()
