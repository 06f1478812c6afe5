"""Recording activities, assigning owners, leaving cases out of figures."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.answers import Refusal, answered, carried_out, work_on
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
from bpm_crm.api.exposing import expose
from bpm_crm.api.history import ActivityDirection, TransitionRecord, transition_record
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.api.references import InstanceRef, find_instance
from bpm_crm.api.requests import Repeatable
from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.step import Activity
from bpm_crm.engine.texts import shown
from bpm_crm.operations.access import Permission
from bpm_crm.operations.commands import Assign, Command, Exclude, Record, Recorded


@strawberry.input(description="Record an act on a case. It may have happened before what was recorded already.")
class RecordActivityInput:
    """Record an act on a case."""

    instance: InstanceRef = strawberry.field(description="The case.")
    kind: str = strawberry.field(
        description="call, email, message, meeting, visit, note, task, approval, or a kind of the process."
    )
    direction: ActivityDirection = strawberry.field(default=ActivityDirection.INTERNAL, description="Direction.")
    is_automated: bool = strawberry.field(
        default=False, description="Whether a machine did it: such an act is never a response."
    )
    transition: str | None = strawberry.field(
        default=None, description="For an approval: key of the transition approved."
    )
    comment: str | None = strawberry.field(default=None, description="Free text.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it happened, if earlier than now.")
    expected_sequence: int | None = strawberry.field(
        default=None, description="`sequence` of the case as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Give a case an owner, a team, or both. Clocks neither stop nor restart.")
class AssignOwnerInput:
    """Give a case an owner and a team."""

    instance: InstanceRef = strawberry.field(description="The case.")
    owner: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Global id of the owner; null puts the case back into the queue; absent leaves the owner."
    )
    team: strawberry.Maybe[str] = strawberry.field(description="Key of the team; absent: the owner's, or as it was.")
    comment: str | None = strawberry.field(default=None, description="Free text.")
    occurred_at: datetime | None = strawberry.field(default=None, description="When it happened, if earlier than now.")
    expected_sequence: int | None = strawberry.field(
        default=None, description="`sequence` of the case as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


class Exclusion(Enum):
    """Why figures leave a case out."""

    TEST = "test"
    SPAM = "spam"
    DUPLICATE = "duplicate"
    UNDONE = "undone"


expose(
    Exclusion,
    "Why figures leave a case out.",
    {
        Exclusion.TEST: "It was a test.",
        Exclusion.SPAM: "It was spam.",
        Exclusion.DUPLICATE: "It duplicates another case.",
        Exclusion.UNDONE: "It came by an import that was undone.",
    },
)


@strawberry.input(description="Leave a case out of figures, or count it again. It is never deleted.")
class ExcludeInstanceInput:
    """Leave a case out of figures, or count it again."""

    instance: InstanceRef = strawberry.field(description="The case.")
    exclusion: Exclusion | None = strawberry.field(description="Why; null counts the case again.")
    comment: str | None = strawberry.field(default=None, description="Free text.")
    expected_sequence: int | None = strawberry.field(
        default=None, description="`sequence` of the case as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The act is recorded.")
class ActivityRecorded(Repeatable):
    """The act is recorded."""

    instance: ProcessInstance = strawberry.field(description="The case after it.")
    record: TransitionRecord = strawberry.field(description="The step in history.")


@strawberry.type(description="The case has this owner and team now.")
class OwnerAssigned(Repeatable):
    """The case has this owner and team now."""

    instance: ProcessInstance = strawberry.field(description="The case after it.")
    record: TransitionRecord = strawberry.field(description="The step in history.")


@strawberry.type(description="Figures leave the case out, or count it again.")
class InstanceExcluded(Repeatable):
    """Figures leave the case out, or count it again."""

    instance: ProcessInstance = strawberry.field(description="The case after it.")
    record: TransitionRecord = strawberry.field(description="The step in history.")


RecordActivityResult = Annotated[
    ActivityRecorded | TransitionRefused | StaleInstance | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("RecordActivityResult", description="The act is recorded, or why it is not."),
]
AssignOwnerResult = Annotated[
    OwnerAssigned | TransitionRefused | StaleInstance | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("AssignOwnerResult", description="The case is assigned, or why it is not."),
]
ExcludeInstanceResult = Annotated[
    InstanceExcluded | TransitionRefused | StaleInstance | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("ExcludeInstanceResult", description="The case is left out or counted, or why it is not."),
]

RecordActivityArgument = Annotated[RecordActivityInput, argument(description="The act.")]
AssignOwnerArgument = Annotated[AssignOwnerInput, argument(description="Whose the case becomes.")]
ExcludeInstanceArgument = Annotated[ExcludeInstanceInput, argument(description="Which case, and why.")]


@strawberry.type
class ActsMutation:
    """Mutations that record acts and responsibilities."""

    @strawberry.mutation(
        description="Record a call, letter, meeting, note, approval … on a case. The first outbound one by a human is the response."
    )
    async def record_activity(self, info: Info, input: RecordActivityArgument) -> RecordActivityResult:  # noqa: A002  # the API's convention
        """Record an act on a case."""
        activity = Activity(input.kind, input.direction.value, input.is_automated, input.transition)
        command = Record(activity, input.comment, input.occurred_at)
        asked = [
            input.kind,
            input.direction.value,
            input.is_automated,
            input.transition,
            input.comment,
            input.occurred_at,
        ]
        return await _acted(info.context, Permission.RECORD_ACTIVITY, input, command, asked, ActivityRecorded)

    @strawberry.mutation(description="Give a case an owner or a team.")
    async def assign_owner(self, info: Info, input: AssignOwnerArgument) -> AssignOwnerResult:  # noqa: A002  # the API's convention
        """Give a case an owner or a team."""
        context = info.context
        context.require(Permission.ASSIGN_OWNER)
        assigned = _assignment(context, input)
        if isinstance(assigned, InputProblem):
            return invalid_input([assigned], context.language)
        asked = [assigned.owner_id, assigned.team_id, assigned.keep_owner, assigned.comment, assigned.occurred_at]
        return await _acted(context, Permission.ASSIGN_OWNER, input, assigned, asked, OwnerAssigned)

    @strawberry.mutation(
        description="Leave a case out of figures (test, spam, duplicate, an undone import), or count it again."
    )
    async def exclude_instance(self, info: Info, input: ExcludeInstanceArgument) -> ExcludeInstanceResult:  # noqa: A002  # the API's convention
        """Leave a case out of figures, or count it again."""
        exclusion = None if input.exclusion is None else input.exclusion.value
        command = Exclude(exclusion, input.comment)
        return await _acted(
            info.context, Permission.EXCLUDE_CASE, input, command, [exclusion, input.comment], InstanceExcluded
        )


def _assignment(context: RequestContext, asked: AssignOwnerInput) -> Assign | InputProblem:
    """The command of an assignment: an unknown or inactive person or team is a problem; a new owner brings their team."""
    reference = context.known
    owner_id: UUID | None = None
    team_id: UUID | None = None
    if asked.owner is not None and asked.owner.value is not None:
        owner_id = uuid_of(asked.owner.value, "User")
        owner = reference.users.get(owner_id) if owner_id is not None else None
        if owner is None or not owner.is_active:
            return InputProblem(InputCode.UNKNOWN_USER, ("owner",), shown(asked.owner.value))
        team_id = owner.team_ids[0] if owner.team_ids else None
    if asked.team is not None:
        keys = {item.key: item.id for item in reference.teams.values()}
        if asked.team.value not in keys:
            return InputProblem(InputCode.UNKNOWN_TEAM, ("team",), shown(asked.team.value), tuple(keys))
        team_id = keys[asked.team.value]
    return Assign(owner_id, team_id, asked.comment, asked.occurred_at, keep_owner=asked.owner is None)


async def _acted(
    context: RequestContext, permission: Permission, asked: Any, command: Command, said: list[Any], answer: Any
) -> Any:
    """Carry out one command on the case an input names; `answer` is the success type of the mutation."""
    _, scope = context.require(permission)
    if flawed := flaws(comment=asked.comment, idempotency_key=asked.idempotency_key):
        return invalid_input(flawed, context.language)
    instance_id = await find_instance(context, asked.instance)
    if instance_id is None:
        return not_found(context.language, "input", "instance")

    async def success(recorded: Recorded) -> Any:
        return answer(
            instance=await instance_view(context, recorded.instance),
            record=transition_record(context, recorded.entries[-1]),
            is_repeated=recorded.repeated,
        )

    work = work_on(
        context,
        scope,
        instance_id,
        command,
        asked=[type(command).__name__, str(instance_id), *said],
        idempotency_key=asked.idempotency_key,
        expected_sequence=asked.expected_sequence,
    )
    found: Refusal | Any = await answered(context, await carried_out(context, work), success)
    return found
