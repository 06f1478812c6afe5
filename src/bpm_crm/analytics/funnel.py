"""The funnel: how many cases reached each step, how many were lost before it, and how long it took (`docs/figures.md`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from itertools import product
from typing import Any

from bpm_crm.analytics.cells.lengths import Rows, Slots
from bpm_crm.analytics.cells.reading import Answers, read_answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.counted_members import CountedMembers, newest_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Version
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import Step, Steps, steps_of
from bpm_crm.records.database import Connection


class FunnelMode(StrEnum):
    """Which of the questions about a funnel is asked."""

    COHORT = "cohort"
    PERIOD = "period"
    SNAPSHOT = "snapshot"


class OrderMode(StrEnum):
    """When a case of a cohort counts as having reached a step."""

    ANY = "any"
    ALL = "all"
    IMPLIED = "implied"


class FunnelUnit(StrEnum):
    """What a funnel counts once."""

    INSTANCE = "instance"
    CUSTOMER = "customer"


_UNITS: Mapping[FunnelUnit, Mapping[str, str]] = {
    FunnelUnit.INSTANCE: {},
    FunnelUnit.CUSTOMER: {"units": "units_of_customers", "touching_cases": "touching_customers"},
}
_COHORTS = {
    (order, unit): report("funnel_cohort", arrivals=f"arrivals_{order.value}", **parts)
    for order in OrderMode
    for unit, parts in _UNITS.items()
}
_PERIODS = {unit: report("funnel_period", arrivals="arrivals_any", **parts) for unit, parts in _UNITS.items()}
_SNAPSHOTS = {unit: report("funnel_snapshot", **parts) for unit, parts in _UNITS.items()}
_NUMBERS = report("funnel_numbers")

Number = tuple[int, str]
"""Of which step, and which number: `reached`, `lost`, `open`, `missed`, `cancelled`, `forced`, `reworked`, `unmapped`, `advanced`, `dropped`.

Of a cohort also `pending` and `failed`: those of `dropped` that are open, and that are not.
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases a number counts; of `reached` also their touches of the step.

    Under the name `seconds`: the p50 and p90 of the seconds from the step before.
    """

    cases: int = 0
    visits: int = 0
    seconds: Sequence[float] | None = None


NOTHING = Counted()


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The figures of one step in one segment; `number` is the place of the step, from 1."""

    number: int
    step: Step
    mode: FunnelMode
    counted: Mapping[Number, Counted]

    def count(self, name: str, step: int | None = None) -> int:
        """The number of that name at this step, or at another one."""
        return self.counted.get((self.number if step is None else step, name), NOTHING).cases

    @property
    def entered(self) -> int:
        """The cases the row is about: of a cohort all of them, else those counted as having reached the step."""
        if self.mode is not FunnelMode.COHORT:
            return self.count("reached")
        return sum(self.count(name) for name in ("reached", "lost", "open", "missed"))

    @property
    def visits(self) -> int:
        """Touches of the step by the cases that reached it, re-entries included."""
        return self.counted.get((self.number, "reached"), NOTHING).visits

    @property
    def base(self) -> int | None:
        """The cases that reached the step before; None at the first step and in a snapshot."""
        if self.number == 1 or self.mode is FunnelMode.SNAPSHOT:
            return None
        return self.count("reached", self.number - 1)

    @property
    def step_conversion(self) -> Fraction | None:
        """Step to step before; None without a denominator."""
        return _share(self.count("advanced"), self.base)

    @property
    def overall_conversion(self) -> Fraction | None:
        """Step to first step; None without a denominator."""
        match self.mode:
            case FunnelMode.COHORT:
                return _share(self.count("reached"), self.entered)
            case FunnelMode.PERIOD:
                return _share(self.count("reached"), self.count("reached", 1))
            case FunnelMode.SNAPSHOT:
                return None

    @property
    def bounds(self) -> tuple[Fraction | None, Fraction | None]:
        """Of a cohort: the overall conversion if none of the open cases reached the step, and if all did."""
        if self.mode is not FunnelMode.COHORT:
            return None, None
        reached, still = self.count("reached"), self.count("open")
        return _share(reached, self.entered), _share(reached + still, self.entered)

    @property
    def loss(self) -> int:
        """The step before less this one; in a snapshot the cases that ended here without success."""
        if self.mode is FunnelMode.SNAPSHOT:
            return self.count("lost")
        return 0 if self.base is None else self.base - self.count("advanced")

    @property
    def loss_rate(self) -> Fraction | None:
        """The loss as a share of the step before; in a snapshot of those that stood here."""
        return _share(self.loss, self.count("reached") if self.mode is FunnelMode.SNAPSHOT else self.base)

    @property
    def seconds(self) -> Sequence[float] | None:
        """The median and the 90th percentile of the seconds from the step before, over cases that reached both."""
        return self.counted.get((self.number, "seconds"), NOTHING).seconds


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """A funnel of one segment; None: of all cases."""

    segment: Segment | None
    steps: tuple[StepFigures, ...]

    @property
    def entered(self) -> int:
        """Of a cohort its size; of a period the entries into the first step; of a snapshot all cases that stand at a step."""
        if not self.steps:
            return 0
        if self.steps[0].mode is FunnelMode.SNAPSHOT:
            return sum(step.entered for step in self.steps)
        return self.steps[0].entered

    @property
    def greatest_loss_by_count(self) -> str | None:
        """The key of the step before which most cases were lost, the first among equals; None without losses."""
        return self._greatest({step.step.checkpoint: Fraction(step.loss) for step in self.steps})

    @property
    def greatest_loss_by_rate(self) -> str | None:
        """The key of the step before which the largest share was lost, the first among equals; None without losses."""
        return self._greatest({step.step.checkpoint: step.loss_rate or Fraction(0) for step in self.steps})

    @staticmethod
    def _greatest(losses: Mapping[str, Fraction]) -> str | None:
        greatest = max(losses, key=lambda key: losses[key], default=None)
        return None if greatest is None or losses[greatest] <= 0 else greatest


