"""Which stages are slow: against the target of the definition, and against their own history."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import sqrt

from bpm_crm.analytics.intervals import wilson
from bpm_crm.analytics.stage_times import StageTimes
from bpm_crm.analytics.stays import Quantile

TOLERATED = Fraction(1, 10)
"""A stage is slow when more than this share of its first visits went past their target: when its p90 is beyond it."""
FEWEST_JUDGED = 20
"""With fewer visits to judge nothing is said."""


class Pace(StrEnum):
    """Whether a stage is slow."""

    SLOW = "slow"
    NOT_SLOW = "not_slow"
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True, slots=True)
class Change:
    """How much longer half of the visits took than before, in seconds, with its 95 % interval; None: not known."""

    seconds: float | None
    lower: float | None
    upper: float | None


def against_target(times: StageTimes) -> Pace | None:
    """Slow when the whole interval of the late share lies above what is tolerated; None for a stage without a target."""
    return pace_of(times) if times.has_target else None


def pace_of(times: StageTimes) -> Pace:
    """The same of a stage that has a target."""
    late = times.count("late")
    judged = times.count("within") + late
    if judged < FEWEST_JUDGED:
        return Pace.NOT_ENOUGH
    lower, _ = wilson(late / judged, judged)
    return Pace.SLOW if lower > float(TOLERATED) else Pace.NOT_SLOW


def change(now: Quantile, before: Quantile) -> Change:
    """The difference of two quantiles with the interval that their own intervals give it (Zou and Donner 2008)."""
    if now.seconds is None or before.seconds is None:
        return Change(None, None, None)
    difference = now.seconds - before.seconds
    lower = upper = None
    if now.lower is not None and before.upper is not None:
        lower = difference - sqrt((now.seconds - now.lower) ** 2 + (before.upper - before.seconds) ** 2)
    if now.upper is not None and before.lower is not None:
        upper = difference + sqrt((now.upper - now.seconds) ** 2 + (before.seconds - before.lower) ** 2)
    return Change(difference, lower, upper)


def against_history(now: StageTimes, before: StageTimes | None) -> tuple[Change, Pace]:
    """By the median business time of first visits: slow when it is surely longer than in the period before."""
    if before is None or min(now.count("entered"), before.count("entered")) < FEWEST_JUDGED:
        return Change(None, None, None), Pace.NOT_ENOUGH
    found = change(now.stays["first", "business"].median, before.stays["first", "business"].median)
    if found.lower is None:
        return found, Pace.NOT_ENOUGH
    return found, Pace.SLOW if found.lower > 0 else Pace.NOT_SLOW
