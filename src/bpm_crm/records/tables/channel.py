"""Channels through which customers arrive, and the campaigns that bring them."""

from sqlalchemy import UniqueConstraint

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


class Channel(SQLModel, table=True):
    """A lead channel; `definition_id` is the process that handles what arrives through it."""

    __table_args__ = (owned(), refers("definition_id", "process_definition"), UniqueConstraint("tenant_id", "key"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    title_en: str = text_field()
    title_ru: str = text_field()
    definition_id: UUID | None = id_field(nullable=True)
    is_active: bool = True
    created_at: datetime = time_field()


class Campaign(SQLModel, table=True):
    """A marketing campaign."""

    __table_args__ = (owned(), UniqueConstraint("tenant_id", "key"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    title: str = text_field()
    created_at: datetime = time_field()
