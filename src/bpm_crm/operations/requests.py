"""Requests for a change: who asks and why, and by what a repetition is told from another one with the same idempotency key."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.operations.commands import KeyReused
from bpm_crm.records.database import Connection, Row


def digest_of(asked: Any) -> bytes:
    """The digest of what was asked."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)).digest()


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for a change, why, and how a repetition is told: by the key, and by a digest of what was asked."""

    tenant_id: UUID
    actor_id: UUID
    comment: str | None = None
    idempotency_key: str | None = None
    fingerprint: bytes = b""


Find = Callable[[Connection, UUID, UUID, str], Awaitable[Row | None]]
"""Finds the change that came with a key of an actor; others with this key wait until the transaction ends."""


async def first_change(find: Find, connection: Connection, request: Request) -> Row | KeyReused | None:
    """What was written down when this was asked for first; None where it was not, or has no key."""
    if request.idempotency_key is None:
        return None
    found = await find(connection, request.tenant_id, request.actor_id, request.idempotency_key)
    if found is not None and found["fingerprint"] != request.fingerprint:
        return KeyReused(request.idempotency_key)
    return found
