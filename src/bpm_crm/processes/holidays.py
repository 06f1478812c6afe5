"""Public holidays of a country as dated exceptions of a business calendar, with the days off and working days it transfers."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from holidays import HolidayBase, country_holidays
from holidays.registry import COUNTRIES

from bpm_crm.engine.weekly_hours import CLOSED, Hours

COUNTRIES_KEPT: Final = 32

_COUNTRY_BY_NAME: Final = {name.replace("_", " "): entry[1] for name, entry in COUNTRIES.items()}
_COUNTRIES: Final = frozenset(_COUNTRY_BY_NAME.values())


class HolidaysUnknown(LookupError):
    """Holidays that are not known; `code` says of what, `value` is what was asked for, `known` what comes closest."""

    def __init__(self, code: str, value: str, known: Collection[str]) -> None:
        self.code = code
        self.value = value[:80]
        self.known = tuple(known)
        subject = code.removeprefix("UNKNOWN_").lower()
        super().__init__(f"no public holidays are known for {subject} {self.value!r}; use {' or '.join(self.known)}")


def public_holidays(
    country: str, subdivision: str | None, years: range, week: Mapping[int, Hours]
) -> dict[date, Hours]:
    """Dated exceptions of the `years`, in order: holidays and transferred days off closed, transferred working days open.

    `country` is an ISO 3166-1 code of two letters, `subdivision` an ISO 3166-2 code without it. A working day that falls on a weekday
    without hours gets those of the nearest weekday before it that has some; one that falls on a weekday with hours keeps them.
    Raises `HolidaysUnknown` with the closest names, also for years the source does not cover.
    """
    found = _holidays(country, subdivision, years)
    closed = dict.fromkeys((day for day in found if day.year in years), CLOSED)
    opened = {
        day: _borrowed(day, week) for day in found.weekend_workdays if day.year in years and not week.get(day.weekday())
    }
    return dict(sorted((closed | opened).items()))


@lru_cache(COUNTRIES_KEPT)
def _holidays(country: str, subdivision: str | None, years: range) -> HolidayBase:
    if country not in _COUNTRIES:
        raise HolidaysUnknown("UNKNOWN_COUNTRY", country, list(_close_countries(country)))
    known = country_holidays(country)
    names = [*known.subdivisions, *known.subdivisions_aliases]
    if subdivision is not None and subdivision not in names:
        close = get_close_matches(subdivision[:80], names, n=3) or known.subdivisions or ["no subdivision"]
        raise HolidaysUnknown("UNKNOWN_SUBDIVISION", f"{country}-{subdivision}", close)
    covered = range(known.start_year, known.end_year + 1)
    if any(year not in covered for year in years):
        raise HolidaysUnknown("UNKNOWN_YEARS", f"{years[0]}–{years[-1]}", [f"{covered[0]}–{covered[-1]}"])
    return country_holidays(country, subdivision, years)


def _borrowed(day: date, week: Mapping[int, Hours]) -> Hours:
    """The hours of the nearest weekday before `day` that has some."""
    return next((week[weekday] for back in range(1, 7) if week.get(weekday := (day.weekday() - back) % 7)), CLOSED)


def _close_countries(country: str) -> Iterator[str]:
    """Codes whose letters or names come closest, best first."""
    names = {code.lower(): code for code in _COUNTRIES} | _COUNTRY_BY_NAME
    close = get_close_matches(country[:80].lower(), names, n=3) or ["russia", "germany", "united states"]
    yield from dict.fromkeys(names[name] for name in close)
