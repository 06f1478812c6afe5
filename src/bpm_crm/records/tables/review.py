"""The review cycle: periods, the KPIs frozen at the end of each, corrective actions, and everything that was ever changed in these."""

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Numeric, UniqueConstraint, text
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


class ReviewSchedule(SQLModel, table=True):
    """How often a process is reviewed, and by whom. A period begins on `next_from` and is frozen once `due_at` has passed.

    `set_at` is when this rhythm was set: a period that had ended by then is frozen as known then. Stopped: `due_at` is null.
    """

    __tablename__ = "review_schedule"
    __table_args__ = (
        refers("definition_id", "process_definition"),
        refers("owner_id", "app_user"),
        UniqueConstraint("tenant_id", "definition_id"),
        Index("review_schedule_due_idx", "due_at", "tenant_id", "id", postgresql_where=text("due_at IS NOT NULL")),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    rhythm: str = text_field()
    starts_on: date
    owner_id: UUID = id_field()
    set_at: datetime = time_field()
    next_from: date
    due_at: datetime | None = time_field(nullable=True)
    revision: int


class Review(SQLModel, table=True):
    """The KPIs of a process in a period `[since, until)`, frozen as they were at `as_of` by what was known at `known_at`."""

    __table_args__ = (
        refers("definition_id", "process_definition"),
        refers("owner_id", "app_user"),
        UniqueConstraint("tenant_id", "definition_id", "since"),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    rhythm: str = text_field()
    since: datetime = time_field()
    until: datetime = time_field()
    owner_id: UUID = id_field()
    as_of: datetime = time_field()
    known_at: datetime = time_field()
    frozen_at: datetime = time_field()
    versions: dict[str, Any] = json_field()
    results: dict[str, Any] = json_field()


class CorrectiveAction(SQLModel, table=True):
    """What is done where, by whom, from when on, and which KPI it is expected to move; `revision` counts its changes."""

    __tablename__ = "corrective_action"
    __table_args__ = (
        refers("definition_id", "process_definition"),
        refers("review_id", "review"),
        refers("owner_id", "app_user"),
        refers("case_owner_id", "app_user"),
        refers("team_id", "team"),
        refers("channel_id", "channel"),
        refers("campaign_id", "campaign"),
        Index(None, "tenant_id", "definition_id", "id"),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    review_id: UUID | None = id_field(nullable=True)
    title: str = text_field()
    description: str | None = text_field(nullable=True)
    stage: str | None = text_field(nullable=True)
    checkpoint: str | None = text_field(nullable=True)
    team_id: UUID | None = id_field(nullable=True)
    channel_id: UUID | None = id_field(nullable=True)
    campaign_id: UUID | None = id_field(nullable=True)
    case_owner_id: UUID | None = id_field(nullable=True)
    region: str | None = text_field(nullable=True)
    owner_id: UUID = id_field()
    kpi: str = text_field()
    expected_direction: str = text_field()
    expected_size: Decimal | None = Field(default=None, sa_type=Numeric(24, 6))
    starts_on: date
    ends_on: date | None = None
    status: str = text_field()
    created_at: datetime = time_field()
    revision: int


class ReviewChange(SQLModel, table=True):
    """A change of a schedule or action: who, when, from what to what, why; and the idempotency key it came with."""

    __tablename__ = "review_change"
    __table_args__ = (
        owned(),
        Index(
            "review_change_key",
            "tenant_id",
            "actor_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    subject_id: UUID = key_field()
    revision: int = Field(primary_key=True)
    kind: str = text_field()
    values: dict[str, Any] = json_field()
    comment: str | None = text_field(nullable=True)
    actor_id: UUID = id_field()
    recorded_at: datetime = time_field()
    idempotency_key: str | None = text_field(nullable=True)
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
