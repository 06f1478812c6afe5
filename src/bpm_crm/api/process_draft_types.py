"""Drafts of process documents: what they are asked with and answered by."""

import asyncio
from datetime import datetime

import strawberry

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import UserError
from bpm_crm.api.people import User, user_of
from bpm_crm.api.process_problems import DocumentProblem, document_problems
from bpm_crm.api.requests import Repeatable
from bpm_crm.operations.access import Permission
from bpm_crm.operations.drafts import problems_of
from bpm_crm.records.drafts import DraftRecord

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
class ProcessDraftSaved(Repeatable):
    """The draft is saved."""

    draft: ProcessDraft | None = strawberry.field(
        description="The draft as it is; null where a repetition finds that it was published or discarded since."
    )


@strawberry.type(description="The draft is discarded.")
class ProcessDraftDiscarded(Repeatable):
    """The draft is discarded."""

    process: str = strawberry.field(description="Key of the process.")


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
