"""Asking for jobs in the viewer's name, and refusing to."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InputProblem, InvalidInput
from bpm_crm.api.requests import key_reused
from bpm_crm.operations.job_problems import JobProblem
from bpm_crm.operations.jobs import JobKind, KeyUsed, ask
from bpm_crm.records.database import Connection
from bpm_crm.records.jobs import JobRecord

Also = Callable[[Connection, JobRecord], Awaitable[None]]
"""What is written together with a new job."""


async def ask_for(
    context: RequestContext,
    kind: JobKind,
    values: Mapping[str, Any],
    key: str | None,
    target_id: UUID | None = None,
    *,
    also: Also | None = None,
) -> tuple[JobRecord, bool] | IdempotencyConflict:
    """Ask for a job in the viewer's name; and whether that was done before."""
    viewer = context.caller
    if viewer.user_id is None:
        raise LookupError("jobs are asked for by users")
    try:
        async with context.services.database.transaction(viewer.tenant_id) as connection:
            job, is_repeated = await ask(
                connection,
                viewer.tenant_id,
                kind=kind,
                by=viewer.user_id,
                language=context.language,
                values=values,
                key=key,
                target_id=target_id,
            )
            if also is not None and not is_repeated:
                await also(connection, job)
    except KeyUsed:
        return key_reused(context, key or "")
    return job, is_repeated


def job_refusal(context: RequestContext, problem: JobProblem, place: str) -> InvalidInput:
    """The refusal of a job; `place` is the member of the input at fault."""
    path = ["input", place]
    message = f"{problem.message(context.language)} {problem.cure(context.language)}"
    known: Sequence[str] = problem.params["known"].split(", ") if "known" in problem.params else ()
    shown = InputProblem(code=problem.code.value, message=message, path=path, known=list(known))
    return InvalidInput(code=problem.code.value, message=message, path=path, problems=[shown])
