"""Corrective actions: lists of them, and adding, changing and closing them."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import argument

from bpm_crm.api.action_inputs import (
    AddArgument,
    AddCorrectiveActionInput,
    AddCorrectiveActionResult,
    ChangeArgument,
    ChangeCorrectiveActionResult,
    CloseArgument,
    CorrectiveActionClosed,
    CorrectiveActionSaved,
    StaleCorrectiveAction,
)
from bpm_crm.api.action_types import (
    KIND,
    ORDERS,
    CorrectiveAction,
    CorrectiveActionConnection,
    CorrectiveActionEdge,
    CorrectiveActionOrder,
    CorrectiveActionWhere,
    action_type,
)
from bpm_crm.api.checks import flaws
from bpm_crm.api.connections import After, Before, First, Last, cut, fetch_page, paged
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.errors import invalid_input, not_found, text
from bpm_crm.api.filters import combined, comparisons, id_reader, key_comparisons, keys_of
from bpm_crm.api.ids import uuid_of
from bpm_crm.api.requests import refusal, request_of, user_or_caller
from bpm_crm.operations.access import Permission, Reach, Scope
from bpm_crm.operations.action_problems import Draft
from bpm_crm.operations.commands import NOBODY
from bpm_crm.operations.corrective_actions import (
    Changes,
    Closed,
    CorrectiveActionStatus,
    add_action,
    change_action,
)
from bpm_crm.operations.review_journal import Revised, Saved
from bpm_crm.records.reference import Reference
from bpm_crm.records.reviews import ACTIONS, action_of, load_changes
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Operator, Query, Slice, read_page


@strawberry.type
class CorrectiveActionsQuery:
    """Queries about corrective actions."""

    @strawberry.field(description="Corrective actions the viewer may see, newest first.")
    async def corrective_actions(
        self,
        info: Info,
        where: Annotated[
            CorrectiveActionWhere | None, argument(description="Which actions; all that may be seen unless stated.")
        ] = None,
        order_by: Annotated[
            list[CorrectiveActionOrder] | None,
            argument(description="By what the actions are sorted; newest first unless stated."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> CorrectiveActionConnection:
        """Corrective actions the viewer may see."""
        context = info.context
        viewer, scope = context.require(Permission.VIEW_CORRECTIVE_ACTIONS)
        condition = All((combined(where, lambda part: _own(part, context.known)), actions_in(scope)))
        query = Query(ACTIONS, condition, keys_of(order_by, ORDERS))
        window = cut(query.keys, first, after, last, before)
        page = await fetch_page(info, context.services.database, viewer.tenant_id, query, window)
        records = [action_of(row) for row in page.rows]
        async with context.services.database.reader(viewer.tenant_id) as connection:
            changes = await load_changes(connection, viewer.tenant_id, [record.id for record in records])
        nodes = [action_type(context, record, changes[record.id]) for record in records]
        return paged(CorrectiveActionConnection, CorrectiveActionEdge, nodes, page, window)

    @strawberry.field(description="One corrective action; null when there is none that the viewer may see.")
    async def corrective_action(
        self,
        info: Info,
        id: Annotated[strawberry.ID, argument(description="Global id of the action.")],  # noqa: A002  # the API's name
    ) -> CorrectiveAction | None:
        """One corrective action."""
        info.context.require(Permission.VIEW_CORRECTIVE_ACTIONS)
        key = uuid_of(id, KIND)
        return None if key is None else await find_action(info, key)


async def find_action(info: Any, key: UUID) -> CorrectiveAction | None:
    """An action by its id; None when it does not exist or the viewer may not see it, which is the same answer."""
    context = info.context
    viewer, scope = context.require(Permission.VIEW_CORRECTIVE_ACTIONS)
    query = Query(ACTIONS, All((Compare("a.id", Operator.EQ, key, "uuid"), actions_in(scope))))
    async with context.services.database.reader(viewer.tenant_id) as connection:
        page = await read_page(connection, viewer.tenant_id, query, Slice(1))
        changes = await load_changes(connection, viewer.tenant_id, [key])
    return action_type(context, action_of(page.rows[0]), changes[key]) if page.rows else None


def actions_in(scope: Scope) -> Condition:
    """The actions inside a scope, as `operations.corrective_actions.covers` has it."""
    if scope.reach is Reach.ALL:
        return All()
    mine = Compare("a.owner_id", Operator.EQ, scope.user_id or NOBODY, "uuid")
    return AnyOf((mine, Compare("a.team_id", Operator.IN, sorted(scope.team_ids), "uuid")))


@strawberry.type
class CorrectiveActionsMutation:
    """Mutations of corrective actions."""

    @strawberry.mutation(description="Add a corrective action to a process.")
    async def add_corrective_action(self, info: Info, input: AddArgument) -> AddCorrectiveActionResult:  # noqa: A002  # the API's convention
        """Add a corrective action to a process."""
        context = info.context
        _, scope = context.require(Permission.MANAGE_CORRECTIVE_ACTIONS)
        if flawed := flaws(comment=input.comment, idempotency_key=input.idempotency_key):
            return invalid_input(flawed, context.language)
        asked = _draft(context, input)
        request = request_of(
            context, input, ["addCorrectiveAction", *(getattr(asked, name) for name in asked.__slots__)]
        )
        database, known = context.services.database, context.known
        return await _answered(info, await add_action(database, known, scope, request, asked))

    @strawberry.mutation(description="Change a corrective action, or comment on it.")
    async def change_corrective_action(self, info: Info, input: ChangeArgument) -> ChangeCorrectiveActionResult:  # noqa: A002  # the API's convention
        """Change a corrective action, or comment on it."""
        values = {
            name: found.value
            for name in ("title", "description", "expected_size", "starts_on", "ends_on")
            if (found := getattr(input, name)) is not None
        }
        if input.owner is not None:
            values["owner_id"] = uuid_of(input.owner.value, "User") or NOBODY
        return await _changed(info, input, Changes(values, None, input.expected_revision))

    @strawberry.mutation(description="Close a corrective action: it is done, or was given up.")
    async def close_corrective_action(self, info: Info, input: CloseArgument) -> ChangeCorrectiveActionResult:  # noqa: A002  # the API's convention
        """Close a corrective action."""
        status = CorrectiveActionStatus.CANCELLED if input.is_cancelled else CorrectiveActionStatus.COMPLETED
        values = {} if input.ends_on is None else {"ends_on": input.ends_on.value}
        return await _changed(info, input, Changes(values, status, input.expected_revision))


async def _changed(info: Info, asked: Any, changes: Changes) -> Any:
    context = info.context
    _, scope = context.require(Permission.MANAGE_CORRECTIVE_ACTIONS)
    if flawed := flaws(comment=asked.comment, idempotency_key=asked.idempotency_key):
        return invalid_input(flawed, context.language)
    key = uuid_of(asked.action, KIND)
    if key is None:
        return not_found(context.language, "input", "action")
    said = [type(asked).__name__, key, changes.values, changes.status, changes.expected_revision]
    request = request_of(context, asked, said)
    database, known = context.services.database, context.known
    return await _answered(info, await change_action(database, known, scope, request, key, changes))


async def _answered(info: Info, answer: Any) -> Any:
    language = info.context.language
    match answer:
        case Saved(subject_id, is_repeated):
            action = await find_action(info, subject_id)
            if action is None:  # a repetition by somebody who no longer may see it
                return not_found(language, "input", "action")
            return CorrectiveActionSaved(action=action, is_repeated=is_repeated)
        case Revised(current, expected):
            code = "STALE_CORRECTIVE_ACTION"
            return StaleCorrectiveAction(
                code=code,
                message=text(code, language, current=current, expected=expected),
                path=["input", "expectedRevision"],
                expected_revision=expected,
                current_revision=current,
            )
        case Closed(status):
            code = "CORRECTIVE_ACTION_CLOSED"
            return CorrectiveActionClosed(
                code=code, message=text(code, language), path=["input", "action"], status=status
            )
        case _:
            return refusal(info.context, answer, "action")


def _draft(context: RequestContext, asked: AddCorrectiveActionInput) -> Draft:
    same = ("process", "title", "kpi", "expected_direction", "starts_on", "description", "expected_size", "ends_on")
    places = ("stage", "checkpoint", "team", "channel", "campaign", "region")
    return Draft(
        **{name: getattr(asked, name) for name in (*same, *places)},
        owner_id=user_or_caller(context, asked.owner),
        case_owner_id=None if asked.case_owner is None else uuid_of(asked.case_owner, "User") or NOBODY,
        review_id=None if asked.review is None else uuid_of(asked.review, "Review") or NOBODY,
    )


def _own(part: CorrectiveActionWhere, reference: Reference) -> list[Condition]:
    definitions = {item.key: key for key, item in reference.definitions.items()}
    channels = {item.key: key for key, item in reference.channels.items()}
    teams = {item.key: key for key, item in reference.teams.items()}
    return [
        *comparisons(part.id, "a.id", "uuid", id_reader(KIND)),
        *key_comparisons(part.process, "a.definition_id", definitions),
        *comparisons(part.status, "a.status", "text", lambda status: status.value),
        *comparisons(part.owner, "a.owner_id", "uuid", id_reader("User")),
        *key_comparisons(part.team, "a.team_id", teams),
        *key_comparisons(part.channel, "a.channel_id", channels),
        *comparisons(part.kpi, "a.kpi", "text"),
        *comparisons(part.stage, "a.stage", "text"),
        *comparisons(part.checkpoint, "a.checkpoint", "text"),
        *comparisons(part.review, "a.review_id", "uuid", id_reader("Review")),
        *comparisons(part.starts_on, "a.starts_on", "date"),
    ]
