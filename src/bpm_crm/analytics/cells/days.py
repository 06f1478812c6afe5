"""The local days and months that instants and periods fall into; a day begins at its midnight in a time zone."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from operator import itemgetter
from zoneinfo import ZoneInfo

import numpy as np

from bpm_crm.analytics.cells.spreads import Ints

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MICROSECONDS = 86_400_000_000


class Level(StrEnum):
    """How long the time is that a cell sums up."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"

    @property
    def months(self) -> int:
        """How many months; 0: a day."""
        return _MONTHS[self]

    def start_of(self, day: date, later: int = 0) -> date:
        """The first day of what a day lies in, or of what comes so many later."""
        if not self.months:
            return day + _DAY * later
        number = (day.year * 12 + day.month - 1) // self.months * self.months + later * self.months
        return date(number // 12, number % 12 + 1, 1)

    def starts_of(self, ordinals: Ints) -> Ints:
        """The same of many days, as ordinals."""
        if not self.months:
            return ordinals
        months = (ordinals - _EPOCH_DAY).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        firsts = (months // self.months * self.months).astype("datetime64[M]")
        return firsts.astype("datetime64[D]").astype(np.int64) + _EPOCH_DAY


_MONTHS = {Level.DAY: 0, Level.MONTH: 1, Level.QUARTER: 3}


class Days:
    """The days of a time zone."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._begins: dict[date, datetime] = {}
        self._around: dict[date, list[tuple[datetime, date]]] = {}
        self._instants: dict[int, int] = {}

    def begin(self, day: date) -> datetime:
        """The first instant of a day."""
        known = self._begins.get(day)
        if known is None:
            known = self._begins[day] = datetime.combine(day, time(), self._zone).astimezone(UTC)
        return known

    def day_of(self, at: datetime) -> date:
        """The day that an instant lies in."""
        there = at.astimezone(UTC).date()
        around = self._around.get(there)
        if around is None:
            days = (there + _DAY * apart for apart in (-2, -1, 0, 1, 2))
            around = self._around[there] = [(self.begin(day), day) for day in days]
        return around[bisect_right(around, at, key=itemgetter(0)) - 1][1]

    def ordinals_of(self, instants: Ints) -> Ints:
        """The days that instants, in microseconds since 1970, lie in, as their ordinals."""
        if not len(instants):
            return instants
        days = (instants.min() // _MICROSECONDS - 2, instants.max() // _MICROSECONDS + 2)
        first, last = (int(day) + _EPOCH_DAY for day in days)
        begins = [self._instant(day) for day in range(first, last + 1)]
        return np.searchsorted(np.asarray(begins, np.int64), instants, "right") - 1 + first

    def _instant(self, ordinal: int) -> int:
        """The first instant of a day, in microseconds since 1970."""
        known = self._instants.get(ordinal)
        if known is None:
            known = (self.begin(date.fromordinal(ordinal)) - _EPOCH) // timedelta(microseconds=1)
            self._instants[ordinal] = known
        return known

    def beginning_at(self, at: datetime) -> date | None:
        """The day that begins at an instant; None where none does."""
        day = self.day_of(at)
        return day if self.begin(day) == at else None


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days `[since, until)`; None: open."""

    since: date | None
    until: date | None

    def holds(self, day: date) -> bool:
        """Whether a day lies inside."""
        return (self.since is None or day >= self.since) and (self.until is None or day < self.until)

    def cover(self) -> list[tuple[Level, date | None, date | None]]:
        """What it is made up of, each `[first, end)` of a level, None: open: as long as can be, and shorter at the ends."""
        return list(_cover(self.since, self.until, Level.QUARTER))


_SHORTER = {Level.QUARTER: Level.MONTH, Level.MONTH: Level.DAY}


def _cover(since: date | None, until: date | None, level: Level) -> Iterator[tuple[Level, date | None, date | None]]:
    if level not in _SHORTER:
        yield level, since, until
        return
    first = None if since is None else level.start_of(since - _DAY, 1)
    end = None if until is None else level.start_of(until)
    if first is not None and end is not None and first >= end:
        yield from _cover(since, until, _SHORTER[level])
        return
    yield level, first, end
    if since != first:
        yield from _cover(since, first, _SHORTER[level])
    if until != end:
        yield from _cover(end, until, _SHORTER[level])


def turns(days: Iterable[tuple[date, int]], most: int) -> Iterator[tuple[date, date]]:
    """Days, given in their order with a size of each, in spans `[since, until)` of no more than `most` together, or of one day."""
    first, held = None, 0
    for day, size in days:
        if first is not None and held + size > most:
            yield first, day
            first, held = None, 0
        first, held = first or day, held + size
    if first is not None:
        yield first, day + _DAY
