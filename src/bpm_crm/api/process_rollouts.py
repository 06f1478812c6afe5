"""Rollouts of versions: started, changed, stopped, finished; and what they show of the version beside the one before."""

from typing import Annotated, Any

import strawberry
from strawberry import argument

from bpm_crm.api.checks import flaws
from bpm_crm.api.connections import After, First, cut, fetch_page, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, invalid_input
from bpm_crm.api.process_refusals import process_refusal
from bpm_crm.api.process_release_types import RolloutInTheWay
from bpm_crm.api.process_releases import renewed
from bpm_crm.api.process_rollout_inputs import (
    ChangeRolloutInput,
    FinishRolloutInput,
    StartRolloutInput,
    StopRolloutInput,
)
from bpm_crm.api.process_rollout_types import (
    ProcessRolloutConnection,
    ProcessRolloutEdge,
    RolloutAnswer,
    rollout_type,
)
from bpm_crm.api.requests import request_of
from bpm_crm.operations.access import Permission
from bpm_crm.operations.rollouts import (
    AskedRollout,
    GuardRail,
    RolloutSaved,
    change_rollout,
    finish_rollout,
    start_rollout,
    stop_rollout,
)
from bpm_crm.records.rollouts import ROLLOUTS, rollout_of
from bpm_crm.records.selection import Compare, Operator, Query

RolloutResult = Annotated[
    RolloutAnswer | RolloutInTheWay | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("RolloutResult", description="The rollout is so now, or why it is not."),
]
StartArgument = Annotated[StartRolloutInput, argument(description="Which version takes how many of the new cases.")]
ChangeArgument = Annotated[ChangeRolloutInput, argument(description="Which share it is to be.")]
StopArgument = Annotated[StopRolloutInput, argument(description="Which process.")]
FinishArgument = Annotated[FinishRolloutInput, argument(description="Which process.")]


@strawberry.type
class ProcessRolloutsQuery:
    """Queries about rollouts."""

    @strawberry.field(
        description="The rollouts of a process, the latest first: the one that runs, if there is one, is the first."
    )
    async def process_rollouts(
        self,
        info: Info,
        process: Annotated[str, argument(description="Key of the process.")],
        first: First = None,
        after: After = None,
    ) -> ProcessRolloutConnection:
        """The rollouts of a process."""
        context = info.context
        viewer, _ = context.require(Permission.MANAGE_PROCESSES)
        known = context.known.definition(process)
        query = Query(ROLLOUTS, Compare("r.definition_id", Operator.IN, [] if known is None else [known.id], "uuid"))
        window = cut(query.keys, first, after)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        nodes = [rollout_type(context, process, rollout_of(row)) for row in page.rows]
        return paged(ProcessRolloutConnection, ProcessRolloutEdge, nodes, page, window)


@strawberry.type
class ProcessRolloutsMutation:
    """Mutations of rollouts."""

    @strawberry.mutation(
        description="Send a share of the new cases of each channel to a version; the others go on as they are. Repeated leads stay where they were."
    )
    async def start_rollout(self, info: Info, input: StartArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Send a share of the new cases to a version."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        rail = input.guard_rail
        guard = None if rail is None else GuardRail(rail.clock, rail.drop)
        asked = AskedRollout(input.process, input.version, input.share, guard)
        said = [
            "startRollout",
            asked.process,
            asked.version,
            asked.share,
            None if rail is None else [rail.clock, rail.drop],
        ]
        answer = await start_rollout(context.services.database, request_of(context, input, said), asked)
        return await _answered(context, answer)

    @strawberry.mutation(description="Change the share of the rollout of a process.")
    async def change_rollout(self, info: Info, input: ChangeArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Change the share of a rollout."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["changeRollout", input.process, input.share])
        answer = await change_rollout(context.services.database, request, input.process, input.share)
        return await _answered(context, answer)

    @strawberry.mutation(description="Stop the rollout of a process: new cases take the version before.")
    async def stop_rollout(self, info: Info, input: StopArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Stop the rollout of a process."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["stopRollout", input.process])
        return await _answered(context, await stop_rollout(context.services.database, request, input.process))

    @strawberry.mutation(description="Finish the rollout of a process: all new cases take its version.")
    async def finish_rollout(self, info: Info, input: FinishArgument) -> RolloutResult:  # noqa: A002  # the API's convention
        """Finish the rollout of a process."""
        context = info.context
        if refused := _flawed(context, input):
            return refused
        request = request_of(context, input, ["finishRollout", input.process])
        return await _answered(context, await finish_rollout(context.services.database, request, input.process))


def _flawed(context: RequestContext, asked: Any) -> InvalidInput | None:
    context.require(Permission.MANAGE_PROCESSES)
    found = flaws(comment=asked.comment, idempotency_key=asked.idempotency_key)
    return invalid_input(found, context.language) if found else None


async def _answered(context: RequestContext, answer: Any) -> Any:
    match answer:
        case RolloutSaved(process, rollout, is_repeated):
            context = await renewed(context)
            return RolloutAnswer(rollout=rollout_type(context, process, rollout), is_repeated=is_repeated)
        case _:
            return process_refusal(context, answer)
