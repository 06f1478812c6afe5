"""Replays of history through another definition: asked for here, carried out by a worker, read with the way to their cases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.checks import flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input
from bpm_crm.api.ids import to_global, uuid_of
from bpm_crm.api.job_requests import ask_for
from bpm_crm.api.jobs import JobFailure, JobId, JobStatus, job_values
from bpm_crm.api.nodes import Node
from bpm_crm.api.process_problems import InvalidDocument, invalid_document
from bpm_crm.api.replay_figure_types import ReplayedCheckpoint, ReplayedClock, ReplayedStep, ReplayTotal, Shown
from bpm_crm.api.replay_figures import checkpoints_of, clocks_of, steps_of, totals_of
from bpm_crm.api.replay_inputs import ReplayDraftInput, SlaWhatIfInput
from bpm_crm.api.requests import Repeatable, refusal
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.publishing import checksum_of_data
from bpm_crm.operations.replay_candidates import Asked, Candidate, candidate_of
from bpm_crm.operations.replay_tally import UNREADABLE, Tally, unpacked
from bpm_crm.processes.definitions import restore
from bpm_crm.records.database import Connection
from bpm_crm.records.jobs import JobRecord, load_job, load_jobs
from bpm_crm.records.replays import ReplayRecord, insert_replay, load_replay, replays_of

KIND = "Replay"
MOST_CHANGES = 50
MOST_LISTED = 20


@strawberry.type(
    description="A replay: how far it is, and what would have been otherwise. Figures are those of the cases replayed so far; nothing real is changed."
)
class Replay(Node):
    """A replay."""

    status: JobStatus = strawberry.field(description="How far it is. Ask again until it is `DONE` or `FAILED`.")
    total: int | None = strawberry.field(description="Cases to replay; null until a worker has begun.")
    done: int = strawberry.field(description="Cases replayed so far.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When a worker began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    failure: JobFailure | None = strawberry.field(description="Why it could not be done.")
    process: str = strawberry.field(description="Key of the process.")
    version: int | None = strawberry.field(
        description="Version replayed through, or changed by a what-if; null: a document or draft."
    )
    changes: JSON | None = strawberry.field(description="What a what-if changed; null: it is none.")
    since: datetime = strawberry.field(description="Cases that began from then on are replayed.")
    until: datetime = strawberry.field(description="Cases that began before then are replayed.")
    as_of: datetime = strawberry.field(description="The instant up to which time passes for clocks still open.")
    moves: int = strawberry.field(description="Moves judged so far, forced ones too.")
    differing_cases: int = strawberry.field(description="Cases in which anything would have been otherwise.")
    unreadable_cases: int = strawberry.field(
        description="Cases whose history does not fit the versions it was written under; `bpm-crm verify` says why."
    )
    tally: strawberry.Private[Tally]
    record: strawberry.Private[ReplayRecord]
    shown: strawberry.Private[Shown | None] = None

    @strawberry.field(description="The document that histories were replayed through, as it stands alone.")
    def document(self) -> JSON:
        """The document."""
        found: Any = self.record.document
        return found

    @strawberry.field(description="Steps that would have gone otherwise, by the way in which.")
    async def totals(self, info: Info) -> list[ReplayTotal]:
        """Steps that would have gone otherwise, by the way in which."""
        return totals_of(await self._shown(info))

    @strawberry.field(description="Steps that would have gone otherwise, by stage, name and cause; most first.")
    async def steps(self, info: Info) -> list[ReplayedStep]:
        """Steps that would have gone otherwise."""
        return steps_of(await self._shown(info))

    @strawberry.field(
        description="Every clock: what it came to and would have come to, breaches gained and lost, and whose."
    )
    async def clocks(self, info: Info) -> list[ReplayedClock]:
        """Every clock."""
        return clocks_of(await self._shown(info))

    @strawberry.field(description="Every checkpoint, funnel steps first: how many cases reached it, and would have.")
    async def checkpoints(self, info: Info) -> list[ReplayedCheckpoint]:
        """Every checkpoint."""
        return checkpoints_of(await self._shown(info))

    async def _shown(self, info: Info) -> Shown:
        context, definition_id = info.context, self.record.definition_id
        context.require(Permission.MANAGE_PROCESSES)
        known = context.known.definitions[definition_id]
        before = await context.process(definition_id, known.latest_version)
        if self.shown is None:
            after, numbers = restore(self.record.document), self.tally.numbers()
            self.shown = Shown(context, self.record.job_id, self.tally, numbers, after, before.definition)
        return self.shown


@strawberry.type(description="The replay is asked for; a worker carries it out.")
class ReplayAccepted(Repeatable):
    """The replay is asked for."""

    replay: Replay = strawberry.field(description="How far it is: ask `replay` again until it is done.")


ReplayResult = Annotated[
    ReplayAccepted | InvalidDocument | InvalidInput | NotFound | IdempotencyConflict,
    strawberry.union("ReplayResult", description="The replay is asked for, or why it is not."),
]
ReplayArgument = Annotated[ReplayDraftInput, argument(description="Which histories, through what.")]
WhatIfArgument = Annotated[SlaWhatIfInput, argument(description="Which histories, with which clocks changed.")]


@strawberry.type
class ReplaysQuery:
    """Queries about replays."""

    @strawberry.field(description="A replay by its id; null when there is none that the viewer may see.")
    async def replay(self, info: Info, id: JobId) -> Replay | None:  # noqa: A002  # as `node`
        """A replay."""
        info.context.require(Permission.MANAGE_PROCESSES)
        job_id = uuid_of(id, KIND)
        return None if job_id is None else await replay_node(info, job_id)

    @strawberry.field(description=f"The newest replays of a process, at most {MOST_LISTED}, newest first.")
    async def replays(
        self, info: Info, process: Annotated[str, argument(description="Key of the process.")]
    ) -> list[Replay]:
        """The newest replays of a process."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        definition = context.known.definition(process)
        if definition is None:
            return []
        async with context.services.database.reader(viewer.tenant_id) as connection:
            records = await replays_of(connection, viewer.tenant_id, definition.id, MOST_LISTED)
            jobs = await load_jobs(connection, viewer.tenant_id, [record.job_id for record in records])
        return [_replay(context, jobs[record.job_id], record) for record in records]


