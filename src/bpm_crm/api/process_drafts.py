"""Drafts of process documents: reading, saving, discarding, and checking a document without keeping it."""

import asyncio
from typing import Annotated, Any

import strawberry
from strawberry import argument

from bpm_crm.api.checks import flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input, not_found
from bpm_crm.api.process_draft_types import (
    DiscardProcessDraftInput,
    ProcessDraft,
    ProcessDraftDiscarded,
    ProcessDraftSaved,
    ProcessValidated,
    SaveProcessDraftInput,
    StaleProcessDraft,
    ValidateProcessInput,
    draft_type,
    find_draft,
)
from bpm_crm.api.process_problems import InvalidDocument, document_problems
from bpm_crm.api.process_refusals import process_refusal
from bpm_crm.api.requests import request_of
from bpm_crm.operations.access import Permission
from bpm_crm.operations.drafts import (
    AskedDraft,
    DraftDiscarded,
    DraftSaved,
    discard_process_draft,
    problems_of,
    save_process_draft,
)
from bpm_crm.records.drafts import load_drafts

SaveProcessDraftResult = Annotated[
    ProcessDraftSaved | StaleProcessDraft | InvalidDocument | InvalidInput | IdempotencyConflict,
    strawberry.union("SaveProcessDraftResult", description="The draft is saved, or why it is not."),
]
DiscardProcessDraftResult = Annotated[
    ProcessDraftDiscarded | StaleProcessDraft | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("DiscardProcessDraftResult", description="The draft is discarded, or why it is not."),
]
ValidateProcessResult = Annotated[
    ProcessValidated | NotFound | InvalidInput,
    strawberry.union("ValidateProcessResult", description="What the check found, or why there was none."),
]
SaveArgument = Annotated[SaveProcessDraftInput, argument(description="What to save.")]
DiscardArgument = Annotated[DiscardProcessDraftInput, argument(description="What to discard.")]
ValidateArgument = Annotated[ValidateProcessInput, argument(description="What to check.")]


@strawberry.type
class ProcessDraftsQuery:
    """Queries about drafts."""

    @strawberry.field(
        description="The drafts of the company, by key of the process, those of new processes among them."
    )
    async def process_drafts(self, info: Info) -> list[ProcessDraft]:
        """The drafts of the company."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        async with context.services.database.reader(viewer.tenant_id) as connection:
            found = await load_drafts(connection, viewer.tenant_id)
        return [draft for record in found.values() if (draft := draft_type(context, record)) is not None]


@strawberry.type
class ProcessDraftsMutation:
    """Mutations of drafts."""

    @strawberry.mutation(description="Save the draft of a process, unless somebody else saved it since it was read.")
    async def save_process_draft(self, info: Info, input: SaveArgument) -> SaveProcessDraftResult:  # noqa: A002  # the API's convention
        """Save the draft of a process."""
        context = info.context
        context.require(Permission.MANAGE_PROCESSES)
        if flawed := flaws(comment=input.comment, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        asked = AskedDraft(input.process, input.document, input.base_version, input.expected_revision)
        said = ["saveProcessDraft", asked.process, asked.document, asked.base_version, asked.expected_revision]
        request = request_of(context, input, said)
        return _answered(context, await save_process_draft(context.services.database, request, asked))

    @strawberry.mutation(description="Discard the draft of a process.")
    async def discard_process_draft(self, info: Info, input: DiscardArgument) -> DiscardProcessDraftResult:  # noqa: A002  # the API's convention
        """Discard the draft of a process."""
        context = info.context
        context.require(Permission.MANAGE_PROCESSES)
        if flawed := flaws(comment=input.comment, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        request = request_of(context, input, ["discardProcessDraft", input.process, input.expected_revision])
        database = context.services.database
        answer = await discard_process_draft(database, request, input.process, input.expected_revision)
        return _answered(context, answer)

    @strawberry.mutation(description="Check a document, or a draft, as publishing would. Nothing is written.")
    async def validate_process(self, info: Info, input: ValidateArgument) -> ValidateProcessResult:  # noqa: A002  # the API's convention
        """Check a document as publishing would."""
        context = info.context
        context.require(Permission.MANAGE_PROCESSES)
        document = input.document
        if document is None:
            found = None if input.process is None else await find_draft(context, input.process)
            if found is None or found.document is None:
                return not_found(context.language, "input", "process")
            document = found.document
        problems = await asyncio.to_thread(problems_of, document, context.services.now())
        return ProcessValidated(is_sound=not problems, problems=document_problems(problems, context.language))


def _answered(context: RequestContext, answer: Any) -> Any:
    match answer:
        case DraftSaved(draft, is_repeated):
            return ProcessDraftSaved(draft=draft_type(context, draft), is_repeated=is_repeated)
        case DraftDiscarded(draft, is_repeated):
            return ProcessDraftDiscarded(process=draft.process, is_repeated=is_repeated)
        case _:
            return process_refusal(context, answer)
