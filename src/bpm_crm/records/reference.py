"""Reference data of a tenant: the small tables that nearly every request needs, read together in one snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from bpm_crm.records.database import Connection


@dataclass(frozen=True, slots=True)
class TenantRecord:
    """A company."""

    id: UUID
    key: str
    title: str
    zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person, with roles and teams; `leads` are the teams they lead."""

    id: UUID
    email: str
    name: str
    subject: str | None
    is_active: bool
    roles: frozenset[str]
    team_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class TeamRecord:
    """A team."""

    id: UUID
    key: str
    name: str
    lead_id: UUID | None


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A lead channel and the process that handles it."""

    id: UUID
    key: str
    title_en: str
    title_ru: str
    definition_id: UUID | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A marketing campaign."""

    id: UUID
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class DefinitionRecord:
    """A named workflow. `current_version` is set where new cases do not take the newest version; `retired_at` where none begins.

    `rollout_id` is the split that new cases are under, if there is one, and `rollout_version` the version it sends some of them to.
    """

    id: UUID
    key: str
    title_en: str
    title_ru: str
    latest_version: int
    created_at: datetime
    current_version: int | None = None
    retired_at: datetime | None = None
    rollout_id: UUID | None = None
    rollout_version: int | None = None

    @property
    def taken_version(self) -> int:
        """The version that new cases take, apart from those that a rollout sends to another one."""
        return self.current_version or self.latest_version


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key of an integration."""

    id: UUID
    name: str
    secret_hash: bytes
    role: str
    channel_ids: tuple[UUID, ...]
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Reference:
    """Everything of a tenant that changes rarely, by id (keys of integrations: by the hash of their secret)."""

    tenant: TenantRecord
    users: Mapping[UUID, UserRecord]
    teams: Mapping[UUID, TeamRecord]
    channels: Mapping[UUID, ChannelRecord]
    campaigns: Mapping[UUID, CampaignRecord]
    definitions: Mapping[UUID, DefinitionRecord]
    api_keys: Mapping[bytes, ApiKeyRecord]

    def channel(self, key: str) -> ChannelRecord | None:
        """The channel of that key."""
        return self._channels.get(key)

    def definition(self, key: str) -> DefinitionRecord | None:
        """The process definition of that key."""
        return self._definitions.get(key)

    def campaign(self, key: str) -> CampaignRecord | None:
        """The campaign of that key."""
        return self._campaigns.get(key)

    @cached_property
    def _channels(self) -> Mapping[str, ChannelRecord]:
        return {item.key: item for item in self.channels.values()}

    @cached_property
    def _definitions(self) -> Mapping[str, DefinitionRecord]:
        return {item.key: item for item in self.definitions.values()}

    @cached_property
    def _campaigns(self) -> Mapping[str, CampaignRecord]:
        return {item.key: item for item in self.campaigns.values()}


_TENANT = "SELECT tenant_id AS id, key, title, zone, currency FROM tenant WHERE tenant_id = $1"
_USERS = """
SELECT
    u.id, u.email, u.name, u.subject, u.is_active,
    ARRAY(SELECT r.role FROM user_role AS r WHERE r.tenant_id = $1 AND r.user_id = u.id ORDER BY r.role) AS roles,
    ARRAY(SELECT m.team_id FROM team_member AS m WHERE m.tenant_id = $1 AND m.user_id = u.id ORDER BY m.team_id) AS team_ids
FROM app_user AS u WHERE u.tenant_id = $1 ORDER BY u.name, u.id
"""
_TEAMS = "SELECT id, key, name, lead_id FROM team WHERE tenant_id = $1 ORDER BY name, id"
_CHANNELS = """
SELECT id, key, title_en, title_ru, definition_id, is_active FROM channel WHERE tenant_id = $1 ORDER BY key
"""
_CAMPAIGNS = "SELECT id, key, title FROM campaign WHERE tenant_id = $1 ORDER BY key"
_DEFINITIONS = """
SELECT
    d.id, d.key, d.title_en, d.title_ru, d.latest_version, d.created_at, d.current_version, d.retired_at,
    r.id AS rollout_id, r.version_b AS rollout_version
FROM process_definition AS d
LEFT JOIN process_rollout AS r
  ON r.tenant_id = $1 AND r.tenant_id = d.tenant_id AND r.definition_id = d.id AND r.status = 'running'
WHERE d.tenant_id = $1 ORDER BY d.key
"""
_API_KEYS = """
SELECT id, name, secret_hash, role, channel_ids, expires_at, revoked_at FROM api_key WHERE tenant_id = $1
"""


async def load_reference(connection: Connection, tenant_id: UUID) -> Reference | None:
    """The reference data of a tenant; None when there is no such tenant."""
    tenant = await connection.fetchrow(_TENANT, tenant_id)
    if tenant is None:
        return None
    users = await connection.fetch(_USERS, tenant_id)
    return Reference(
        tenant=TenantRecord(**tenant),
        users={
            row["id"]: UserRecord(**{**row, "roles": frozenset(row["roles"]), "team_ids": tuple(row["team_ids"])})
            for row in users
        },
        teams={row["id"]: TeamRecord(**row) for row in await connection.fetch(_TEAMS, tenant_id)},
        channels={row["id"]: ChannelRecord(**row) for row in await connection.fetch(_CHANNELS, tenant_id)},
        campaigns={row["id"]: CampaignRecord(**row) for row in await connection.fetch(_CAMPAIGNS, tenant_id)},
        definitions={row["id"]: DefinitionRecord(**row) for row in await connection.fetch(_DEFINITIONS, tenant_id)},
        api_keys={
            row["secret_hash"]: ApiKeyRecord(**{**row, "channel_ids": tuple(row["channel_ids"])})
            for row in await connection.fetch(_API_KEYS, tenant_id)
        },
    )