@strawberry.type
class ReplaysMutation:
    """Mutations that replay histories."""

    @strawberry.mutation(
        description="Replay the real histories of a period through the draft of the process, a document, or another version, as a job. Nothing real is changed."
    )
    async def replay_draft(self, info: Info, input: ReplayArgument) -> ReplayResult:  # noqa: A002  # the API's convention
        """Replay the histories of a period."""
        return await _asked_for(info.context, input.asked(), input.idempotency_key, _flaws(input))

    @strawberry.mutation(
        description="What breaches would have been gained and lost, and whose, with other targets or hours: a replay through a version with its clocks changed, as a job. Nothing real is changed."
    )
    async def sla_what_if(self, info: Info, input: WhatIfArgument) -> ReplayResult:  # noqa: A002  # the API's convention
        """What breaches would have been gained and lost."""
        return await _asked_for(info.context, input.asked(), input.idempotency_key, _change_flaws(input))


async def replay_node(info: Info, job_id: UUID) -> Replay | None:
    """A replay of the viewer's company by its id."""
    return await find_replay(info.context, job_id)


async def find_replay(context: RequestContext, job_id: UUID) -> Replay | None:
    """A replay of the viewer's company by its id."""
    viewer, _ = context.require(Permission.MANAGE_PROCESSES)
    async with context.services.database.reader(viewer.tenant_id) as connection:
        record = await load_replay(connection, viewer.tenant_id, job_id)
        job = None if record is None else await load_job(connection, viewer.tenant_id, job_id)
    return None if record is None or job is None else _replay(context, job, record)


def _replay(context: RequestContext, job: JobRecord, record: ReplayRecord) -> Replay:
    tally = unpacked(record.figures)
    changes: Any = record.changes
    return Replay(
        id=to_global(KIND, job.id),
        **(job_values(job, context.language) | {"record": record}),
        process=context.known.definitions[record.definition_id].key,
        version=record.version,
        changes=changes,
        since=record.since,
        until=record.until,
        as_of=record.as_of,
        moves=tally.moves,
        differing_cases=tally.differing,
        unreadable_cases=sum(item.cases for key, item in tally.figures.items() if key[0] == UNREADABLE),
        tally=tally,
    )


async def _asked_for(
    context: RequestContext, asked: Asked, key: str | None, flawed: Sequence[InputProblem]
) -> ReplayResult:
    context.require(Permission.MANAGE_PROCESSES)
    if flawed:
        return invalid_input(flawed, context.language)
    candidate = await candidate_of(context.services.database, context.known, asked, context.services.now())
    match candidate:
        case DocumentRefused(problems):
            return invalid_document(context, problems, ("input",))
        case NotUnderstood() | Missing():
            return refusal(context, candidate)
        case Candidate():
            return await _accepted(context, asked, candidate, key)


async def _accepted(context: RequestContext, asked: Asked, candidate: Candidate, key: str | None) -> ReplayResult:
    """Keep the replay and its job together."""
    tenant_id, span = context.caller.tenant_id, candidate.span
    values = {
        "process": asked.process,
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "document": checksum_of_data(candidate.document),
        "version": candidate.version,
        "changes": candidate.changes,
    }

    async def keep(connection: Connection, job: JobRecord) -> None:
        record = ReplayRecord(
            job_id=job.id,
            definition_id=span.definition_id,
            document=candidate.document,
            version=candidate.version,
            changes=candidate.changes,
            since=span.since,
            until=span.until,
            as_of=job.created_at,
            cases=0,
            cursor=None,
            figures={},
        )
        await insert_replay(connection, tenant_id, record)

    found = await ask_for(context, JobKind.REPLAY, values, key, also=keep)
    if isinstance(found, IdempotencyConflict):
        return found
    job, is_repeated = found
    replay = await find_replay(context, job.id)
    if replay is None:
        raise LookupError("the replay is gone")
    return ReplayAccepted(replay=replay, is_repeated=is_repeated)


def _flaws(asked: ReplayDraftInput) -> list[InputProblem]:
    found = list(flaws(idempotency_key=asked.idempotency_key))
    if asked.document is not None and asked.version is not None:
        found.append(InputProblem(InputCode.ONE_OF, ("version",), str(asked.version), ("document", "version")))
    return found


def _change_flaws(asked: SlaWhatIfInput) -> list[InputProblem]:
    found = list(flaws(idempotency_key=asked.idempotency_key))
    if len(asked.changes) > MOST_CHANGES:
        limit = {"limit": str(MOST_CHANGES)}
        found.append(InputProblem(InputCode.TOO_LARGE, ("changes",), str(len(asked.changes)), params=limit))
    if not asked.changes and asked.calendar is None:
        found.append(InputProblem(InputCode.TOO_SMALL, ("changes",), "0", params={"limit": "1"}))
    if asked.calendar is not None and not isinstance(asked.calendar, dict):
        found.append(InputProblem(InputCode.WRONG_TYPE, ("calendar",), "", params={"expected": "object"}))
    return found
