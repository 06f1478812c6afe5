"""The parts of a stage time: lengths of visits, the stage's target, and its own history."""

from decimal import Decimal
from enum import Enum
from functools import cached_property

import strawberry

from bpm_crm.analytics.intervals import wilson
from bpm_crm.analytics.stage_pace import FEWEST_JUDGED, TOLERATED, Change, Pace, pace_of
from bpm_crm.analytics.stage_times import StageTimes
from bpm_crm.analytics.stays import Stay
from bpm_crm.api.exposing import expose
from bpm_crm.api.figure_frames import Period, decimal, rate, whole

expose(
    Pace,
    "Whether a stage is slow, beyond chance.",
    {
        Pace.SLOW: "It is.",
        Pace.NOT_SLOW: "It is not, or not surely.",
        Pace.NOT_ENOUGH: f"Fewer than {FEWEST_JUDGED} visits to judge by, or too few of them have ended.",
    },
)


class StageNumber(Enum):
    """A number of a stage time."""

    ENTERED = "entered"
    OPEN = "open"
    REWORKED = "reworked"
    WITHIN = "within"
    LATE = "late"
    NOT_YET_DUE = "not_yet_due"
    UNTARGETED = "untargeted"


expose(
    StageNumber,
    "A number of a stage time whose cases can be listed.",
    {number: f"The cases of the field `{number.name}` in upper or lower case." for number in StageNumber},
)


@strawberry.type(
    description="How long visits lasted: Kaplan-Meier, where an open visit counts as long as it has lasted. Null: so many have not been seen to end."
)
class StayTimes:
    """How long visits lasted; only what is asked for is worked out."""

    @strawberry.field(description="After this long half of the visits have ended.")
    def median_seconds(self) -> int | None:
        """The median."""
        return whole(self.stay.median.seconds)

    @strawberry.field(description="Lower end of its 95 % interval (Brookmeyer and Crowley, log-log).")
    def median_lower_seconds(self) -> int | None:
        """Lower end of the interval of the median."""
        return whole(self.stay.median.lower)

    @strawberry.field(description="Upper end of it; null: not seen.")
    def median_upper_seconds(self) -> int | None:
        """Upper end of the interval of the median."""
        return whole(self.stay.median.upper)

    @strawberry.field(description="After this long nine tenths of the visits have ended.")
    def p90_seconds(self) -> int | None:
        """The 90th percentile."""
        return whole(self.stay.p90.seconds)

    @strawberry.field(description="Lower end of its 95 % interval.")
    def p90_lower_seconds(self) -> int | None:
        """Lower end of the interval of the 90th percentile."""
        return whole(self.stay.p90.lower)

    @strawberry.field(description="Upper end of it; null: not seen.")
    def p90_upper_seconds(self) -> int | None:
        """Upper end of the interval of the 90th percentile."""
        return whole(self.stay.p90.upper)

    @strawberry.field(description="Mean of the completed visits only: too low while visits are open. Null without any.")
    def completed_mean_seconds(self) -> int | None:
        """The mean of the completed ones."""
        return whole(self.stay.mean)

    stay: strawberry.Private[Stay]


@strawberry.type(description="Visits of a stage, one or the sum of several for each case, in three kinds of time.")
class VisitTimes:
    """Visits of a stage; only the kinds of time that are asked for are worked out."""

    @strawberry.field(description="The n: cases that first entered the stage in the period.")
    def cases(self) -> int:
        """The cases."""
        return self.times.stays[self.visit, "calendar"].cases

    @strawberry.field(description="Of these, visits that had not ended: censored.")
    def open(self) -> int:
        """Those of them that had not ended."""
        return self.times.stays[self.visit, "calendar"].open

    @strawberry.field(description="In calendar time.")
    def calendar(self) -> StayTimes:
        """In calendar time."""
        return StayTimes(stay=self.times.stays[self.visit, "calendar"])

    @strawberry.field(description="In business time of the calendar of the process.")
    def business(self) -> StayTimes:
        """In business time."""
        return StayTimes(stay=self.times.stays[self.visit, "business"])

    @strawberry.field(description="In business time less pauses.")
    def active(self) -> StayTimes:
        """In business time less pauses."""
        return StayTimes(stay=self.times.stays[self.visit, "active"])

    times: strawberry.Private[StageTimes]
    visit: strawberry.Private[str]


