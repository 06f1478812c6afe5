"""Subscriptions: cases as they change, and clocks as they warn, breach and escalate."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.clocks import ClockEventType
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.history import TransitionRecord, transition_record
from bpm_crm.api.instance_filters import InstanceWhere, instance_condition, scope_condition
from bpm_crm.api.instance_views import instance_view
from bpm_crm.api.instances import ProcessInstance
from bpm_crm.engine.clock import ClockEventKind
from bpm_crm.engine.definition import Title
from bpm_crm.operations.access import Permission
from bpm_crm.operations.events import Lagging, RevisionUnknown, StepEvent
from bpm_crm.records.listings import INSTANCES
from bpm_crm.records.selection import All, Compare, Operator, Query, Slice, read_page

ALARMS = frozenset({ClockEventKind.WARNED, ClockEventKind.BREACHED, ClockEventKind.ESCALATED, ClockEventKind.WITHDRAWN})

Where = Annotated[InstanceWhere | None, argument(description="Which cases; all that may be seen unless stated.")]
After = Annotated[str | None, argument(description="Revision of the last event that was received; null: from now on.")]


@strawberry.type(description="A case took a step. Delivery is at least once: case and sequence tell repetitions apart.")
class InstanceEvent:
    """A case took a step."""

    revision: str = strawberry.field(description="Send it as `after` to resume from here after a lost connection.")
    record: TransitionRecord = strawberry.field(description="The step.")
    instance: ProcessInstance = strawberry.field(description="The case as it is now.")


@strawberry.type(description="A clock warned, breached or escalated, or such an event was withdrawn by a late record.")
class SlaEvent:
    """A clock warned, breached or escalated."""

    revision: str = strawberry.field(description="Send it as `after` to resume from here after a lost connection.")
    event: ClockEventType = strawberry.field(description="What happened to the clock.")
    instance: ProcessInstance = strawberry.field(description="The case as it is now.")


@strawberry.type
class Subscriptions:
    """What can be followed."""

    @strawberry.subscription(
        description="Steps of the cases the viewer may see, as they are committed; from a revision on with `after`."
    )
    async def instance_changed(
        self, info: Info, where: Where = None, after: After = None
    ) -> AsyncIterator[InstanceEvent]:
        """Steps of the cases the viewer may see."""
        async for context, event in _followed(info.context, where, after):
            yield InstanceEvent(
                revision=event.revision,
                record=transition_record(context, event.entry),
                instance=await instance_view(context, event.instance),
            )

    @strawberry.subscription(
        description="Warnings, breaches and escalations in the cases the viewer may see; from a revision on with `after`."
    )
    async def sla_event(self, info: Info, where: Where = None, after: After = None) -> AsyncIterator[SlaEvent]:
        """Warnings, breaches and escalations in the cases the viewer may see."""
        async for context, event in _followed(info.context, where, after):
            record = transition_record(context, event.entry)
            instance = await instance_view(context, event.instance)
            for clock_event in record.clock_events:
                if clock_event.kind in ALARMS:
                    yield SlaEvent(revision=event.revision, event=clock_event, instance=instance)


async def _followed(
    context: RequestContext, where: InstanceWhere | None, after: str | None
) -> AsyncIterator[tuple[RequestContext, StepEvent]]:
    """The steps a viewer may see, each with the viewer as they are at that moment."""
    viewer, _ = context.require(Permission.VIEW_CASES)
    try:
        async with aclosing(context.services.hub.follow(viewer.tenant_id, after)) as events:
            async for event in events:
                current = context.for_operation(context.request_id)
                if await _visible(current, where, event):
                    yield current, event
    except RevisionUnknown as error:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title("`after` is not a revision that an event carried.", "`after` — не ревизия какого-либо события."),
        ) from error
    except Lagging as error:
        raise Fault(
            Code.OVERLOADED,
            Title(
                "Events come faster than they are taken. Resume from the last revision.",
                "События приходят быстрее, чем их принимают. Продолжите с последней ревизии.",
            ),
        ) from error


async def _visible(context: RequestContext, where: InstanceWhere | None, event: StepEvent) -> bool:
    viewer, scope = context.require(Permission.VIEW_CASES)
    record = event.instance
    if not scope.covers_state(record.state, record.channel_id):
        return False
    if where is None:
        return True
    condition = All(
        (
            Compare("i.id", Operator.EQ, record.id, "uuid"),
            instance_condition(where, context.known),
            scope_condition(scope, "i"),
        )
    )
    async with context.services.database.reader(viewer.tenant_id) as connection:
        page = await read_page(connection, viewer.tenant_id, Query(INSTANCES, condition), Slice(1))
    return bool(page.rows)
