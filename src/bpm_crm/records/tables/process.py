"""Process definitions and their immutable, numbered versions."""

from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
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


class ProcessDefinitionRow(SQLModel, table=True):
    """A named workflow; new cases take the version `latest_version`."""

    __tablename__ = "process_definition"
    __table_args__ = (owned(), UniqueConstraint("tenant_id", "key"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    title_en: str = text_field()
    title_ru: str = text_field()
    latest_version: int
    created_at: datetime = time_field()


class ProcessVersion(SQLModel, table=True):
    """A published document that stands alone, with the text it was published from, its checksum and its certificate of soundness.

    The document is `json`, not `jsonb`: the order of its transitions, stages and clocks means something. Versions older than
    certificates have none.
    """

    __tablename__ = "process_version"
    __table_args__ = (refers("definition_id", "process_definition"), refers("published_by", "app_user"))

    tenant_id: UUID = key_field()
    definition_id: UUID = key_field()
    version: int = Field(primary_key=True)
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    source: str = text_field()
    checksum: str = text_field()
    changelog: str = text_field()
    published_at: datetime = time_field()
    published_by: UUID | None = id_field(nullable=True)
    certificate: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
