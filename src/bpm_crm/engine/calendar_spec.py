"""What a business calendar says, as plain data, and everything that can be wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from bpm_crm.engine.weekly_hours import Hours, HoursInvalid, Span, normalised

MOST_SPANS_A_DAY: Final = 24

_NO_PLACE: Final = frozenset({"Factory", "localtime"})
"""Names that stand for no place: the second is the server's own zone."""


class CalendarFault(StrEnum):
    """The closed list of what can be wrong with a calendar."""

    UNKNOWN_ZONE = "UNKNOWN_ZONE"
    UNKNOWN_WEEKDAY = "UNKNOWN_WEEKDAY"
    SPAN_OPENS_OUTSIDE_DAY = "SPAN_OPENS_OUTSIDE_DAY"
    SPAN_CLOSES_OUTSIDE_DAY = "SPAN_CLOSES_OUTSIDE_DAY"
    TOO_MANY_SPANS = "TOO_MANY_SPANS"
    CLOSURE_REVERSED = "CLOSURE_REVERSED"
    NO_WORKING_TIME = "NO_WORKING_TIME"


_TEXTS: Final = {
    CalendarFault.UNKNOWN_ZONE: "zone {zone!r} is not in the IANA database; name one, for example {close}",
    CalendarFault.UNKNOWN_WEEKDAY: "weekday {weekday} does not exist; 0 is Monday, 6 is Sunday",
    CalendarFault.SPAN_OPENS_OUTSIDE_DAY: "span {span} must open from 0 to 86,399 seconds after midnight",
    CalendarFault.SPAN_CLOSES_OUTSIDE_DAY: "span {span} must close from 0 to 172,800 seconds after midnight",
    CalendarFault.TOO_MANY_SPANS: "{count} spans in one day; unite them to at most {most}",
    CalendarFault.CLOSURE_REVERSED: "closure {closure} must begin before it ends",
    CalendarFault.NO_WORKING_TIME: "there is no working time; open at least one weekday or one dated exception",
}


@dataclass(frozen=True, slots=True)
class CalendarProblem:
    """One fault of a calendar: `path` leads to it, `params` are the values its text needs."""

    code: CalendarFault
    path: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        place = ".".join(self.path)
        return f"{place}: {_TEXTS[self.code].format_map(self.params)}"


class CalendarInvalid(ValueError):
    """A calendar that cannot be counted with, with all its faults."""

    def __init__(self, problems: tuple[CalendarProblem, ...]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar as plain data.

    `zone` is an IANA name. `week` gives the hours that open on a weekday (0 is Monday; one left out is closed). `exceptions` replace
    what opens on a local date (empty: closed); the tail of the day before is that day's. `closures` are half-open spans of instants,
    in microseconds, closed in any case.
    """

    zone: str
    week: Mapping[int, Hours]
    exceptions: Mapping[date, Hours] = field(default_factory=dict)
    closures: tuple[Span, ...] = ()


def problems_of(spec: CalendarSpec) -> tuple[CalendarProblem, ...]:
    """Everything that is wrong with a calendar; empty when it can be counted with."""
    found = [*_zone_problems(spec), *_week_problems(spec), *_exception_problems(spec), *_closure_problems(spec)]
    if not found and not any(any(map(normalised, hours.values())) for hours in (spec.week, spec.exceptions)):
        found.append(CalendarProblem(CalendarFault.NO_WORKING_TIME, ("week",)))
    return tuple(found)


def _zone_problems(spec: CalendarSpec) -> Iterator[CalendarProblem]:
    known = _zone_names()
    if spec.zone not in known:
        close = get_close_matches(spec.zone[:64], sorted(known), n=3) or ["Europe/Moscow", "UTC"]
        params = {"zone": spec.zone, "close": ", ".join(close)}
        yield CalendarProblem(CalendarFault.UNKNOWN_ZONE, ("zone",), params)


def _week_problems(spec: CalendarSpec) -> Iterator[CalendarProblem]:
    for weekday, hours in spec.week.items():
        path = ("week", str(weekday))
        if not 0 <= weekday <= 6:
            yield CalendarProblem(CalendarFault.UNKNOWN_WEEKDAY, path, {"weekday": str(weekday)})
        yield from _hours_problems(hours, path)


def _exception_problems(spec: CalendarSpec) -> Iterator[CalendarProblem]:
    for day, hours in spec.exceptions.items():
        yield from _hours_problems(hours, ("exceptions", day.isoformat()))


def _hours_problems(hours: Hours, path: tuple[str, ...]) -> Iterator[CalendarProblem]:
    if len(hours) > MOST_SPANS_A_DAY:
        params = {"count": str(len(hours)), "most": str(MOST_SPANS_A_DAY)}
        yield CalendarProblem(CalendarFault.TOO_MANY_SPANS, path, params)
        return
    for index, span in enumerate(hours):
        try:
            normalised([span])
        except HoursInvalid as fault:
            yield CalendarProblem(CalendarFault(fault.code), (*path, str(index)), {"span": f"{span[0]}–{span[1]}"})


def _closure_problems(spec: CalendarSpec) -> Iterator[CalendarProblem]:
    for index, (begins, ends) in enumerate(spec.closures):
        if ends <= begins:
            params = {"closure": f"{begins}–{ends}"}
            yield CalendarProblem(CalendarFault.CLOSURE_REVERSED, ("closures", str(index)), params)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_PLACE
