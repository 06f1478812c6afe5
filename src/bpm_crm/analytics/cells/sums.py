"""Sums of what cases add: by day and whole segment, and of these by each dimension, by day, month and quarter."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.bodies import encoded
from bpm_crm.analytics.cells.columns import Columns, chosen, in_order, joined
from bpm_crm.analytics.cells.days import Level
from bpm_crm.analytics.cells.sheets import PROCESS, ROLLED_UP, WHOLE
from bpm_crm.analytics.cells.spreads import Ints
from bpm_crm.analytics.cells.tallies import ranked, sums, unranked
from bpm_crm.analytics.dimensions import Dimension

ROLL_UPS = ((Dimension.PROCESS,), *((Dimension.PROCESS, item) for item in ROLLED_UP))
KINDS: Mapping[Sequence[str], Sequence[Level]] = {WHOLE: (Level.DAY,), **dict.fromkeys(ROLL_UPS, tuple(Level))}
"""By which dimensions there are sums, and of how long a time: whole segments of days only. Each level is made of the one before it."""


def name_of(dimensions: Sequence[str]) -> str:
    """How the dimensions of cells are stored."""
    return ",".join(dimensions)


@dataclass(frozen=True, slots=True)
class Added:
    """Columns in whole segments that each lie in a day (an ordinal), and belong to a case (its place in some list)."""

    columns: Columns
    days: Ints
    cases: Ints

    @property
    def processes(self) -> NDArray[np.int32]:
        """By segment the place of its process in the values of that dimension."""
        found: NDArray[np.int32] = self.columns.codes[PROCESS]
        return found

    def only(self, segments: NDArray[np.bool_]) -> "Added":
        """The entries of some segments."""
        if segments.all():
            return self
        some = segments[self.columns.places]
        columns = self.columns
        entries = (columns.places[some], columns.keys[some], columns.amounts[some])
        return Added(Columns(columns.values, columns.names, columns.codes, *entries), self.days, self.cases)

    def of(self, definitions: Collection[UUID]) -> "Added":
        """The entries of the cases of some definitions."""
        known = self.columns.values[PROCESS]
        held = np.asarray([value is not None and UUID(value) in definitions for value in known], np.bool_)
        return self.only(held[self.processes]) if len(held) else self

    def taken_away(self) -> "Added":
        """The same with the opposite sign."""
        columns = self.columns
        entries = (columns.places, columns.keys, -columns.amounts)
        return Added(Columns(columns.values, columns.names, columns.codes, *entries), self.days, self.cases)

    def in_order(self) -> "Added":
        """The same with values and names in order."""
        return Added(in_order(self.columns), self.days, self.cases)

    def by(self, dimensions: Sequence[str], levels: Sequence[Level]) -> Iterator[tuple[Level, date, bytes]]:
        """Of what is in order, packed columns by some dimensions for each day, month and quarter in which anything is added."""
        columns = chosen(self.columns, [WHOLE.index(name) for name in dimensions])
        starts, groups = np.unique(self.days, return_inverse=True)
        ranks, known = ranked(columns.keys)
        least = int(ranks.min(initial=0))
        size = max(1, columns.size)
        width = (int(ranks.max(initial=0)) - least + 1) * size
        codes = groups[self.columns.places] * width + (ranks - least) * size + columns.places
        amounts = columns.amounts
        for level in levels:
            starts, places = np.unique(level.starts_of(starts), return_inverse=True)
            groups, rest = np.divmod(codes, width)
            codes, amounts = sums(places[groups] * width + rest, amounts)
            bounds = np.searchsorted(codes, np.arange(len(starts) + 1) * width).tolist()
            for number, (first, end) in enumerate(pairwise(bounds)):
                if first < end:
                    keys, held = np.divmod(codes[first:end] - number * width, size)
                    packed = encoded(columns, unranked(keys + least, known), held, amounts[first:end])
                    yield level, date.fromordinal(int(starts[number])), packed


def together(some: Iterable[Added]) -> Added:
    """Several together."""
    parts = list(some)
    if len(parts) == 1:
        return parts[0]
    days, cases = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in parts)]) for name in ("days", "cases")
    )
    return Added(joined(part.columns for part in parts), days, cases)
