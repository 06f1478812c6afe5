"""Identifiers made in the application: UUIDv7, so that keys grow with time and no sequence is needed."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()
