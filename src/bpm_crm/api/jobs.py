"""Jobs as the API shows them: imports, their undoing, exports; each to who asked for it."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.exposing import expose
from bpm_crm.api.files import StoredFile, load_info
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.nodes import Node
from bpm_crm.excel.outcomes import MOVED_ON, REFUSED
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.jobs import JobRecord, load_job, rows_of_job

MOST_PROBLEMS = 50

IMPORTS = {JobKind.LEADS, JobKind.HISTORY, JobKind.UNDO}
JobId = Annotated[strawberry.ID, argument(description="Global id of the job.")]


class JobStatus(Enum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


expose(
    JobStatus,
    "How far a job is.",
    {
        JobStatus.WAITING: "No worker has begun.",
        JobStatus.RUNNING: "A worker is at it, or will go on; with `failure` `CANCELLED` it ends after the step it is at.",
        JobStatus.DONE: "All is done.",
        JobStatus.FAILED: "It could not be done, or was cancelled; `failure` says why. What was done before stays.",
    },
)


class ImportJobKind(Enum):
    """What an import job does."""

    LEADS = "leads"
    HISTORY = "history"
    UNDO = "undo"


expose(
    ImportJobKind,
    "What an import job does.",
    {
        ImportJobKind.LEADS: "It captures leads.",
        ImportJobKind.HISTORY: "It replays the history of cases.",
        ImportJobKind.UNDO: "It leaves out what another import began.",
    },
)


@strawberry.type(description="Why a job could not be done.")
class JobFailure:
    """Why a job could not be done."""

    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="What is wrong, in the language of `Accept-Language`.")
    cure: str = strawberry.field(description="What would help.")


@strawberry.type(description="What is wrong with a row, by its cell.")
class ImportProblem:
    """What is wrong with a row."""

    row: int = strawberry.field(description="Row of the sheet, from 1.")
    cell: str | None = strawberry.field(description="The cell at fault, `C7`; null when it is none in particular.")
    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(description="What is wrong, in the language of `Accept-Language`.")
    cure: str = strawberry.field(description="What would help; empty where the message says it.")


@strawberry.interface(description="Long work that somebody asked for and a worker does. `jobProgress` follows it.")
class Job(Node):
    """Long work that somebody asked for."""

    status: JobStatus = strawberry.field(
        description="How far it is. Follow `jobProgress`, or ask again until it is `DONE` or `FAILED`."
    )
    total: int | None = strawberry.field(
        description="How much there is to do: rows of a table, cases of a history, parts of an export; null until it is known."
    )
    done: int = strawberry.field(description="How much of it is done.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When a worker began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    failure: JobFailure | None = strawberry.field(description="Why it could not be done.")


@strawberry.type(description="An import of a table, or the undoing of one: how far it is and what became of the rows.")
class ImportJob(Job):
    """An import of a table, or the undoing of one."""

    kind: ImportJobKind = strawberry.field(description="What it does.")
    is_dry_run: bool = strawberry.field(description="Whether nothing is written, as asked.")
    accepted: int = strawberry.field(description="Cases begun.")
    duplicate: int = strawberry.field(description="Rows known before, in this table or an earlier one.")
    refused: int = strawberry.field(
        description="Rows (of history: cases) that are wrong; see `problems` and `errorFile`."
    )
    blank: int = strawberry.field(description="Rows with nothing in the mapped columns.")
    excluded: int = strawberry.field(description="Of an undoing: cases left out of figures now.")
    moved_on: int = strawberry.field(
        description="Of an undoing: cases that stay, since people worked on them or they are out of reach."
    )
    left: int = strawberry.field(description="Of an undoing: cases that were left out before.")

    @strawberry.field(description=f"What is wrong, row by row: the first {MOST_PROBLEMS} rows. `errorFile` has all.")
    async def problems(self, info: Info) -> list[ImportProblem]:
        """What is wrong, row by row."""
        context, tenant_id = info.context, info.context.known.tenant.id
        async with context.services.database.reader(tenant_id) as connection:
            rows = await rows_of_job(
                connection, tenant_id, self.record.id, [REFUSED, MOVED_ON], after=0, most=MOST_PROBLEMS
            )
        return [_problem(item, context.language) for row in rows for item in row.problems or ()]

    @strawberry.field(
        description="A workbook of everything refused: cell, value, reason, cure, and the row. Null without any."
    )
    async def error_file(self, info: Info) -> StoredFile | None:
        """A workbook of everything refused."""
        return await load_info(info.context, self.record.file_id)

    record: strawberry.Private[JobRecord]


@strawberry.type(description="An export: how far it is, and the workbook it makes.")
class ExportJob(Job):
    """An export."""

    @strawberry.field(description="The workbook; null until it is made, and once it is no longer kept.")
    async def file(self, info: Info) -> StoredFile | None:
        """The workbook."""
        return await load_info(info.context, self.record.file_id)

    record: strawberry.Private[JobRecord]


def import_job(record: JobRecord, language: str) -> ImportJob:
    """An import as the API shows it."""
    names = ("accepted", "duplicate", "refused", "blank", "excluded", "moved_on", "left")
    counts: dict[str, Any] = {name: record.counts.get(name, 0) for name in names}
    return ImportJob(
        id=to_global("ImportJob", record.id),
        kind=ImportJobKind(record.kind),
        is_dry_run=bool(record.input.get("dry_run")),
        **counts,
        **job_values(record, language),
    )


def export_job(record: JobRecord, language: str) -> ExportJob:
    """An export as the API shows it."""
    return ExportJob(id=to_global("ExportJob", record.id), **job_values(record, language))


async def own_job(context: RequestContext, job_id: UUID, kinds: set[JobKind]) -> JobRecord | None:
    """A job of some kinds that the viewer asked for; None for any other."""
    viewer = context.caller
    async with context.services.database.reader(viewer.tenant_id) as connection:
        found = await load_job(connection, viewer.tenant_id, job_id)
    if found is None or found.created_by != viewer.user_id or JobKind(found.kind) not in kinds:
        return None
    return found


async def import_node(info: Info, job_id: UUID) -> ImportJob | None:
    """An import of the viewer's by its id."""
    found = await own_job(info.context, job_id, IMPORTS)
    return None if found is None else import_job(found, info.context.language)


