"""Answers of the write path as the API shows them, the same for every mutation on a case."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import (
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    StaleInstance,
    TransitionRefused,
    blockers_of,
    text,
)
from bpm_crm.api.faults import NO_ANSWER, UNCERTAIN, Code, Fault
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.requests import INPUT, refusal
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission, Scope
from bpm_crm.operations.commands import (
    Command,
    NotAllowed,
    Outcome,
    Outdated,
    Recorded,
    Work,
)
from bpm_crm.operations.requests import digest_of
from bpm_crm.operations.writer import Overloaded, Unavailable

T = TypeVar("T")
Refusal = TransitionRefused | StaleInstance | NotFound | InvalidInput | IdempotencyConflict


def work_on(
    context: RequestContext,
    scope: Scope,
    instance_id: UUID | None,
    command: Command,
    *,
    asked: Any,
    idempotency_key: str | None,
    expected_sequence: int | None = None,
    dry_run: bool = False,
) -> Work:
    """The work of a mutation. `asked` is the input as plain JSON: its digest is kept with the idempotency key."""
    return Work(
        tenant_id=context.known.tenant.id,
        commands=(command,),
        actor=context.caller.actor,
        instance_id=instance_id,
        scope=scope,
        expected_sequence=expected_sequence,
        idempotency_key=idempotency_key,
        fingerprint=digest_of(asked),
        request_id=context.request_id,
        dry_run=dry_run,
    )


async def carried_out(context: RequestContext, work: Work) -> Outcome:
    """Carry out a work; faults when too much waits or the database cannot be reached."""
    return (await all_carried_out(context, [work]))[0]


async def all_carried_out(context: RequestContext, works: list[Work]) -> list[Outcome]:
    """Carry out works; faults when too much waits or the database cannot be reached."""
    try:
        return await context.services.writer.submit_all(works)
    except Overloaded as error:
        raise Fault(
            Code.OVERLOADED,
            Title(
                "More work waits than can be taken on; try again in a moment.",
                "Работы накопилось больше, чем можно принять; повторите через минуту.",
            ),
        ) from error
    except Unavailable as error:
        said = (
            UNCERTAIN
            if error.uncertain
            else Title(f"Nothing was recorded. {NO_ANSWER.en}", f"Ничего не записано. {NO_ANSWER.ru}")
        )
        raise Fault(Code.UNAVAILABLE, said, uncertain=error.uncertain) from error


async def answered(
    context: RequestContext,
    outcome: Outcome,
    success: Callable[[Recorded], Awaitable[T]],
    at: Sequence[str] = INPUT,
) -> "T | Refusal":
    """The member of a mutation's union for an outcome: `success` makes the one for what was recorded; `at` is the input's path."""
    language = context.language
    match outcome:
        case Recorded():
            return await success(outcome)
        case NotAllowed(blockers, record):
            shown = blockers_of(blockers, language)
            causes = " ".join(blocker.message for blocker in shown)
            visible = context.scope(Permission.VIEW_CASES) is not None
            return TransitionRefused(
                code="TRANSITION_REFUSED",
                message=text("TRANSITION_REFUSED", language, causes=causes),
                path=list(at),
                blocked_by=shown,
                instance=await instance_view(context, record) if visible else None,
            )
        case Outdated(record, expected):
            return StaleInstance(
                code="STALE_INSTANCE",
                message=text("STALE_INSTANCE", language, current=record.state.sequence, expected=expected),
                path=[*at, "expectedSequence"],
                expected_sequence=expected,
                current_sequence=record.state.sequence,
                instance=await instance_view(context, record),
            )
        case _:
            return refusal(context, outcome, "instance", at)
