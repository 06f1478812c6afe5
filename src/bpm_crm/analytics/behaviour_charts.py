"""XmR charts: what a process does when nothing changes, by the moving ranges of its own points.

Limits and rules are Wheeler's (Understanding Variation, 1993; Making Sense of Data, 2003): natural process limits lie 2.66 mean moving
ranges from the mean, the upper range limit 3.268 of them above nothing. A chart shows where to look. It is no test: of points that
follow each other alike, some signal without a cause.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import fmean

LIMITS = 2.66
RANGE_LIMIT = 3.268
RUN = 8
"""So many points in a row on one side of the mean are a signal."""
NEAR, NEAR_OF = 3, 4
"""So many of so many points in a row that are closer to a limit than to the mean are a signal."""


class ChartSignal(StrEnum):
    """Why a point of a chart is unlike the baseline."""

    OUTSIDE_LIMITS = "outside_limits"
    NEAR_LIMIT = "near_limit"
    LONG_RUN = "long_run"
    WIDE_RANGE = "wide_range"


@dataclass(frozen=True, slots=True)
class Chart:
    """The limits of a baseline. A limit that the figure cannot pass, as a share cannot pass nothing or all, is not there."""

    mean: float
    moving_range: float
    lower: float | None
    upper: float | None

    @property
    def range_limit(self) -> float:
        """The upper limit of a moving range."""
        return RANGE_LIMIT * self.moving_range

    def signals(self, values: Sequence[float]) -> list[frozenset[ChartSignal]]:
        """What each of these points, in their order, signals."""
        return [frozenset(self._of(values[: place + 1])) for place in range(len(values))]

    def _of(self, until: Sequence[float]) -> list[ChartSignal]:
        """The signals of the last of these points."""
        last, found = until[-1], []
        half = LIMITS * self.moving_range
        away = [value - self.mean for value in until]
        if abs(away[-1]) > half:
            found.append(ChartSignal.OUTSIDE_LIMITS)
        for side in (1, -1):
            near = sum(side * value > half / 2 for value in away[-NEAR_OF:])
            if near >= NEAR and side * away[-1] > half / 2:
                found.append(ChartSignal.NEAR_LIMIT)
            if len(away) >= RUN and all(side * value > 0 for value in away[-RUN:]):
                found.append(ChartSignal.LONG_RUN)
        if len(until) > 1 and abs(last - until[-2]) > self.range_limit:
            found.append(ChartSignal.WIDE_RANGE)
        return found


def chart(baseline: Sequence[float], least: float | None = None, most: float | None = None) -> Chart:
    """The chart of a baseline of at least two points; the figure itself lies in [`least`, `most`]."""
    mean = fmean(baseline)
    moving_range = fmean(abs(after - before) for before, after in pairwise(baseline))
    lower, upper = mean - LIMITS * moving_range, mean + LIMITS * moving_range
    return Chart(
        mean,
        moving_range,
        None if least is not None and lower <= least else lower,
        None if most is not None and upper >= most else upper,
    )
