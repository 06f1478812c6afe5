"""From hours to instants: the years of a calendar laid out, with its exceptions, closures and changes of the clocks."""

import sys
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import accumulate, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from bpm_crm.engine.calendar_spec import CalendarSpec
from bpm_crm.engine.instants import DAY, EPOCH, SECOND, instant_of
from bpm_crm.engine.local_time import LocalTime
from bpm_crm.engine.timeline import CHANGING, Timeline, integers
from bpm_crm.engine.weekly_hours import CLOSED, Span, normalised, united

_EPOCH_DAY: Final = EPOCH.toordinal()
_EPOCH_WEEKDAY: Final = EPOCH.weekday()
_REACH: Final = 4
"""Days by which what opens on a local date can reach into another UTC year: offset, moved date line, two days of hours."""


class Layout:
    """Lays out the years of one calendar, which must be valid."""

    def __init__(self, spec: CalendarSpec) -> None:
        self.local = LocalTime(ZoneInfo(spec.zone))
        self._week = tuple(normalised(spec.week.get(weekday, CLOSED)) for weekday in range(7))
        self._exceptions = {_day_number(day): normalised(hours) for day, hours in spec.exceptions.items()}
        self._closures = united(spec.closures)

    def year(self, year: int) -> Timeline:
        """One UTC year, with its first instant as the origin."""
        first, last = date(year, 1, 1), date(year + 1, 1, 1)
        since, until = (instant_of(datetime(day.year, 1, 1, tzinfo=UTC)) for day in (first, last))
        numbers = range(_day_number(first) - _REACH, _day_number(last) + _REACH)
        steady = self.local.steady_offsets(numbers)
        by_day = {number: opened for number in numbers if (opened := self._opened_on(number, steady.get(number)))}
        spans = united(span for opened in by_day.values() for span in opened)
        inside = [
            (max(opens, since), min(closes, until)) for opens, closes in spans if opens < until and closes > since
        ]
        days = [
            (*day, steady.get(day[0], CHANGING))
            for day in _apart(by_day)
            if _day_number(first) <= day[0] < _day_number(last)
        ]
        return Timeline(
            since,
            until,
            integers([since, *(opens for opens, _ in inside), until]),
            integers([0, *accumulate((closes - opens for opens, closes in inside), initial=0)]),
            *(integers(day[column] for day in days) for column in range(4)),
        )

    def _opened_on(self, number: int, offset: int | None) -> list[Span]:
        """The spans of instants that open on a local date, in order, without what closures take away."""
        hours = self._exceptions.get(number)
        if hours is None:
            hours = self._week[(number + _EPOCH_WEEKDAY) % 7]
        opened: list[Span] = []
        for opens, closes in hours:
            begins, ends = number * DAY + opens * SECOND, number * DAY + closes * SECOND
            if offset is None:
                begins, ends = self.local.opening(begins), self.local.closing(ends)
            else:
                begins, ends = begins - offset, ends - offset
            opened.extend(self._without_closures(begins, ends))
        return opened

    def _without_closures(self, begins: int, ends: int) -> Iterator[Span]:
        first = bisect_right(self._closures, begins, key=lambda closure: closure[1])
        for index in range(first, len(self._closures)):
            closed_from, closed_until = self._closures[index]
            if closed_from >= ends:
                break
            if closed_from > begins:
                yield begins, closed_from
            begins = closed_until
        if begins < ends:
            yield begins, ends


def _apart(by_day: dict[int, list[Span]]) -> Iterator[tuple[int, int, int]]:
    """Number, opening and close of each working day; one that opens only with the next, as round a skipped date, is none."""
    bounds = [(number, opened[0][0], max(closes for _, closes in opened)) for number, opened in by_day.items()]
    for (number, opens, closes), (_, next_opens, _) in pairwise([*bounds, (0, sys.maxsize, 0)]):
        if opens < next_opens:
            yield number, opens, min(closes, next_opens)


def _day_number(day: date) -> int:
    return day.toordinal() - _EPOCH_DAY
