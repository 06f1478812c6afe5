"""Stage times: how long cases stayed in each stage, those still there not forgotten, and which stages are slow (`docs/figures.md`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from bpm_crm.analytics.calendars import Processes
from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.counted_members import CountedMembers, UnitCounts, newest_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Titles, titles_of
from bpm_crm.analytics.kept_stage_times import KEPT_STAGE_TIMES, STAGE_TIMES_OF_GIVEN, stage_stays
from bpm_crm.analytics.members import Listed, Members, Wanted
from bpm_crm.analytics.stage_values import held_values, paused_by_conditions, stage_values
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.stays import Counts, Quantile, Stay, Stays
from bpm_crm.records.database import Connection

_REPORT = report("stage_times")
_NUMBERS = report("stage_time_numbers")
_OPEN = report("stage_open")
_NEWEST = newest_of("entering_cases")


@dataclass(frozen=True, slots=True)
class StageTimes:
    """The cases that first entered a stage in the period, in one segment: `counts` by number, `stays` by (visit, unit).

    The numbers are `entered`, `open` (in the stage now), `reworked` (more than one visit), and the verdicts on the first visit against
    the target of the stage: `within`, `late`, `not_yet_due`, `untargeted`.
    """

    stage: str
    titles: Titles
    place: int
    segment: Segment
    counts: Counts
    stays: Stays

    def count(self, name: str) -> int:
        """The number of that name."""
        return self.counts.get(name, 0)

    @property
    def has_target(self) -> bool:
        """Whether any of the visits could be judged."""
        return self.count("untargeted") != self.count("entered")

    @property
    def late_share(self) -> Fraction | None:
        """The late among the first visits whose target has passed; None without any."""
        judged = self.count("within") + self.count("late")
        return Fraction(self.count("late"), judged) if judged else None


@dataclass(frozen=True, slots=True)
class StageMembers:
    """The way to the cases of stage times; what its statement is asked with is read when it is needed."""

    frame: Frame
    question: Question
    processes: Processes
    counted: Mapping[Segment | None, UnitCounts] | None = None

    async def members(self, connection: Connection) -> Members:
        """The report, ready to be asked."""
        asked = (connection, self.frame, self.question, self.processes)
        values = await stage_values(*asked)
        members = Members(_REPORT, self.question, values)
        wanted = paused_by_conditions(self.processes)
        if not wanted:
            return members
        definitions, versions = [key[0] for key in wanted], [key[1] for key in wanted]
        found = members.statement(_OPEN, wanted_definitions=definitions, wanted_versions=versions)
        instances = [row["instance_id"] for row in await connection.fetch(found.text, *found.values)]
        return replace(members, values={**values, **await held_values(*asked, instances)})

    async def listed(self, connection: Connection, wanted: Sequence[Wanted]) -> list[Listed]:
        """The cases behind several numbers, in the order in which they are wanted."""
        members = await self.members(connection)
        if self.counted is not None:
            asked = members.report, members.question, members.values
            members = CountedMembers(*asked, of_given=STAGE_TIMES_OF_GIVEN, candidates=_NEWEST, counted=self.counted)
        return await members.listed(connection, wanted)


@dataclass(frozen=True, slots=True)
class StageTimeFigures:
    """Stage times by segment and stage, what they were asked of, and the way to their cases."""

    frame: Frame
    question: Question
    times: tuple[StageTimes, ...]
    members: StageMembers = field(repr=False)


async def read_stage_times(
    connection: Connection, frame: Frame, question: Question, processes: Processes
) -> StageTimeFigures:
    """The times of the stages that cases first entered in `[since, until)`, from cells or over history.

    `processes` are the versions of the frame.
    """
    members = StageMembers(frame, question, processes)
    answers = await read_answers(connection, KEPT_STAGE_TIMES, frame, question, processes)
    rows: Mapping[tuple[Segment, str], tuple[Counts, Stays]]
    if answers is None:
        rows = await _counted(connection, members)
    else:
        rows = stage_stays(answers)
        members = replace(members, counted=_by_segment(rows))
    known = {stage: _told(frame, processes, stage) for stage in {stage for _, stage in rows}}
    times = (StageTimes(stage, *known[stage], segment, *some) for (segment, stage), some in rows.items())
    ordered = sorted(times, key=lambda item: (item.place, item.stage))
    return StageTimeFigures(frame, question, tuple(ordered), members)


def _by_segment(rows: Mapping[tuple[Segment, str], tuple[Counts, Stays]]) -> dict[Segment | None, UnitCounts]:
    """How many cases each number of each stage counts."""
    found: dict[Segment | None, dict[tuple[str, str], int]] = {}
    for (segment, stage), (counts, _) in rows.items():
        found.setdefault(segment, {}).update({(stage, name): cases for name, cases in counts.items()})
    return {**found}


async def _counted(
    connection: Connection, members: StageMembers
) -> dict[tuple[Segment, str], tuple[Counts, dict[tuple[str, str], Stay]]]:
    """The numbers and stays by segment and stage, from history."""
    found = (await members.members(connection)).statement(_NUMBERS)
    rows: dict[tuple[Segment, str], tuple[Counts, dict[tuple[str, str], Stay]]] = {}
    for row in await connection.fetch(found.text, *found.values):
        visit, unit = row["measure"].split("/")
        _, stays = rows.setdefault((tuple(row["segment"]), row["stage"]), (row["counts"], {}))
        stays[visit, unit] = _stay(row)
    return rows


def _told(frame: Frame, processes: Processes, stage: str) -> tuple[Titles, int]:
    """What a stage is called, and its place among others."""
    orders = [
        process.definition.stages[stage].order for process in processes.values() if stage in process.definition.stages
    ]
    return titles_of((version.stages for version in frame.versions), stage), min(orders, default=0)


def _stay(row: Mapping[str, Any]) -> Stay:
    median, p90 = (Quantile(row[name], row[f"{name}_from"], row[f"{name}_to"]) for name in ("median", "p90"))
    return Stay(row["cases"], row["open"], row["mean"], median, p90)
