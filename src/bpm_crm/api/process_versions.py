"""The versions of a process in a list, and the journal of what was done to it."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.connections import After, First, PageInfo, cut, fetch_page, paged
from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.api.people import User, user_of
from bpm_crm.api.version_types import ProcessVersion, version_type
from bpm_crm.operations.access import Permission
from bpm_crm.operations.process_journal import ProcessChangeKind
from bpm_crm.records.definitions import VERSIONS
from bpm_crm.records.process_changes import CHANGES, change_of
from bpm_crm.records.selection import Compare, Operator, Query

expose(
    ProcessChangeKind,
    "What was done to a process.",
    {
        ProcessChangeKind.DRAFT_SAVED: "Its draft was saved.",
        ProcessChangeKind.DRAFT_DISCARDED: "Its draft was discarded.",
        ProcessChangeKind.PUBLISHED: "A version was published.",
        ProcessChangeKind.RETIRED: "It was retired.",
        ProcessChangeKind.REINSTATED: "It was brought back.",
        ProcessChangeKind.INSTALLED: "The shipped library was installed; this is of all processes.",
        ProcessChangeKind.ROLLOUT_STARTED: "A rollout was started.",
        ProcessChangeKind.ROLLOUT_CHANGED: "The share of a rollout was changed.",
        ProcessChangeKind.ROLLOUT_STOPPED: "A rollout was stopped by somebody.",
        ProcessChangeKind.ROLLOUT_TRIPPED: "A rollout was stopped by its guard-rail; the figures are in `values`.",
        ProcessChangeKind.ROLLOUT_FINISHED: "A rollout was finished: its version is the one that new cases take.",
    },
)
OfProcess = Annotated[str, argument(description="Key of the process.")]


@strawberry.type(description="A version in a list, with its cursor.")
class ProcessVersionEdge:
    """A version in a list."""

    cursor: str = strawberry.field(description="Cursor of the version.")
    node: ProcessVersion = strawberry.field(description="The version.")


@strawberry.type(description="A page of versions.")
class ProcessVersionConnection:
    """A page of versions."""

    edges: list[ProcessVersionEdge] = strawberry.field(description="Versions with their cursors.")
    nodes: list[ProcessVersion] = strawberry.field(description="Versions.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of versions in the whole list.")


@strawberry.type(description="Something that was done to a process.")
class ProcessChange:
    """Something that was done to a process."""

    process: str = strawberry.field(description="Key of the process; `*`: the shipped library.")
    kind: ProcessChangeKind = strawberry.field(description="What was done.")
    values: JSON = strawberry.field(description="What it was done with: numbers of versions, shares, figures.")
    comment: str | None = strawberry.field(description="Why, in the words of who did it.")
    actor: User | None = strawberry.field(
        description="Who did it; null: the product, or a command of the installation."
    )
    recorded_at: datetime = strawberry.field(description="When it was done.")


@strawberry.type(description="Something that was done to a process, with its cursor.")
class ProcessChangeEdge:
    """Something that was done to a process, in a list."""

    cursor: str = strawberry.field(description="Cursor of the change.")
    node: ProcessChange = strawberry.field(description="The change.")


@strawberry.type(description="A page of what was done to a process.")
class ProcessChangeConnection:
    """A page of what was done to a process."""

    edges: list[ProcessChangeEdge] = strawberry.field(description="Changes with their cursors.")
    nodes: list[ProcessChange] = strawberry.field(description="Changes.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Number of changes in the whole list.")


@strawberry.type
class ProcessVersionsQuery:
    """Queries about the versions of processes."""

    @strawberry.field(description="The versions of a process, newest first; none for an unknown process.")
    async def process_versions(
        self, info: Info, process: OfProcess, first: First = None, after: After = None
    ) -> ProcessVersionConnection:
        """The versions of a process."""
        context = info.context
        viewer, _ = context.require(Permission.VIEW_DEFINITIONS)
        known = context.known.definition(process)
        condition = Compare("v.definition_id", Operator.IN, [] if known is None else [known.id], "uuid")
        query = Query(VERSIONS, condition)
        window = cut(query.keys, first, after)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes = [version_type(context.people, row) for row in page.rows]
        return paged(ProcessVersionConnection, ProcessVersionEdge, nodes, page, window)

    @strawberry.field(description="The journal of a process: everything that was done to it, the latest first.")
    async def process_changes(
        self, info: Info, process: OfProcess, first: First = None, after: After = None
    ) -> ProcessChangeConnection:
        """The journal of a process."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        query = Query(CHANGES, Compare("c.process", Operator.EQ, process, "text"))
        window = cut(query.keys, first, after)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        records = [change_of(row) for row in page.rows]
        nodes = [
            ProcessChange(
                process=record.process,
                kind=ProcessChangeKind(record.kind),
                values=record.values,  # type: ignore[arg-type]  # plain data is JSON
                comment=record.comment,
                actor=user_of(context.people, record.actor_id),
                recorded_at=record.recorded_at,
            )
            for record in records
        ]
        return paged(ProcessChangeConnection, ProcessChangeEdge, nodes, page, window)
