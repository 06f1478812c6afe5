"""What mutations that are written down in a journal are asked by: who, why, and by what a repetition is told."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input, not_found, text
from bpm_crm.api.ids import uuid_of
from bpm_crm.operations.commands import NOBODY, KeyReused, Missing, NotUnderstood
from bpm_crm.operations.requests import Request, digest_of
from bpm_crm.records.identifiers import as_uuid

INPUT = ("input",)


@strawberry.type
class Repeatable:
    """The answer of a mutation that takes an idempotency key."""

    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


def request_of(context: RequestContext, asked: Any, said: list[Any]) -> Request:
    """The request of a mutation: who, why, and by what a repetition is told."""
    return commented_request(context, said, asked.comment, asked.idempotency_key)


def commented_request(context: RequestContext, said: list[Any], comment: str | None, key: str | None) -> Request:
    """The request of a mutation whose input has the comment under another name."""
    digest = digest_of([*said, comment])
    return Request(context.caller.tenant_id, actor_id(context), comment, key, digest)


def refusal(
    context: RequestContext, answer: Any, place: str = "process", at: Sequence[str] = INPUT
) -> NotFound | InvalidInput | IdempotencyConflict:
    """The refusals that operations share, as members of a mutation's union; `place` is where the input names what is missing."""
    match answer:
        case NotUnderstood(problems):
            return invalid_input(problems, context.language, at)
        case Missing():
            return not_found(context.language, *at, place)
        case KeyReused(key):
            return key_reused(context, key, at)
        case _:
            raise TypeError(f"unexpected answer {type(answer).__name__}")


def actor_id(context: RequestContext) -> UUID:
    """The user or integration that asks."""
    found = context.caller.actor.id
    return NOBODY if found is None else as_uuid(found)


def user_or_caller(context: RequestContext, user: strawberry.ID | None) -> UUID:
    """The id of a user that an input names, nobody's for a wrong one; the caller's where it names none."""
    if user is None:
        return actor_id(context)
    return uuid_of(user, "User") or NOBODY


def key_reused(context: RequestContext, key: str, at: Sequence[str] = INPUT) -> IdempotencyConflict:
    """The refusal of a key that was used for something else."""
    message = text("IDEMPOTENCY_CONFLICT", context.language, key=key)
    return IdempotencyConflict(code="IDEMPOTENCY_CONFLICT", message=message, path=[*at, "idempotencyKey"])
