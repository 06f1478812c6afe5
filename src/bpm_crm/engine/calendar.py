"""Business time: what so much working time after an instant is, and how much of it lies between two (`semantics.md` §3).

Instants and spans of time are integers, microseconds; `due` and `worked` say the same in datetimes.
"""

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from bpm_crm.engine.calendar_spec import CalendarFault, CalendarInvalid, CalendarProblem, CalendarSpec, problems_of
from bpm_crm.engine.instants import DAY, EARLIEST, LATEST, MICROSECOND, InstantOutOfRange, instant_of, moment_of
from bpm_crm.engine.layout import Layout
from bpm_crm.engine.timeline import CHANGING, Timeline
from bpm_crm.engine.weekly_hours import CLOSED, DAY_SECONDS, Hours, Span
from bpm_crm.engine.years import NoWorkingTime, Years

__all__ = [
    "ALWAYS",
    "CLOSED",
    "AlwaysOpen",
    "BusinessCalendar",
    "CalendarFault",
    "CalendarInvalid",
    "CalendarProblem",
    "CalendarSpec",
    "Hours",
    "NoWorkingTime",
]


MOST_INSTANTS_KEPT: Final = 4096
"""Of how many instants it is remembered how much was worked by them: clocks and visits share theirs, as do the steps of a batch."""

_DAY_REACH: Final = 4 * DAY
"""How far from an instant the opening of its working day can lie, generously."""


