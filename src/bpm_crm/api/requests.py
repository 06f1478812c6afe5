"""What mutations that are written down in a journal are asked by: who, why, and by what a repetition is told."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
import strawberry

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import IdempotencyConflict, text
from bpm_crm.api.ids import uuid_of
from bpm_crm.operations.review_journal import Request
from bpm_crm.operations.written import NOBODY
from bpm_crm.records.identifiers import as_uuid


def fingerprint(asked: Any) -> bytes:
    """The digest of what was asked, by which a repetition is told from another request with the same key."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS, default=str)).digest()


def request_of(context: RequestContext, asked: Any, said: list[Any]) -> Request:
    """The request of a mutation: who, why, and by what a repetition is told."""
    viewer = context.caller
    digest = fingerprint([*said, asked.comment])
    return Request(viewer.tenant_id, actor_id(context), asked.comment, asked.idempotency_key, digest)


def actor_id(context: RequestContext) -> UUID:
    """The user or integration that asks."""
    found = context.caller.actor.id
    return NOBODY if found is None else as_uuid(found)


def user_or_caller(context: RequestContext, user: strawberry.ID | None) -> UUID:
    """The id of a user that an input names, nobody's for a wrong one; the caller's where it names none."""
    if user is None:
        return actor_id(context)
    return uuid_of(user, "User") or NOBODY


def key_reused(context: RequestContext, key: str, at: Sequence[str] = ("input",)) -> IdempotencyConflict:
    """The refusal of a key that was used for something else."""
    message = text("IDEMPOTENCY_CONFLICT", context.language, key=key)
    return IdempotencyConflict(code="IDEMPOTENCY_CONFLICT", message=message, path=[*at, "idempotencyKey"])
