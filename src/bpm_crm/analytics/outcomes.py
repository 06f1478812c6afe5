"""Stage outcomes: of the cases that entered a step in a period, how many went on, skipped ahead, went back, ended, or are still there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import Step, Steps, steps_of
from bpm_crm.records.database import Connection

_REPORT = report("stage_outcomes")
_NUMBERS = report("stage_outcome_numbers")


@dataclass(frozen=True, slots=True)
class StageOutcomes:
    """What became of the cases that entered a step in one segment: `counts` by number, `visits` entries by these cases.

    The numbers are `entered`, one for each fate, of which every case has one (`next`, `skipped`, `back`, `lost`, `won`, `open`), `cancelled`
    (of the lost) and `reworked` (entered more than once).
    """

    number: int
    step: Step
    segment: Segment
    counts: Mapping[str, int]
    visits: int

    def count(self, name: str) -> int:
        """The number of that name."""
        return self.counts.get(name, 0)

    def share(self, name: str) -> Fraction | None:
        """The number of that name as a share of those that entered; None without any."""
        entered = self.count("entered")
        return Fraction(self.count(name), entered) if entered else None


@dataclass(frozen=True, slots=True)
class OutcomeFigures:
    """Outcomes by segment and step, what they were asked of, and the way to their cases."""

    frame: Frame
    steps: Steps
    outcomes: tuple[StageOutcomes, ...]
    members: Members = field(repr=False)


async def read_outcomes(connection: Connection, frame: Frame, question: Question) -> OutcomeFigures:
    """The outcomes of the steps entered in the period `[since, until)`, in one statement."""
    steps = steps_of(frame.versions)
    members = Members(_REPORT, question, _values(frame, question, steps), SPANS)
    found = members.statement(_NUMBERS)
    counts: dict[Segment, dict[int, dict[str, int]]] = {} if question.grouping.dimensions else {(): {}}
    visits: dict[tuple[Segment, int], int] = {}
    for row in await connection.fetch(found.text, *found.values):
        segment = tuple(row["segment"])
        counts.setdefault(segment, {}).setdefault(row["step"], {})[row["number"]] = row["cases"]
        if row["number"] == "entered":
            visits[segment, row["step"]] = row["visits"]
    outcomes = (
        StageOutcomes(number, step, segment, by_step.get(number, {}), visits.get((segment, number), 0))
        for segment, by_step in counts.items()
        for number, step in enumerate(steps.steps, 1)
    )
    return OutcomeFigures(frame, steps, tuple(outcomes), members)


def _values(frame: Frame, question: Question, steps: Steps) -> dict[str, Any]:
    return {**question.values(frame), **steps.values(), "entrances": steps.checkpoints}
