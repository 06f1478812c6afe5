"""The types of the parts of a process map: activities, edges, loops, handovers, durations, rework."""

from decimal import Decimal
from typing import Annotated

import strawberry

from bpm_crm.api.context import Info
from bpm_crm.api.figure_map_inputs import ActivityNumber, MapNumber
from bpm_crm.api.figure_members import After, Drilldown, First, OfCases
from bpm_crm.api.instance_lists import ProcessInstanceConnection
from bpm_crm.api.people import User

WhichActivityNumber = Annotated[ActivityNumber, strawberry.argument(description="Which number.")]
WhichMapNumber = Annotated[MapNumber, strawberry.argument(description="Which number.")]


@strawberry.type(description="An activity of the map: what happened to cases, and how often.")
class MapActivity:
    """An activity of the map."""

    activity: str = strawberry.field(description="Key of the stage, transition, checkpoint or kind of activity.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    events: int = strawberry.field(description="How often it happened.")
    cases: int = strawberry.field(description="Cases it happened in.")
    starts: int = strawberry.field(description="Cases that began with it.")
    ends: int = strawberry.field(description="Cases that have ended, with it as their last event.")
    standing: int = strawberry.field(description="Cases still open, with it as their last event so far.")
    reworked: int = strawberry.field(description="Cases it happened in more than once.")
    repeats: int = strawberry.field(description="How often it happened again in a case: `events - cases`.")

    @strawberry.field(description="The cases of a number, newest first.")
    async def instances(
        self,
        info: Info,
        number: WhichActivityNumber = ActivityNumber.CASES,
        first: First = None,
        after: After = None,
    ) -> ProcessInstanceConnection:
        """The cases of a number."""
        return await self.drilldown.page(info, self.step, (number.value,), None, first, after)

    step: strawberry.Private[str]
    drilldown: strawberry.Private[Drilldown]


@strawberry.type(
    description="An edge of the directly-follows graph: in some cases one activity came right after another. Seconds are calendar seconds between the two, to the microsecond."
)
class MapEdge(OfCases):
    """An edge of the directly-follows graph."""

    source: str = strawberry.field(description="Key of the activity that came first.")
    source_title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    target: str = strawberry.field(description="Key of the activity that came next.")
    target_title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="How often that happened.")
    cases: int = strawberry.field(description="Cases it happened in.")
    mean_seconds: Decimal = strawberry.field(description="Mean.")
    median_seconds: Decimal = strawberry.field(description="Median, by linear interpolation.")
    p90_seconds: Decimal = strawberry.field(description="The 90th percentile, by linear interpolation.")
    min_seconds: Decimal = strawberry.field(description="Least.")
    max_seconds: Decimal = strawberry.field(description="Greatest.")


@strawberry.type(
    description="A loop: an activity right after itself (one activity), or one, another, and the first again (two activities)."
)
class MapLoop(OfCases):
    """A loop of length one or two."""

    activities: list[str] = strawberry.field(description="Keys of the one activity, or of the two.")
    titles: list[str] = strawberry.field(description="Their names, in the language of `Accept-Language`.")
    count: int = strawberry.field(description="How often it was gone round.")
    cases: int = strawberry.field(description="Cases it happened in.")


@strawberry.type(
    description="Who did events: a user, or, in imported logs, whoever the log names. Both null where the viewer may not see people."
)
class Performer:
    """Who did events."""

    user: User | None = strawberry.field(description="The user.")
    name: str | None = strawberry.field(description="The user's name, or the name in the log.")


@strawberry.type(
    description="Work that went from one person to another: of the events of a case that people did, two next to each other by different ones."
)
class Handover(OfCases):
    """Work that went from one person to another."""

    giver: Performer = strawberry.field(description="Who did the first event.")
    taker: Performer = strawberry.field(description="Who did the next one.")
    count: int = strawberry.field(description="How often that happened.")
    cases: int = strawberry.field(description="Cases it happened in.")
    mean_seconds: Decimal = strawberry.field(description="Mean of the calendar seconds between the two events.")
    median_seconds: Decimal = strawberry.field(description="Median of the same.")
    p90_seconds: Decimal = strawberry.field(description="The 90th percentile of the same.")


@strawberry.type(
    description="How long cases took from start to end, in calendar seconds. Those still open are left out of mean, median and p90, which are too short for that; the expected ones count them."
)
class CaseDurations:
    """How long cases took."""

    ended: int = strawberry.field(description="Cases that have ended: those of mean, median and p90.")
    open: int = strawberry.field(description="Cases that have not: censored at `asOf`.")
    mean_seconds: Decimal | None = strawberry.field(description="Mean over the ended; null without any.")
    median_seconds: Decimal | None = strawberry.field(description="Median over the ended.")
    p90_seconds: Decimal | None = strawberry.field(description="The 90th percentile over the ended.")
    min_seconds: Decimal | None = strawberry.field(description="Least of the ended.")
    max_seconds: Decimal | None = strawberry.field(description="Greatest of the ended.")
    expected_median_seconds: Decimal | None = strawberry.field(
        description="Kaplan-Meier: after how long half of all cases end, the open ones censored at `asOf`. Null: not seen."
    )
    expected_p90_seconds: Decimal | None = strawberry.field(description="The same for nine tenths of all cases.")


@strawberry.type(description="Activities that happened again in the same case.")
class Rework:
    """Activities that happened again."""

    cases: int = strawberry.field(description="Cases in which some activity happened more than once.")
    total: int = strawberry.field(description="All cases: the denominator of `rate`.")
    rate: Decimal | None = strawberry.field(description="`cases / total`; null without cases.")
    repeats: int = strawberry.field(description="How many events were such repeats.")
