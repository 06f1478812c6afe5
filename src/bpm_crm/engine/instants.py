"""Instants as integers, microseconds since 1970-01-01T00:00Z: exact, cheap to compare, and without a zone to get wrong."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2199


class InstantOutOfRange(ValueError):
    """An instant outside the years business time is computed for, `FIRST_YEAR` to `LAST_YEAR`."""

    code = "INSTANT_OUT_OF_RANGE"

    def __init__(self, instant: int) -> None:
        super().__init__(
            f"instant {instant} (microseconds since 1970) is outside the years {FIRST_YEAR} to {LAST_YEAR};"
            " give one inside them"
        )
        self.instant = instant


class InstantNaive(ValueError):
    """A datetime without a zone, of which nobody can say when it was."""

    code = "INSTANT_NAIVE"

    def __init__(self, at: datetime) -> None:
        super().__init__(f"datetime {at.isoformat()} has no zone; give one with an offset or in UTC")
        self.at = at


def instant_of(at: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly. Raises `InstantNaive`."""
    if at.utcoffset() is None:
        raise InstantNaive(at)
    return (at - EPOCH) // MICROSECOND


@lru_cache(maxsize=4096)
def moment_of(instant: int) -> datetime:
    """The datetime, in UTC, of an instant; remembered, since the steps of a batch share theirs. Raises `InstantOutOfRange`."""
    if not EARLIEST <= instant <= LATEST:
        raise InstantOutOfRange(instant)
    return EPOCH + timedelta(microseconds=instant)


EARLIEST: Final = instant_of(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC))
LATEST: Final = instant_of(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC))
