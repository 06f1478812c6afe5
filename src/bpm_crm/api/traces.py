"""Traces as the API shows them: steps that lead a case to where a fault shows, or to a won end."""

from datetime import datetime
from typing import cast

import strawberry
from strawberry.scalars import JSON

from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.traces import Act, TraceStep


@strawberry.type(name="TraceStep", description="One step of a trace, which can be played over the API or by hand.")
class TraceStepType:
    """One step of a trace."""

    act: Act = strawberry.field(description="What is done.")
    at: datetime = strawberry.field(description="When it is done in this example.")
    name: str | None = strawberry.field(description="Trigger fired, or kind of activity recorded.")
    transition: str | None = strawberry.field(
        description="Transition that the trigger takes, or that an approval is for; null for a trigger that is refused."
    )
    data: JSON = strawberry.field(description="Data fields sent with a move.")
    reason: str | None = strawberry.field(description="Reason given.")
    roles: list[str] = strawberry.field(description="Roles of who acts; empty: any.")
    direction: str | None = strawberry.field(description="Direction of a recorded activity.")
    stage: str = strawberry.field(description="Stage in which the case then is.")
    text: str = strawberry.field(description="The step in one line.")


def step_type(item: TraceStep) -> TraceStepType:
    """A step of a trace as the API shows it."""
    return TraceStepType(
        act=item.act,
        at=moment_of(item.at),
        name=item.name or None,
        transition=item.transition,
        data=cast("JSON", dict(item.data)),
        reason=item.reason,
        roles=list(item.roles),
        direction=item.direction if item.act is Act.RECORD else None,
        stage=item.stage,
        text=item.text(),
    )
