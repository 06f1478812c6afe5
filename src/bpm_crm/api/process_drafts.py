"""Drafts of process documents: reading, saving, discarding, and checking a document without keeping it."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import argument

from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, UserError, invalid_input, not_found, text
from bpm_crm.api.people import User, user_of
from bpm_crm.api.process_problems import DocumentProblem, InvalidDocument, document_problems, invalid_document
from bpm_crm.api.requests import key_reused, request_of
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.drafts import (
    AskedDraft,
    DocumentRefused,
    DraftDiscarded,
    DraftSaved,
    StaleDraft,
    discard_process_draft,
    problems_of,
    save_process_draft,
)
from bpm_crm.records.drafts import DraftRecord, load_drafts

DOCUMENT = "The document: YAML or JSON, as `processDefinition.versions.source` gives it."


@strawberry.type(
    description="The draft of a process: the document that is being written, sound or not. One for each process."
)
class ProcessDraft:
    """The draft of a process."""

    process: str = strawberry.field(description="Key of the process, which may be new.")
    document: str = strawberry.field(description="The text as it was saved, with its comments.")
    base_version: int | None = strawberry.field(description="Version it was edited from; null: the process is new.")
    revision: int = strawberry.field(description="Counts the saves; name it in the next one as `expectedRevision`.")
    saved_at: datetime = strawberry.field(description="When it was saved last.")
    saved_by: User | None = strawberry.field(description="Who saved it last; null: a command of the installation.")

    @strawberry.field(description="Everything for which publishing it now would be refused; empty: it is sound.")
    async def problems(self, info: Info) -> list[DocumentProblem]:
        """Everything for which publishing it would be refused."""
        info.context.require(Permission.MANAGE_PROCESSES)
        found = await asyncio.to_thread(problems_of, self.document, info.context.services.now())
        return document_problems(found, info.context.language)


@strawberry.input(description="Save the draft of a process. It may be unsound; a text that cannot be read is refused.")
class SaveProcessDraftInput:
    """Save the draft of a process."""

    process: str = strawberry.field(description="Key of the process; a new one begins a new process.")
    document: str = strawberry.field(description=DOCUMENT)
    base_version: int | None = strawberry.field(
        default=None,
        description="Version it was edited from; null: that of the draft before, or the newest. Publishing checks it.",
    )
    expected_revision: int | None = strawberry.field(
        default=None, description="Revision of the draft the editor began with; null: there was no draft."
    )
    comment: str | None = strawberry.field(default=None, description="What for; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Discard the draft of a process.")
class DiscardProcessDraftInput:
    """Discard the draft of a process."""

    process: str = strawberry.field(description="Key of the process.")
    expected_revision: int = strawberry.field(description="Revision of the draft as it was seen.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(
    description="Check a document as publishing would. Give the document, or the process whose draft is meant."
)
class ValidateProcessInput:
    """Check a document as publishing would."""

    document: str | None = strawberry.field(default=None, description=DOCUMENT)
    process: str | None = strawberry.field(default=None, description="Key of the process whose draft is checked.")


@strawberry.type(description="The draft is saved.")
class ProcessDraftSaved:
    """The draft is saved."""

    draft: ProcessDraft | None = strawberry.field(
        description="The draft as it is; null where a repetition finds that it was published or discarded since."
    )
    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


@strawberry.type(description="The draft is discarded.")
class ProcessDraftDiscarded:
    """The draft is discarded."""

    process: str = strawberry.field(description="Key of the process.")
    is_repeated: bool = strawberry.field(
        description="Whether this repeats the first answer to the same idempotency key."
    )


@strawberry.type(
    description="Somebody else saved, discarded or published the draft since it was read. Nothing was written: read it, merge, save again."
)
class StaleProcessDraft(UserError):
    """Somebody else changed the draft."""

    expected_revision: int | None = strawberry.field(description="Revision that was expected.")
    current_revision: int = strawberry.field(description="Revision of the last change.")
    changed_at: datetime = strawberry.field(description="When it was changed last.")
    changed_by: User | None = strawberry.field(description="Who changed it last; null: a command of the installation.")
    draft: ProcessDraft | None = strawberry.field(
        description="The draft as it is; null: it was discarded or published."
    )


@strawberry.type(description="The document was checked; nothing was written.")
class ProcessValidated:
    """The document was checked."""

    is_sound: bool = strawberry.field(description="Whether it could be published as it is.")
    problems: list[DocumentProblem] = strawberry.field(description="Everything for which publishing would be refused.")


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


async def find_draft(context: RequestContext, process: str) -> DraftRecord | None:
    """The draft of a process; None where there is none."""
    return await context.loader.drafts.load(process)


def draft_type(context: RequestContext, record: DraftRecord | None) -> ProcessDraft | None:
    """A draft as the API shows it; None for one that was discarded or published."""
    if record is None or record.document is None:
        return None
    return ProcessDraft(
        process=record.process,
        document=record.document,
        base_version=record.base_version,
        revision=record.revision,
        saved_at=record.saved_at,
        saved_by=user_of(context.people, record.saved_by),
    )


def stale_draft(context: RequestContext, answer: StaleDraft) -> StaleProcessDraft:
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


def _answered(context: RequestContext, answer: Any) -> Any:
    match answer:
        case DraftSaved(draft, is_repeated):
            return ProcessDraftSaved(draft=draft_type(context, draft), is_repeated=is_repeated)
        case DraftDiscarded(draft, is_repeated):
            return ProcessDraftDiscarded(process=draft.process, is_repeated=is_repeated)
        case StaleDraft():
            return stale_draft(context, answer)
        case DocumentRefused(problems):
            return invalid_document(context, problems, ("input", "document"))
        case NotUnderstood(problems):
            return invalid_input(problems, context.language)
        case Missing():
            return not_found(context.language, "input", "process")
        case KeyReused(key):
            return key_reused(context, key)
        case _:
            raise TypeError(f"unexpected answer {type(answer).__name__}")
