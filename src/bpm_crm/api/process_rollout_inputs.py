"""What rollouts are asked for with."""

from decimal import Decimal

import strawberry

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.operations.rollouts import (
    LEAST_SHARE,
    MOST_SHARE,
)

SHARE = f"Per cent of the new cases of each channel that take the version: {LEAST_SHARE} to {MOST_SHARE}."


@strawberry.input(description="When a rollout is to be stopped by itself.")
class GuardRailInput:
    """When a rollout is to be stopped by itself."""

    clock: str = strawberry.field(description="Key of a clock that both versions have.")
    drop: Decimal = strawberry.field(
        description="By how much the attainment of the clock may be lower than under the version before; 0.05 is five points."
    )


@strawberry.input(description="Send a share of the new cases of each channel to a version.")
class StartRolloutInput:
    """Send a share of the new cases to a version."""

    process: str = strawberry.field(description="Key of the process.")
    version: int = strawberry.field(description="Number of the version, published and not taken by new cases.")
    share: int = strawberry.field(description=SHARE)
    guard_rail: GuardRailInput | None = strawberry.field(
        default=None, description="When it is to be stopped by itself; null: never."
    )
    comment: str | None = strawberry.field(default=None, description="What for; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Change the share of the rollout of a process. Its turns begin anew.")
class ChangeRolloutInput:
    """Change the share of a rollout."""

    process: str = strawberry.field(description="Key of the process.")
    share: int = strawberry.field(description=SHARE)
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Stop the rollout of a process: new cases take the version before.")
class StopRolloutInput:
    """Stop the rollout of a process."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Finish the rollout of a process: all new cases take its version.")
class FinishRolloutInput:
    """Finish the rollout of a process."""

    process: str = strawberry.field(description="Key of the process.")
    comment: str | None = strawberry.field(default=None, description="Why; kept in the journal of the process.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)
