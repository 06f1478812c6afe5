"""Spans as guard expressions write them: `duration('1h30m')`, in the form of Go's durations."""

import re
from decimal import Decimal
from typing import Final

_UNITS: Final = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|m|s)")


def duration_of(text: str) -> int:
    """The microseconds that a text stands for; `ValueError` for what is no duration, or one finer than that."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    found = _PART.findall(rest)
    amount = sum(Decimal(number) * _UNITS[unit] for number, unit in found)
    if not found or "".join(number + unit for number, unit in found) != rest or amount != int(amount):
        raise ValueError(text)
    return sign * int(amount)