@strawberry.type(
    description="First visits against the target of the stage: the SLA clock that starts on entering it and stops on leaving it."
)
class StageTarget:
    """First visits against the target of the stage."""

    target: str | None = strawberry.field(
        description="The target of the newest version, such as `PT4H` or `2 business days`; null where only older ones had one."
    )
    within: int = strawberry.field(description="Ended in time, the target since passed.")
    late: int = strawberry.field(description="Went past the target, ended or not.")
    not_yet_due: int = strawberry.field(
        description="Whose target lies ahead, ended or not: in no rate, or quick ones would be seen first."
    )
    untargeted: int = strawberry.field(description="Without a verdict: no clock, or one that was cancelled.")
    judged: int = strawberry.field(description="`within + late`: the denominator of `lateRate`.")
    late_rate: Decimal | None = strawberry.field(description="`late / judged`; null when none was judged.")
    late_lower: Decimal = strawberry.field(description="Lower end of its 95 % interval (Wilson).")
    late_upper: Decimal = strawberry.field(description="Upper end of it.")
    pace: Pace = strawberry.field(
        description=f"`SLOW` when the whole interval lies above {float(TOLERATED)}: when the p90 is past the target beyond chance."
    )


@strawberry.type(
    description="First visits against those of the period before (as many months before whole months, as many days before whole days, else as long), as seen at the same `asOf`."
)
class StageHistory:
    """First visits against those of the period before."""

    period: Period = strawberry.field(description="The period before.")
    cases: int = strawberry.field(description="Cases that first entered the stage in it.")
    median_business_seconds: int | None = strawberry.field(description="Its median business time of first visits.")
    change_seconds: int | None = strawberry.field(description="The median of now less that one.")
    change_lower_seconds: int | None = strawberry.field(
        description="Lower end of its 95 % interval (Zou and Donner); null: not known."
    )
    change_upper_seconds: int | None = strawberry.field(description="Upper end of it; null: not known.")
    pace: Pace = strawberry.field(description="`SLOW` when the whole interval lies above zero.")


class StageTargetView(StageTarget):
    """The verdicts on first visits; what is not asked for is not worked out."""

    def __init__(self, times: StageTimes, target: str | None) -> None:
        self.times = times
        self.target = target

    @property
    def within(self) -> int:  # type: ignore[override]  # made when asked for
        """Ended in time."""
        return self.times.count("within")

    @property
    def late(self) -> int:  # type: ignore[override]  # made when asked for
        """Went past the target."""
        return self.times.count("late")

    @property
    def not_yet_due(self) -> int:  # type: ignore[override]  # made when asked for
        """Whose target lies ahead."""
        return self.times.count("not_yet_due")

    @property
    def untargeted(self) -> int:  # type: ignore[override]  # made when asked for
        """Without a verdict."""
        return self.times.count("untargeted")

    @property
    def judged(self) -> int:  # type: ignore[override]  # made when asked for
        """The denominator of the rate."""
        return self.within + self.late

    @property
    def late_rate(self) -> Decimal | None:  # type: ignore[override]  # made when asked for
        """The late among the judged."""
        return rate(self.times.late_share)

    @property
    def late_lower(self) -> Decimal:  # type: ignore[override]  # made when asked for
        """Lower end of its interval."""
        return decimal(self._interval[0])

    @property
    def late_upper(self) -> Decimal:  # type: ignore[override]  # made when asked for
        """Upper end of its interval."""
        return decimal(self._interval[1])

    @property
    def pace(self) -> Pace:  # type: ignore[override]  # made when asked for
        """Whether the stage is slow."""
        return pace_of(self.times)

    @cached_property
    def _interval(self) -> tuple[float, float]:
        return wilson(float(self.times.late_share or 0), self.judged)


def history_type(period: Period, before: StageTimes | None, change: Change, pace: Pace) -> StageHistory:
    """The comparison with the period before as the API shows it."""
    return StageHistory(
        period=period,
        cases=0 if before is None else before.count("entered"),
        median_business_seconds=None if before is None else whole(before.stays["first", "business"].median.seconds),
        change_seconds=whole(change.seconds),
        change_lower_seconds=whole(change.lower),
        change_upper_seconds=whole(change.upper),
        pace=pace,
    )
