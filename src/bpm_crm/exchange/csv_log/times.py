"""When an event of a CSV log happened: from text to an instant."""

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from re import error as re_error
from zoneinfo import ZoneInfo

from bpm_crm.exchange.csv_log.faults import CsvCode, refuse

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"epoch": timedelta(seconds=1), "epoch-ms": timedelta(milliseconds=1)}


class TimeUnreadable(Exception):
    """A text that is no instant in the form stated."""

    def __init__(self, code: CsvCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Times:
    """How times are written: by ISO 8601, or by a pattern of strptime, or as `epoch` or `epoch-ms`; `zone` is that of wall times.

    With `wall_time` every time is a wall time, whatever offset it states.
    """

    pattern: str | None = None
    zone: ZoneInfo | None = None
    wall_time: bool = False

    def __post_init__(self) -> None:
        """Refuse a pattern that can read nothing."""
        if self.pattern is not None and self.pattern not in UNITS:
            try:
                written = _EPOCH.strftime(self.pattern)
                datetime.strptime(written, self.pattern)  # noqa: DTZ007  # only whether it can be read
            except (ValueError, re_error) as error:
                raise refuse(CsvCode.BAD_TIME_FORMAT, f"{self.pattern[:60]!r} is no form of times ({error})") from error
            if "%" not in self.pattern:
                raise refuse(CsvCode.BAD_TIME_FORMAT, f"{self.pattern[:60]!r} has no directive")

    def read(self, text: str) -> datetime:
        """The instant of a text; of a wall time that comes twice the first. `TimeUnreadable` for any other text."""
        try:
            moment = self._parsed(text.strip())
            if moment.tzinfo is None or self.wall_time:
                if self.zone is None:
                    raise TimeUnreadable(
                        CsvCode.MISSING_OFFSET, f"the time {text[:60]!r} does not say its offset from UTC"
                    )
                moment = moment.replace(tzinfo=self.zone)
            return moment if MINYEAR < moment.year < MAXYEAR else moment.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            form = "ISO 8601" if self.pattern is None else f"the form {self.pattern!r}"
            raise TimeUnreadable(CsvCode.BAD_TIME, f"{text[:60]!r} is no time in {form}") from error

    def _parsed(self, text: str) -> datetime:
        if self.pattern is None:
            return datetime.fromisoformat(text)
        unit = UNITS.get(self.pattern)
        if unit is None:
            return datetime.strptime(text, self.pattern)  # noqa: DTZ007  # the zone is added by the caller
        if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
            raise ValueError(text)
        return _EPOCH + int(text) * unit
