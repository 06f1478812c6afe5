"""Years of every zone against a sweep: each opening counts one up, each closing one down, open is whatever is above nothing."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import BusinessCalendar, CalendarSpec, Hours
from bpm_crm.engine.instants import instant_of

YEARS = {
    "Africa/Cairo": (2010, 2023),
    "Africa/Casablanca": (2018, 2024),
    "Africa/Monrovia": (1972,),
    "America/Asuncion": (2024,),
    "America/Caracas": (2007, 2016),
    "America/Havana": (2024,),
    "America/New_York": (2007, 2024),
    "America/Nuuk": (2023, 2024),
    "America/Santiago": (2024,),
    "America/Sao_Paulo": (2017, 2018),
    "America/St_Johns": (2006, 2011),
    "Antarctica/Troll": (2024,),
    "Asia/Amman": (2022,),
    "Asia/Beirut": (2023,),
    "Asia/Gaza": (2011, 2024),
    "Asia/Jerusalem": (2024,),
    "Asia/Kathmandu": (1986,),
    "Asia/Pyongyang": (2015, 2018),
    "Asia/Tehran": (2022,),
    "Australia/Adelaide": (2024,),
    "Australia/Lord_Howe": (2024,),
    "Europe/Berlin": (1945, 2024),
    "Europe/Dublin": (1971, 2024),
    "Europe/London": (1968, 2024),
    "Europe/Moscow": (2011, 2014),
    "Europe/Volgograd": (2018, 2020),
    "Pacific/Apia": (2011, 2021),
    "Pacific/Auckland": (2024,),
    "Pacific/Chatham": (2024,),
    "Pacific/Easter": (2024,),
    "Pacific/Fakaofo": (2011,),
    "Pacific/Kiritimati": (1994, 1995),
    "Pacific/Kwajalein": (1969, 1993),
    "UTC": (2024,),
}
HOUR = 3600
WEEKS: dict[str, dict[int, Hours]] = {
    "office": dict.fromkeys(range(5), ((9 * HOUR, 13 * HOUR), (14 * HOUR, 18 * HOUR))),
    "small hours": dict.fromkeys(range(7), ((0, 1800), (5400, 9000), (9900, 10_800), (84_600, 86_400))),
    "night shifts": dict.fromkeys(range(1, 7), ((10 * HOUR, 12 * HOUR), (22 * HOUR, 6 * HOUR))),
    "overlapping": {0: ((0, 86_400), (12 * HOUR, 40 * HOUR)), 1: ((3 * HOUR, 9 * HOUR),), 6: ((2 * HOUR, 3 * HOUR),)},
}
CASES = [(zone, year, name) for zone, years in YEARS.items() for year in years for name in WEEKS]


@pytest.mark.parametrize(("zone", "year", "name"), CASES)
def test_a_year_of_a_calendar_is_what_a_sweep_over_its_openings_and_closings_gives(
    zone: str, year: int, name: str
) -> None:
    exceptions = {date(year, month, 1): ((8 * HOUR, 8 * HOUR + month),) if month % 2 else () for month in range(1, 13)}
    spec = CalendarSpec(zone, WEEKS[name], exceptions)
    since, until = (instant_of(datetime(start, 1, 1, tzinfo=UTC)) for start in (year, year + 1))
    expected = list(swept(spec, year, since, until))

    assert BusinessCalendar(spec).open_spans(since, until) == expected
    assert BusinessCalendar(spec).between(since, until) == sum(closes - opens for opens, closes in expected)


def swept(spec: CalendarSpec, year: int, since: int, until: int) -> Iterator[tuple[int, int]]:
    """The open spans of a year, clipped to it."""
    zone = ZoneInfo(spec.zone)
    steps: list[tuple[int, int]] = []
    for number in range(-4, 371):
        day = date(year, 1, 1) + timedelta(days=number)
        for opens, closes in spec.exceptions.get(day, spec.week.get(day.weekday(), ())):
            begins = occurrences(zone, day, opens)[0]
            ends = occurrences(zone, day, closes if closes >= opens else closes + 86_400)[-1]
            if begins < ends:
                steps += [(begins, 1), (ends, -1)]
    steps.sort(key=lambda step: (step[0], -step[1]))
    begins = 0
    levels = list(accumulate(step for _, step in steps))
    for index, ((at, _), level) in enumerate(zip(steps, levels, strict=True)):
        before = levels[index - 1] if index else 0
        if level == 1 and before == 0:
            begins = at
        if level == 0 and at > since and begins < until:
            yield max(begins, since), min(at, until)


def occurrences(zone: ZoneInfo, day: date, seconds: int) -> list[int]:
    """The instants at which the clocks show a wall time: those of any offset in use nearby that come out right, or the gap's end."""
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001
    instants = sorted(wall.replace(tzinfo=UTC) - offset for offset in offsets_near(zone, day))
    found = [instant for instant in instants if shown(instant, zone) == wall]
    if not found:
        minute = next(instant for instant in steps_from(instants[0], 60) if shown(instant, zone) > wall)
        found = [
            next(instant for instant in steps_from(minute - timedelta(minutes=1), 1) if shown(instant, zone) > wall)
        ]
    return [instant_of(instant) for instant in found]


@cache
def offsets_near(zone: ZoneInfo, day: date) -> set[timedelta]:
    """What the clocks are ahead of UTC, at some instants from two days before to four days after."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return {(noon + timedelta(days=days)).astimezone(zone).utcoffset() or timedelta() for days in range(-2, 5)}


def shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def steps_from(since: datetime, seconds: int) -> Iterator[datetime]:
    return (since + timedelta(seconds=number) for number in range(0, 2 * 86_400, seconds))
