"""Cuts of whole segments: those that a filter holds, grouped by any dimensions, and what is added to each group."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import Columns, distinct, summed
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints, Spread
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


@dataclass(frozen=True, slots=True)
class Answer:
    """The sums of one segment: exact numbers by name, and lengths of time."""

    numbers: Mapping[str, int]
    spread: Spread


def whole(some: Iterable[Answer]) -> Answer:
    """Several segments together; lengths are not summed up."""
    numbers: dict[str, int] = {}
    spreads: list[Spread] = [(np.zeros(0, np.int64),) * 2]
    for answer in some:
        for name, amount in answer.numbers.items():
            numbers[name] = numbers.get(name, 0) + amount
        spreads.append(answer.spread)
    keys, counts = (np.concatenate(column) for column in zip(*spreads, strict=True))
    return Answer(numbers, (keys, counts))


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


async def filtered(connection: Connection, tenant_id: Any, columns: Columns, cases: CaseFilter) -> NDArray[np.bool_]:
    """Which segments a filter holds: asked of the database once for all that look alike to the filter."""
    named = columns_named(cases)
    if not named:
        return np.ones(columns.size, np.bool_)
    rows = [WHOLE.index(name) for name in named]
    kinds, places = distinct(columns, rows)
    values = {f"{name}_values": [None] * kinds.shape[1] for name in WHOLE}
    for column, (name, row) in enumerate(zip(named, rows, strict=True)):
        values[f"{name}_values"] = [columns.values[row][code] for code in kinds[column].tolist()]
    found = statement(_FILTERED, tenant_id, values, cases=cases)
    held = np.zeros(kinds.shape[1], np.bool_)
    held[[row["place"] - 1 for row in await connection.fetch(found.text, *found.values)]] = True
    shown: NDArray[np.bool_] = held[places]
    return shown


def grouped(columns: Columns, rows: Sequence[int], held: NDArray[np.bool_]) -> dict[Segment, Answer]:
    """What is added to each combination of the values of some dimensions, given by their rows, of those segments that are held."""
    kinds, groups = distinct(columns, rows)
    places, keys, amounts = columns.places, columns.keys, columns.amounts
    if not held.all():
        some = held[places]
        places, keys, amounts = places[some], keys[some], amounts[some]
    answers: dict[Segment, Answer] = {}
    for group, numbers, spread in _sums(groups[places], keys, amounts, kinds.shape[1], columns.names):
        segment = tuple(columns.values[row][code] for row, code in zip(rows, kinds[:, group].tolist(), strict=True))
        answers[segment] = Answer(numbers, spread)
    return answers


def _sums(
    groups: Ints, keys: Ints, amounts: Ints, size: int, names: Sequence[str]
) -> Iterator[tuple[int, dict[str, int], Spread]]:
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
    ranks = np.empty(len(seen), np.int64)
    ranks[distinct_keys] = np.arange(len(distinct_keys))
    sums = np.zeros(size * len(distinct_keys), np.int64)
    np.add.at(sums, groups * len(distinct_keys) + ranks[keys - least], amounts)
    found = np.flatnonzero(sums)
    return found // len(distinct_keys), distinct_keys[found % len(distinct_keys)] + least, sums[found]
