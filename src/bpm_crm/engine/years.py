"""The years of a calendar that have been laid out so far; they grow when an instant or an amount of working time asks for it."""

from threading import Lock

from bpm_crm.engine.instants import EARLIEST, LATEST, InstantOutOfRange, moment_of
from bpm_crm.engine.layout import Layout
from bpm_crm.engine.timeline import NOTHING, Timeline


class NoWorkingTime(LookupError):
    """A calendar has not enough working time before or after an instant, within the years that are computed."""

    code = "NO_WORKING_TIME_LEFT"

    def __init__(self, at: int, direction: str) -> None:
        super().__init__(
            f"the calendar has not enough working time {direction} instant {at} (microseconds since 1970);"
            " open more weekdays or dated exceptions, or ask for less"
        )
        self.at = at
        self.direction = direction


class Years:
    """Consecutive UTC years, shared by threads: `line` is replaced by a longer one, never changed, and readers keep the one they hold."""

    def __init__(self, layout: Layout) -> None:
        self.line = NOTHING
        self._layout = layout
        self._growing = Lock()

    def reaching(self, *instants: int) -> Timeline:
        """The line with these instants in it. Raises `InstantOutOfRange`."""
        line = self.line
        for at in instants:
            if not line.since <= at < line.until:
                line = self._grown(at)
        return line

    def worked(self, at: int) -> int:
        """The working time from a fixed origin, which growing does not move, to `at`. Raises `InstantOutOfRange`."""
        line = self.line
        if not line.since <= at < line.until:
            line = self._grown(at)
        return line.worked(at)

    def reaching_total(self, total: int, at: int, budget: int) -> Timeline:
        """The line that ends with at least `total` of working time, `budget` after `at`. Raises `NoWorkingTime`."""
        if at + budget > LATEST:
            raise NoWorkingTime(at, "after")
        line = self.line
        while total > line.totals[-1]:
            line = self.later(line, at)
        return line

    def later(self, line: Timeline, at: int) -> Timeline:
        """A line that ends later. Raises `NoWorkingTime` for `at` if there is none."""
        if line.until >= LATEST:
            raise NoWorkingTime(at, "after")
        return self._grown(line.until)

    def earlier(self, line: Timeline, at: int) -> Timeline:
        """A line that begins earlier. Raises `NoWorkingTime` for `at` if there is none."""
        if line.since <= EARLIEST:
            raise NoWorkingTime(at, "before")
        return self._grown(line.since - 1)

    def _grown(self, at: int) -> Timeline:
        """The line with the year of `at` and all between."""
        if not EARLIEST <= at < LATEST:
            raise InstantOutOfRange(at)
        with self._growing:
            line = self.line
            if line is NOTHING:
                line = self._layout.year(moment_of(at).year)
            while at >= line.until:
                line = line.followed_by(self._layout.year(moment_of(line.until).year))
            while at < line.since:
                line = line.preceded_by(self._layout.year(moment_of(line.since).year - 1))
            self.line = line
        return line
