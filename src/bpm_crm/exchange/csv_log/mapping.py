"""Which column of a CSV log says what: the case, the activity, when, and the rest."""

from collections import Counter
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bpm_crm.exchange.csv_log.faults import CsvCode, CsvInvalid, CsvProblem
from bpm_crm.exchange.csv_log.times import Times


class Role(StrEnum):
    """What a column says of an event."""

    CASE = "case"
    ACTIVITY = "activity"
    TIMESTAMP = "timestamp"
    RESOURCE = "resource"
    GROUP = "group"
    LIFECYCLE = "lifecycle"
    CHANNEL = "channel"


REQUIRED = (Role.CASE, Role.ACTIVITY, Role.TIMESTAMP)
_USUAL: Dictionary[Role, tuple[str, ...]] = {
    Role.CASE: ("case:concept:name", "case_id", "caseid", "case id", "case", "номер", "дело", "заявка"),
    Role.ACTIVITY: ("concept:name", "activity", "event", "task", "действие", "событие", "этап"),
    Role.TIMESTAMP: ("time:timestamp", "timestamp", "time", "datetime", "date", "complete timestamp", "время", "дата"),
    Role.RESOURCE: ("org:resource", "resource", "user", "performer", "исполнитель", "сотрудник"),
    Role.GROUP: ("org:group", "group", "department", "team", "группа", "отдел"),
    Role.LIFECYCLE: ("lifecycle:transition", "lifecycle", "transition"),
    Role.CHANNEL: ("case:channel", "channel", "source", "канал", "источник"),
}
"""What columns are often called, the surest first: for suggestions only."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """The columns by role, as somebody named them; `attributes` are columns that say something of the whole case."""

    columns: Dictionary[Role, str]
    attributes: Sequence[str] = ()
    times: Times = field(default_factory=Times)

    def places(self, header: Sequence[str]) -> "Places":
        """Where these columns stand in a header; `CsvInvalid` with everything that does not fit."""
        names = header_names(header)
        problems = [_not_given(role, names) for role in REQUIRED if role not in self.columns]
        wanted = [*self.columns.items(), *((None, name) for name in self.attributes)]
        problems += [_missing(name, names) for _, name in wanted if name not in names]
        used = Counter(self.columns.values())
        problems += [
            CsvProblem(CsvCode.COLUMN_TWICE, f"column {name!r} is given for more than one thing", 1)
            for name, count in used.items()
            if count > 1
        ]
        if problems:
            raise CsvInvalid(problems)
        return Places(
            {role: names.index(name) for role, name in self.columns.items()},
            {name: names.index(name) for name in self.attributes},
            names,
        )


@dataclass(frozen=True, slots=True)
class Places:
    """Where columns stand in a row."""

    roles: Dictionary[Role, int]
    attributes: Dictionary[str, int]
    names: Sequence[str]


def header_names(header: Sequence[str]) -> list[str]:
    """The names of columns; `CsvInvalid` for a name that comes twice. Columns without a name are called by their number."""
    names = [name.strip() or f"column {number}" for number, name in enumerate(header, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise CsvInvalid(
            [CsvProblem(CsvCode.DUPLICATE_COLUMN, f"there is more than one column {name[:60]!r}", 1) for name in twice]
        )
    return names


def suggested(names: Sequence[str]) -> dict[Role, str]:
    """What the columns probably say, by their names; no column twice."""
    known = {name.casefold(): name for name in names}
    found: dict[Role, str] = {}
    for role, usual in _USUAL.items():
        fitting = (known[name] for name in usual if name in known and known[name] not in found.values())
        name = next(fitting, None)
        if name is not None:
            found[role] = name
    return found


def _not_given(role: Role, names: Sequence[str]) -> CsvProblem:
    guess = suggested(names).get(role)
    hint = "" if guess is None else f"; column {guess!r} looks like it: --{role.value} {guess!r}"
    return CsvProblem(CsvCode.COLUMN_NOT_GIVEN, f"no column is given for the {role.value}{hint}", 1)


def _missing(name: str, names: Sequence[str]) -> CsvProblem:
    there = ", ".join(repr(known[:60]) for known in names[:30])
    return CsvProblem(CsvCode.MISSING_COLUMN, f"there is no column {name[:60]!r}; there are: {there}", 1)
