"""What every tenant table shares: `tenant_id` first in its keys, typed columns, no relationship that could rewrite a tenant."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PostgresUUID
from sqlmodel import Field, SQLModel

NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}
SQLModel.metadata.naming_convention = NAMING


def key_field(**options: Any) -> Any:
    """A uuid column of the primary key."""
    return Field(primary_key=True, sa_type=PostgresUUID(as_uuid=True), **options)


def id_field(*, nullable: bool = False) -> Any:
    """A uuid column that refers to a row of the same tenant."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=PostgresUUID(as_uuid=True), nullable=nullable, **default)


def text_field(*, nullable: bool = False, **options: Any) -> Any:
    """A text column without a length limit of its own."""
    default: dict[str, Any] = {"default": None} if nullable and "default" not in options else {}
    return Field(sa_type=Text, nullable=nullable, **default, **options)


def time_field(*, nullable: bool = False) -> Any:
    """A column holding an instant (timestamptz)."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=DateTime(timezone=True), nullable=nullable, **default)


def big_field(*, nullable: bool = False) -> Any:
    """A column holding a span of time in microseconds (bigint)."""
    default: dict[str, Any] = {"default": None} if nullable else {}
    return Field(sa_type=BigInteger, nullable=nullable, **default)


def json_field(*, nullable: bool = False) -> Any:
    """A jsonb column."""
    default: dict[str, Any] = {"default": None} if nullable else {"default_factory": dict}
    return Field(sa_column=Column(JSONB, nullable=nullable), **default)


def refers(column: str, table: str, *, key: str = "id") -> ForeignKeyConstraint:
    """A foreign key inside the tenant: (tenant_id, column) → table (tenant_id, key)."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.{key}"])


def owned() -> ForeignKeyConstraint:
    """The foreign key of a tenant's row to its tenant."""
    return ForeignKeyConstraint(["tenant_id"], ["tenant.tenant_id"])


__all__ = [
    "UUID",
    "SQLModel",
    "big_field",
    "datetime",
    "id_field",
    "json_field",
    "key_field",
    "owned",
    "refers",
    "text_field",
    "time_field",
]
