"""Business time by brute force: a list of open stretches, walked from its beginning every time."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from bpm_crm.engine.calendar import CalendarSpec
from bpm_crm.engine.instants import instant_of
from tests.engine.build import MOSCOW

Stretch = tuple[int, int]


class OpenHours:
    """The open stretches of a calendar in Moscow over some months, touching ones united; no span may cross midnight."""

    def __init__(self, spec: CalendarSpec, first: date = date(2026, 10, 1), last: date = date(2027, 9, 30)) -> None:
        assert spec.zone == "Europe/Moscow"
        self.days = {day: tuple(_stretches(spec, day)) for day in _dates(first, last)}
        self.stretches: list[Stretch] = []
        for opens, closes in (stretch for day in self.days.values() for stretch in day):
            if self.stretches and self.stretches[-1][1] == opens:
                self.stretches[-1] = (self.stretches[-1][0], closes)
            else:
                self.stretches.append((opens, closes))

    def worked(self, begins: int, ends: int) -> int:
        """Working time from one instant to a later one."""
        return sum(max(0, min(ends, closes) - max(begins, opens)) for opens, closes in self.stretches)

    def without(self, gaps: Sequence[tuple[int, int | None]]) -> list[Stretch]:
        """The open stretches outside some gaps, which follow each other; None is an end that has not come."""
        found = self.stretches
        for begins, ends in gaps:
            found = [piece for stretch in found for piece in _cut(stretch, begins, ends)]
        return found

    def opening(self, at: int) -> int:
        """The first instant from `at` on that lies in an open stretch."""
        return next(max(at, opens) for opens, closes in self.stretches if at < closes)

    def is_opening(self, at: int) -> bool:
        """Whether an open stretch begins at this instant."""
        return any(opens == at for opens, _ in self.stretches)

    def is_closing(self, at: int) -> bool:
        """Whether an open stretch ends at this instant."""
        return any(closes == at for _, closes in self.stretches)

    def after_days(self, at: int, count: int) -> int:
        """The same wall time on the `count`-th next working day, clipped to its hours."""
        start = datetime.fromtimestamp(self.opening(at) // 10**6, MOSCOW)
        rest = self.opening(at) % 10**6
        working = [day for day, stretches in self.days.items() if stretches and day > start.date()]
        stretches = self.days[working[count - 1]]
        shown = instant_of(datetime.combine(working[count - 1], start.time(), MOSCOW)) + rest
        clipped = min(max(shown, stretches[0][0]), stretches[-1][1])
        if any(opens <= clipped <= closes for opens, closes in stretches):
            return clipped
        return max(closes for _, closes in stretches if closes < clipped)


class AllHours(OpenHours):
    """Open at every instant."""

    def __init__(self) -> None:
        self.days = {}
        self.stretches = [(0, 4 * 10**15)]


def first_instant(stretches: Sequence[Stretch], since: int, amount: int) -> int | None:
    """The first instant by which so much time has passed in the stretches since an instant; None when it never does."""
    if not amount:
        return since
    for opens, closes in stretches:
        run = max(0, closes - max(since, opens))
        if amount <= run:
            return max(since, opens) + amount
        amount -= run
    return None


def _cut(stretch: Stretch, begins: int, ends: int | None) -> Iterator[Stretch]:
    opens, closes = stretch
    if opens < min(begins, closes):
        yield opens, min(begins, closes)
    if ends is not None and max(opens, ends) < closes:
        yield max(opens, ends), closes


def _dates(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=count) for count in range((last - first).days + 1))


def _stretches(spec: CalendarSpec, day: date) -> Iterator[Stretch]:
    midnight = instant_of(datetime.combine(day, datetime.min.time(), MOSCOW))
    for opens, closes in spec.exceptions.get(day, spec.week.get(day.weekday(), ())):
        assert closes <= 86_400
        yield midnight + opens * 10**6, midnight + closes * 10**6
