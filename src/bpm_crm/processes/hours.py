"""Working hours in the words of a document: weekdays and ranges of them, spans such as 09:00-18:00, closed days."""

from collections.abc import Mapping
from datetime import date

from bpm_crm.engine.definition import Title
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.engine.weekly_hours import Hours, HoursInvalid, parse_hours, written_hours
from bpm_crm.processes.document import CalendarPart

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOSED = "closed"

Written = list[str] | str


def week_of(calendar: CalendarPart) -> dict[int, Hours]:
    """Hours by weekday (0 is Monday); where two entries give the same day, the one for fewer days wins, whatever their order.

    `DefinitionInvalid` for an unknown weekday, a day given by two entries for equally many days, or hours that cannot be read.
    """
    problems: list[Problem] = []
    named = _named_days(calendar.week, problems)
    week: dict[int, Hours] = {}
    givers: dict[int, str] = {}
    for name, days in sorted(named.items(), key=lambda item: -len(item[1])):
        rivals = dict.fromkeys(givers[day] for day in days if day in givers and len(named[givers[day]]) == len(days))
        problems.extend(_problem(("week", name), _twice(rival, name)) for rival in rivals)
        givers |= dict.fromkeys(days, name)
        week |= dict.fromkeys(days, _hours(calendar.week[name], ("week", name), problems))
    if problems:
        raise DefinitionInvalid(problems)
    return week


def exceptions_of(calendar: CalendarPart) -> dict[date, Hours]:
    """Hours of single days; `DefinitionInvalid` for those that cannot be read."""
    problems: list[Problem] = []
    found = {day: _hours(text, ("exceptions", day.isoformat()), problems) for day, text in calendar.exceptions.items()}
    if problems:
        raise DefinitionInvalid(problems)
    return found


def written_spans(hours: Hours) -> Written:
    """Hours as a document writes them."""
    return [f"{opens}-{closes}" for opens, closes in written_hours(hours)] or CLOSED


def _named_days(week: Mapping[str, Written], problems: list[Problem]) -> dict[str, list[int]]:
    """The weekdays that each entry stands for; a range may pass Sunday."""
    found = {}
    for name in week:
        first, dash, last = name.lower().partition("-")
        if first not in WEEKDAYS or (last if dash else first) not in WEEKDAYS:
            problems.append(_problem(("week", name), _no_weekday(name)))
            continue
        begins, ends = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found[name] = [day % 7 for day in range(begins, ends + (1 if ends >= begins else 8))]
    return found


def _hours(text: Written, path: tuple[str, ...], problems: list[Problem]) -> Hours:
    if text == CLOSED:
        return ()
    spans = [text] if isinstance(text, str) else text
    try:
        return parse_hours([span.replace("–", "-").split("-") for span in spans])
    except HoursInvalid as error:
        problems.append(_problem(path, str(error)))
        return ()


def _problem(path: tuple[str, ...], fault: Title | str) -> Problem:
    return Problem(ProblemCode.CALENDAR_INVALID, ("calendar", *path), {"fault": fault})


def _no_weekday(name: str) -> Title:
    known = ", ".join(WEEKDAYS)
    return Title(
        f"there is no weekday “{name}”; use {known} or a range such as mon-fri.",
        f"нет дня недели «{name}»; пишите {known} или промежуток, например mon-fri.",
    )


def _twice(first: str, second: str) -> Title:
    return Title(
        f"“{first}” and “{second}” give the same day; keep one of them, or name the day alone.",
        f"«{first}» и «{second}» задают один и тот же день; оставьте одно или назовите день отдельно.",
    )
