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
from bpm_crm.analytics.behaviour_charts import Chart, ChartSignal, chart
from bpm_crm.analytics.interruptions import Design, Model


class EffectMethod(StrEnum):
    """How an effect is measured."""

    BEFORE_AFTER = "before_after"
    INTERRUPTED_SERIES = "interrupted_series"
    COMPARISON = "comparison"


class EffectVerdict(StrEnum):
    """What a measurement says. No evidence is not evidence of no effect: the interval says what is still possible."""

    EVIDENCE_FOR_IMPROVEMENT = "evidence_for_improvement"
    EVIDENCE_FOR_DETERIORATION = "evidence_for_deterioration"
    NO_EVIDENCE = "no_evidence"
    NOT_ENOUGH_DATA = "not_enough_data"


FEWEST: Mapping[EffectMethod, tuple[int, int]] = {
    EffectMethod.BEFORE_AFTER: (12, 6),
    EffectMethod.INTERRUPTED_SERIES: (20, 8),
    EffectMethod.COMPARISON: (12, 6),
}
"""The fewest points before and after the start. With fewer, almost nothing is told from chance."""

_MODELS = {
    EffectMethod.BEFORE_AFTER: Model.LEVEL,
    EffectMethod.INTERRUPTED_SERIES: Model.LEVEL_AND_SLOPE,
    EffectMethod.COMPARISON: Model.LEVEL,
}

Series = Mapping[int, float]
"""Values by week: 0 is the first after the start. Weeks without cases are missing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A measured effect, in the unit of the KPI, over `before` and `after` points.

    `estimate`, `chart` and `signals` (of all points, in their order) are None where there are too few points. In a COMPARISON they are
    about the difference of the two segments.
    """

    method: EffectMethod
    verdict: EffectVerdict
    before: int
    after: int
    mean_before: float | None
    mean_after: float | None
    estimate: Estimate | None = None
    chart: Chart | None = None
    signals: Mapping[int, frozenset[ChartSignal]] | None = None


def measured(
    method: EffectMethod,
    series: Series,
    *,
    higher_is_better: bool,
    comparison: Series | None = None,
    bounds: tuple[float | None, float | None] = (None, None),
) -> Effect:
    """The effect in a series, for a COMPARISON in its difference to that of the other segment; the KPI lies in `bounds`."""
    if (method is EffectMethod.COMPARISON) is (comparison is None):
        raise ValueError("a COMPARISON, and only that, has a segment to compare with")
    if comparison is not None:
        series = {week: value - comparison[week] for week, value in series.items() if week in comparison}
        bounds = None, None
    weeks = sorted(series)
    before, after = [series[week] for week in weeks if week < 0], [series[week] for week in weeks if week >= 0]
    means = _mean(before), _mean(after)
    if len(before) < FEWEST[method][0] or len(after) < FEWEST[method][1]:
        return Effect(method, EffectVerdict.NOT_ENOUGH_DATA, len(before), len(after), *means)
    found = estimate([*before, *after], Design(tuple(weeks), _MODELS[method]))
    limits = chart(before, *bounds)
    signals = dict(zip(weeks, limits.signals([*before, *after]), strict=True))
    verdict = _verdict(found, higher_is_better)
    return Effect(method, verdict, len(before), len(after), *means, found, limits, signals)


def _verdict(found: Estimate, higher_is_better: bool) -> EffectVerdict:
    """Evidence only where the whole interval lies on one side of nothing."""
    if found.low <= 0 <= found.high:
        return EffectVerdict.NO_EVIDENCE
    better = (found.low > 0) is higher_is_better
    return EffectVerdict.EVIDENCE_FOR_IMPROVEMENT if better else EffectVerdict.EVIDENCE_FOR_DETERIORATION


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
