"""Moving cases: one, many, or by force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.answers import Refusal, all_carried_out, answered, carried_out, work_on
from bpm_crm.api.checks import KEY_DESCRIPTION, flaws
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import (
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    StaleInstance,
    TransitionRefused,
    invalid_input,
    not_found,
)
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.history import TransitionRecord, transition_record
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.references import InstanceRef, find_instance, find_instances
from bpm_crm.api.requests import INPUT, Repeatable
from bpm_crm.engine.blockers import InputProblem
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission, Scope
from bpm_crm.operations.commands import Fire, Force, Outcome, Recorded, Work

MOST_MOVES = 200
ITEMS = ("input", "items")


@strawberry.input(description="Move a case.")
class FireTransitionInput:
    """Move a case."""

    instance: InstanceRef = strawberry.field(description="The case.")
    transition: str = strawberry.field(description="The trigger, as `availableTransitions.trigger` has it.")
    data: JSON | None = strawberry.field(
        default=None, description="New values of data fields, by key; null empties one."
    )
    reason: str | None = strawberry.field(default=None, description="Key of a reason of the catalogue.")
    comment: str | None = strawberry.field(default=None, description="Free text.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it happened, if earlier than now.")
    expected_sequence: int | None = strawberry.field(
        default=None, description="`sequence` of the case as the caller saw it; a newer one refuses the move."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)
    dry_run: bool = strawberry.field(default=False, description="Decide and answer, but write nothing.")


@strawberry.input(description="Move several cases, each on its own: one refused does not hold up the others.")
class FireTransitionsInput:
    """Move several cases."""

    items: list[FireTransitionInput] = strawberry.field(
        description=f"The moves, at most {MOST_MOVES}; those of one case in order."
    )


@strawberry.input(
    description="Put a case into a stage whatever the definition allows. Marked in history and figures as forced."
)
class ForceTransitionInput:
    """Put a case into a stage by force."""

    instance: InstanceRef = strawberry.field(description="The case.")
    stage: str = strawberry.field(description="Key of the stage.")
    comment: str = strawberry.field(description="Why; mandatory.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it happened, if earlier than now.")
    expected_sequence: int | None = strawberry.field(
        default=None, description="`sequence` of the case as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The case moved.")
class TransitionFired(Repeatable):
    """The case moved."""

    instance: ProcessInstance = strawberry.field(
        description="The case after the move (after a repetition: as it is now)."
    )
    record: TransitionRecord = strawberry.field(description="The step that the move left in history.")
    is_dry_run: bool = strawberry.field(description="Whether nothing was written, as asked.")


FireTransitionResult = Annotated[
    TransitionFired | TransitionRefused | StaleInstance | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("FireTransitionResult", description="The case moved, or why it did not."),
]


@strawberry.type(description="The answers to several moves, in the order of the input.")
class FireTransitionsPayload:
    """The answers to several moves."""

    results: list[FireTransitionResult] = strawberry.field(description="One answer per move.")
    fired: int = strawberry.field(description="How many moved.")
    refused: int = strawberry.field(description="How many did not.")


FireTransitionArgument = Annotated[FireTransitionInput, argument(description="The move.")]
FireTransitionsArgument = Annotated[FireTransitionsInput, argument(description="The moves.")]
ForceTransitionArgument = Annotated[ForceTransitionInput, argument(description="The forced move.")]


@strawberry.type
class MovesMutation:
    """Mutations that move cases."""

    @strawberry.mutation(
        description="Move a case by a transition of its process. Everything that stands in the way is answered at once."
    )
    async def fire_transition(self, info: Info, input: FireTransitionArgument) -> FireTransitionResult:  # noqa: A002  # the API's convention
        """Move a case."""
        context = info.context
        _, scope = context.require(Permission.FIRE_TRANSITION)
        if flawed := _flaws(input):
            return invalid_input(flawed, context.language)
        instance_id = await find_instance(context, input.instance)
        if instance_id is None:
            return not_found(context.language, "input", "instance")
        work = _work(context, scope, instance_id, input)
        return await _fired(context, await carried_out(context, work), input.dry_run)

    @strawberry.mutation(description="Move several cases, each on its own, in one request.")
    async def fire_transitions(self, info: Info, input: FireTransitionsArgument) -> FireTransitionsPayload:  # noqa: A002  # the API's convention
        """Move several cases."""
        context = info.context
        _, scope = context.require(Permission.FIRE_TRANSITION)
        if len(input.items) > MOST_MOVES:
            raise Fault(
                Code.BAD_USER_INPUT,
                Title(
                    f"At most {MOST_MOVES} moves in one request.", f"В одном запросе не больше {MOST_MOVES} переходов."
                ),
                maximum=MOST_MOVES,
            )
        found = await find_instances(context, [item.instance for item in input.items])
        works: list[Work | InvalidInput | NotFound] = []
        for number, (instance_id, item) in enumerate(zip(found, input.items, strict=True)):
            at = (*ITEMS, str(number))
            if flawed := _flaws(item):
                works.append(invalid_input(flawed, context.language, at))
            elif instance_id is None:
                works.append(not_found(context.language, *at, "instance"))
            else:
                works.append(_work(context, scope, instance_id, item))
        outcomes = iter(await all_carried_out(context, [work for work in works if isinstance(work, Work)]))
        results = [
            await _fired(context, next(outcomes), item.dry_run, (*ITEMS, str(number)))
            if isinstance(work, Work)
            else work
            for number, (work, item) in enumerate(zip(works, input.items, strict=True))
        ]
        fired = sum(isinstance(result, TransitionFired) for result in results)
        return FireTransitionsPayload(results=results, fired=fired, refused=len(results) - fired)

    @strawberry.mutation(
        description="Put a case into a stage by force: a permission of its own, a reason in words, marked everywhere."
    )
    async def force_transition(self, info: Info, input: ForceTransitionArgument) -> FireTransitionResult:  # noqa: A002  # the API's convention
        """Put a case into a stage by force."""
        context = info.context
        _, scope = context.require(Permission.FORCE_TRANSITION)
        flawed = flaws(comment=input.comment, is_comment_required=True, idempotency_key=input.idempotency_key)
        if flawed:
            return invalid_input(flawed, context.language)
        instance_id = await find_instance(context, input.instance)
        if instance_id is None:
            return not_found(context.language, "input", "instance")
        work = work_on(
            context,
            scope,
            instance_id,
            Force(input.stage, input.comment, input.occurred_at),
            asked=["forceTransition", str(instance_id), input.stage, input.comment, input.occurred_at],
            idempotency_key=input.idempotency_key,
            expected_sequence=input.expected_sequence,
        )
        return await _fired(context, await carried_out(context, work), dry_run=False)


def _flaws(item: FireTransitionInput) -> tuple[InputProblem, ...]:
    return flaws(comment=item.comment, data=item.data, idempotency_key=item.idempotency_key)


def _work(context: RequestContext, scope: Scope, instance_id: UUID, item: FireTransitionInput) -> Work:
    """The work of one move."""
    data: Any = {} if item.data is None else item.data
    asked = ["fireTransition", str(instance_id), item.transition, data, item.reason, item.comment, item.occurred_at]
    return work_on(
        context,
        scope,
        instance_id,
        Fire(item.transition, data, item.reason, item.comment, item.occurred_at),
        asked=asked,
        idempotency_key=item.idempotency_key,
        expected_sequence=item.expected_sequence,
        dry_run=item.dry_run,
    )


async def _fired(
    context: RequestContext, outcome: Outcome, dry_run: bool, at: Sequence[str] = INPUT
) -> TransitionFired | Refusal:
    async def success(recorded: Recorded) -> TransitionFired:
        return TransitionFired(
            instance=await instance_view(context, recorded.instance),
            record=transition_record(context, recorded.entries[-1]),
            is_repeated=recorded.repeated,
            is_dry_run=dry_run,
        )

    return await answered(context, outcome, success, at)
