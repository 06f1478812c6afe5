"""Stage times as the API shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import strawberry

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.dimensions import Dimension, Segment
from bpm_crm.analytics.frames import Question
from bpm_crm.analytics.periods import before
from bpm_crm.analytics.stage_clocks import stage_targets
from bpm_crm.analytics.stage_pace import against_history
from bpm_crm.analytics.stage_times import StageTimeFigures, StageTimes, read_stage_times
from bpm_crm.api.context import Info, RequestContext
from bpm_crm.api.figure_frames import DimensionValue, FigureFrame, Period, by_title, dimension_values
from bpm_crm.api.figure_members import After, Drilldown, First
from bpm_crm.api.figure_stage_types import (
    StageHistory,
    StageNumber,
    StageTarget,
    StageTargetView,
    VisitTimes,
    history_type,
)
from bpm_crm.api.instance_lists import ProcessInstanceConnection
from bpm_crm.records.database import Connection

Which = Annotated[StageNumber, strawberry.argument(description="Which number.")]
Place = tuple[str, Segment]


@dataclass(frozen=True, slots=True)
class Histories:
    """The stage times of the period before, and what was asked for them."""

    question: Question
    times: Mapping[Place, StageTimes]


async def read_histories(
    connection: Connection, figures: StageTimeFigures, processes: Processes, zone: str
) -> Histories | None:
    """The stage times of the period before, in the snapshot of the figures; None where the period has no beginning or no end."""
    earlier = before(figures.question, zone)
    if earlier is None:
        return None
    found = await read_stage_times(connection, figures.frame, earlier, processes)
    return Histories(earlier, {(times.stage, times.segment): times for times in found.times})


@strawberry.type(
    description="How long cases stay in a stage, over those that first entered it in the period; open visits are not forgotten."
)
class StageTime:
    """How long cases stay in a stage."""

    dimension: list[DimensionValue] = strawberry.field(
        description="Which segment: a value for each dimension of `groupBy`; by owner at the first entry."
    )
    stage: str = strawberry.field(description="Key of the stage.")
    title: str = strawberry.field(description="Its name, in the language of `Accept-Language`.")
    entered: int = strawberry.field(description="Cases that first entered the stage in the period: the n.")
    open: int = strawberry.field(description="Of these, in the stage at `asOf`.")
    reworked: int = strawberry.field(description="Of these, entered it more than once.")
    first: VisitTimes = strawberry.field(description="The first visit of each case.")
    latest: VisitTimes = strawberry.field(description="The latest visit of each case.")
    cumulative: VisitTimes = strawberry.field(
        description="All visits of each case together; open while it is in the stage. Visits to come are not foreseen."
    )
    target: StageTarget | None = strawberry.field(
        description="First visits against the target of the stage; null where it has none."
    )
    frame: FigureFrame = strawberry.field(description="What the figure was asked of.")

    @strawberry.field(
        description="First visits against those of the period before; null where the period has no beginning or no end."
    )
    def history(self) -> StageHistory | None:
        """First visits against those of the period before."""
        if self.histories is None:
            return None
        asked = self.histories.question
        before = self.histories.times.get((self.stage, self.figures.segment))
        period = Period(from_=asked.since, to=asked.until)
        return history_type(period, before, *against_history(self.figures, before))

    @strawberry.field(description="The cases of `entered`, newest first.")
    async def instances(self, info: Info, first: First = None, after: After = None) -> ProcessInstanceConnection:
        """The cases that first entered the stage in the period."""
        return await self._cases(info, StageNumber.ENTERED, first, after)

    @strawberry.field(description="The cases of any number of the stage or its target, newest first.")
    async def instances_of(
        self, info: Info, number: Which, first: First = None, after: After = None
    ) -> ProcessInstanceConnection:
        """The cases of any number."""
        return await self._cases(info, number, first, after)

    async def _cases(
        self, info: Info, number: StageNumber, first: int | None, after: str | None
    ) -> ProcessInstanceConnection:
        figures = self.figures
        return await self.drilldown.page(info, figures.stage, (number.value,), figures.segment, first, after)

    figures: strawberry.Private[StageTimes]
    histories: strawberry.Private[Histories | None]
    drilldown: strawberry.Private[Drilldown]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the stage times of one question have in common; `targets` are by stage."""

    language: str
    targets: Mapping[str, str | None]
    frame: FigureFrame
    histories: Histories | None
    drilldown: Drilldown


class StageTimeView(StageTime):
    """Stage times over their figures; what is not asked for is not worked out."""

    def __init__(self, figures: StageTimes, dimension: list[DimensionValue], asked: Asked) -> None:
        self.figures = figures
        self.dimension = dimension
        self.asked = asked
        self.stage = figures.stage
        self.title = figures.titles[asked.language]
        self.frame = asked.frame
        self.histories = asked.histories
        self.drilldown = asked.drilldown

    @property
    def entered(self) -> int:  # type: ignore[override]  # made when asked for
        """Cases that first entered the stage in the period."""
        return self.figures.count("entered")

    @property
    def open(self) -> int:  # type: ignore[override]  # made when asked for
        """Of these, in the stage now."""
        return self.figures.count("open")

    @property
    def reworked(self) -> int:  # type: ignore[override]  # made when asked for
        """Of these, entered it more than once."""
        return self.figures.count("reworked")

    @property
    def first(self) -> VisitTimes:  # type: ignore[override]  # made when asked for
        """The first visit of each case."""
        return VisitTimes(times=self.figures, visit="first")

    @property
    def latest(self) -> VisitTimes:  # type: ignore[override]  # made when asked for
        """The latest visit of each case."""
        return VisitTimes(times=self.figures, visit="latest")

    @property
    def cumulative(self) -> VisitTimes:  # type: ignore[override]  # made when asked for
        """All visits of each case together."""
        return VisitTimes(times=self.figures, visit="cumulative")

    @property
    def target(self) -> StageTarget | None:  # type: ignore[override]  # made when asked for
        """First visits against the target; None for a stage without one."""
        figures = self.figures
        return StageTargetView(figures, self.asked.targets[self.stage]) if figures.has_target else None


def stage_times(
    context: RequestContext,
    figures: StageTimeFigures,
    processes: Processes,
    dimensions: list[Dimension],
    frame: FigureFrame,
    histories: Histories | None,
) -> list[StageTime]:
    """Stage times as the API shows them: by segment, those without a value last, then by stage in the order of the process."""
    targets = {stage: _target(processes, stage) for stage in {times.stage for times in figures.times}}
    drilldown = Drilldown(context, figures.members)
    asked = Asked("ru" if context.language == "ru" else "en", targets, frame, histories, drilldown)
    segments = {times.segment for times in figures.times}
    values = {segment: dimension_values(context, dimensions, segment) for segment in segments}
    order = {segment: by_title(shown) for segment, shown in values.items()}
    ordered = sorted(figures.times, key=lambda times: (order[times.segment], times.place, times.stage))
    return [StageTimeView(times, values[times.segment], asked) for times in ordered]


def _target(processes: Processes, stage: str) -> str | None:
    """The target of a stage in the newest version that has it."""
    having = [process for process in processes.values() if stage in process.definition.stages]
    target = stage_targets(having[-1]).get(stage) if having else None
    return None if target is None else str(target)
