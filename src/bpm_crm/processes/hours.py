"""Working hours in the words of a document: weekdays, ranges of them, spans such as 09:00-18:00, closed days."""

from collections.abc import Iterable, Mapping
from datetime import date

from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.engine.weekly_hours import Hours, HoursInvalid, parse_hours, written_hours
from bpm_crm.processes.document import CalendarPart

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"


def week_of(calendar: CalendarPart) -> dict[int, Hours]:
    """Hours by weekday (0 is Monday).

    `DefinitionInvalid` for an unknown weekday, one whose hours are given twice, or hours that cannot be read.
    """
