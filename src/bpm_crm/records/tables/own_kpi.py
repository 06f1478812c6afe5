"""KPIs that a company defined itself: one row for each published version, and one for each retirement."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    datetime,
    id_field,
    json_field,
    key_field,
    owned,
    refers,
    text_field,
    time_field,
)


class OwnKpi(SQLModel, table=True):
    """A version of a KPI, immutable. The newest row of a key counts; one without a document retires it.

    `fingerprint` is the digest of what was asked with `idempotency_key`.
    """

    __tablename__ = "own_kpi"
    __table_args__ = (
        owned(),
        refers("published_by", "app_user"),
        Index("own_kpi_idempotency_key", "tenant_id", "published_by", "idempotency_key", unique=True),
    )

    tenant_id: UUID = key_field()
    key: str = text_field(primary_key=True)
    version: int = Field(primary_key=True)
    document: dict[str, Any] | None = json_field(nullable=True)
    changelog: str = text_field()
    published_at: datetime = time_field()
    published_by: UUID | None = id_field(nullable=True)
    idempotency_key: str | None = text_field(nullable=True)
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
