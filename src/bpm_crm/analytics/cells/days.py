"""The local days and months that instants and periods fall into; a day begins at its midnight in a time zone."""

from bisect import bisect_right
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
        """The months, and the days at the ends, that make it up; each `[first, end)` of a level, None: open."""
        first = None if self.since is None else month_of(self.since - _DAY, 1) if self.since.day > 1 else self.since
        end = None if self.until is None else month_of(self.until)
        if first is not None and end is not None and first >= end:
            return [(Level.DAY, self.since, self.until)]
        found: list[tuple[Level, date | None, date | None]] = [(Level.MONTH, first, end)]
        if self.since != first:
            found.append((Level.DAY, self.since, first))
        if self.until != end:
            found.append((Level.DAY, end, self.until))
        return found


def month_of(day: date, later: int = 0) -> date:
    """The first day of the month of a day, or of one so many months later."""
    months = day.year * 12 + day.month - 1 + later
    return date(months // 12, months % 12 + 1, 1)


def months_of(ordinals: Ints) -> Ints:
    """The first days of the months of days, as ordinals."""
    days = (ordinals - _EPOCH_DAY).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + _EPOCH_DAY
