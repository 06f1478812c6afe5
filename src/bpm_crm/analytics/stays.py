"""How long visits of a stage lasted: what every way of reading stage times gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

VISITS = ("first", "latest", "cumulative")
"""Which visits of a stage by one case are measured."""
UNITS = ("calendar", "business", "active")
"""In which time; active is business time without pauses."""


@dataclass
class Quantile:
    """A length in seconds after which some share of the visits has ended, with its 95 % interval; None: not seen."""

    seconds: float | None = None
    lower: float | None = None
    upper: float | None = None


class Stay(NamedTuple):
    """How long visits lasted: Kaplan-Meier over all `cases`, of which `open` were seen as long as they had lasted by `as_of`.

    `mean` is over the completed ones only, and so too low while some are open; None without any.
    """

    cases: int = 0
    open: int = 0
    mean: float | None = None
    median: Quantile = Quantile()
    p90: Quantile = Quantile()


Stays = Mapping[tuple[str, str], Stay]
"""By visit and unit."""
Counts = Mapping[str, int]
"""By the name of the number."""
