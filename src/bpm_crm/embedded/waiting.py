"""Waiting without a time limit: short sleeps that grow, and a word to the caller now and then."""

import time
from collections.abc import Callable

SHORTEST_SECONDS = 0.01
LONGEST_SECONDS = 0.1
SECONDS_BETWEEN_WORDS = 2.0

Tell = Callable[[str], None]


class Waiting:
    """One wait; `tell` hears the reason after two seconds and every two seconds from then on."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._began = self._told = time.monotonic()
        self._delay = SHORTEST_SECONDS

    @property
    def seconds(self) -> float:
        """How long this wait has lasted."""
        return time.monotonic() - self._began

    def pause(self, reason: Callable[[], str]) -> None:
        """Sleep a little; `reason` is asked only when its text is to be told."""
        if time.monotonic() - self._told >= SECONDS_BETWEEN_WORDS:
            self._told = time.monotonic()
            self._tell(f"{reason()} ({self.seconds:.0f} s)")
        time.sleep(self._delay)
        self._delay = min(self._delay * 1.3, LONGEST_SECONDS)
