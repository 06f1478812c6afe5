"""The way of one case over the picture of its process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bpm_crm.analytics.overlays import elsewhere, shown_instant
from bpm_crm.engine.definition import ProcessDefinition, Title
from bpm_crm.engine.drawing.marks import Marks, StageMark, Taken
from bpm_crm.engine.drawing.wording import seconds_text
from bpm_crm.engine.instants import SECOND
from bpm_crm.records.history import HistoryRecord

MOST_STEPS: Final = 1_000
"""Steps of a case that a picture shows."""
MOST_TOLD: Final = 3
"""How many of the moves between two stages are told one by one."""

_SINCE = Title("since {instant}", "с {instant}")
_STAYED = Title("{time} of working time", "рабочее время: {time}")
_VISITS = Title("{visits} visits, {time} of working time", "визитов: {visits}, рабочее время: {time}")
_MORE = Title("and {count} more, the last is step {last}", "и ещё {count}, последний — шаг {last}")
_CUT = Title("Only the first {count} steps are shown.", "Показаны только первые шаги: {count}.")
_MEANING = Title("Numbers are steps of the case, times are local.", "Числа — шаги дела, время местное.")


@dataclass(slots=True)
class _Stay:
    visits: int = 0
    business: int = 0
    entered: list[str] = field(default_factory=list)


def case_path(definition: ProcessDefinition, history: Sequence[HistoryRecord], *, zone: str, language: str) -> Marks:
    """The stages that a case visited and how long, the moves it made with their steps and times, and where it is.

    `history` are its first rows in their order; of more than `MOST_STEPS` the rest is left out, and that is said.
    """
    moves = [row for row in history[:MOST_STEPS] if row.to_stage is not None]
    stays: dict[str, _Stay] = {}
    for row in moves:
        stay = stays.setdefault(str(row.to_stage), _Stay())
        stay.visits += 1
        stay.entered.append(shown_instant(row.occurred_at, zone))
        if row.from_stage is not None:
            stays.setdefault(row.from_stage, _Stay()).business += row.business or 0
    current = moves[-1].to_stage if moves else None
    marks = {
        key: StageMark(tuple(_notes(stay, key == current, language)), None, is_visited=True, is_current=key == current)
        for key, stay in stays.items()
        if key in definition.stages
    }
    missing = [key for key in stays if key not in definition.stages]
    legend = [_MEANING.in_language(language)]
    legend += [_CUT.in_language(language).format(count=MOST_STEPS)] if len(history) > MOST_STEPS else []
    legend += elsewhere(missing, language)
    return Marks(marks, tuple(_taken(definition, moves, zone, language)), tuple(legend))


def _notes(stay: _Stay, is_current: bool, language: str) -> Iterator[str]:
    if is_current:
        yield _SINCE.in_language(language).format(instant=stay.entered[-1])
    time = seconds_text(stay.business / SECOND, language, days=False)
    if stay.visits > 1:
        yield _VISITS.in_language(language).format(visits=stay.visits, time=time)
    elif not is_current:
        yield _STAYED.in_language(language).format(time=time)


def _taken(definition: ProcessDefinition, moves: Sequence[HistoryRecord], zone: str, language: str) -> Iterator[Taken]:
    """The moves between stages that the picture has; of many between the same two the first are told, and how many more."""
    between: dict[tuple[str, str], list[HistoryRecord]] = {}
    for row in moves:
        source, target = row.from_stage or "", row.to_stage or ""
        if source in definition.stages and target in definition.stages:
            between.setdefault((source, target), []).append(row)
    for (source, target), rows in between.items():
        for row in rows[:MOST_TOLD]:
            note = f"{row.sequence} · {shown_instant(row.occurred_at, zone)}"
            yield Taken(source, target, _known(definition, row), note)
        if len(rows) > MOST_TOLD:
            values = {"count": len(rows) - MOST_TOLD, "last": rows[-1].sequence}
            yield Taken(source, target, _known(definition, rows[-1]), _MORE.in_language(language).format_map(values))


def _known(definition: ProcessDefinition, row: HistoryRecord) -> str | None:
    """The transition of a move, where this version has it; a move without one was by force."""
    is_there = row.transition in definition.transitions and row.kind == "transition"
    return row.transition if is_there else None
