"""Periods of reviews: weeks, months and quarters from a first day on, in the zone of the company."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

SETTLING = timedelta(minutes=2)
"""How long after the last instant of a report it is frozen: longer than any step that was begun before may take to be recorded."""
LAST_MONTHLY_DAY = 28
"""Periods of months begin on a day that every month has."""


class ReviewRhythm(StrEnum):
    """How often a process is reviewed."""

    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


_MONTHS: Mapping[ReviewRhythm, int] = {ReviewRhythm.MONTHLY: 1, ReviewRhythm.QUARTERLY: 3}


@dataclass(frozen=True, slots=True)
class ReviewPeriod:
    """A period `[since, until)`, and the instants its KPIs are asked for.

    They are asked as of its end, by what was known then; by what was known at `set_at`, where the rhythm was set only later: otherwise
    nothing of a history that was imported would be seen.
    """

    since: datetime
    until: datetime
    known_at: datetime
    next_from: date

    @property
    def due_at(self) -> datetime:
        """When it can be frozen."""
        return self.known_at + SETTLING


def following(day: date, rhythm: ReviewRhythm) -> date:
    """The first day of the next period."""
    if rhythm is ReviewRhythm.WEEKLY:
        return day + timedelta(days=7)
    months = day.year * 12 + day.month - 1 + _MONTHS[rhythm]
    return date(months // 12, months % 12 + 1, day.day)


def begins_at(day: date, zone: str) -> datetime:
    """The first instant of a day in a zone."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def review_period(begin: date, rhythm: ReviewRhythm, zone: str, set_at: datetime) -> ReviewPeriod:
    """The period that begins on a day."""
    end = following(begin, rhythm)
    until = begins_at(end, zone)
    return ReviewPeriod(begins_at(begin, zone), until, max(until, set_at), end)
