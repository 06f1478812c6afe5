"""Users, teams, who belongs where, roles, and the keys of integrations."""

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PostgresUUID
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    datetime,
    id_field,
    key_field,
    owned,
    refers,
    text_field,
    time_field,
)


class AppUser(SQLModel, table=True):
    """A person who signs in. `subject` is the identity provider's name for them, where there is one."""

    __tablename__ = "app_user"
    __table_args__ = (owned(), UniqueConstraint("tenant_id", "email"), UniqueConstraint("tenant_id", "subject"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    email: str = text_field()
    name: str = text_field()
    subject: str | None = text_field(nullable=True)
    is_active: bool = True
    created_at: datetime = time_field()


class UserRole(SQLModel, table=True):
    """A role of a user, out of the one role table in code."""

    __tablename__ = "user_role"
    __table_args__ = (refers("user_id", "app_user"),)

    tenant_id: UUID = key_field()
    user_id: UUID = key_field()
    role: str = text_field(primary_key=True)


class Team(SQLModel, table=True):
    """A team with its lead, to whom escalations of the team's cases go."""

    __table_args__ = (owned(), refers("lead_id", "app_user"), UniqueConstraint("tenant_id", "key"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    name: str = text_field()
    lead_id: UUID | None = id_field(nullable=True)


class TeamMember(SQLModel, table=True):
    """Who belongs to which team."""

    __tablename__ = "team_member"
    __table_args__ = (refers("team_id", "team"), refers("user_id", "app_user"), Index(None, "tenant_id", "user_id"))

    tenant_id: UUID = key_field()
    team_id: UUID = key_field()
    user_id: UUID = key_field()


class ApiKey(SQLModel, table=True):
    """A key of an integration; only the SHA-256 of its 256 random bits is stored. `channel_ids` bound what it may touch."""

    __tablename__ = "api_key"
    __table_args__ = (owned(),)

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    name: str = text_field()
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    role: str = text_field()
    channel_ids: list[UUID] = Field(sa_column=Column(ARRAY(PostgresUUID(as_uuid=True)), nullable=False))
    created_at: datetime = time_field()
    expires_at: datetime | None = time_field(nullable=True)
    revoked_at: datetime | None = time_field(nullable=True)
