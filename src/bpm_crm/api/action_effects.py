"""Measuring the effect of a corrective action over the cases the viewer may see."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bpm_crm.analytics.dimensions import UNGROUPED
from bpm_crm.analytics.effect_series import Week, age_of, bounds_of, read_weeks, values_of, weeks_around
from bpm_crm.analytics.effects import EffectMethod, measured
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.kpi_catalogue import Better, Kpi
from bpm_crm.analytics.measures import Measured
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.api.context import RequestContext
from bpm_crm.api.effect_types import MeasuredEffect, effect_type, effect_week
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.figure_filters import FactWhere
from bpm_crm.api.figure_frames import frame_of, frame_type, question_of
from bpm_crm.api.filters import IDFilter, StringFilter
from bpm_crm.api.ids import to_global
from bpm_crm.api.kpis import found_kpi
from bpm_crm.api.review_types import process_key
from bpm_crm.engine.definition import Title
from bpm_crm.operations.action_problems import ExpectedDirection
from bpm_crm.records.database import Connection
from bpm_crm.records.reviews import ActionRecord

LONGEST_FOLLOW_UP = timedelta(days=366)


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
        effect_week(
            context, week, series[week.place], (compared or {}).get(week.place), signals.get(week.place, frozenset())
        )
        for week in weeks
        if week.place in series
    ]
    return effect_type(effect, action, shown, frame_type(frame, frame.versions, cases, where))


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
