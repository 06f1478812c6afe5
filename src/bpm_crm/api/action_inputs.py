"""What corrective actions are added, changed and closed with, and how that is answered."""

from datetime import date
from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry import argument

from bpm_crm.api.action_types import CorrectiveAction
from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.errors import IdempotencyConflict, InvalidInput, NotFound, UserError
from bpm_crm.api.requests import Repeatable
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.operations.corrective_actions import CorrectiveActionStatus


@strawberry.input(
    description="What is to be done, where, by whom, from when on, and which KPI it is expected to move. The cases it is about are those of its process that meet all of `team`, `channel`, `campaign`, `region` and `caseOwner` that are given."
)
class AddCorrectiveActionInput:
    """A new corrective action."""

    process: str = strawberry.field(description="Key of the process.")
    title: str = strawberry.field(description="What is done, in a few words.")
    kpi: str = strawberry.field(description="Key of the KPI it is expected to move.")
    expected_direction: ExpectedDirection = strawberry.field(description="Where the KPI is expected to move.")
    starts_on: date = strawberry.field(description="First day on which it works, in the company's time zone.")
    expected_size: Decimal | None = strawberry.field(
        default=None,
        description="How far, in the unit of the KPI; more than 0. Of a share 0.05 are five percentage points.",
    )
    ends_on: date | None = strawberry.field(
        default=None, description="First day on which it works no more; null: it stays in force."
    )
    description: str | None = strawberry.field(default=None, description="What is done.")
    stage: str | None = strawberry.field(default=None, description="Key of the stage it is about.")
    checkpoint: str | None = strawberry.field(default=None, description="Key of the checkpoint it is about.")
    team: str | None = strawberry.field(
        default=None,
        description="Key of the team whose cases it is about; needed from those who reach their teams only.",
    )
    channel: str | None = strawberry.field(default=None, description="Key of the channel whose cases it is about.")
    campaign: str | None = strawberry.field(default=None, description="Key of the campaign whose cases it is about.")
    region: str | None = strawberry.field(default=None, description="Region whose cases it is about.")
    case_owner: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the user whose cases it is about."
    )
    owner: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of who is responsible; null: the caller."
    )
    review: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the review in which it was decided."
    )
    comment: str | None = strawberry.field(default=None, description="Why.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(
    description="Change a corrective action, or comment on it: what is left out stays. What it is about and its KPI do not change; cancel it and add another."
)
class ChangeCorrectiveActionInput:
    """Change a corrective action, or comment on it."""

    action: strawberry.ID = strawberry.field(description="Global id of the action.")
    title: strawberry.Maybe[str] = strawberry.field(description="What is done, in a few words.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What is done; null: nothing more to say.")
    owner: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Global id of who is responsible.")
    expected_size: strawberry.Maybe[Decimal | None] = strawberry.field(
        description="How far the KPI is expected to move; null: not said."
    )
    starts_on: strawberry.Maybe[date] = strawberry.field(description="First day on which it works.")
    ends_on: strawberry.Maybe[date | None] = strawberry.field(
        description="First day on which it works no more; null: it stays in force."
    )
    comment: str | None = strawberry.field(default=None, description="Why, or whatever is to be said.")
    expected_revision: int | None = strawberry.field(
        default=None, description="`revision` of the action as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Close a corrective action: what was to be done is done, or was given up.")
class CloseCorrectiveActionInput:
    """Close a corrective action."""

    action: strawberry.ID = strawberry.field(description="Global id of the action.")
    is_cancelled: bool = strawberry.field(
        default=False, description="Whether it was given up: then it works no more from `endsOn`, or from today, on."
    )
    ends_on: strawberry.Maybe[date | None] = strawberry.field(
        description="First day on which it works no more; null: what was done stays in force."
    )
    comment: str | None = strawberry.field(default=None, description="What came of it.")
    expected_revision: int | None = strawberry.field(
        default=None, description="`revision` of the action as the caller saw it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The action is so now.")
class CorrectiveActionSaved(Repeatable):
    """The action is so now."""

    action: CorrectiveAction = strawberry.field(description="The action after it.")


@strawberry.type(description="The action has changed since the caller looked (`expectedRevision`). Read it again.")
class StaleCorrectiveAction(UserError):
    """The action has changed since the caller looked."""

    expected_revision: int = strawberry.field(description="The revision the caller expected.")
    current_revision: int = strawberry.field(description="The revision the action is at.")


@strawberry.type(description="The action was completed or cancelled before; only comments can be added.")
class CorrectiveActionClosed(UserError):
    """The action was closed before."""

    status: CorrectiveActionStatus = strawberry.field(description="What has become of it.")


AddCorrectiveActionResult = Annotated[
    CorrectiveActionSaved | NotFound | InvalidInput | IdempotencyConflict,
    strawberry.union("AddCorrectiveActionResult", description="The action is added, or why it is not."),
]
ChangeCorrectiveActionResult = Annotated[
    CorrectiveActionSaved
    | StaleCorrectiveAction
    | CorrectiveActionClosed
    | NotFound
    | InvalidInput
    | IdempotencyConflict,
    strawberry.union("ChangeCorrectiveActionResult", description="The action is so now, or why it is not."),
]
AddArgument = Annotated[AddCorrectiveActionInput, argument(description="The action.")]
ChangeArgument = Annotated[ChangeCorrectiveActionInput, argument(description="Which action, and what changes.")]
CloseArgument = Annotated[CloseCorrectiveActionInput, argument(description="Which action, and how it ended.")]
