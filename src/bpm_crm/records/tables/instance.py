"""Process instances: the current state of each case, one row that a step updates."""

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

_OPEN = text("ended_at IS NULL")
_WON = text("outcome = 'won' AND exclusion IS NULL")


class ProcessInstance(SQLModel, table=True):
    """A case. What changes in it, but for `personal`, is what folding its history gives; `bpm-crm rebuild` proves it.

    `data` holds the stored form of the data fields, `personal` those that are personal data, `progress` what the engine counts
    (checkpoints reached, visits, activities, approvals, holds), `clocks` the last cycle of every SLA policy. `next_due_at` is when
    the next warning, breach or escalation falls; `head` is the hash of the last history row.
    """

    __tablename__ = "process_instance"
    __table_args__ = (
        owned(),
        refers("definition_id", "process_definition"),
        refers("deal_id", "deal"),
        refers("customer_id", "customer"),
        refers("channel_id", "channel"),
        refers("campaign_id", "campaign"),
        refers("owner_id", "app_user"),
        refers("team_id", "team"),
        Index(
            "process_instance_due_idx",
            "next_due_at",
            "tenant_id",
            "id",
            postgresql_where=text("next_due_at IS NOT NULL"),
        ),
        Index("process_instance_owner_idx", "tenant_id", "owner_id", "id", postgresql_where=_OPEN),
        Index("process_instance_stage_idx", "tenant_id", "definition_id", "stage", "id", postgresql_where=_OPEN),
        Index("process_instance_deal_idx", "tenant_id", "deal_id"),
        Index("process_instance_customer_idx", "tenant_id", "customer_id", "id"),
        Index(
            "process_instance_won_idx",
            *("tenant_id", "customer_id", "entered_at", "id"),
            postgresql_include=[
                *("definition_id", "version", "deal_id", "owner_id", "team_id", "channel_id", "campaign_id", "region"),
                *("stage", "reason", "started_at"),
            ],
            postgresql_where=_WON,
        ),
        Index(
            "process_instance_won_at_idx",
            *("tenant_id", "entered_at"),
            postgresql_include=["customer_id"],
            postgresql_where=_WON,
        ),
        Index(
            "process_instance_external_key",
            "tenant_id",
            "channel_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    version: int
    deal_id: UUID | None = id_field(nullable=True)
    customer_id: UUID | None = id_field(nullable=True)
    channel_id: UUID = id_field()
    campaign_id: UUID | None = id_field(nullable=True)
    region: str | None = text_field(nullable=True)
    external_id: str | None = text_field(nullable=True)
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    owner_id: UUID | None = id_field(nullable=True)
    team_id: UUID | None = id_field(nullable=True)
    stage: str = text_field()
    outcome: str | None = text_field(nullable=True)
    reason: str | None = text_field(nullable=True)
    exclusion: str | None = text_field(nullable=True)
    sequence: int
    started_at: datetime = time_field()
    entered_at: datetime = time_field()
    ended_at: datetime | None = time_field(nullable=True)
    recorded_at: datetime = time_field()
    next_due_at: datetime | None = time_field(nullable=True)
    overdue_since: datetime | None = time_field(nullable=True)
    data: dict[str, Any] = json_field()
    personal: dict[str, Any] = json_field()
    progress: dict[str, Any] = json_field()
    clocks: dict[str, Any] = json_field()
    head: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
