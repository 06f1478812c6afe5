"""Local time of a zone as integers: which instant a wall time is, also where the clocks are changed.

A wall time is counted like an instant, in microseconds since 1970-01-01T00:00, but on the clocks of the zone.
"""

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bpm_crm.engine.instants import DAY, EPOCH, MICROSECOND, SECOND

_WALL_EPOCH: Final = EPOCH.replace(tzinfo=None)
_BEFORE, _AFTER = 1, 3
"""Days of UTC that the hours of a local day, which may last into the next, can touch before and after its number."""


class LocalTime:
    """The clocks of one zone. All arithmetic is exact and independent of the server's zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def wall_of(self, instant: int) -> int:
        """What the clocks show at an instant."""
        return instant + self._offset_at(instant)

    def opening(self, wall: int) -> int:
        """The first instant at which the clocks show `wall` or, where they skip it, the first one after the gap."""
        first, last = self._occurrences(wall)
        return first if first <= last else self._transition(last, first)

    def closing(self, wall: int) -> int:
        """The last instant at which the clocks show `wall` or, where they skip it, the end of what came before the gap."""
        first, last = self._occurrences(wall)
        return last if first <= last else self._transition(last, first)

    def steady_offsets(self, days: range) -> dict[int, int]:
        """What the clocks are ahead of UTC, for the days, numbered from 1970-01-01, on which and round which it does not change.

        It is looked up once a day: no zone has changed its clocks there and back inside one.
        """
        offsets = [self._offset_at(day * DAY) for day in range(days.start - _BEFORE, days.stop + _AFTER)]
        windows = (offsets[index : index + _BEFORE + _AFTER + 1] for index in range(len(days)))
        return {day: window[0] for day, window in zip(days, windows, strict=True) if len(set(window)) == 1}

    def _occurrences(self, wall: int) -> tuple[int, int]:
        """The instants of `wall` by the offset before and after a change; in reverse order where the clocks skip it (PEP 495)."""
        shown = (_WALL_EPOCH + timedelta(microseconds=wall)).replace(tzinfo=self._zone)
        return wall - _offset(shown), wall - _offset(shown.replace(fold=1))

    def _transition(self, before: int, until: int) -> int:
        """The first instant after `before`, at the latest `until`, at which the offset has changed; zones change on whole seconds."""
        old = self._offset_at(before)
        seconds = range(before // SECOND, -(-until // SECOND) + 1)
        return seconds[bisect_left(seconds, True, key=lambda second: self._offset_at(second * SECOND) != old)] * SECOND

    def _offset_at(self, instant: int) -> int:
        return _offset((EPOCH + timedelta(microseconds=instant)).astimezone(self._zone))


def _offset(at: datetime) -> int:
    return (at.utcoffset() or timedelta()) // MICROSECOND
