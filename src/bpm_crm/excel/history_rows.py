"""From a row to a step of a case: which case, what happened, when, by whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.state import Actor
from bpm_crm.excel.cells import Cell, Row
from bpm_crm.excel.lead_rows import MOST_COMMENT
from bpm_crm.excel.people import ANYBODY, Directory, actor_of
from bpm_crm.excel.problems import TableCode, TableProblem
from bpm_crm.excel.row_problems import RowProblem, of_cell
from bpm_crm.excel.settings import Settings
from bpm_crm.excel.targets import DATA
from bpm_crm.excel.values import email_of, field_value, instant_of, phone_of, text_of
from bpm_crm.operations.leads import MOST_TEXT

CAPTURED = frozenset(
    {"captured", "created", "new", "begin", "started", "поступило", "создано", "создан", "начато", "новый"}
)
"""What tables call the beginning of a case, beside the key and the title of its first stage."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A row: `event` is the key of a transition or stage, `case` what it says of the customer, `data` values of data fields."""

    number: int
    case_id: str
    event: str
    at: datetime
    performer: Actor
    reason: str | None
    comment: str | None
    case: Mapping[str, str]
    data: Mapping[str, Any]


class HistoryReader:
    """Reads the rows of one table."""

    def __init__(self, settings: Settings, definition: ProcessDefinition, directory: Directory) -> None:
        self._settings = settings
        self._definition = definition
        self._directory = directory
        self._events = _events(definition)
        self._reasons = _reasons(definition)

    def read(self, number: int, row: Row) -> tuple[str | None, HistoryRow | list[RowProblem] | None]:
        """The case a row is of, as far as it can be read, and the row, or what is wrong with it; None for a blank one."""
        values: dict[str, Any] = {}
        problems: list[RowProblem] = []
        for item in self._settings.mapping:
            value = self._value(item.target, row[item.column] if item.column < len(row) else None)
            if isinstance(value, TableProblem):
                problems.append(of_cell(number, item.column, value))
            elif value is not None:
                values[item.target] = value
        if not values and not problems:
            return None, None
        broken = {problem["cell"] for problem in problems}
        for item in self._settings.mapping:
            missing = item.target in {"case", "event", "at"} and item.target not in values
            place = of_cell(number, item.column, TableProblem(TableCode.EMPTY_ROW_VALUE, {"target": item.target}))
            if missing and place["cell"] not in broken:
                problems.append(place)
        return values.get("case"), problems or self._row(number, values)

    def _row(self, number: int, values: Mapping[str, Any]) -> HistoryRow:
        return HistoryRow(
            number=number,
            case_id=values["case"],
            event=values["event"],
            at=values["at"],
            performer=values.get("person", ANYBODY),
            reason=values.get("reason"),
            comment=values.get("comment"),
            case={key: values[key] for key in ("name", "phone", "email", "region", "team") if key in values},
            data={key.removeprefix(DATA): value for key, value in values.items() if key.startswith(DATA)},
        )

    def _value(self, target: str, cell: Cell) -> Any:
        customs = self._settings.customs
        if target.startswith(DATA):
            return field_value(self._definition.fields[target.removeprefix(DATA)], cell, customs)
        match target:
            case "at":
                return instant_of(cell, customs)
            case "phone":
                return phone_of(cell, customs)
            case "email":
                return email_of(cell, customs)
        text = text_of(cell, MOST_COMMENT if target == "comment" else MOST_TEXT)
        return self._named(target, text) if isinstance(text, str) else text

    def _named(self, target: str, text: str) -> Any:
        """What a text means where it names something."""
        match target:
            case "event":
                known = ", ".join(dict.fromkeys(self._events.values()))
                return self._events.get(text.casefold()) or _unknown(text, known)
            case "person":
                user = self._directory.user(text, also_inactive=True)
                return (
                    actor_of(user) if user is not None else TableProblem(TableCode.UNKNOWN_PERSON, {"value": text[:60]})
                )
            case "reason":
                return self._reasons.get(text.casefold(), text)
            case "team":
                return self._directory.team(text)
            case _:
                return text


def _unknown(text: str, known: str) -> TableProblem:
    return TableProblem(TableCode.UNKNOWN_EVENT, {"value": text[:60], "known": known})


def _events(definition: ProcessDefinition) -> Mapping[str, str]:
    """Keys of transitions and stages by what tables call them, keys before titles and transitions before stages."""
    found = dict.fromkeys(CAPTURED, definition.initial)
    for part in (definition.stages, definition.transitions):
        found |= {text.casefold(): key for key, item in part.items() for text in (item.title.en, item.title.ru)}
    found |= {item.trigger.casefold(): item.trigger for item in definition.transitions.values()}
    for part in (definition.stages, definition.transitions):
        found |= {key.casefold(): key for key in part}
    return found


def _reasons(definition: ProcessDefinition) -> Mapping[str, str]:
    titles = {
        text.casefold(): key for key, item in definition.reasons.items() for text in (item.title.en, item.title.ru)
    }
    return titles | {key.casefold(): key for key in definition.reasons}
