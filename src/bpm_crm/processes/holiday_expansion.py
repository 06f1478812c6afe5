"""Writes the public holidays of a document out as dated exceptions, so that a published version stands alone."""

from datetime import date

from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.holidays import HolidaysUnknown, public_holidays
from bpm_crm.processes.hours import week_of, written_spans


def with_holidays(document: ProcessDocument, years: range) -> ProcessDocument:
    """The document with the public holidays of `years` among its exceptions; what it says of a day itself wins.

    Years that it claims to hold already are written out again: the days may have been taken from it, or never been there.
    """
    holidays = document.calendar.holidays
    if holidays is None:
        return document
    try:
        found = public_holidays(holidays.country, holidays.subdivision, years, week_of(document.calendar))
    except HolidaysUnknown as error:
        raise DefinitionInvalid(
            [Problem(ProblemCode.CALENDAR_INVALID, ("calendar", "holidays"), {"fault": str(error)})]
        ) from error
    exceptions: dict[date, list[str] | str] = {day: written_spans(hours) for day, hours in found.items()}
    exceptions |= document.calendar.exceptions
    covered = holidays.model_copy(update={"years": (years.start, years.stop - 1)})
    changes = {"exceptions": dict(sorted(exceptions.items())), "holidays": covered}
    calendar = document.calendar.model_copy(update=changes)
    return document.model_copy(update={"calendar": calendar})
