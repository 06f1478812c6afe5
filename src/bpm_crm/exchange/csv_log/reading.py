"""The events of a CSV log, row by row, with everything that is wrong with the rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bpm_crm.exchange.csv_log.faults import CsvCode, CsvInvalid, CsvProblem, refuse
from bpm_crm.exchange.csv_log.form import Form
from bpm_crm.exchange.csv_log.mapping import Mapping, Places, Role
from bpm_crm.exchange.csv_log.rows import Row, Rows
from bpm_crm.exchange.csv_log.times import TimeUnreadable

MOST_LISTED = 100
"""Problems that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class CsvEvent:
    """One row as an event; `values` are the columns of the other roles, `attributes` those of the case, where not empty."""

    line: int
    case: str
    activity: str
    at: datetime
    values: dict[Role, str]
    attributes: dict[str, str]


@dataclass(slots=True)
class Reading:
    """A log being read. After the last event `check` refuses it for whatever was wrong with the rows."""

    path: Path
    form: Form
    mapping: Mapping
    bytes_read: int = 0
    events: int = 0
    problems: list[CsvProblem] = field(default_factory=list)
    found: int = 0

    def __iter__(self) -> Iterator[CsvEvent]:
        """The events of good rows; `CsvInvalid` at once for faults of the form of the file."""
        rows = Rows(self.path, self.form)
        header = next(rows, None)
        if header is None:
            raise refuse(CsvCode.EMPTY_FILE, "it has no header")
        places = self.mapping.places(header.fields)
        for row in rows:
            self.bytes_read = row.bytes_read
            try:
                event = _event(row, places, self.mapping)
            except _RowRefused as refused:
                self._note(refused.problem)
                continue
            self.events += 1
            yield event

    def check(self) -> None:
        """Refuse the log if some row was bad, or if there was none."""
        if self.problems:
            raise CsvInvalid(self.problems, self.found)
        if not self.events:
            raise refuse(CsvCode.EMPTY_FILE, "there is no row below its header")

    def _note(self, problem: CsvProblem) -> None:
        self.found += 1
        if len(self.problems) < MOST_LISTED:
            self.problems.append(problem)


class _RowRefused(Exception):
    """A row that is no event."""

    def __init__(self, problem: CsvProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _event(row: Row, places: Places, mapping: Mapping) -> CsvEvent:
    if len(row.fields) != len(places.names):
        message = f"it has {len(row.fields)} fields, the header has {len(places.names)}"
        raise _RowRefused(CsvProblem(CsvCode.WRONG_NUMBER_OF_FIELDS, message, row.line))
    values = {role: row.fields[place].strip() for role, place in places.roles.items()}
    for role in (Role.CASE, Role.ACTIVITY):
        if not values[role]:
            column = mapping.columns[role]
            raise _RowRefused(CsvProblem(CsvCode.EMPTY_VALUE, f"the {role.value} is empty", row.line, column))
    attributes = {name: row.fields[place].strip() for name, place in places.attributes.items()}
    return CsvEvent(
        line=row.line,
        case=values.pop(Role.CASE),
        activity=values.pop(Role.ACTIVITY),
        at=_instant(values.pop(Role.TIMESTAMP), row.line, mapping),
        values={role: value for role, value in values.items() if value},
        attributes={name: value for name, value in attributes.items() if value},
    )


def _instant(text: str, line: int, mapping: Mapping) -> datetime:
    try:
        return mapping.times.read(text)
    except TimeUnreadable as error:
        column = mapping.columns[Role.TIMESTAMP]
        raise _RowRefused(CsvProblem(error.code, error.message, line, column)) from error
