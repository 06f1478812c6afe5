"""Global ids: opaque to clients, a type and a key inside."""

from base64 import urlsafe_b64decode
from binascii import Error, b2a_base64
from uuid import UUID

import strawberry

_SAFE = bytes.maketrans(b"+/", b"-_")


def to_global(kind: str, key: object) -> strawberry.ID:
    """The global id of an object."""
    return strawberry.ID(b2a_base64(f"{kind}:{key}".encode(), newline=False).translate(_SAFE, b"=").decode())


def from_global(value: str) -> tuple[str, str] | None:
    """The type and key of a global id; None when it is not one of ours."""
    try:
        kind, _, key = urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode().partition(":")
    except (Error, UnicodeDecodeError, ValueError):
        return None
    return (kind, key) if key else None


def uuid_of(value: str, kind: str) -> UUID | None:
    """The uuid inside a global id of that type; None when it is anything else."""
    found = from_global(value)
    if found is None or found[0] != kind:
        return None
    try:
        return UUID(found[1])
    except ValueError:
        return None
