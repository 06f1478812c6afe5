"""Plans of migrations between versions, and what became of each case of a migration."""

from typing import Any

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    datetime,
    id_field,
    json_field,
    key_field,
    refers,
    text_field,
    time_field,
)


class MigrationPlanRow(SQLModel, table=True):
    """A revision of the plan from one version to another, immutable: an edited plan is the next revision.

    `fingerprint` is the digest of what was asked with `idempotency_key`.
    """

    __tablename__ = "migration_plan"
    __table_args__ = (
        refers("definition_id", "process_definition"),
        refers("created_by", "app_user"),
        UniqueConstraint(
            *("tenant_id", "definition_id", "from_version", "to_version", "revision"),
            name="migration_plan_revision_key",
        ),
        Index("migration_plan_idempotency_key", "tenant_id", "created_by", "idempotency_key", unique=True),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    definition_id: UUID = id_field()
    from_version: int
    to_version: int
    revision: int
    document: dict[str, Any] = json_field()
    created_at: datetime = time_field()
    created_by: UUID = id_field()
    idempotency_key: str | None = text_field(nullable=True)
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class MigrationCase(SQLModel, table=True):
    """What becomes of one case of a migration job: `waiting` until it was looked at, then its verdict.

    `sequence` is the step that migrated it or took it back; `obstacles` are why it stays.
    """

    __tablename__ = "migration_case"
    __table_args__ = (
        refers("job_id", "job"),
        refers("instance_id", "process_instance"),
        Index("migration_case_verdict_idx", "tenant_id", "job_id", "verdict", "row"),
    )

    tenant_id: UUID = key_field()
    job_id: UUID = key_field()
    row: int = Field(primary_key=True)
    instance_id: UUID = id_field()
    verdict: str = text_field()
    sequence: int | None = None
    obstacles: list[Any] | None = json_field(nullable=True)
