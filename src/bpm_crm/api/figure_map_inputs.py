"""What a process map is asked with, and the numbers of it whose cases can be listed."""

from datetime import datetime
from enum import Enum

import strawberry

from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.process_map import DeviationKind
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_inputs import AS_OF, KNOWN_AT, WHERE, PeriodInput

expose(
    EventClassifier,
    "What counts as an event of a case, and names its activity. What enters a `silent` stage is never an event.",
    {
        EventClassifier.STAGE: "A stage was entered; the activity is the stage.",
        EventClassifier.TRANSITION: "A transition was taken; the activity is the transition, `force` for every forced move. The beginning of a case is no event.",
        EventClassifier.CHECKPOINT: "A checkpoint was touched; the activity is the checkpoint.",
        EventClassifier.ACTIVITY: "An activity was recorded: a call, a meeting; the activity is its kind.",
    },
)
expose(
    DeviationKind,
    "How a case left the definition it ran under.",
    {
        DeviationKind.FORCED_MOVE: "It was put into a stage by force.",
        DeviationKind.UNDEFINED_MOVE: "It went from one stage to another between which its version has no transition.",
        DeviationKind.SKIPPED_STEP: "It reached a step of the funnel without ever touching an earlier one of its version.",
    },
)


class ActivityNumber(Enum):
    """A number of an activity of the map."""

    CASES = "cases"
    STARTS = "starts"
    ENDS = "ends"
    STANDING = "standing"
    REWORKED = "reworked"


expose(
    ActivityNumber,
    "A number of an activity whose cases can be listed.",
    {number: f"The cases of the field `{number.name.lower()}`." for number in ActivityNumber},
)


class MapNumber(Enum):
    """A number of the whole map."""

    CASES = "cases"
    ENDED = "ended"
    OPEN = "open"
    EVENTLESS = "eventless"
    REWORKED = "reworked"


expose(
    MapNumber,
    "A number of the whole map whose cases can be listed.",
    {
        MapNumber.CASES: "All cases of the map.",
        MapNumber.ENDED: "Those that have ended.",
        MapNumber.OPEN: "Those that have not.",
        MapNumber.EVENTLESS: "Those without any event by the classifier.",
        MapNumber.REWORKED: "Those in which some activity happened more than once.",
    },
)


class ConformanceNumber(Enum):
    """Whether cases conform."""

    CONFORMING = "conforming"
    DEVIATING = "deviating"


expose(
    ConformanceNumber,
    "A number of the conformance whose cases can be listed.",
    {
        ConformanceNumber.CONFORMING: "Cases without any deviation.",
        ConformanceNumber.DEVIATING: "Cases with at least one.",
    },
)


@strawberry.input(description="Which process map.")
class ProcessMapInput:
    """Which process map."""

    process: str = strawberry.field(description="Key of the process.")
    classifier: EventClassifier = strawberry.field(
        default=EventClassifier.STAGE, description="What counts as an event."
    )
    period: PeriodInput | None = strawberry.field(
        default=None, description="When the cases began; they are shown whole. Null: ever."
    )
    where: FactWhere | None = strawberry.field(default=None, description=WHERE)
    as_of: datetime | None = strawberry.field(default=None, description=AS_OF)
    known_at: datetime | None = strawberry.field(default=None, description=KNOWN_AT)
