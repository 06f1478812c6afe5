"""Stage times: how long cases stayed in each stage, those still there not forgotten, and which stages are slow (`docs/figures.md`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from bpm_crm.analytics.calendars import Processes, calendar_values, paused_microseconds
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Frame, Question, Titles, titles_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.stage_clocks import stage_clocks
from bpm_crm.analytics.statements import report
from bpm_crm.engine.process import Process
from bpm_crm.records.database import Connection, Row

_REPORT = report("stage_times")
_NUMBERS = report("stage_time_numbers")
_OPEN = report("stage_open")

VISITS = ("first", "latest", "cumulative")
"""Which visits of a stage by one case are measured."""
UNITS = ("calendar", "business", "active")
"""In which time; active is business time without pauses."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A length in seconds after which some share of the visits has ended, with its 95 % interval; None: not seen."""

    seconds: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """How long visits lasted: Kaplan-Meier over all `cases`, of which `open` were seen as long as they had lasted by `as_of`.

    `mean` is over the completed ones only, and so too low while some are open; None without any.
    """

    cases: int = 0
    open: int = 0
    mean: float | None = None
    median: Quantile = Quantile()
    p90: Quantile = Quantile()


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
    counts: Mapping[str, int]
    stays: Mapping[tuple[str, str], Stay]

    def count(self, name: str) -> int:
        """The number of that name."""
        return self.counts.get(name, 0)

    @property
    def late_share(self) -> Fraction | None:
        """The late among the first visits whose target has passed; None without any."""
        judged = self.count("within") + self.count("late")
        return Fraction(self.count("late"), judged) if judged else None


@dataclass(frozen=True, slots=True)
class StageTimeFigures:
    """Stage times by segment and stage, what they were asked of, and the way to their cases."""

    frame: Frame
    question: Question
    times: tuple[StageTimes, ...]
    members: Members = field(repr=False)


async def read_stage_times(
    connection: Connection, frame: Frame, question: Question, processes: Processes
) -> StageTimeFigures:
    """The times of the stages that cases first entered in `[since, until)`; `processes` are the versions of the frame."""
    values = {
        **question.values(frame),
        "definitions": frame.definitions,
        "held_instances": [],
        "held_paused": [],
        **await calendar_values(connection, frame, question, processes),
        **_clock_values(processes),
        **_pause_values(processes),
    }
    members = Members(_REPORT, question, values)
    members = replace(members, values={**values, **await _held(connection, frame, question, processes, members)})
    found = members.statement(_NUMBERS)
    rows: dict[tuple[Segment, str], list[Row]] = {}
    for row in await connection.fetch(found.text, *found.values):
        rows.setdefault((tuple(row["segment"]), row["stage"]), []).append(row)
    times = (_times(frame, processes, *cell, some) for cell, some in rows.items())
    ordered = sorted(times, key=lambda item: (item.place, item.stage))
    return StageTimeFigures(frame, question, tuple(ordered), members)


def previous(question: Question) -> Question | None:
    """The same question of the period of the same length just before; None where the period is open."""
    if question.since == FIRST_INSTANT or question.until == LAST_INSTANT:
        return None
    length = question.until - question.since
    return replace(question, since=question.since - length, until=question.since)


def _times(frame: Frame, processes: Processes, segment: Segment, stage: str, rows: list[Row]) -> StageTimes:
    orders = [
        process.definition.stages[stage].order for process in processes.values() if stage in process.definition.stages
    ]
    stays = {tuple(row["measure"].split("/")): _stay(row) for row in rows}
    titles = titles_of((version.stages for version in frame.versions), stage)
    return StageTimes(stage, titles, min(orders, default=0), segment, rows[0]["counts"], stays)


def _stay(row: Row) -> Stay:
    median, p90 = (Quantile(row[name], row[f"{name}_from"], row[f"{name}_to"]) for name in ("median", "p90"))
    return Stay(row["cases"], row["open"], row["mean"], median, p90)


async def _held(
    connection: Connection, frame: Frame, question: Question, processes: Processes, members: Members
) -> dict[str, Any]:
    """How long open visits were paused, where more than the stage decides on that."""
    wanted = [key for key, process in processes.items() if _has_conditional_pauses(process)]
    if not wanted:
        return {}
    definitions, versions = [key[0] for key in wanted], [key[1] for key in wanted]
    found = members.statement(_OPEN, wanted_definitions=definitions, wanted_versions=versions)
    instances = [row["instance_id"] for row in await connection.fetch(found.text, *found.values)]
    paused = await paused_microseconds(connection, frame, question, processes, instances)
    return {"held_instances": list(paused), "held_paused": list(paused.values())}


def _has_conditional_pauses(process: Process) -> bool:
    return len(process.stage_bound_pauses) < len(process.definition.pauses)


def _clock_values(processes: Processes) -> dict[str, Any]:
    bound = [
        (definition_id, number, policy, stage)
        for (definition_id, number), process in processes.items()
        for stage, policy in stage_clocks(process.definition).items()
    ]
    definitions, versions, policies, stages = ([item[place] for item in bound] for place in range(4))
    return {
        "bound_definitions": definitions,
        "bound_versions": versions,
        "bound_policies": policies,
        "bound_stages": stages,
    }


def _pause_values(processes: Processes) -> dict[str, Any]:
    """The stages that pause every case in them, of versions in which nothing else pauses."""
    paused = [
        (definition_id, number, stage)
        for (definition_id, number), process in processes.items()
        if not _has_conditional_pauses(process)
        for stage, reasons in process.holding.items()
        if reasons
    ]
    definitions, versions, stages = ([item[place] for item in paused] for place in range(3))
    return {"paused_definitions": definitions, "paused_versions": versions, "paused_stages": stages}
