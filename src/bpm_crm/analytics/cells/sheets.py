"""Sheets: which questions are kept answered, and of which cases."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Version

ROLLED_UP = (Dimension.CHANNEL, Dimension.OWNER, Dimension.PROCESS, Dimension.TEAM)
"""The dimensions by which, one at a time, there are cells."""

GROUPING = Grouping(ROLLED_UP)
"""How a case is split when it is folded; a sum by one of them leaves the others out."""

PROCESS = ROLLED_UP.index(Dimension.PROCESS)
"""Where a whole segment says which definition a case is of."""

Layout = tuple[tuple[str, ...], tuple[UUID, ...]]
"""The checkpoints that are the steps, in their order, and the definitions whose cases count, sorted."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A report whose answers are kept.

    `contributions` is its SQL up to a CTE `contributed (instance_id, at, segment, number, amount, slot, seconds)`, over the cases given
    as `:cases`: what each adds to which exact number, and which lengths of time to which slot; `at` is the instant by which periods
    choose. `layout` says what its sheet is for some versions, `values` what its SQL is asked with.
    """

    name: str
    contributions: str
    layout: Callable[[Sequence[Version]], Layout]
    values: Callable[[Sequence[Version], Sequence[str]], Mapping[str, Any]]


@dataclass(frozen=True)
class Sheet:
    """A kept question of one tenant, as stored."""

    id: UUID
    report: str
    checkpoints: tuple[str, ...]
    definitions: tuple[UUID, ...]
    zone: str
    filled_to: UUID
    is_filled: bool

    @cached_property
    def evaluation(self) -> str:
        """Sheets with the same one are fed by the same sums: they differ only in whose cases they hold."""
        text = "\n".join((self.report, self.zone, *self.checkpoints))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def has(self, segment: Sequence[str | None]) -> bool:
        """Whether it is made of the cases of such a segment."""
        return UUID(str(segment[PROCESS])) in self.definitions
