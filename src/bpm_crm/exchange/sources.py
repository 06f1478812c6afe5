"""Where an import takes a foreign log from: something that can be read trace by trace, twice, whatever the format of the file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from bpm_crm.exchange.xes import Trace, open_log


class OpenLog(Protocol):
    """A log being read: its traces once, and how much of the file was read so far."""

    total_bytes: int | None

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the file so far."""

    def __iter__(self) -> Iterator[Trace]:
        """The traces, in the order of their first events in the file."""


LogSource = Callable[[], AbstractContextManager[OpenLog]]
"""Opens the log from its beginning."""


def xes_source(path: Path, *, zone: ZoneInfo | None = None, wall_time: bool = False) -> LogSource:
    """A log in XES. `zone` is that of dates without an offset; with `wall_time` of all dates, whatever offset they state."""
    return partial(open_log, path, zone=zone, wall_time=wall_time)
