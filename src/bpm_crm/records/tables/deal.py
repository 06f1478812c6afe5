"""Deals: the commercial objects that processes run over."""

from decimal import Decimal

from sqlalchemy import Index, Numeric, UniqueConstraint
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


class Deal(SQLModel, table=True):
    """A deal. Amount, owner and outcome follow the case that runs it (`instance_id`)."""

    __table_args__ = (
        owned(),
        refers("customer_id", "customer"),
        refers("channel_id", "channel"),
        refers("campaign_id", "campaign"),
        refers("owner_id", "app_user"),
        UniqueConstraint("tenant_id", "key"),
        Index(None, "tenant_id", "customer_id"),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    title: str | None = text_field(nullable=True)
    customer_id: UUID | None = id_field(nullable=True)
    channel_id: UUID = id_field()
    campaign_id: UUID | None = id_field(nullable=True)
    region: str | None = text_field(nullable=True)
    owner_id: UUID | None = id_field(nullable=True)
    team_id: UUID | None = id_field(nullable=True)
    instance_id: UUID = id_field()
    amount: Decimal | None = Field(default=None, sa_type=Numeric(24, 6))
    currency: str = text_field()
    outcome: str | None = text_field(nullable=True)
    started_at: datetime = time_field()
