"""Hours of a local day: half-open spans of its seconds, and their written form."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

Span = tuple[int, int]

Hours = tuple[Span, ...]
"""Spans `(opens, closes)` in seconds after local midnight. A close past 86,400, or below its open, lies in the next day."""

CLOSED: Final[Hours] = ()
DAY_SECONDS: Final = 86_400

_LAST_SECOND: Final = DAY_SECONDS - 1
_WALL_TIME: Final = re.compile(r"([0-9]{2}):([0-5][0-9])(?::([0-5][0-9]))?")
_CURES: Final = {
    "SPAN_NOT_A_PAIR": "give the open and the close of each span, as in 09:00, 18:00",
    "WALL_TIME_UNREADABLE": "write wall times as HH:MM or HH:MM:SS, from 00:00 to 24:00; a close below its open is in the next day",
    "SPAN_OPENS_OUTSIDE_DAY": "a span opens from 00:00 up to, not including, 24:00; move it to the next day",
    "SPAN_CLOSES_OUTSIDE_DAY": "a span closes before the end of the next day; divide it between the days it covers",
}


class HoursInvalid(ValueError):
    """A span that is no span of a day: `code` says why, `span` is what was given, `index` its place among the spans."""

    def __init__(self, code: str, span: object, index: int) -> None:
        super().__init__(f"span {index} {span!r:.80}: {_CURES[code]}")
        self.code = code
        self.span = span
        self.index = index


def parse_hours(pairs: Iterable[Sequence[str]]) -> Hours:
    """Hours from pairs of wall times, such as `[["09:00", "12:00"], ["13:00", "24:00"]]`.

    A close below its open lies in the next day; an equal one makes an empty span. Raises `HoursInvalid`.
    """
    return normalised([_parse_span(pair, index) for index, pair in enumerate(pairs)])


def written_hours(hours: Hours) -> list[tuple[str, str]]:
    """Pairs of wall times that `parse_hours` reads as these hours. Raises `HoursInvalid` for what no pairs say.

    A pair that passes midnight covers less than 24 hours; a longer span is written as two that overlap just before midnight.
    """
    pairs: list[tuple[int, int]] = []
    for index, (opens, closes) in enumerate(normalised(hours)):
        if closes <= DAY_SECONDS:
            pairs.append((opens, closes))
        elif closes - DAY_SECONDS < opens:
            pairs.append((opens, closes - DAY_SECONDS))
        elif closes - DAY_SECONDS < _LAST_SECOND:
            pairs += [(opens, DAY_SECONDS), (_LAST_SECOND, closes - DAY_SECONDS)]
        else:
            raise HoursInvalid("SPAN_CLOSES_OUTSIDE_DAY", (opens, closes), index)
    return [(_wall_time(opens), _wall_time(closes)) for opens, closes in pairs]


def normalised(hours: Iterable[Span]) -> Hours:
    """The same hours in order and apart: overlapping and touching spans united, empty ones dropped. Raises `HoursInvalid`."""
    spans: list[Span] = []
    for index, (opens, closes) in enumerate(hours):
        if not 0 <= opens < DAY_SECONDS:
            raise HoursInvalid("SPAN_OPENS_OUTSIDE_DAY", (opens, closes), index)
        if not 0 <= closes <= 2 * DAY_SECONDS:
            raise HoursInvalid("SPAN_CLOSES_OUTSIDE_DAY", (opens, closes), index)
        spans.append((opens, closes if closes >= opens else closes + DAY_SECONDS))
    return tuple(united(spans))


def united(spans: Iterable[Span]) -> list[Span]:
    """Spans of any unit in order and apart: overlapping and touching ones joined, empty ones dropped."""
    joined: list[Span] = []
    for opens, closes in sorted(spans):
        if closes <= opens:
            continue
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _parse_span(pair: Sequence[str], index: int) -> Span:
    if isinstance(pair, str) or len(pair) != 2:
        raise HoursInvalid("SPAN_NOT_A_PAIR", pair, index)
    opens, closes = _seconds(pair[0]), _seconds(pair[1])
    if opens is None or closes is None:
        raise HoursInvalid("WALL_TIME_UNREADABLE", pair, index)
    return opens, closes


def _seconds(text: str) -> int | None:
    found = _WALL_TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups())
    seconds = hour * 3600 + minute * 60 + second
    return seconds if seconds <= DAY_SECONDS else None


def _wall_time(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{second:02}" if second else text
