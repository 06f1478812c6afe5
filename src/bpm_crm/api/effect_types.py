"""The measured effect of a corrective action as the API shows it."""

from decimal import Decimal

import strawberry

from bpm_crm.analytics.behaviour_charts import Chart, ChartSignal
from bpm_crm.analytics.effect_series import Week
from bpm_crm.analytics.effects import FEWEST, Effect, EffectMethod, EffectVerdict
from bpm_crm.analytics.measures import Measured
from bpm_crm.api.context import RequestContext
from bpm_crm.api.figure_frames import FigureFrame, Period
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.kpi_types import KpiValue, decimal, kpi_value
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.records.reviews import ActionRecord


@strawberry.type(
    description="An XmR chart: what the weeks before the start say is usual. A limit that the KPI cannot pass is null."
)
class BehaviourChart:
    """An XmR chart."""

    mean: Decimal | None = strawberry.field(description="Mean of the weeks before the start.")
    lower_limit: Decimal | None = strawberry.field(
        description="Lower natural process limit: the mean less 2.66 moving ranges."
    )
    upper_limit: Decimal | None = strawberry.field(
        description="Upper natural process limit: the mean and 2.66 moving ranges."
    )
    moving_range: Decimal | None = strawberry.field(description="Mean distance of a week from the one before.")
    range_limit: Decimal | None = strawberry.field(description="Upper limit of that distance: 3.268 moving ranges.")


@strawberry.type(description="A week of the series.")
class EffectWeek:
    """A week of the series."""

    period: Period = strawberry.field(description="The week; it begins on the weekday of the start.")
    is_after: bool = strawberry.field(description="Whether it is after the start.")
    value: KpiValue = strawberry.field(description="The KPI over the cases the action is about.")
    compared: KpiValue | None = strawberry.field(
        description="The KPI over the cases compared with; null without these."
    )
    signals: list[ChartSignal] = strawberry.field(description="Why the week is unlike those before the start.")


@strawberry.type(
    description="What an action changed: the mean, over the weeks after its start, of what was there less what would have been."
)
class MeasuredEffect:
    """What an action changed."""

    method: EffectMethod = strawberry.field(description="How it was measured.")
    verdict: EffectVerdict = strawberry.field(description="What that says.")
    estimate: Decimal | None = strawberry.field(
        description="The effect, in the unit of the KPI; null where there is not enough data."
    )
    lower: Decimal | None = strawberry.field(description="Lower end of its 95 % interval.")
    upper: Decimal | None = strawberry.field(description="Upper end of its 95 % interval.")
    p_value: Decimal | None = strawberry.field(
        description="How often chance alone makes this much of an effect, at most: below 0.05 there is evidence."
    )
    includes_expected: bool | None = strawberry.field(
        description="Whether the interval holds the effect that was expected; null where no size was given, or with too few weeks."
    )
    weeks_before: int = strawberry.field(description="Weeks before the start that have a value.")
    weeks_after: int = strawberry.field(description="Weeks after the start that have a value.")
    fewest_before: int = strawberry.field(description="How many of them before the start the method takes.")
    fewest_after: int = strawberry.field(description="How many of them after the start it takes.")
    mean_before: Decimal | None = strawberry.field(
        description="Mean of the weeks before the start; of a `COMPARISON`, of the differences."
    )
    mean_after: Decimal | None = strawberry.field(
        description="Mean of the weeks after the start; of a `COMPARISON`, of the differences."
    )
    autocorrelation: Decimal | None = strawberry.field(
        description="How much a week resembles the week before: the likely φ."
    )
    autocorrelation_bound: Decimal | None = strawberry.field(
        description="The largest φ that the series does not contradict: the interval allows for all up to it."
    )
    chart: BehaviourChart | None = strawberry.field(
        description="XmR chart of the weeks, of a `COMPARISON` of the differences; null where there is not enough data."
    )
    weeks: list[EffectWeek] = strawberry.field(description="The weeks, oldest first.")
    frame: FigureFrame = strawberry.field(
        description="What it was asked of. Each week is seen as of `followUp` after its end, by what was known at `knownAt`."
    )


def effect_type(effect: Effect, action: ActionRecord, weeks: list[EffectWeek], frame: FigureFrame) -> MeasuredEffect:
    """An effect as the API shows it."""
    found, (before, after) = effect.estimate, FEWEST[effect.method]
    return MeasuredEffect(
        method=effect.method,
        verdict=effect.verdict,
        estimate=None if found is None else decimal(found.effect),
        lower=None if found is None else decimal(found.low),
        upper=None if found is None else decimal(found.high),
        p_value=None if found is None else decimal(found.p_value),
        includes_expected=_includes_expected(effect, action),
        weeks_before=effect.before,
        weeks_after=effect.after,
        fewest_before=before,
        fewest_after=after,
        mean_before=decimal(effect.mean_before),
        mean_after=decimal(effect.mean_after),
        autocorrelation=None if found is None else decimal(found.likely),
        autocorrelation_bound=None if found is None else decimal(found.most),
        chart=None if effect.chart is None else _chart(effect.chart),
        weeks=weeks,
        frame=frame,
    )


def _includes_expected(effect: Effect, action: ActionRecord) -> bool | None:
    if effect.estimate is None or action.expected_size is None:
        return None
    sign = 1 if action.expected_direction == ExpectedDirection.UP else -1
    return effect.estimate.low <= sign * float(action.expected_size) <= effect.estimate.high


def _chart(chart: Chart) -> BehaviourChart:
    return BehaviourChart(
        mean=decimal(chart.mean),
        lower_limit=decimal(chart.lower),
        upper_limit=decimal(chart.upper),
        moving_range=decimal(chart.moving_range),
        range_limit=decimal(chart.range_limit),
    )


def effect_week(
    context: RequestContext, week: Week, found: Measured, other: Measured | None, signals: frozenset[ChartSignal]
) -> EffectWeek:
    """A week of the series as the API shows it."""
    return EffectWeek(
        period=Period(from_=week.since, to=week.until),
        is_after=week.place >= 0,
        value=_total(context, found),
        compared=None if other is None else _total(context, other),
        signals=sorted(signals),
    )


def _total(context: RequestContext, measured: Measured) -> KpiValue:
    drilldown = Drilldown(context, measured.members, measured.frame.versions)
    return kpi_value(context, measured.kpi, measured.total, (), drilldown)
