"""How a CSV log would be read: its form, its columns, what they would say, and its first events."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bpm_crm.exchange.csv_log.faults import CsvCode, CsvInvalid, CsvProblem, refuse
from bpm_crm.exchange.csv_log.form import Form
from bpm_crm.exchange.csv_log.mapping import Mapping, Role, header_names, suggested
from bpm_crm.exchange.csv_log.reading import CsvEvent, Reading
from bpm_crm.exchange.csv_log.rows import Rows

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Preview:
    """What a mapping makes of the first rows. `guessed` are the columns that nobody named and that look like it."""

    form: Form
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    mapping: Mapping
    guessed: Dictionary[Role, str]
    events: Sequence[CsvEvent]
    problems: Sequence[CsvProblem]


def preview_of(path: Path, form: Form, mapping: Mapping) -> Preview:
    """Read the first rows; `CsvInvalid` only where there is nothing to show."""
    rows = Rows(path, form)
    header = next(rows, None)
    if header is None:
        raise refuse(CsvCode.EMPTY_FILE, "it has no header")
    columns = header_names(header.fields)
    guessed = {
        role: name
        for role, name in suggested(columns).items()
        if role not in mapping.columns and name not in mapping.columns.values()
    }
    tried = replace(mapping, columns={**guessed, **mapping.columns})
    events, problems = _tried(Reading(path, form, tried))
    first = [row.fields for row in islice(rows, SHOWN)]
    return Preview(form, columns, first, tried, guessed, events, problems)


def _tried(reading: Reading) -> tuple[list[CsvEvent], Sequence[CsvProblem]]:
    events: list[CsvEvent] = []
    try:
        events = list(islice(reading, SHOWN))
    except CsvInvalid as error:
        return events, error.problems
    return events, reading.problems[:SHOWN]
