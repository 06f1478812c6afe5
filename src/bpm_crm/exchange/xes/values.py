"""The typed literals of XES, from text to plain Python values."""

import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime, tzinfo

from bpm_crm.exchange.xes.faults import XesCode, clipped
from bpm_crm.exchange.xes.model import Identifier, Value

LONG = 2**63
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class LiteralInvalid(Exception):
    """A text that is no value of its type; the reader adds the place."""

    def __init__(self, code: XesCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def literals(zone: tzinfo | None, *, wall_time: bool = False) -> Mapping[str, Callable[[str], Value]]:
    """The readers of literals by element name; `zone` and `wall_time` are as in `read_date`."""

    def date(text: str) -> datetime:
        return read_date(text, zone, wall_time=wall_time)

    return {
        "string": str,
        "id": Identifier,
        "date": date,
        "int": read_int,
        "float": read_float,
        "boolean": read_boolean,
    }


def read_date(text: str, zone: tzinfo | None, *, wall_time: bool = False) -> datetime:
    """The aware instant of an xs:dateTime; digits past the microsecond are dropped.

    The offset may be `Z`, `+03:00`, `+0300` or `+03`. Without one the wall time is of `zone`, its first occurrence where clocks
    are turned back; with `wall_time` so is every one, whatever offset it states. `LiteralInvalid` for other forms, for instants outside the years 1 to 9999 UTC, and for no offset and no `zone`.
    """
    stripped = text.strip()
    if _DATE.fullmatch(stripped) is None:
        raise LiteralInvalid(XesCode.BAD_DATE, f"{clipped(text)} is not a date with a time")
    try:
        moment = datetime.fromisoformat(stripped)
    except ValueError as error:
        raise LiteralInvalid(XesCode.BAD_DATE, f"{clipped(text)} is not a date of the calendar") from error
    if moment.tzinfo is None or wall_time:
        if zone is None:
            raise LiteralInvalid(XesCode.MISSING_OFFSET, f"the date {clipped(text)} does not say its offset from UTC")
        moment = moment.replace(tzinfo=zone)
    return moment if MINYEAR < moment.year < MAXYEAR else _representable(moment, text)


def _representable(moment: datetime, text: str) -> datetime:
    """`moment`, if UTC can hold it: 0001-01-01T00:00:00+01:00 parses, and fails on its first conversion."""
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise LiteralInvalid(XesCode.BAD_DATE, f"{clipped(text)} is before the year 1 or after 9999 in UTC") from error
    return moment


def read_int(text: str) -> int:
    """An xs:long; Python's own spellings (underscores, digits of other scripts) are refused."""
    try:
        number = int(text)
    except ValueError as error:
        raise LiteralInvalid(XesCode.BAD_INT, f"{clipped(text)} is not a whole number") from error
    if not -LONG <= number < LONG or "_" in text or not text.isascii():
        raise LiteralInvalid(XesCode.BAD_INT, f"{clipped(text)} is not a whole number of 64 bits")
    return number


def read_float(text: str) -> float:
    """An xs:double, `NaN` and the infinities included (`INF`, and `Infinity` as Java writes it)."""
    try:
        number = float(text)
    except ValueError as error:
        raise LiteralInvalid(XesCode.BAD_FLOAT, f"{clipped(text)} is not a number") from error
    if "_" in text or not text.isascii():
        raise LiteralInvalid(XesCode.BAD_FLOAT, f"{clipped(text)} is not a number as XML writes it")
    return number


def read_boolean(text: str) -> bool:
    """An xs:boolean, in any letter case (Python's writers say `True`)."""
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise LiteralInvalid(XesCode.BAD_BOOLEAN, f"{clipped(text)} is neither true nor false")
    return value
