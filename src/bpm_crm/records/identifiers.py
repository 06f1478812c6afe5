"""Identifiers: made in the application as UUIDv7, so that keys grow with time and no sequence is needed."""

from functools import lru_cache
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()


@lru_cache(maxsize=100_000)
def as_uuid(text: str) -> UUID:
    """The UUID of a text; remembered, since people and teams come up in nearly every step."""
    return UUID(text)
