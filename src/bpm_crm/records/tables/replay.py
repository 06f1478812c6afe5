"""Replays: histories run through another definition, and what came of it; nothing else hangs on them."""

from typing import Any

from sqlalchemy import JSON, Column
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    datetime,
    id_field,
    json_field,
    key_field,
    refers,
    time_field,
)


class Replay(SQLModel, table=True):
    """What a job replays: the histories of the cases of a process that began in `[since, until)`, through `document`.

    `version` is that of the document, where it is a published one; `changes` what was changed in it, of a what-if. Open clocks run up
    to `as_of`. `cases` and `figures` are what was found up to the case `cursor`.
    """

    __table_args__ = (refers("job_id", "job"), refers("definition_id", "process_definition"))

    tenant_id: UUID = key_field()
    job_id: UUID = key_field()
    definition_id: UUID = id_field()
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    version: int | None = None
    changes: list[Any] | None = json_field(nullable=True)
    since: datetime = time_field()
    until: datetime = time_field()
    as_of: datetime = time_field()
    cases: int
    cursor: UUID | None = id_field(nullable=True)
    figures: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ReplayCase(SQLModel, table=True):
    """A case that a replay found a difference in: the numbers of the figures that count it."""

    __tablename__ = "replay_case"
    __table_args__ = (refers("job_id", "replay", key="job_id"), refers("instance_id", "process_instance"))

    tenant_id: UUID = key_field()
    job_id: UUID = key_field()
    instance_id: UUID = key_field()
    figures: list[int] = Field(sa_column=Column(ARRAY(INTEGER), nullable=False))
