"""Customers and the addresses by which they are recognised: all personal data of the product is here and in `history_text`."""

from sqlalchemy import Index

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


class Customer(SQLModel, table=True):
    """A person or company that asked for something. Erasing one empties the personal columns and sets `erased_at`."""

    __table_args__ = (owned(),)

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    name: str | None = text_field(nullable=True)
    phone: str | None = text_field(nullable=True)
    email: str | None = text_field(nullable=True)
    region: str | None = text_field(nullable=True)
    created_at: datetime = time_field()
    erased_at: datetime | None = time_field(nullable=True)


class CustomerContact(SQLModel, table=True):
    """An address (kind `phone` or `email`, normalised value) that belongs to one customer."""

    __tablename__ = "customer_contact"
    __table_args__ = (refers("customer_id", "customer"), Index(None, "tenant_id", "customer_id"))

    tenant_id: UUID = key_field()
    kind: str = text_field(primary_key=True)
    value: str = text_field(primary_key=True)
    customer_id: UUID = id_field()
