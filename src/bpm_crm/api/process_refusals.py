"""Refusals of what is done to a process, as members of the unions of its mutations."""

from typing import Any

from bpm_crm.api.context import RequestContext
from bpm_crm.api.errors import text
from bpm_crm.api.people import user_of
from bpm_crm.api.process_draft_types import StaleProcessDraft, draft_type
from bpm_crm.api.process_problems import invalid_document
from bpm_crm.api.process_release_types import RolloutInTheWay, StaleProcessVersion
from bpm_crm.api.requests import refusal
from bpm_crm.operations.drafts import DocumentRefused, StaleDraft
from bpm_crm.operations.releasing import StaleBase
from bpm_crm.operations.rollouts import RolloutRuns


def process_refusal(context: RequestContext, answer: Any) -> Any:
    """The member for a refusal; a TypeError for an answer that is none."""
    match answer:
        case StaleBase():
            return _stale_base(context, answer)
        case StaleDraft():
            return _stale_draft(context, answer)
        case RolloutRuns():
            return _rollout_in_the_way(context, answer)
        case DocumentRefused(problems):
            return invalid_document(context, problems, ("input", "document"))
        case _:
            return refusal(context, answer)


def _stale_base(context: RequestContext, answer: StaleBase) -> StaleProcessVersion:
    by = user_of(context.people, answer.published_by)
    message = text(
        "STALE_PROCESS_VERSION",
        context.language,
        who="bpm-crm" if by is None else by.name,
        when="—" if answer.published_at is None else f"{answer.published_at:%Y-%m-%d %H:%M:%S} UTC",
        latest=answer.latest or 0,
        expected=answer.expected or 0,
        process=answer.process,
    )
    return StaleProcessVersion(
        code="STALE_PROCESS_VERSION",
        message=message,
        path=["input", "baseVersion"],
        expected_version=answer.expected,
        latest_version=answer.latest,
        published_at=answer.published_at,
        published_by=by,
    )


def _stale_draft(context: RequestContext, answer: StaleDraft) -> StaleProcessDraft:
    """The refusal of an editor who had not seen the last change."""
    draft, by = answer.draft, user_of(context.people, answer.draft.saved_by)
    code = "STALE_PROCESS_DRAFT" if draft.document is not None else "PROCESS_DRAFT_GONE"
    who, when = "bpm-crm" if by is None else by.name, f"{draft.saved_at:%Y-%m-%d %H:%M:%S} UTC"
    message = text(code, context.language, who=who, when=when, current=draft.revision)
    return StaleProcessDraft(
        code=code,
        message=message,
        path=["input", "expectedRevision"],
        expected_revision=answer.expected,
        current_revision=draft.revision,
        changed_at=draft.saved_at,
        changed_by=by,
        draft=draft_type(context, draft),
    )


def _rollout_in_the_way(context: RequestContext, answer: RolloutRuns) -> RolloutInTheWay:
    """The refusal of what a rollout settles."""
    message = text("ROLLOUT_RUNS", context.language, process=answer.process, version=answer.version_b)
    return RolloutInTheWay(code="ROLLOUT_RUNS", message=message, path=["input", "process"], version=answer.version_b)
