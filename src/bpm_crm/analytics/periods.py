"""Periods of the calendar in a time zone: the one before, and the days, weeks, months, quarters and years inside one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT, Question

_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Bucket:
    """A part of a period: its key as ISO 8601 writes it, and its instants `[since, until)`."""

    key: str
    since: datetime
    until: datetime


def before(question: Question, zone: str) -> Question | None:
    """The same question of the period before: as many months before whole months, as many days before whole days, else as long.

    None where the period is open.
    """
    if question.since == FIRST_INSTANT or question.until == LAST_INSTANT:
        return None
    return replace(question, since=_beginning_before(question.since, question.until, zone), until=question.since)


def buckets(since: datetime, until: datetime, part: Dimension, zone: str) -> Iterator[Bucket]:
    """The parts of the calendar that a period touches, the first and the last one cut to it."""
    first = since.astimezone(ZoneInfo(zone)).date()
    begins = _BEGINNINGS[part](first)
    while (start := _midnight(begins, zone)) < until:
        begins_next = _NEXT[part](begins)
        yield Bucket(_key(begins, part), max(start, since), min(_midnight(begins_next, zone), until))
        begins = begins_next


def day_of(at: datetime, zone: str) -> tuple[datetime, datetime]:
    """The local day of an instant, `[since, until)`."""
    day = at.astimezone(ZoneInfo(zone)).date()
    return _midnight(day, zone), _midnight(day + timedelta(days=1), zone)


def _beginning_before(since: datetime, until: datetime, zone: str) -> datetime:
    local, end = since.astimezone(ZoneInfo(zone)), until.astimezone(ZoneInfo(zone))
    if since != _midnight(local.date(), zone) or until != _midnight(end.date(), zone):
        return since - (until - since)
    if local.day == end.day == 1:
        return _midnight(_months_on(local.date(), -_months_between(local.date(), end.date())), zone)
    return _midnight(local.date() - (end.date() - local.date()), zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * _MONTHS + last.month - first.month


def _months_on(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, _MONTHS)
    return date(day.year + years, month + 1, 1)


def _key(day: date, part: Dimension) -> str:
    match part:
        case Dimension.DAY:
            return day.isoformat()
        case Dimension.WEEK:
            return f"{day.isocalendar().year:04}-W{day.isocalendar().week:02}"
        case Dimension.MONTH:
            return f"{day:%Y-%m}"
        case Dimension.QUARTER:
            return f"{day:%Y}-Q{(day.month + 2) // 3}"
        case _:
            return f"{day:%Y}"


_BEGINNINGS: Final[Mapping[Dimension, Callable[[date], date]]] = {
    Dimension.DAY: lambda day: day,
    Dimension.WEEK: lambda day: day - timedelta(days=day.weekday()),
    Dimension.MONTH: lambda day: day.replace(day=1),
    Dimension.QUARTER: lambda day: date(day.year, (day.month - 1) // 3 * 3 + 1, 1),
    Dimension.YEAR: lambda day: date(day.year, 1, 1),
}
_NEXT: Final[Mapping[Dimension, Callable[[date], date]]] = {
    Dimension.DAY: lambda day: day + timedelta(days=1),
    Dimension.WEEK: lambda day: day + timedelta(days=7),
    Dimension.MONTH: lambda day: _months_on(day, 1),
    Dimension.QUARTER: lambda day: _months_on(day, 3),
    Dimension.YEAR: lambda day: _months_on(day, _MONTHS),
}
