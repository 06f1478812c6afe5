"""What makes steps happen once and their effects happen surely: idempotency keys, the outbox, and leases of workers."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, text
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


class IdempotencyKey(SQLModel, table=True):
    """A key an actor sent with a mutation, the fingerprint of what was asked, and the step that answered it."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        refers("instance_id", "process_instance"),
        Index("idempotency_key_recorded_idx", "recorded_at", postgresql_using="brin"),
    )

    tenant_id: UUID = key_field()
    actor_id: UUID = key_field()
    key: str = text_field(primary_key=True)
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    instance_id: UUID = id_field()
    sequence: int
    recorded_at: datetime = time_field()


class Outbox(SQLModel, table=True):
    """A side effect asked for by a step, written with it; `unique_key` makes it happen once."""

    __table_args__ = (
        owned(),
        Index("outbox_due_idx", "run_at", "tenant_id", "id", postgresql_where=text("done_at IS NULL")),
        Index("outbox_unique_key", "tenant_id", "unique_key", unique=True),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    kind: str = text_field()
    payload: dict[str, Any] = json_field()
    unique_key: str = text_field()
    run_at: datetime = time_field()
    attempts: int = 0
    last_error: str | None = text_field(nullable=True)
    done_at: datetime | None = time_field(nullable=True)


class Lease(SQLModel, table=True):
    """Which due case or outbox entry a worker has taken, and until when; lost at a crash, which frees it."""

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    tenant_id: UUID = key_field()
    subject_id: UUID = key_field()
    until: datetime = time_field()
