"""Identifiers: made in the application as UUIDv7, so that keys grow with time and no sequence is needed."""

from functools import lru_cache
from uuid import UUID

from asyncpg.pgproto import pgproto
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7, of the class of those that are read: its text and its hash cost a tenth."""
    identifier: UUID = pgproto.UUID(uuid7().bytes)
    return identifier


@lru_cache(maxsize=100_000)
def as_uuid(text: str) -> UUID:
    """The UUID of a text; remembered, since people and teams come up in nearly every step."""
    return UUID(text)
