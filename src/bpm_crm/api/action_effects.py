"""The measured effect of a corrective action as the API shows it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import strawberry

from bpm_crm.analytics.behaviour_charts import Chart, ChartSignal
from bpm_crm.analytics.dimensions import UNGROUPED
from bpm_crm.analytics.effect_series import Week, age_of, bounds_of, read_weeks, values_of, weeks_around
from bpm_crm.analytics.effects import FEWEST, Effect, EffectMethod, EffectVerdict, measured
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.kpi_catalogue import Better, Kpi
from bpm_crm.analytics.measures import Measured
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.api.context import RequestContext
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import FigureFrame, Period, frame_of, frame_type, question_of
from bpm_crm.api.figure_members import Drilldown
from bpm_crm.api.filters import IDFilter, StringFilter
from bpm_crm.api.ids import to_global
from bpm_crm.api.kpi_types import KpiValue, decimal, kpi_value
from bpm_crm.api.kpis import found_kpi
from bpm_crm.api.review_types import process_key
from bpm_crm.engine.definition import Title
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.records.database import Connection
from bpm_crm.records.reviews import ActionRecord

LONGEST_FOLLOW_UP = timedelta(days=366)


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is measured: the KPI over the action's cases and, for a comparison, over the others; each week at one age."""

    kpi: Kpi
    cases: Question
    others: Question | None
    age: timedelta


async def measured_effect(
    context: RequestContext,
    action: ActionRecord,
    method: EffectMethod,
    *,
    compared_with: FactWhere | None,
    follow_up: timedelta | None,
    as_of: datetime | None,
    known_at: datetime | None,
) -> MeasuredEffect:
    """The effect of an action over its cases inside the viewer's reach."""
    where, process = _segment(context, action), process_key(context, action.definition_id)
    cases = question_of(context, None, where, UNGROUPED)
    others = _others(context, method, where, compared_with)
    async with context.services.database.reader(cases.tenant_id) as connection:
        kpi = found_kpi(await kpis_of(connection, cases.tenant_id, process), action.kpi)
        asked = _Asked(kpi, cases, others, _age(kpi, follow_up))
        frame = await frame_of(context, connection, others or cases, process, as_of=as_of, known_at=known_at)
        weeks = weeks_around(
            action.starts_on, context.known.tenant.zone, end=action.ends_on, age=asked.age, as_of=frame.as_of
        )
        series, compared = await _series(connection, asked, frame, weeks)
    ask = partial(
        measured,
        method,
        values_of(series),
        higher_is_better=_is_higher_better(kpi, action),
        comparison=None if compared is None else values_of(compared),
        bounds=bounds_of(kpi),
    )
    effect = await asyncio.to_thread(ask)
    signals = effect.signals or {}
    shown = [
        _week(context, week, series[week.place], (compared or {}).get(week.place), signals.get(week.place, frozenset()))
        for week in weeks
        if week.place in series
    ]
    return _shown(effect, action, shown, frame_type(frame, frame.versions, cases, where))


async def _series(
    connection: Connection, asked: _Asked, frame: Frame, weeks: Sequence[Week]
) -> tuple[dict[int, Measured], dict[int, Measured] | None]:
    """The series of the action's cases, and that of the others where there are any."""
    series = await read_weeks(connection, asked.kpi, frame, asked.cases, weeks, asked.age)
    if asked.others is None:
        return series, None
    return series, await read_weeks(connection, asked.kpi, frame, asked.others, weeks, asked.age)


def _segment(context: RequestContext, action: ActionRecord) -> FactWhere | None:
    """The filter of the cases an action is about; None for all of its process."""
    known = context.known
    given: dict[str, Any] = {
        "team": None if action.team_id is None else StringFilter(eq=known.teams[action.team_id].key),
        "channel": None if action.channel_id is None else StringFilter(eq=known.channels[action.channel_id].key),
        "campaign": None if action.campaign_id is None else StringFilter(eq=known.campaigns[action.campaign_id].key),
        "region": None if action.region is None else StringFilter(eq=action.region),
    }
    owner = None if action.case_owner_id is None else IDFilter(eq=to_global("User", action.case_owner_id))
    is_narrowed = owner is not None or any(value is not None for value in given.values())
    return FactWhere(owner=owner, **given) if is_narrowed else None


def _others(
    context: RequestContext, method: EffectMethod, where: FactWhere | None, compared_with: FactWhere | None
) -> Question | None:
    """The question about the cases compared with; a fault where there are none, or should be none."""
    if method is not EffectMethod.COMPARISON:
        if compared_with is not None:
            raise Fault(
                Code.BAD_USER_INPUT,
                Title(
                    "Only a COMPARISON has `comparedWith`; leave it out.",
                    "`comparedWith` есть только у COMPARISON; уберите его.",
                ),
            )
        return None
    if compared_with is None:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                "A COMPARISON takes `comparedWith`: which other cases.",
                "Для COMPARISON нужно `comparedWith`: с какими процессами сравнить.",
            ),
        )
    if where is None:
        message = Title(
            "The action is about all cases of its process: there are no others to compare with.",
            "Мера касается всех случаев процесса: сравнивать не с чем.",
        )
        raise Fault(Code.BAD_USER_INPUT, message)
    return question_of(context, None, FactWhere(and_=[compared_with, FactWhere(not_=where)]), UNGROUPED)


def _age(kpi: Kpi, follow_up: timedelta | None) -> timedelta:
    if follow_up is None:
        return age_of(kpi)
    if not timedelta(0) <= follow_up <= LONGEST_FOLLOW_UP:
        raise Fault(
            Code.BAD_USER_INPUT,
            Title(
                f"`followUp` is from 0 to {LONGEST_FOLLOW_UP.days} days.",
                f"`followUp` — от 0 до {LONGEST_FOLLOW_UP.days} дней.",
            ),
        )
    return follow_up


def _is_higher_better(kpi: Kpi, action: ActionRecord) -> bool:
    """Of a KPI that is neither better high nor low: what the action expects is better."""
    if kpi.better is Better.NEITHER:
        return action.expected_direction == ExpectedDirection.UP
    return kpi.better is Better.HIGHER


def _shown(effect: Effect, action: ActionRecord, weeks: list[EffectWeek], frame: FigureFrame) -> MeasuredEffect:
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


def _week(
    context: RequestContext, week: Week, found: Measured, other: Measured | None, signals: frozenset[ChartSignal]
) -> EffectWeek:
    return EffectWeek(
        period=Period(from_=week.since, to=week.until),
        is_after=week.place >= 0,
        value=total_value(context, found),
        compared=None if other is None else total_value(context, other),
        signals=sorted(signals),
    )


def total_value(context: RequestContext, measured: Measured) -> KpiValue:
    """The value of a KPI over all cases it was asked of."""
    drilldown = Drilldown(context, measured.members, measured.frame.versions)
    return kpi_value(context, measured.kpi, measured.total, (), drilldown)
