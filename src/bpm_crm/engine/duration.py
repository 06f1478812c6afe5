"""Spans of time in writing: targets of process documents (`PT4H30M`, `2 business days`) and durations of the API."""

import re
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.instants import SECOND

MOST_HOURS: Final = 10 * 366 * 24
MOST_DAYS: Final = 10 * 366

_MINUTE: Final = 60 * SECOND
_HOUR: Final = 60 * _MINUTE

_TIME: Final = re.compile(r"(-?)PT(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?")
_DAYS: Final = re.compile(r"(-?)([0-9]+) business days?")
_CALENDAR: Final = re.compile(r"-?P([0-9]+[YMWD])+(T([0-9]+[HMS])+)?")

_CURES: Final = {
    "AMBIGUOUS": "a day or week may be working or elapsed time; write '1 business day', or hours such as PT24H of an always-open calendar",
    "NOT_POSITIVE": "a target is longer than nothing; write at least PT1S or '1 business day'",
    "TOO_LARGE": f"a target is at most ten years; write at most PT{MOST_HOURS}H or '{MOST_DAYS} business days'",
    "UNREADABLE": "write whole hours, minutes and seconds such as PT4H30M, or '2 business days'",
}


class DurationInvalid(ValueError):
    """A target that cannot be counted; `code` says why, `text` is what was written, shortened."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        self.text = text[:80]
        super().__init__(f"target {self.text!r}: {_CURES[code]}")


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """So much working time of a calendar."""

    microseconds: int

    def __str__(self) -> str:
        return format_duration(self.microseconds)


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """So many working days of a calendar."""

    days: int

    def __str__(self) -> str:
        return "1 business day" if self.days == 1 else f"{self.days} business days"


def parse_span(text: str) -> WorkingTime | BusinessDays:
    """The target written as `PT4H30M` or `2 business days`; `str` of it writes it back in its shortest form.

    Refused by `DurationInvalid`: days, weeks, months and years (ambiguous), zero and less, more than ten years, anything else.
    """
    if found := _DAYS.fullmatch(text):
        sign, days = found.groups()
        return BusinessDays(_counted(text, sign, _whole(days), MOST_DAYS))
    found = _TIME.fullmatch(text)
    if found and any(found.groups()[1:]):
        sign, *parts = found.groups(default="0")
        hours, minutes, seconds = map(_whole, parts)
        amount = hours * _HOUR + minutes * _MINUTE + seconds * SECOND
        return WorkingTime(_counted(text, found.group(1), amount, MOST_HOURS * _HOUR))
    raise DurationInvalid("AMBIGUOUS" if _CALENDAR.fullmatch(text) else "UNREADABLE", text)


def format_duration(microseconds: int) -> str:
    """ISO 8601 of a span of time, in hours and less because the length of a day differs: `PT1H15M`, `-PT0.5S`, `PT0S`."""
    rest = abs(microseconds)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, fraction = divmod(rest, SECOND)
    shown = f"{seconds}.{fraction:06}".rstrip("0") if fraction else f"{seconds}"
    parts = [f"{value}{unit}" for value, unit in ((f"{hours}", "H"), (f"{minutes}", "M"), (shown, "S")) if value != "0"]
    return ("-" if microseconds < 0 else "") + "PT" + ("".join(parts) or "0S")


def _whole(digits: str) -> int:
    """The number, or one that is too large in any unit; so long a text is not worth reading."""
    return int(digits) if len(digits) <= 12 else 10**12


def _counted(text: str, sign: str, amount: int, most: int) -> int:
    if sign or not amount:
        raise DurationInvalid("NOT_POSITIVE", text)
    if amount > most:
        raise DurationInvalid("TOO_LARGE", text)
    return amount