@dataclass(frozen=True, slots=True)
class FunnelFigures:
    """A funnel in total and by segment, what it was asked of, and the way to its cases."""

    frame: Frame
    steps: Steps
    total: SegmentFigures
    segments: tuple[SegmentFigures, ...]
    members: Members = field(repr=False)


async def read_funnel(
    connection: Connection,
    frame: Frame,
    question: Question,
    *,
    mode: FunnelMode = FunnelMode.COHORT,
    order_mode: OrderMode = OrderMode.ANY,
    window: timedelta | None = None,
    unit: FunnelUnit = FunnelUnit.INSTANCE,
) -> FunnelFigures:
    """The funnel over the versions of a frame: from cells where they answer it, else in one statement over history.

    Of a cohort, `order_mode` says what reaching a step takes, and `window` how long after step 1 it may happen. A customer is listed
    as the case that is counted for them: the one that came first.
    """
    steps = steps_of(frame.versions)
    values = {**question.values(frame), **_values(steps, mode, order_mode, window)}
    reports = {
        FunnelMode.COHORT: _COHORTS[order_mode, unit],
        FunnelMode.PERIOD: _PERIODS[unit],
        FunnelMode.SNAPSHOT: _SNAPSHOTS[unit],
    }
    members = Members(reports[mode], question, values, SPANS)
    is_any = mode is FunnelMode.PERIOD or order_mode is OrderMode.ANY
    kept = KEPT_FUNNELS.get(mode) if is_any and window is None and unit is FunnelUnit.INSTANCE else None
    answers = None if kept is None else await read_answers(connection, kept, frame, question)
    if answers is None:
        by_segment = await _counted(connection, members)
    else:
        by_segment = _answered(answers)
        members = _counted_members(mode, members, by_segment)
    figures = {segment: _segment(segment, steps, mode, counted) for segment, counted in by_segment.items()}
    total = figures.pop(None)
    segments = tuple(figures.values()) if question.grouping.dimensions else (total,)
    return FunnelFigures(frame, steps, total, segments, members)


def _counted_members(
    mode: FunnelMode, members: Members, by_segment: Mapping[Segment | None, Mapping[Number, Counted]]
) -> Members:
    counted = {
        segment: {(str(step), name): item.cases for (step, name), item in numbers.items()}
        for segment, numbers in by_segment.items()
    }
    return CountedMembers(
        members.report,
        members.question,
        members.values,
        SPANS,
        of_given=_OF_GIVEN[mode],
        candidates=_NEWEST,
        counted=counted,
    )


