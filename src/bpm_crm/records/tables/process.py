"""Process definitions, their immutable, numbered versions, drafts of the next one, rollouts, and what was done to them."""

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Index, LargeBinary, Numeric, UniqueConstraint, text
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


class ProcessDefinitionRow(SQLModel, table=True):
    """A named workflow. New cases take `current_version` (null: the newest, `latest_version`), and none begins once it is retired."""

    __tablename__ = "process_definition"
    __table_args__ = (owned(), refers("retired_by", "app_user"), UniqueConstraint("tenant_id", "key"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    key: str = text_field()
    title_en: str = text_field()
    title_ru: str = text_field()
    latest_version: int
    current_version: int | None = None
    created_at: datetime = time_field()
    retired_at: datetime | None = time_field(nullable=True)
    retired_by: UUID | None = id_field(nullable=True)


class ProcessVersion(SQLModel, table=True):
    """A published document that stands alone, with the text it was published from, its checksum and its certificate of soundness.

    The document is `json`, not `jsonb`: the order of its transitions, stages and clocks means something. `origin` is the digest of the
    shipped document it says the same as; null: it is the company's own. Versions older than certificates have none.
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
    origin: str | None = text_field(nullable=True)
    certificate: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


class ProcessDraft(SQLModel, table=True):
    """The one draft of a process, which may be new. Discarded or published, it leaves its row without the document.

    So `revision` never counts anew, and a save that was made before is known to be stale.
    """

    __tablename__ = "process_draft"
    __table_args__ = (owned(), refers("saved_by", "app_user"))

    tenant_id: UUID = key_field()
    process: str = text_field(primary_key=True)
    document: str | None = text_field(nullable=True)
    base_version: int | None = None
    revision: int
    saved_at: datetime = time_field()
    saved_by: UUID | None = id_field(nullable=True)


class ProcessChange(SQLModel, table=True):
    """Something done to a process: who, when, what, why; and the idempotency key it came with."""

    __tablename__ = "process_change"
    __table_args__ = (
        owned(),
        Index("process_change_process_idx", "tenant_id", "process", "id"),
        Index(
            "process_change_key",
            "tenant_id",
            "actor_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    process: str = text_field()
    kind: str = text_field()
    values: dict[str, Any] = json_field()
    comment: str | None = text_field(nullable=True)
    actor_id: UUID = id_field()
    recorded_at: datetime = time_field()
    idempotency_key: str | None = text_field(nullable=True)
    fingerprint: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))


class ProcessRollout(SQLModel, table=True):
    """A split of new cases: `share` per cent of each channel take `version_b`, the others `version_a`.

    While it runs, the worker compares the attainment of `guard_clock` at `check_at`; it stops once B is worse by more than `guard_drop`.
    """

    __tablename__ = "process_rollout"
    __table_args__ = (
        refers("definition_id", "process_definition"),
        refers("started_by", "app_user"),
        Index(
            "process_rollout_running",
            "tenant_id",
            "definition_id",
            unique=True,
            postgresql_where=text("status = 'running'"),
        ),
        Index(
            "process_rollout_check_idx",
            "check_at",
            "tenant_id",
            "id",
            postgresql_where=text("check_at IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    version_a: int
    version_b: int
    share: int
    guard_clock: str | None = text_field(nullable=True)
    guard_drop: Decimal | None = Field(default=None, sa_type=Numeric(6, 4))
    status: str = text_field()
    started_at: datetime = time_field()
    started_by: UUID | None = id_field(nullable=True)
    ended_at: datetime | None = time_field(nullable=True)
    check_at: datetime | None = time_field(nullable=True)
    revision: int
    figures: dict[str, Any] | None = json_field(nullable=True)


class RolloutCase(SQLModel, table=True):
    """A case that took a turn in a rollout, with the version that the turn gave it, whatever version it is under later.

    `revision` is that of the rollout then: it tells cases apart that were split by different shares.
    """

    __tablename__ = "rollout_case"
    __table_args__ = (refers("instance_id", "process_instance"), refers("rollout_id", "process_rollout"))

    tenant_id: UUID = key_field()
    instance_id: UUID = key_field()
    rollout_id: UUID = id_field()
    revision: int
    version: int
