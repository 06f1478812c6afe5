"""Jobs in a list, and one of them as it goes on; each to who asked for it."""

from collections.abc import AsyncIterator
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.connections import After, Before, First, Last, PageInfo, cut, fetch_page, paged
from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.filters import DateTimeFilter, Direction, combined, comparisons, keys_of
from bpm_crm.api.job_kinds import job_id_of, job_type
from bpm_crm.api.jobs import Job, JobId, JobStatus, own_job
from bpm_crm.engine.definition import Title
from bpm_crm.operations.jobs import JobKind
from bpm_crm.records.jobs import JobRecord, job_of
from bpm_crm.records.listings import JOBS
from bpm_crm.records.selection import All, Compare, Condition, Key, Operator, Query

_STATUS = """CASE WHEN j.done_at IS NOT NULL THEN CASE WHEN j.failure IS NULL THEN 'done' ELSE 'failed' END
    WHEN j.started_at IS NULL THEN 'waiting' ELSE 'running' END"""

expose(
    JobKind,
    "What a job does.",
    {
        JobKind.LEADS: "It captures leads from a table.",
        JobKind.HISTORY: "It replays the history of cases from a table.",
        JobKind.UNDO: "It leaves out what an import began.",
        JobKind.WORKBOOK: "It makes a workbook of figures.",
        JobKind.REPLAY: "It replays histories through another definition.",
        JobKind.MIGRATION: "It takes running cases to another version.",
        JobKind.MIGRATION_UNDO: "It takes migrated cases back.",
    },
)


class JobOrderField(Enum):
    """By what lists of jobs are sorted."""

    CREATED_AT = "created_at"
    FINISHED_AT = "finished_at"


expose(
    JobOrderField,
    "By what lists of jobs are sorted.",
    {
        JobOrderField.CREATED_AT: "When the job was asked for.",
        JobOrderField.FINISHED_AT: "When it ended.",
    },
)

_KEYS = {
    JobOrderField.CREATED_AT: Key("j.created_at", "timestamptz"),
    JobOrderField.FINISHED_AT: Key("j.done_at", "timestamptz", nullable=True),
}


@strawberry.input(description="Compares how far a job is.")
class JobStatusFilter:
    """Compares how far a job is."""

    eq: JobStatus | None = strawberry.field(default=None, description="Equal to.")
    ne: JobStatus | None = strawberry.field(default=None, description="Different from.")
    in_: list[JobStatus] | None = strawberry.field(default=None, name="in", description="One of.")


@strawberry.input(description="Compares what a job does.")
class JobKindFilter:
    """Compares what a job does."""

    eq: JobKind | None = strawberry.field(default=None, description="Equal to.")
    ne: JobKind | None = strawberry.field(default=None, description="Different from.")
    in_: list[JobKind] | None = strawberry.field(default=None, name="in", description="One of.")


@strawberry.input(description="Which jobs. All comparators given must hold.")
class JobWhere:
    """Which jobs."""

    and_: list["JobWhere"] | None = strawberry.field(default=None, name="and", description="All of these hold.")
    or_: list["JobWhere"] | None = strawberry.field(default=None, name="or", description="At least one of these holds.")
    not_: "JobWhere | None" = strawberry.field(default=None, name="not", description="This does not hold.")
    kind: JobKindFilter | None = strawberry.field(default=None, description="What it does.")
    status: JobStatusFilter | None = strawberry.field(default=None, description="How far it is.")
    created_at: DateTimeFilter | None = strawberry.field(default=None, description="When it was asked for.")
    finished_at: DateTimeFilter | None = strawberry.field(default=None, description="When it ended.")


@strawberry.input(description="A key by which lists of jobs are sorted; the newest come first among equals.")
class JobOrder:
    """A key by which lists of jobs are sorted."""

    field: JobOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="In which direction.")


@strawberry.type(description="A job in a list, with its cursor.")
class JobEdge:
    """A job in a list."""

    cursor: str = strawberry.field(description="Cursor of the job.")
    node: Job = strawberry.field(description="The job.")


@strawberry.type(description="A page of jobs.")
class JobConnection:
    """A page of jobs."""

    edges: list[JobEdge] = strawberry.field(description="Jobs with their cursors.")
    nodes: list[Job] = strawberry.field(description="Jobs.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of jobs in the whole list; counted only when selected.")


@strawberry.type
class JobListsQuery:
    """The query for a list of jobs."""

    @strawberry.field(
        description="Imports, undoings, exports, replays and migrations that the viewer asked for, newest first. They are kept as long as the company is."
    )
    async def jobs(
        self,
        info: Info,
        where: Annotated[JobWhere | None, argument(description="Which jobs; all unless stated.")] = None,
        order_by: Annotated[
            list[JobOrder] | None, argument(description="By what the jobs are sorted; newest first unless stated.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> JobConnection:
        """Jobs that the viewer asked for."""
        context = info.context
        viewer = context.caller
        own = Compare("j.created_by", Operator.EQ, viewer.user_id, "uuid")
        query = Query(JOBS, All((own, combined(where, _own))), keys_of(order_by, _KEYS))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes: list[Job] = [job_type(job_of(row), context.language) for row in page.rows]
        return paged(JobConnection, JobEdge, nodes, page, window)


@strawberry.type
class JobsSubscription:
    """What can be followed of jobs."""

    @strawberry.subscription(
        description="A job that the viewer asked for: how far it is now, then whenever it went on; ends when it has ended. Steps that follow each other closely come as one."
    )
    async def job_progress(self, info: Info, id: JobId) -> AsyncIterator[Job]:  # noqa: A002  # as `node`
        """A job as it goes on."""
        context = info.context
        job_id = job_id_of(id)
        with context.services.jobs.following(job_id or UUID(int=0)) as changed:
            shown: JobRecord | None = None
            while shown is None or shown.done_at is None:
                changed.clear()
                current = context.for_operation(context.request_id)
                found = None if job_id is None else await own_job(current, job_id, set(JobKind))
                if found is None:
                    raise Fault(
                        Code.BAD_USER_INPUT,
                        Title("There is no job of yours with this id.", "Вашего задания с таким id нет."),
                    )
                if found != shown:
                    yield job_type(found, context.language)
                shown = found
                if found.done_at is None:
                    await changed.wait()


def _own(part: JobWhere) -> list[Condition]:
    return [
        *comparisons(part.kind, "j.kind", "text", lambda kind: kind.value),
        *comparisons(part.status, _STATUS, "text", lambda status: status.value),
        *comparisons(part.created_at, "j.created_at", "timestamptz"),
        *comparisons(part.finished_at, "j.done_at", "timestamptz"),
    ]
