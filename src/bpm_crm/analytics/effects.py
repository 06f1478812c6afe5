"""The measured effect of a corrective action: what changed in the weeks after its start, and whether that may be chance.

Three methods. BEFORE_AFTER: a step of the level against a steady drift, beside an XmR chart. INTERRUPTED_SERIES: segmented regression,
in which the drift may change as well. COMPARISON: a step in the difference to a segment without the action (difference in differences),
so that what befell both is no effect. Without an effect, each says that there is one in at most 5 % of series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from bpm_crm.analytics.autocorrelation import Estimate, estimate
from bpm_crm.analytics.behaviour_charts import Chart, Signal, chart
from bpm_crm.analytics.interruptions import Design, Model


class Method(StrEnum):
    """How an effect is measured."""

    BEFORE_AFTER = "before_after"
    INTERRUPTED_SERIES = "interrupted_series"
    COMPARISON = "comparison"


class Verdict(StrEnum):
    """What a measurement says. No evidence is not evidence of no effect: the interval says what is still possible."""

    EVIDENCE_FOR_IMPROVEMENT = "evidence_for_improvement"
    EVIDENCE_FOR_DETERIORATION = "evidence_for_deterioration"
    NO_EVIDENCE = "no_evidence"
    NOT_ENOUGH_DATA = "not_enough_data"


FEWEST: Mapping[Method, tuple[int, int]] = {
    Method.BEFORE_AFTER: (12, 6),
    Method.INTERRUPTED_SERIES: (20, 8),
    Method.COMPARISON: (12, 6),
}
"""The fewest points before and after the start. With fewer, almost nothing is told from chance."""

_MODELS = {
    Method.BEFORE_AFTER: Model.LEVEL,
    Method.INTERRUPTED_SERIES: Model.LEVEL_AND_SLOPE,
    Method.COMPARISON: Model.LEVEL,
}

Series = Mapping[int, float]
"""Values by week: 0 is the first after the start. Weeks without cases are missing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A measured effect, in the unit of the KPI, over `before` and `after` points.

    `estimate`, `chart` and `signals` (of all points, in their order) are None where there are too few points. In a COMPARISON they are
    about the difference of the two segments.
    """

    method: Method
    verdict: Verdict
    before: int
    after: int
    mean_before: float | None
    mean_after: float | None
    estimate: Estimate | None = None
    chart: Chart | None = None
    signals: Mapping[int, frozenset[Signal]] | None = None


def measured(
    method: Method,
    series: Series,
    *,
    higher_is_better: bool,
    comparison: Series | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Effect:
    """The effect in a series, for a COMPARISON in its difference to that of the other segment; the KPI lies in [`least`, `most`]."""
    if (method is Method.COMPARISON) is (comparison is None):
        raise ValueError("a COMPARISON, and only that, has a segment to compare with")
    if comparison is not None:
        series = {week: value - comparison[week] for week, value in series.items() if week in comparison}
        least = most = None
    weeks = sorted(series)
    before, after = [series[week] for week in weeks if week < 0], [series[week] for week in weeks if week >= 0]
    means = _mean(before), _mean(after)
    if len(before) < FEWEST[method][0] or len(after) < FEWEST[method][1]:
        return Effect(method, Verdict.NOT_ENOUGH_DATA, len(before), len(after), *means)
    found = estimate([*before, *after], Design(tuple(weeks), _MODELS[method]))
    limits = chart(before, least, most)
    signals = dict(zip(weeks, limits.signals([*before, *after]), strict=True))
    verdict = _verdict(found, higher_is_better)
    return Effect(method, verdict, len(before), len(after), *means, found, limits, signals)


def _verdict(found: Estimate, higher_is_better: bool) -> Verdict:
    """Evidence only where the whole interval lies on one side of nothing."""
    if found.low <= 0 <= found.high:
        return Verdict.NO_EVIDENCE
    better = (found.low > 0) is higher_is_better
    return Verdict.EVIDENCE_FOR_IMPROVEMENT if better else Verdict.EVIDENCE_FOR_DETERIORATION


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