class BusinessCalendar:
    """Arithmetic of one calendar. Years are laid out when first needed and kept; threads and tasks may share an instance.

    Raises `CalendarInvalid` for a calendar that cannot be counted with. The methods raise `InstantOutOfRange` outside the years
    1900 to 2199, and `NoWorkingTime` where the calendar has not enough of it.
    """

    def __init__(self, spec: CalendarSpec) -> None:
        problems = problems_of(spec)
        if problems:
            raise CalendarInvalid(problems)
        self.spec = spec
        self._layout = Layout(spec)
        self._years = Years(self._layout)
        self._worked = lru_cache(MOST_INSTANTS_KEPT)(self._years.worked)

    def add(self, at: int, budget: int) -> int:
        """The first instant by which `budget` of working time has passed since `at`; for none, `at` itself.

        A negative budget counts back: the last instant from which that much working time passes until `at`.
        """
        if budget <= 0:
            return self._subtract(at, -budget) if budget else at
        line = self._years.line
        if not line.since <= at < line.until:
            line = self._years.reaching(at)
        starts, totals = line.starts, line.totals
        index = bisect_right(starts, at)
        goal, closed = totals[index - 1] + at - starts[index - 1], totals[index]
        if goal > closed:
            goal = closed
        goal += budget
        if goal > closed:
            if goal > totals[-1]:
                line = self._years.reaching_total(goal, at, budget)
                starts, totals = line.starts, line.totals
            index = bisect_left(totals, goal)
        return starts[index - 1] + goal - totals[index - 1]

    def between(self, start: int, end: int) -> int:
        """The working time from `start` to `end`; negative if `end` is the earlier one."""
        return self._worked(end) - self._worked(start)

    def is_open(self, at: int) -> bool:
        """Whether working time passes at `at`; at a closing it does not any more."""
        line = self._years.reaching(at)
        return at < line.closing(bisect_right(line.starts, at) - 1)

    def next_open(self, at: int) -> int:
        """The first open instant from `at` on."""
        if self.is_open(at):
            return at
        line = self._years.line
        while (index := bisect_right(line.starts, at)) == len(line.starts) - 1:
            line = self._years.later(line, at)
        return line.starts[index]

    def previous_open(self, at: int) -> int:
        """The last instant up to `at` at which working time has just passed: `at` itself inside hours, else the closing before."""
        line = self._years.reaching(at)
        while (index := bisect_left(line.starts, at) - 1) < 1:
            line = self._years.earlier(line, at)
        return min(at, line.closing(index))

    def open_spans(self, start: int, end: int) -> list[Span]:
        """The stretches `(opens, closes)` of `[start, end)` in which working time passes, in order; none if `end` is not later."""
        if end <= start:
            return []
        line = self._years.reaching(start, end)
        first, last = bisect_right(line.starts, start) - 1, bisect_left(line.starts, end)
        spans = ((max(line.starts[index], start), min(line.closing(index), end)) for index in range(first, last))
        return [(opens, closes) for opens, closes in spans if opens < closes]

    def add_days(self, at: int, days: int) -> int:
        """The same wall time on the `days`-th next working day, clipped to its hours; `at` itself for 0, earlier days if negative.

        A working day is a local date on which something opens; it lasts until the next one opens. Outside hours, a closing included,
        counting starts at the next opening (going back, at the closing before). A wall time in a break is clipped to its beginning.
        """
        if not days:
            return at
        start = self.next_open(at) if days > 0 or self.is_open(at) else self.previous_open(at)
        line = self._years.reaching(start - _DAY_REACH, start + _DAY_REACH)
        today = line.days[bisect_right(line.day_opens, start) - 1]
        while (index := bisect_left(line.days, today) + days) >= len(line.days):
            line = self._years.later(line, at)
        while (index := bisect_left(line.days, today) + days) < 0:
            line = self._years.earlier(line, at)
        shown = self._same_wall_time(line, start, today, line.days[index])
        clipped = min(max(shown, line.day_opens[index]), line.day_closes[index])
        return clipped if self.is_open(clipped) else self.previous_open(clipped)

    def due(self, at: datetime, budget: timedelta) -> datetime:
        """`add` in datetimes: aware ones in, UTC out. Raises `InstantNaive` besides."""
        return moment_of(self.add(instant_of(at), budget // MICROSECOND))

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """`between` in datetimes, which must be aware. Raises `InstantNaive` besides."""
        return timedelta(microseconds=self.between(instant_of(start), instant_of(end)))

    def _same_wall_time(self, line: Timeline, start: int, today: int, day: int) -> int:
        """The instant that belongs to the working day `day` as `start` does to `today`; arithmetic where no clocks are changed."""
        before = line.day_offsets[bisect_left(line.days, today)]
        after = line.day_offsets[bisect_left(line.days, day)]
        if before != CHANGING and after != CHANGING:
            return start + (day - today) * DAY + before - after
        local = self._layout.local
        return local.opening(local.wall_of(start) + (day - today) * DAY)

    def _subtract(self, at: int, budget: int) -> int:
        line = self._years.reaching(at)
        goal = line.worked(at) - budget
        if at - budget < EARLIEST:
            raise NoWorkingTime(at, "before")
        while goal < line.totals[0]:
            line = self._years.earlier(line, at)
        index = bisect_right(line.totals, goal) - 1
        return line.starts[index] + goal - line.totals[index]


class AlwaysOpen(BusinessCalendar):
    """Every hour of every day, in UTC. Answers as `BusinessCalendar(spec)` does, and keeps nothing."""

    def __init__(self) -> None:
        self.spec = CalendarSpec("UTC", dict.fromkeys(range(7), ((0, DAY_SECONDS),)))

    def add(self, at: int, budget: int) -> int:
        """The instant `budget` after `at`. Raises `InstantOutOfRange`."""
        return _inside(at + budget)

    def between(self, start: int, end: int) -> int:
        """The time from `start` to `end`."""
        return end - start

    def is_open(self, at: int) -> bool:
        """Always."""
        return True

    def next_open(self, at: int) -> int:
        """`at` itself."""
        return at

    def previous_open(self, at: int) -> int:
        """`at` itself."""
        return at

    def open_spans(self, start: int, end: int) -> list[Span]:
        """The stretch itself; none if `end` is not later."""
        return [(start, end)] if start < end else []

    def add_days(self, at: int, days: int) -> int:
        """The instant so many times 24 hours after `at`. Raises `InstantOutOfRange`."""
        return _inside(at + days * DAY)


def _inside(instant: int) -> int:
    if not EARLIEST <= instant <= LATEST:
        raise InstantOutOfRange(instant)
    return instant


ALWAYS: Final = AlwaysOpen()
