"""Cuts of whole segments: those that a filter holds, grouped by any dimensions, and what is added to each group."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from bpm_crm.analytics.cells.columns import Columns, summed
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Axes, Histogram, Ints, Packed
from bpm_crm.analytics.dimensions import Dimension, Grouping, OwnerBasis, Segment
from bpm_crm.analytics.statements import CaseFilter, report, statement
from bpm_crm.records.database import Connection

_FILTERED = report("filtered_segments")
_COLUMN = re.compile(r"\b([ikm]\.[a-z_]+)")
_COLUMNS = {
    **dict.fromkeys(("i.definition_id", "k.definition_id"), "process"),
    **dict.fromkeys(("i.channel_id", "k.channel_id"), "channel"),
    **dict.fromkeys(("i.owner_id", "k.owner_id"), "owner_now"),
    **dict.fromkeys(("i.team_id", "k.team_id"), "team_now"),
    "k.campaign_id": "campaign",
    "k.region": "region",
    "k.version": "version",
    "m.to_stage": "stage",
    "m.outcome": "outcome",
    "m.reason": "reason",
}
"""The columns that filters name, as whole segments tell them of a case as last known."""
_NOW = {Dimension.OWNER: "owner_now", Dimension.TEAM: "team_now"}
_MOST_DENSE = 1 << 24
"""Sums are taken in place up to so many, and by sorting above."""


@dataclass(slots=True)
class Answer:
    """The sums of one segment: exact numbers by name, and the lengths of time to ask percentiles of."""

    numbers: dict[str, int] = field(default_factory=dict)
    spreads: list[Packed] = field(default_factory=list)

    def histogram(self, axes: Axes | None = None) -> Histogram:
        """The lengths of time; `axes` where they grow."""
        return Histogram(self.spreads, axes)

    def add(self, numbers: Mapping[str, int], spread: Packed) -> None:
        """Add what a cell holds."""
        known = self.numbers
        for name, amount in numbers.items():
            known[name] = known.get(name, 0) + amount
        self.spreads.append(spread)

    def include(self, other: "Answer") -> None:
        """Add another segment."""
        for name, amount in other.numbers.items():
            self.numbers[name] = self.numbers.get(name, 0) + amount
        self.spreads.extend(other.spreads)


def columns_named(cases: CaseFilter) -> list[str] | None:
    """What of whole segments a filter looks at; None where it looks at more than they tell."""
    named = set(_COLUMN.findall(cases.sql))
    return (
        sorted({_COLUMNS[name] for name in named}) if named <= _COLUMNS.keys() and "SELECT" not in cases.sql else None
    )


def dimensions_of(grouping: Grouping) -> list[str] | None:
    """Which of a whole segment's values a grouping is by; None where it is by more than they tell."""
    known = set(WHOLE)
    wanted: list[str] = [
        _NOW.get(item, item) if grouping.basis is OwnerBasis.CURRENT else item for item in grouping.dimensions
    ]
    is_of_actors = grouping.basis is OwnerBasis.ACTOR and not _NOW.keys().isdisjoint(grouping.dimensions)
    return None if is_of_actors or not known.issuperset(wanted) or Dimension.STAGE in wanted else wanted


async def filtered(connection: Connection, tenant_id: Any, columns: Columns, cases: CaseFilter) -> Ints:
    """The segments that a filter holds, as ones among noughts: asked of the database once for all that look alike to the filter."""
    named = columns_named(cases)
    if not named:
        return np.ones(columns.codes.shape[1], np.int64)
    rows = [WHOLE.index(name) for name in named]
    kinds, places = distinct(columns, rows)
    values = {f"{name}_values": [None] * len(kinds) for name in WHOLE}
    for column, (name, row) in enumerate(zip(named, rows, strict=True)):
        values[f"{name}_values"] = [columns.values[row][code] for code in kinds[:, column].tolist()]
    found = statement(_FILTERED, tenant_id, values, cases=cases)
    held = np.zeros(len(kinds), np.int64)
    held[[row["place"] - 1 for row in await connection.fetch(found.text, *found.values)]] = 1
    return held[places]


def distinct(columns: Columns, rows: Sequence[int]) -> tuple[Ints, Ints]:
    """The different combinations of the values of some dimensions, a row each, and which of them each segment has."""
    size = columns.codes.shape[1]
    pairs = np.zeros(size, np.int64)
    for row in rows:
        pairs = pairs * max(1, len(columns.values[row])) + columns.codes[row]
        pairs = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
    _, firsts, places = np.unique(pairs, return_index=True, return_inverse=True)
    return columns.codes[list(rows)][:, firsts].T.astype(np.int64), places.astype(np.int64)


def grouped(columns: Columns, dimensions: Sequence[str], held: Ints | None = None) -> dict[Segment, Answer]:
    """What is added to each combination of the values of some dimensions, of those segments that are held."""
    rows = [WHOLE.index(name) for name in dimensions]
    kinds, groups = distinct(columns, rows)
    places, keys, amounts = columns.places, columns.keys, columns.amounts
    if held is not None and not held.all():
        some = held[places] > 0
        places, keys, amounts = places[some], keys[some], amounts[some]
    answers: dict[Segment, Answer] = {}
    for group, numbers, spread in _sums(groups[places], keys, amounts, len(kinds), columns.names):
        segment = tuple(columns.values[row][code] for row, code in zip(rows, kinds[group].tolist(), strict=True))
        answers[segment] = Answer(numbers, [spread])
    return answers


def _sums(
    groups: Ints, keys: Ints, amounts: Ints, size: int, names: Sequence[str]
) -> Iterator[tuple[int, dict[str, int], Packed]]:
    """By group: numbers by name, and a spread."""
    groups, keys, amounts = _summed(groups, keys, amounts, size)
    bounds = np.searchsorted(groups, np.arange(size + 1)).tolist()
    for group, (begin, end) in enumerate(pairwise(bounds)):
        if begin < end:
            middle = begin + int(np.searchsorted(keys[begin:end], 0))
            numbers = zip(keys[begin:middle].tolist(), amounts[begin:middle].tolist(), strict=True)
            yield group, {names[-1 - key]: amount for key, amount in numbers}, (keys[middle:end], amounts[middle:end])


def _summed(groups: Ints, keys: Ints, amounts: Ints, size: int) -> tuple[Ints, Ints, Ints]:
    """As `summed`, in place where there is room for every pair: without sorting."""
    if not len(keys):
        return groups, keys, amounts
    least, bound = int(keys.min()), 1 << 23
    if int(keys.max()) >= bound:
        high = keys >= bound
        low = _summed(groups[~high], keys[~high], amounts[~high], size)
        some = summed(groups[high], keys[high], amounts[high])
        joint = [np.concatenate(pair) for pair in zip(low, some, strict=True)]
        order = np.argsort(joint[0], kind="stable")
        return joint[0][order], joint[1][order], joint[2][order]
    seen = np.zeros(int(keys.max()) - least + 1, np.bool_)
    seen[keys - least] = True
    distinct_keys = np.flatnonzero(seen)
    if size * len(distinct_keys) > _MOST_DENSE:
        return summed(groups, keys, amounts)
    ranks = np.cumsum(seen) - 1
    sums = np.zeros(size * len(distinct_keys), np.int64)
    np.add.at(sums, groups * len(distinct_keys) + ranks[keys - least], amounts)
    found = np.flatnonzero(sums)
    return found // len(distinct_keys), distinct_keys[found % len(distinct_keys)] + least, sums[found]
