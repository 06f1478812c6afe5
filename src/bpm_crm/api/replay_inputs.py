"""What replays are asked with."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.exposing import expose
from bpm_crm.operations.replay_candidates import Asked, ClockChange

SINCE = "The first instant: cases that began at or after it are replayed, with all of their history."
UNTIL = "The first instant after the period: cases that began before it are replayed."


class ClockCalendar(Enum):
    """In which hours a clock counts."""

    BUSINESS = "business"
    ALWAYS = "always"


expose(
    ClockCalendar,
    "In which hours a clock counts.",
    {
        ClockCalendar.BUSINESS: "In the working hours of the process.",
        ClockCalendar.ALWAYS: "Around the clock.",
    },
)


@strawberry.input(
    description="Replay the histories of a period through another definition. Give `document` or `version`, or neither for the draft of the process."
)
class ReplayDraftInput:
    """Replay the histories of a period."""

    process: str = strawberry.field(description="Key of the process whose histories are replayed.")
    since: datetime = strawberry.field(description=SINCE)
    until: datetime = strawberry.field(description=UNTIL)
    document: str | None = strawberry.field(
        default=None, description="The document to replay through: YAML or JSON, as for `saveProcessDraft`."
    )
    version: int | None = strawberry.field(
        default=None, description="Number of the published version to replay through."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def asked(self) -> Asked:
        """What the operation is asked for."""
        return Asked(self.process, self.since, self.until, self.document, self.version)


@strawberry.input(description="The target of a clock in one stage, or (without a stage) in every other.")
class ClockTargetInput:
    """The target of a clock."""

    stage: str | None = strawberry.field(
        default=None, description="Key of the stage in which the clock starts; null: any other."
    )
    target: str = strawberry.field(description="Business time such as `PT15M`, or `2 business days`.")


@strawberry.input(description="What would be otherwise in a clock; what is left out stays as it is.")
class ClockChangeInput:
    """What would be otherwise in a clock."""

    clock: str = strawberry.field(description="Key of the clock.")
    target: str | None = strawberry.field(
        default=None, description="Target in every stage: business time such as `PT15M`, or `2 business days`."
    )
    targets: list[ClockTargetInput] | None = strawberry.field(
        default=None, description="Targets by stage, in place of `target`."
    )
    calendar: ClockCalendar | None = strawberry.field(default=None, description="In which hours it counts.")
    warnings: list[str] | None = strawberry.field(
        default=None, description="When it warns: a share of the target such as `75%`, or business time before it."
    )

    def change(self) -> ClockChange:
        """The change as the operation takes it."""
        targets = None if self.targets is None else {item.stage or "default": item.target for item in self.targets}
        return ClockChange(
            self.clock,
            self.target if targets is None else targets,
            None if self.calendar is None else self.calendar.value,
            None if self.warnings is None else tuple(self.warnings),
        )


@strawberry.input(description="What breaches would have been gained and lost with other targets or hours.")
class SlaWhatIfInput:
    """What breaches would have been gained and lost."""

    process: str = strawberry.field(description="Key of the process.")
    since: datetime = strawberry.field(description=SINCE)
    until: datetime = strawberry.field(description=UNTIL)
    changes: list[ClockChangeInput] = strawberry.field(description="The clocks that would be otherwise; at most 50.")
    calendar: JSON | None = strawberry.field(
        default=None,
        description="The working hours of the process, as `calendar` of a document writes them; null: as they are.",
    )
    version: int | None = strawberry.field(
        default=None, description="Number of the version whose clocks are changed; null: the newest."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def asked(self) -> Asked:
        """What the operation is asked for."""
        calendar: Any = self.calendar
        return Asked(
            self.process,
            self.since,
            self.until,
            version=self.version,
            changes=tuple(item.change() for item in self.changes),
            calendar=calendar,
        )