async def export_node(info: Info, job_id: UUID) -> ExportJob | None:
    """An export of the viewer's by its id."""
    found = await own_job(info.context, job_id, {JobKind.WORKBOOK})
    return None if found is None else export_job(found, info.context.language)


@strawberry.type
class JobsQuery:
    """Queries about jobs."""

    @strawberry.field(description="An import, or the undoing of one, that the viewer asked for; null for any other.")
    async def import_job(self, info: Info, id: JobId) -> ImportJob | None:  # noqa: A002  # as `node`
        """An import."""
        info.context.caller  # noqa: B018  # a fault without credentials
        job_id = uuid_of(id, "ImportJob")
        return None if job_id is None else await import_node(info, job_id)

    @strawberry.field(description="An export that the viewer asked for; null for any other.")
    async def export_job(self, info: Info, id: JobId) -> ExportJob | None:  # noqa: A002  # as `node`
        """An export."""
        info.context.caller  # noqa: B018  # a fault without credentials
        job_id = uuid_of(id, "ExportJob")
        return None if job_id is None else await export_node(info, job_id)


def job_values(record: JobRecord, language: str) -> dict[str, Any]:
    """What all jobs show alike, by field."""
    failure = record.failure
    return {
        "status": _status(record),
        "total": record.total,
        "done": record.position,
        "created_at": record.created_at,
        "started_at": record.started_at,
        "finished_at": record.done_at,
        "failure": None
        if failure is None
        else JobFailure(code=failure["code"], message=failure["message"][language], cure=failure["cure"][language]),
        "record": record,
    }


def _status(record: JobRecord) -> JobStatus:
    if record.done_at is not None:
        return JobStatus.DONE if record.failure is None else JobStatus.FAILED
    return JobStatus.WAITING if record.started_at is None else JobStatus.RUNNING


def _problem(item: Any, language: str) -> ImportProblem:
    return ImportProblem(
        row=item["row"],
        cell=item["cell"],
        code=item["code"],
        message=item["message"][language],
        cure=item["cure"][language],
    )
