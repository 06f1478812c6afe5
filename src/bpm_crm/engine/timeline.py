"""Working time laid out: the open spans of consecutive years as sorted instants with running totals, ready to be bisected."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

CHANGING: Final = 2**63 - 1
"""In place of an offset: the clocks are changed."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Whole UTC years of one calendar, `[since, until)`. It is never changed, so threads may share it.

    `starts` are the openings, between two marks at `since` and `until`; `totals` the working time, in microseconds, from a fixed
    origin to each of them. `days` number the working days, the local dates on which something opens, from 1970-01-01;
    `day_opens` and `day_closes` bound the working time of each, which ends at the latest where that of the next day begins;
    `day_offsets` say how far its clocks are ahead of UTC, `CHANGING` where they do not stay so as long as hours of that day may last.
    """

    since: int
    until: int
    starts: "array[int]"
    totals: "array[int]"
    days: "array[int]"
    day_opens: "array[int]"
    day_closes: "array[int]"
    day_offsets: "array[int]"

    def worked(self, at: int) -> int:
        """Working time from the origin to `at`, an instant of these years."""
        starts, totals = self.starts, self.totals
        index = bisect_right(starts, at)
        return min(totals[index - 1] + at - starts[index - 1], totals[index])

    def closing(self, index: int) -> int:
        """When the span that opens at `starts[index]` closes, or these years end."""
        return self.starts[index] + self.totals[index + 1] - self.totals[index]

    def followed_by(self, year: "Timeline") -> "Timeline":
        """These years and the next one, from the same origin."""
        return _joined(self, year.shifted(self.totals[-1] - year.totals[0]))

    def preceded_by(self, year: "Timeline") -> "Timeline":
        """These years and the one before, from the same origin."""
        return _joined(year.shifted(self.totals[0] - year.totals[-1]), self)

    def shifted(self, by: int) -> "Timeline":
        """The same years from another origin."""
        return replace(self, totals=integers(total + by for total in self.totals))


def _joined(earlier: Timeline, later: Timeline) -> Timeline:
    touching = earlier.closing(-2) == earlier.until and later.starts[1] == later.since
    kept = 2 if touching else 1
    return Timeline(
        earlier.since,
        later.until,
        earlier.starts[:-1] + later.starts[kept:],
        earlier.totals[:-1] + later.totals[kept:],
        earlier.days + later.days,
        earlier.day_opens + later.day_opens,
        earlier.day_closes + later.day_closes,
        earlier.day_offsets + later.day_offsets,
    )


def integers(values: Iterable[int]) -> "array[int]":
    """A compact array of 64-bit integers."""
    return array("q", values)


NOTHING: Final = Timeline(0, 0, *[integers(())] * 6)
"""No years yet."""
