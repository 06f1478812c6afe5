"""Figures written over the picture of a process: who is where now, how long stages take, which of them are slow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.stage_pace import Pace, against_target
from bpm_crm.analytics.stage_times import StageTimes
from bpm_crm.analytics.statements import report, statement
from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.engine.drawing.marks import Heat, Marks, StageMark
from bpm_crm.engine.drawing.wording import seconds_text
from bpm_crm.records.database import Connection
from bpm_crm.records.listings import INSTANCES
from bpm_crm.records.selection import All, Compare, Condition, Operator, Query, Slice, read_page

_ENDED_BY: Final = report("ended")

LARGE_SHARE: Final = Fraction(1, 5)
"""A stage that takes more than this share of all working time stands out though it keeps its target."""

_NOW = Title("{count} now", "сейчас {count}")
_THEN = Title("{count} then", "тогда {count}")
_ENDED = Title("{count} ended here", "завершено здесь: {count}")
_MEDIAN = Title("median {time}", "медиана {time}")
_LATE = Title("{late} of {judged} late", "поздно {late} из {judged}")
_SHARE = Title("{share} of all working time", "{share} всего рабочего времени")
_AS_OF = Title(
    "As of {instant}; medians are working time of first visits, open ones not forgotten.",
    "На {instant}; медианы — рабочее время первых визитов с учётом незавершённых.",
)
_HEATS = Title(
    "Red: surely more than a tenth late. Yellow: over a fifth of all working time. Green: in time. Grey: too few cases or no target.",
    "Красный: поздно явно больше десятой части. Жёлтый: больше пятой части всего рабочего времени. Зелёный: вовремя. Серый: мало дел или нет норматива.",
)
_ELSEWHERE = Title("Not in this version: {stages}", "Нет в этой версии: {stages}")

Times = Mapping[str, StageTimes]
"""Stage times of the whole company or reach, not split, by stage."""


def counts(
    definition: ProcessDefinition,
    standing: Times,
    times: Times,
    ended: Mapping[str, int],
    as_of: str,
    language: str,
    *,
    is_current: bool,
) -> Marks:
    """How many cases are in each stage (`standing`), how many ended in each end (`ended`), and the median of `times`."""
    here = (_NOW if is_current else _THEN).in_language(language)
    marks = {}
    for key, stage in definition.stages.items():
        if stage.kind.is_final:
            notes = [_ENDED.in_language(language).format(count=ended.get(key, 0))]
        else:
            notes = [here.format(count=standing[key].count("open") if key in standing else 0)]
            notes += _median(times.get(key), language)
        marks[key] = StageMark(tuple(notes))
    legend = [_AS_OF.in_language(language).format(instant=as_of), *_elsewhere(definition, standing, "open", language)]
    return Marks(marks, legend=tuple(legend))


def bottlenecks(definition: ProcessDefinition, times: Times, as_of: str, language: str) -> Marks:
    """Which stages are slow: against their targets, and by their share of the working time of completed stays."""
    spent = {key: spent_seconds(item) for key, item in times.items()}
    whole = sum(spent.values())
    marks = {}
    for key, stage in definition.stages.items():
        item = times.get(key)
        if stage.kind.is_final or item is None:
            marks[key] = StageMark(heat=None if stage.kind.is_final else Heat.UNKNOWN)
            continue
        share = Fraction(spent[key]) / Fraction(whole) if whole else Fraction(0)
        judged = item.count("within") + item.count("late")
        notes = _median(item, language)
        if judged:
            notes.append(_LATE.in_language(language).format(late=item.count("late"), judged=judged))
        if whole:
            notes.append(_SHARE.in_language(language).format(share=f"{float(share):.0%}"))
        marks[key] = StageMark(tuple(notes), heat_of(item, share))
    legend = [_AS_OF.in_language(language).format(instant=as_of), _HEATS.in_language(language)]
    return Marks(marks, legend=(*legend, *_elsewhere(definition, times, "entered", language)))


def heat_of(times: StageTimes, share: Fraction) -> Heat:
    """How a stage stands out."""
    pace = against_target(times)
    if pace is Pace.SLOW:
        return Heat.SLOW
    if share > LARGE_SHARE:
        return Heat.WARM
    return Heat.CALM if pace is Pace.NOT_SLOW else Heat.UNKNOWN


def spent_seconds(times: StageTimes) -> float:
    """The working time that completed stays in a stage took together."""
    stay = times.stays.get(("cumulative", "business"))
    return 0.0 if stay is None or stay.mean is None else stay.mean * (stay.cases - stay.open)


async def ended_in(
    connection: Connection, tenant_id: UUID, definition_id: UUID, definition: ProcessDefinition, reach: Condition
) -> dict[str, int]:
    """How many cases stand in each end of a definition: as the list of cases counts them, without those that figures leave out."""
    found = {}
    for key in (key for key, stage in definition.stages.items() if stage.kind.is_final):
        parts = (
            Compare("i.definition_id", Operator.EQ, definition_id, "uuid"),
            Compare("i.stage", Operator.EQ, key, "text"),
            Compare("i.exclusion", Operator.IS_NULL, True, "bool"),
            reach,
        )
        page = await read_page(connection, tenant_id, Query(INSTANCES, All(parts)), Slice(1), rows=False, total=True)
        found[key] = page.total or 0
    return found


async def ended_by(connection: Connection, frame: Frame, question: Question) -> dict[str, int]:
    """How many cases of a question stood in each end as of a frame, from history."""
    values = {**question.values(frame), "definitions": frame.definitions}
    found = statement(_ENDED_BY, question.tenant_id, values, cases=question.cases)
    return {row["stage"]: row["cases"] for row in await connection.fetch(found.text, *found.values)}


def shown_instant(instant: datetime, zone: str) -> str:
    """An instant as pictures show it: local, to the minute."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def elsewhere(stages: Sequence[str], language: str) -> list[str]:
    """The line of a legend about stages that the version of the picture does not have; none where there are no such."""
    return [_ELSEWHERE.in_language(language).format(stages=", ".join(stages))] if stages else []


def _median(times: StageTimes | None, language: str) -> list[str]:
    stay = None if times is None else times.stays.get(("first", "business"))
    seconds = None if stay is None else stay.median.seconds
    return (
        []
        if seconds is None
        else [_MEDIAN.in_language(language).format(time=seconds_text(seconds, language, days=False))]
    )


def _elsewhere(definition: ProcessDefinition, times: Times, number: str, language: str) -> list[str]:
    """The stages with cases that this version does not have."""
    missing = [
        f"{item.titles['ru' if language == 'ru' else 'en']} {item.count(number)}"
        for key, item in times.items()
        if key not in definition.stages and item.count(number)
    ]
    return elsewhere(missing, language)
