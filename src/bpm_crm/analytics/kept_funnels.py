"""Funnels as cells keep them: cohorts in the order mode `ANY` without a window, and periods."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

from bpm_crm.analytics.cells.lengths import Rows, Slots
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.counted_members import CountedMembers, newest_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.funnel_figures import Counted, FunnelMode, Number, OrderMode
from bpm_crm.analytics.members import SPANS, Members
from bpm_crm.analytics.statements import report
from bpm_crm.analytics.steps import Step, Steps, steps_of


def funnel_values(steps: Steps, mode: FunnelMode, order_mode: OrderMode, window: timedelta | None) -> dict[str, Any]:
    """The named values that funnels take besides those of every report."""
    at_first = mode is FunnelMode.COHORT and order_mode is not OrderMode.IMPLIED
    return {
        **steps.values(),
        "entrances": steps.checkpoints[:1] if at_first else steps.checkpoints,
        "window": window,
    }


def funnel_answers(answers: Answers) -> dict[Segment | None, dict[Number, Counted]]:
    """The numbers by segment and (None) of all cases, from cells."""
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


def counted_members(
    mode: FunnelMode, members: Members, by_segment: Mapping[Segment | None, Mapping[Number, Counted]]
) -> Members:
    """Members of a funnel whose numbers are these."""
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


def _layout(versions: Sequence[Version]) -> Layout | None:
    steps = steps_of(versions)
    return (tuple(steps.checkpoints), tuple(sorted(steps.definitions))) if steps.steps else None


async def _cohort_values(asked: Evaluation) -> Mapping[str, Any]:
    return _kept_values(asked, FunnelMode.COHORT)


async def _period_values(asked: Evaluation) -> Mapping[str, Any]:
    return _kept_values(asked, FunnelMode.PERIOD)


def _kept_values(asked: Evaluation, mode: FunnelMode) -> Mapping[str, Any]:
    steps = Steps(tuple(Step(key, {}) for key in asked.checkpoints), asked.frame.versions)
    return funnel_values(steps, mode, OrderMode.ANY, None)


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
