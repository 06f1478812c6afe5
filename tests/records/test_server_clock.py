"""The database's clock as a process tells it: never behind what it was, ahead of it by no more than a question took to get there."""

from datetime import UTC, datetime, timedelta

import pytest

from bpm_crm.records import server_clock
from bpm_crm.records.server_clock import WINDOW_SECONDS, ServerClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Time:
    """Seconds of this process, and the database's clock beside them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1_000.0
        self.noon_at = 1_000.0
        monkeypatch.setattr(server_clock, "monotonic", lambda: self.seconds)

    @property
    def database(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds - self.noon_at)

    def ask(self, clock: ServerClock, *, there: float, work: float = 0.001, back: float = 0.001) -> None:
        """A question takes so long to get there, to be worked on, and its answer to come back."""
        sent = self.seconds
        self.seconds += there
        first = self.database
        self.seconds += work
        last = self.database
        self.seconds += back
        clock.heard(sent, first, last)

    def ahead(self, clock: ServerClock) -> timedelta:
        """How far the clock is ahead of the database's."""
        told = clock.now()
        assert told is not None
        return told - self.database


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def milliseconds(value: int) -> timedelta:
    return timedelta(milliseconds=value)


def test_nothing_was_heard(time: Time) -> None:
    assert ServerClock().now() is None


def test_the_quickest_question_counts(time: Time) -> None:
    clock = ServerClock()
    for there in (0.020, 0.002, 0.500):
        time.ask(clock, there=there, back=0.1)
    time.seconds += 3
    assert time.ahead(clock) == pytest.approx(milliseconds(2), abs=timedelta(microseconds=2))


def test_it_is_never_behind(time: Time) -> None:
    clock = ServerClock()
    for number in range(200):
        time.ask(clock, there=0.001 * (1 + number % 7), work=0.01)
        time.seconds += 0.3
        assert timedelta(0) < time.ahead(clock) <= milliseconds(8)


@pytest.mark.parametrize("seconds", [5.0, -5.0, 0.5])
def test_a_clock_that_was_set_is_noticed_at_once(time: Time, seconds: float) -> None:
    clock = ServerClock()
    time.ask(clock, there=0.001)
    time.noon_at += seconds
    time.ask(clock, there=0.003)
    assert timedelta(0) < time.ahead(clock) <= milliseconds(4)


def test_what_was_heard_long_ago_no_longer_counts(time: Time) -> None:
    clock = ServerClock()
    time.ask(clock, there=0.001)
    for _ in range(5):
        time.noon_at += 0.0002  # the clocks do not run alike
        time.seconds += 0.75 * WINDOW_SECONDS
        time.ask(clock, there=0.003)
    assert milliseconds(2) < time.ahead(clock) <= milliseconds(4)


def test_silence_ends_it(time: Time) -> None:
    clock = ServerClock()
    time.ask(clock, there=0.001)
    time.seconds += 2 * WINDOW_SECONDS - 1
    assert clock.now() is not None
    time.seconds += 2
    assert clock.now() is None
    time.ask(clock, there=0.004)
    assert time.ahead(clock) == pytest.approx(milliseconds(4), abs=timedelta(microseconds=2))
