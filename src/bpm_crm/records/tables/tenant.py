"""Tenants, and the counters that number their business documents."""

from sqlalchemy import BigInteger
from sqlmodel import Field

from bpm_crm.records.tables.base import UUID, SQLModel, datetime, key_field, owned, text_field, time_field


class Tenant(SQLModel, table=True):
    """A company: the outer wall of every row. `zone` decides where its days and periods begin."""

    tenant_id: UUID = key_field()
    key: str = text_field()
    title: str = text_field()
    zone: str = text_field()
    currency: str = text_field()
    created_at: datetime = time_field()


class Counter(SQLModel, table=True):
    """The last number given out under a name, for example to deals of a year."""

    __table_args__ = (owned(),)

    tenant_id: UUID = key_field()
    name: str = text_field(primary_key=True)
    value: int = Field(sa_type=BigInteger)
