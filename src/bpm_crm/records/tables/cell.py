"""Figures kept ready: which cases changed, what each adds to the figures, and the sums of that by segment and day."""

from typing import Any

from sqlalchemy import Column, Date, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PostgresUUID
from sqlmodel import Field

from bpm_crm.records.tables.base import (
    UUID,
    SQLModel,
    datetime,
    key_field,
    owned,
    refers,
    text_field,
    time_field,
)

case_change = Table(
    "case_change",
    SQLModel.metadata,
    Column("tenant_id", PostgresUUID(as_uuid=True), nullable=False),
    Column("instance_id", PostgresUUID(as_uuid=True), nullable=False),
)
"""A case that changed since it was last folded into the cells: written with the step, deleted by the compactor.

A queue without key or index: writing to it must cost a step as little as can be.
"""


class CellSheet(SQLModel, table=True):
    """A question whose answers are kept in cells: a report over the cases of some definitions, with these checkpoints as its steps.

    `evaluation` says under which name parts of cases feed it; it may have got more checkpoints since.
    Days are those of `zone`. Those in whole segments hold the cases up to the id `filled_to`; all other cells are made of these
    once all cases are in them.
    """

    __tablename__ = "cell_sheet"
    __table_args__ = (owned(),)

    tenant_id: UUID = key_field()
    id: UUID = key_field()
    report: str = text_field()
    checkpoints: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    definitions: list[UUID] = Field(sa_column=Column(ARRAY(PostgresUUID(as_uuid=True)), nullable=False))
    zone: str = text_field()
    evaluation: str = text_field()
    filled_to: UUID = Field(sa_type=PostgresUUID(as_uuid=True))
    is_filled: bool


class CasePart(SQLModel, table=True):
    """What a case adds to the cells, packed: what has to be taken away when it changes.

    From `valid_until` on it would add something else without having changed: time has reached a step dated ahead.
    """

    __tablename__ = "case_part"
    __table_args__ = (
        refers("instance_id", "process_instance"),
        Index(
            "case_part_valid_idx",
            "valid_until",
            "tenant_id",
            "instance_id",
            postgresql_where=text("valid_until IS NOT NULL"),
        ),
    )

    tenant_id: UUID = key_field()
    instance_id: UUID = key_field()
    parts: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    valid_until: datetime | None = time_field(nullable=True)


class Cell(SQLModel, table=True):
    """What is added in one day, month or quarter by some dimensions, or in one day by whole segments: the sum of its bodies, packed columns.

    A change adds a body; bodies are put together as they become more.
    """

    __table_args__ = (refers("sheet_id", "cell_sheet"),)

    tenant_id: UUID = key_field()
    sheet_id: UUID = key_field()
    dimensions: str = text_field(primary_key=True)
    level: str = text_field(primary_key=True)
    starts_on: Any = Field(sa_column=Column(Date, primary_key=True, nullable=False))
    number: int = Field(primary_key=True)
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Compaction(SQLModel, table=True):
    """When the changes of a tenant were last folded; its lock lets one compactor at a time do so."""

    __table_args__ = (owned(),)

    tenant_id: UUID = key_field()
    folded_at: datetime = time_field()
