"""Figures of checkpoints: how many cases reached each, after how long, and whether its clocks were met (`docs/figures.md`)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.checkpoint_steps import checkpoint_values, checkpoints_of
from bpm_crm.analytics.counted_members import CountedMembers, newest_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Titles
from bpm_crm.analytics.kept_checkpoints import CHECKPOINTS_OF_GIVEN, KEPT_CHECKPOINTS, Cells, checkpoint_rows
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import step_titles
from bpm_crm.analytics.target_reach import targets_set_since
from bpm_crm.records.database import Connection

_REPORT = report("checkpoints", arrivals="arrivals_any")
_NUMBERS = report("checkpoint_numbers")
_NEWEST = newest_of("starting_cases", "starting")


@dataclass(frozen=True, slots=True)
class Attainment:
    """Verdicts over the clock cycles due in the period. `overdue` are those of the breached that are still open.

    `worked` (p50, p90) are the business seconds of the judged, those overdue censored at their target (Kaplan-Meier).
    """

    met: int = 0
    breached: int = 0
    overdue: int = 0
    not_yet_due: int = 0
    cancelled: int = 0
    worked: tuple[float | None, float | None] = (None, None)

    @property
    def rate(self) -> Fraction | None:
        """Met of met and breached; None when none was due."""
        judged = self.met + self.breached
        return Fraction(self.met, judged) if judged else None


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """A checkpoint in one segment. Seconds run from the start of the case.

    `mean` and `seconds` (p50, p90) are over the cases that reached it, `worked` (p50, p90) are business seconds over those that did by
    a move; `expected` (p50, p90) counts those that did not reach it as censored at their end or at `as_of` (Kaplan-Meier), None where
    so many had not.
    """

    number: int
    checkpoint: str
    titles: Titles
    segment: Segment
    started: int
    reached: int
    actions: int
    mean: float | None
    seconds: Sequence[float] | None
    worked: Sequence[float] | None
    expected: tuple[float | None, float | None]
    attainment: Attainment

    @property
    def rate(self) -> Fraction | None:
        """Reached of started; None without cases."""
        return Fraction(self.reached, self.started) if self.started else None


@dataclass(frozen=True, slots=True)
class CheckpointReport:
    """The figures by segment and checkpoint, what they were asked of, and the way to their cases."""

    frame: Frame
    figures: tuple[CheckpointFigures, ...]
    members: Members = field(repr=False)


async def read_checkpoints(connection: Connection, frame: Frame, question: Question) -> CheckpointReport:
    """The checkpoints of one process over the cases begun in `[since, until)`, and its clocks due then: from cells or over history."""
    checkpoints = checkpoints_of(frame.versions)
    values = {
        **question.values(frame),
        **checkpoint_values(frame.versions, checkpoints),
        "due_since": await targets_set_since(connection, question, frame.versions),
    }
    members = Members(_REPORT, question, values, SPANS)
    answers = await read_answers(connection, KEPT_CHECKPOINTS, frame, question)
    if answers is None:
        rows = await _counted(connection, members)
    else:
        rows = checkpoint_rows(answers)
        members = _counted_members(members, rows)
    segments = {segment: None for segment, _ in rows} if question.grouping.dimensions else {(): None}
    figures = [
        _figures(number, checkpoint, frame, segment, rows.get((segment, number), {}))
        for segment in segments
        for number, checkpoint in enumerate(checkpoints, 1)
    ]
    return CheckpointReport(frame, tuple(figures), members)


def _counted_members(members: Members, rows: Cells) -> Members:
    counted: dict[Segment | None, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for (segment, step), row in rows.items():
        reached = {"started": row["started"], "reached": row["reached"], "unreached": row["started"] - row["reached"]}
        for wanted, (number, cases) in product((segment, None), reached.items()):
            counted[wanted][str(step), number] += cases
    return CountedMembers(
        members.report,
        members.question,
        members.values,
        members.matches,
        of_given=CHECKPOINTS_OF_GIVEN,
        candidates=_NEWEST,
        counted=counted,
    )


async def _counted(connection: Connection, members: Members) -> Cells:
    """The rows by segment and number of the checkpoint, from history."""
    found = members.statement(_NUMBERS)
    return {(tuple(row["segment"]), row["step"]): row for row in await connection.fetch(found.text, *found.values)}


def _figures(number: int, checkpoint: str, frame: Frame, segment: Segment, row: Any) -> CheckpointFigures:
    return CheckpointFigures(
        number=number,
        checkpoint=checkpoint,
        titles=step_titles(frame.versions, checkpoint),
        segment=segment,
        started=row.get("started") or 0,
        reached=row.get("reached") or 0,
        actions=row.get("actions") or 0,
        mean=row.get("mean"),
        seconds=_known(row.get("seconds")),
        worked=_known(row.get("worked")),
        expected=(row.get("median"), row.get("p90")),
        attainment=_attainment(row),
    )


def _attainment(row: Any) -> Attainment:
    counts = {name: row.get(name) or 0 for name in ("met", "breached", "overdue", "not_yet_due", "cancelled")}
    return Attainment(worked=(row.get("clock_median"), row.get("clock_p90")), **counts)


def _known(percentiles: Sequence[float | None] | None) -> Sequence[float] | None:
    """Percentiles, unless they are of nothing."""
    return [value for value in percentiles or () if value is not None] or None
