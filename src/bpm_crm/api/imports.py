"""Importing tables: looking at one, importing its rows, undoing an import."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.checks import flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input, not_found
from bpm_crm.api.files import KIND as FILE
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.import_inputs import ImportHistoryInput, ImportLeadsInput, PreviewImportInput, UndoImportInput, wish_of
from bpm_crm.api.import_previews import ImportPreview, preview_of
from bpm_crm.api.job_requests import ask_for, job_refusal
from bpm_crm.api.jobs import IMPORTS, ImportJob, import_job, own_job
from bpm_crm.api.requests import Repeatable
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.texts import shown
from bpm_crm.excel.cells import Head
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.excel.reading import read_head
from bpm_crm.excel.settings import settle
from bpm_crm.excel.targets import ImportKind
from bpm_crm.operations.access import Permission
from bpm_crm.operations.job_problems import JobCode, JobProblem
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.files import FileRecord, load_file

NEEDED = {ImportKind.LEADS: Permission.IMPORT_LEADS, ImportKind.HISTORY: Permission.IMPORT_HISTORY}
_PLACES: Mapping[str, str] = {
    TableCode.UNKNOWN_SHEET: "sheet",
    TableCode.EMPTY_SHEET: "sheet",
    TableCode.NO_HEADER: "headerRow",
    TableCode.UNKNOWN_COLUMN: "mapping",
    TableCode.COLUMN_TWICE: "mapping",
    TableCode.UNKNOWN_TARGET: "mapping",
    TableCode.TARGET_TWICE: "mapping",
    TableCode.TARGET_MISSING: "mapping",
    TableCode.NOTHING_MAPPED: "mapping",
    TableCode.UNKNOWN_COUNTRY: "country",
}
"""Which member of the input a fault is about; the others are about the file."""


@strawberry.type(description="The import is asked for; a worker carries it out.")
class ImportAccepted(Repeatable):
    """The import is asked for."""

    job: ImportJob = strawberry.field(description="How far it is: ask `importJob` again until it is done.")


@strawberry.type(description="The undoing is asked for; a worker carries it out.")
class UndoAccepted(Repeatable):
    """The undoing is asked for."""

    job: ImportJob = strawberry.field(description="How far it is: ask `importJob` again until it is done.")


PreviewImportResult = Annotated[
    ImportPreview | InvalidInput | NotFound,
    strawberry.union("PreviewImportResult", description="What is in a table, or why it cannot be read."),
]
ImportLeadsResult = Annotated[
    ImportAccepted | InvalidInput | NotFound | IdempotencyConflict,
    strawberry.union("ImportLeadsResult", description="The import is asked for, or why it is not."),
]
ImportHistoryResult = Annotated[
    ImportAccepted | InvalidInput | NotFound | IdempotencyConflict,
    strawberry.union("ImportHistoryResult", description="The import is asked for, or why it is not."),
]
UndoImportResult = Annotated[
    UndoAccepted | InvalidInput | NotFound | IdempotencyConflict,
    strawberry.union("UndoImportResult", description="The undoing is asked for, or why it is not."),
]
PreviewArgument = Annotated[PreviewImportInput, argument(description="Which table.")]
LeadsArgument = Annotated[ImportLeadsInput, argument(description="Which table, and how it is read.")]
HistoryArgument = Annotated[ImportHistoryInput, argument(description="Which table, and how it is read.")]
UndoArgument = Annotated[UndoImportInput, argument(description="Which import.")]

Refused = InvalidInput | NotFound | IdempotencyConflict


@strawberry.type
class ImportsQuery:
    """Queries about tables to be imported."""

    @strawberry.field(
        description="What is in a table that was sent: sheets, headers, types, first rows, and which column is probably what."
    )
    async def preview_import(self, info: Info, input: PreviewArgument) -> PreviewImportResult:  # noqa: A002  # the API's convention
        """What is in a table."""
        context = info.context
        context.require(NEEDED[input.kind])
        try:
            file = await _file(context, input.file)
            definition = await _definition(context, input.channel)
            if isinstance(file, NotFound):
                return file
            if isinstance(definition, InvalidInput):
                return definition
            head = await _head(context, file, input.sheet)
            return preview_of(input.kind, definition, head, input.header_row, context.language)
        except TableRefused as refused:
            return _refusal(context, refused.problem)


@strawberry.type
class ImportsMutation:
    """Mutations that import tables."""

    @strawberry.mutation(description="Import leads from a table that was sent to `POST /files`, as a job.")
    async def import_leads(self, info: Info, input: LeadsArgument) -> ImportLeadsResult:  # noqa: A002  # the API's convention
        """Import leads."""
        return await _asked(info.context, ImportKind.LEADS, input)

    @strawberry.mutation(
        description="Import the history of cases from a table that was sent to `POST /files`, as a job."
    )
    async def import_history(self, info: Info, input: HistoryArgument) -> ImportHistoryResult:  # noqa: A002  # the API's convention
        """Import the history of cases."""
        return await _asked(info.context, ImportKind.HISTORY, input)

    @strawberry.mutation(
        description="Undo an import, as a job: its cases are left out of figures; those worked on since stay."
    )
    async def undo_import(self, info: Info, input: UndoArgument) -> UndoImportResult:  # noqa: A002  # the API's convention
        """Undo an import."""
        context = info.context
        context.require(Permission.EXCLUDE_CASE)
        if flawed := flaws(idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        job_id = uuid_of(input.job, "ImportJob")
        target = None if job_id is None else await own_job(context, job_id, IMPORTS - {JobKind.UNDO})
        if target is None:
            return not_found(context.language, "input", "job")
        if target.done_at is None:
            return job_refusal(context, JobProblem(JobCode.STILL_RUNNING), "job")
        found = await ask_for(context, JobKind.UNDO, {"force": input.force}, input.idempotency_key, target.id)
        if isinstance(found, IdempotencyConflict):
            return found
        return UndoAccepted(job=import_job(found[0], context.language), is_repeated=found[1])


async def _asked(context: RequestContext, kind: ImportKind, asked: ImportLeadsInput) -> ImportAccepted | Refused:
    context.require(NEEDED[kind])
    if flawed := flaws(idempotency_key=asked.idempotency_key):
        return invalid_input(flawed, context.language)
    file = await _file(context, asked.file)
    if isinstance(file, NotFound):
        return file
    definition = await _definition(context, asked.channel)
    if isinstance(definition, InvalidInput):
        return definition
    try:
        head = await _head(context, file, asked.sheet)
        settings = settle(
            kind,
            definition,
            head,
            wish_of(asked),
            file_id=file.id,
            channel=asked.channel,
            zone=context.known.tenant.zone,
            is_dry_run=asked.dry_run,
        )
    except TableRefused as refused:
        return _refusal(context, refused.problem)
    found = await ask_for(context, JobKind(kind.value), settings.as_json(), asked.idempotency_key)
    if isinstance(found, IdempotencyConflict):
        return found
    return ImportAccepted(job=import_job(found[0], context.language), is_repeated=found[1])


def _refusal(context: RequestContext, problem: JobProblem) -> InvalidInput:
    """The refusal of a table, or of how it was to be read."""
    return job_refusal(context, problem, _PLACES.get(problem.code, "file"))


async def _file(context: RequestContext, file: str) -> FileRecord | NotFound:
    """The file of that id, if the viewer sent it."""
    viewer, file_id = context.caller, uuid_of(file, FILE)
    found: FileRecord | None = None
    if file_id is not None:
        async with context.services.database.reader(viewer.tenant_id) as connection:
            found = await load_file(connection, viewer.tenant_id, file_id)
    if found is None or found.created_by != viewer.user_id:
        return not_found(context.language, "input", "file")
    return found


async def _definition(context: RequestContext, channel: str) -> ProcessDefinition | InvalidInput:
    """The process that handles a channel, in the version that new cases take."""
    found = context.known.channel(channel)
    if found is None or found.definition_id is None or not found.is_active:
        keys = tuple(item.key for item in context.known.channels.values() if item.definition_id is not None)
        problem = InputProblem(InputCode.UNKNOWN_CHANNEL, ("channel",), shown(channel), keys)
        return invalid_input([problem], context.language)
    record = context.known.definitions[found.definition_id]
    return (await context.process(record.id, record.taken_version)).definition


async def _head(context: RequestContext, file: FileRecord, sheet: str | None) -> Head:
    """The beginning of a table; only a few are read at a time."""
    async with context.services.reading:
        return await read_head(file.content, sheet)
