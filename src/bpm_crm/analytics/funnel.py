"""The funnel: how many cases reached each step, how many were lost before it, and how long it took (`docs/figures.md`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.funnel_figures import (
    Counted,
    FunnelMode,
    FunnelUnit,
    Number,
    OrderMode,
    SegmentFigures,
    StepFigures,
)
from bpm_crm.analytics.kept_funnels import KEPT_FUNNELS, counted_members, funnel_answers, funnel_values
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import Steps, steps_of
from bpm_crm.records.database import Connection

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
    values = {**question.values(frame), **funnel_values(steps, mode, order_mode, window)}
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
        by_segment = funnel_answers(answers)
        members = counted_members(mode, members, by_segment)
    figures = {segment: _segment(segment, steps, mode, counted) for segment, counted in by_segment.items()}
    total = figures.pop(None)
    segments = tuple(figures.values()) if question.grouping.dimensions else (total,)
    return FunnelFigures(frame, steps, total, segments, members)


async def _counted(connection: Connection, members: Members) -> dict[Segment | None, dict[Number, Counted]]:
    """The numbers by segment and (None) of all cases, from history."""
    found = members.statement(_NUMBERS)
    by_segment: dict[Segment | None, dict[Number, Counted]] = {None: {}}
    for row in await connection.fetch(found.text, *found.values):
        segment = None if row["segment"] is None else tuple(row["segment"])
        counted = Counted(row["cases"], row["visits"], row["seconds"])
        by_segment.setdefault(segment, {})[row["step"], row["number"]] = counted
    return by_segment


def _segment(
    segment: Segment | None, steps: Steps, mode: FunnelMode, counted: Mapping[Number, Counted]
) -> SegmentFigures:
    rows = (StepFigures(number, step, mode, counted) for number, step in enumerate(steps.steps, 1))
    return SegmentFigures(segment, tuple(rows))
