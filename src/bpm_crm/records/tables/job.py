"""Long work that a worker does for somebody: the job, what became of each of its rows, and the files it takes and leaves."""

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


class StoredFile(SQLModel, table=True):
    """A file that somebody sent, or that a job made for them; it may hold personal data, and goes when it expires."""

    __tablename__ = "stored_file"
    __table_args__ = (owned(), refers("created_by", "app_user"), Index("stored_file_expires_idx", "expires_at"))

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    name: str = text_field()
    media_type: str = text_field()
    size: int
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_by: UUID = id_field()
    created_at: datetime = time_field()
    expires_at: datetime = time_field()


class Job(SQLModel, table=True):
    """A job: what was asked for by whom, how far it is (`position`, the last row done), and what came of it.

    `counts` are its rows by outcome; `failure` says why it could not be done. `target_id` is the job that an undoing one undoes.
    """

    __table_args__ = (
        owned(),
        refers("created_by", "app_user"),
        refers("target_id", "job"),
        Index("job_due_idx", "run_at", "tenant_id", "id", postgresql_where=text("done_at IS NULL")),
        Index(
            "job_idempotency_key",
            "tenant_id",
            "created_by",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    kind: str = text_field()
    created_by: UUID = id_field()
    language: str = text_field()
    idempotency_key: str | None = text_field(nullable=True)
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    input: dict[str, Any] = json_field()
    target_id: UUID | None = id_field(nullable=True)
    total: int | None = None
    position: int = 0
    counts: dict[str, Any] = json_field()
    failure: dict[str, Any] | None = json_field(nullable=True)
    file_id: UUID | None = id_field(nullable=True)
    created_at: datetime = time_field()
    started_at: datetime | None = time_field(nullable=True)
    run_at: datetime = time_field()
    attempts: int = 0
    done_at: datetime | None = time_field(nullable=True)


class JobRow(SQLModel, table=True):
    """What became of one row of a job's table: the case it made (and that case's sequence then), or what is wrong with it."""

    __tablename__ = "job_row"
    __table_args__ = (
        refers("job_id", "job"),
        refers("instance_id", "process_instance"),
        Index("job_row_recorded_idx", "recorded_at", postgresql_using="brin"),
    )

    tenant_id: UUID = key_field()
    job_id: UUID = key_field()
    row: int = Field(primary_key=True)
    outcome: str = text_field()
    instance_id: UUID | None = id_field(nullable=True)
    sequence: int | None = None
    problems: list[Any] | None = json_field(nullable=True)
    recorded_at: datetime = time_field()
