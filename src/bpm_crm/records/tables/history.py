"""The append-only, hash-chained history of every case: one row per step, which carries what the step closed and reached."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    big_field,
    datetime,
    id_field,
    json_field,
    key_field,
    refers,
    text_field,
    time_field,
)

_BY_TIME = ("tenant_id", "definition_id", "occurred_at")


class History(SQLModel, table=True):
    """One step of one case: transition, activity, assignment, exclusion, migration, or what its clocks went through.

    The row is the stage visit it ended (`from_stage`, `visit`, `entered_at` until `occurred_at`, `business` and `active`
    microseconds), the checkpoints it touched, the clock events, the dimensions after the step, and the outbox entry of the step.
    `migration` says how a case came under the row's version, and how it was before. Personal data is not here: free texts and personal fields are in `history_text`, bound in by `text_digest`.
    """

    __table_args__ = (
        refers("instance_id", "process_instance"),
        Index("history_recorded_idx", "recorded_at", postgresql_using="brin"),
        Index("history_occurred_idx", *_BY_TIME, postgresql_include=["instance_id", "recorded_at"]),
        Index(
            "history_begun_idx", *_BY_TIME, postgresql_include=["instance_id"], postgresql_where=text("sequence = 1")
        ),
        Index(
            "history_ended_idx",
            *(*_BY_TIME, "instance_id", "sequence"),
            postgresql_include=["recorded_at", "outcome", "version", "owner_id", "team_id"],
            postgresql_where=text("outcome IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    instance_id: UUID = key_field()
    sequence: int = Field(primary_key=True)
    kind: str = text_field()
    occurred_at: datetime = time_field()
    recorded_at: datetime = time_field()
    definition_id: UUID = id_field()
    version: int
    actor_id: UUID | None = id_field(nullable=True)
    actor_kind: str = text_field()
    request_id: str | None = text_field(nullable=True)
    transition: str | None = text_field(nullable=True)
    from_stage: str | None = text_field(nullable=True)
    to_stage: str | None = text_field(nullable=True)
    outcome: str | None = text_field(nullable=True)
    reason: str | None = text_field(nullable=True)
    visit: int | None = None
    entered_at: datetime | None = time_field(nullable=True)
    business: int | None = big_field(nullable=True)
    active: int | None = big_field(nullable=True)
    checkpoints: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    clocks: list[Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    activity: dict[str, Any] | None = json_field(nullable=True)
    data: dict[str, Any] | None = json_field(nullable=True)
    owner_id: UUID | None = id_field(nullable=True)
    team_id: UUID | None = id_field(nullable=True)
    channel_id: UUID = id_field()
    campaign_id: UUID | None = id_field(nullable=True)
    region: str | None = text_field(nullable=True)
    exclusion: str | None = text_field(nullable=True)
    migration: dict[str, Any] | None = json_field(nullable=True)
    text_digest: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class HistoryText(SQLModel, table=True):
    """The free text and personal fields of a step; may be erased, the chain of hashes stays valid without them."""

    __tablename__ = "history_text"
    __table_args__ = (refers("instance_id", "process_instance"),)

    tenant_id: UUID = key_field()
    instance_id: UUID = key_field()
    sequence: int = Field(primary_key=True)
    comment: str | None = text_field(nullable=True)
    personal: dict[str, Any] | None = json_field(nullable=True)
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