async def _counted(connection: Connection, members: Members) -> dict[Segment | None, dict[Number, Counted]]:
    """The numbers by segment and (None) of all cases, from history."""
    found = members.statement(_NUMBERS)
    by_segment: dict[Segment | None, dict[Number, Counted]] = {None: {}}
    for row in await connection.fetch(found.text, *found.values):
        segment = None if row["segment"] is None else tuple(row["segment"])
        counted = Counted(row["cases"], row["visits"], row["seconds"])
        by_segment.setdefault(segment, {})[row["step"], row["number"]] = counted
    return by_segment


def _answered(answers: Answers) -> dict[Segment | None, dict[Number, Counted]]:
    """The same from cells."""
    found: dict[Segment | None, dict[Number, Counted]] = {None: _numbers(_summed(answers.grouped.numbers))}
    found.update((segment, _numbers(numbers)) for segment, numbers in answers.by_segment)
    steps = range(1, len(answers.sheet.checkpoints) + 1)
    rows = Rows({step: step - 1 for step in steps}, len(steps))
    both: Sequence[tuple[Sequence[Segment | None], Slots]] = (
        ([None], answers.slots(is_whole=True)),
        (answers.grouped.segments, answers.slots()),
    )
    for segments, slots in both:
        lengths = slots.rows(rows)
        percentiles = (lengths.percentiles(share).tolist() for share in (0.5, 0.9))
        places = zip(product(segments, steps), lengths.totals.tolist(), *percentiles, strict=True)
        for (segment, step), size, *seconds in places:
            if size:
                found[segment][step, "seconds"] = Counted(seconds=seconds)
    return found


def _summed(some: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    numbers: Counter[str] = Counter()
    for each in some:
        numbers.update(each)
    return numbers


def _numbers(numbers: Mapping[str, int]) -> dict[Number, Counted]:
    found: dict[Number, Counted] = {}
    for name, amount in numbers.items():
        step, _, number = name.partition(" ")
        if number != "visits" and amount:
            visits = numbers.get(f"{step} visits", 0) if number == "reached" else 0
            found[int(step), number] = Counted(amount, visits)
    return found


def _segment(
    segment: Segment | None, steps: Steps, mode: FunnelMode, counted: Mapping[Number, Counted]
) -> SegmentFigures:
    rows = (StepFigures(number, step, mode, counted) for number, step in enumerate(steps.steps, 1))
    return SegmentFigures(segment, tuple(rows))


def _values(steps: Steps, mode: FunnelMode, order_mode: OrderMode, window: timedelta | None) -> dict[str, Any]:
    at_first = mode is FunnelMode.COHORT and order_mode is not OrderMode.IMPLIED
    return {
        **steps.values(),
        "entrances": steps.checkpoints[:1] if at_first else steps.checkpoints,
        "window": window,
    }


def _share(part: int, whole: int | None) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _layout(versions: Sequence[Version]) -> Layout | None:
    steps = steps_of(versions)
    return (tuple(steps.checkpoints), tuple(sorted(steps.definitions))) if steps.steps else None


async def _cohort_values(asked: Evaluation) -> Mapping[str, Any]:
    return _kept_values(asked, FunnelMode.COHORT)


async def _period_values(asked: Evaluation) -> Mapping[str, Any]:
    return _kept_values(asked, FunnelMode.PERIOD)


def _kept_values(asked: Evaluation, mode: FunnelMode) -> Mapping[str, Any]:
    steps = Steps(tuple(Step(key, {}) for key in asked.checkpoints), asked.frame.versions)
    return _values(steps, mode, OrderMode.ANY, None)


_GIVEN = {"arrivals": "arrivals_any", "touching_cases": "given_cases"}
_OF_GIVEN = {
    FunnelMode.COHORT: report("funnel_cohort", **_GIVEN),
    FunnelMode.PERIOD: report("funnel_period", **_GIVEN),
}
_NEWEST = newest_of("touching_cases")
_CONTRIBUTED = report("funnel_contributed")
KEPT_COHORT = Kept("funnel_cohort", (_OF_GIVEN[FunnelMode.COHORT] + _CONTRIBUTED,), _layout, _cohort_values)
KEPT_PERIOD = Kept("funnel_period", (_OF_GIVEN[FunnelMode.PERIOD] + _CONTRIBUTED,), _layout, _period_values)
KEPT_FUNNELS = {FunnelMode.COHORT: KEPT_COHORT, FunnelMode.PERIOD: KEPT_PERIOD}
"""Cohorts in the order mode `ANY` without a window, and periods, are kept."""
