"""The database's clock, as a process can tell it without asking."""

from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple

WINDOW_SECONDS = 10.0


class _Bounds(NamedTuple):
    """By how many seconds the database's clock is ahead of this process's: at least, at most."""

    least: float
    most: float

    def both(self, other: "_Bounds | None") -> "_Bounds":
        return self if other is None else _Bounds(max(self.least, other.least), min(self.most, other.most))


class ServerClock:
    """Not behind the database's clock, so what a process records is later than all that was recorded or read before it was asked.

    On two hosts it may be behind by what their clocks drift apart in half a minute, tenths of a millisecond. Told from the answers of the last 10 to 30 seconds. The database read its clock after the question was sent and before the answer
    was here; so the clock is ahead of what this tells by no more than nothing, and behind by no more than the quickest question took to get there.
    """

    def __init__(self) -> None:
        self._begun = 0.0
        self._before: _Bounds | None = None
        self._bounds: _Bounds | None = None
        self._epoch: datetime | None = None

    def heard(self, sent: float, first: datetime, last: datetime) -> None:
        """An answer was read just now whose question was sent at `sent` (`monotonic`); the database's clock meanwhile, read early and late."""
        read = monotonic()
        epoch = self._epoch = self._epoch or first
        heard = _Bounds((last - epoch).total_seconds() - read, (first - epoch).total_seconds() - sent)
        known = self._known()
        if known is not None and (heard.least > known.most or heard.most < known.least):
            self._begun, self._before, self._bounds = read, None, None  # one of the clocks was set
        elif read - self._begun > WINDOW_SECONDS:
            is_next = read - self._begun < 2 * WINDOW_SECONDS
            self._begun, self._before, self._bounds = read, self._bounds if is_next else None, None
        self._bounds = heard.both(self._bounds)

    def now(self) -> datetime | None:
        """The time; None when nothing was heard lately."""
        read, known = monotonic(), self._known()
        if self._epoch is None or known is None or read - self._begun > 2 * WINDOW_SECONDS:
            return None
        return self._epoch + timedelta(seconds=known.most + read)

    def _known(self) -> _Bounds | None:
        return None if self._bounds is None else self._bounds.both(self._before)
