"""Cuts of whole segments: those that a filter holds, grouped by any dimensions, and what is added to each group."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpm_crm.analytics.cells.columns import Columns, distinct, summed
from bpm_crm.analytics.cells.sheets import WHOLE
from bpm_crm.analytics.cells.spreads import Ints
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


@dataclass(frozen=True, slots=True)
class Grouped:
    """What is added to segments: to each exact numbers by name; and lengths of time, as keys and counts of segments by their places."""

    segments: Sequence[Segment]
    numbers: Sequence[Mapping[str, int]]
    places: Ints
    keys: Ints
    counts: Ints


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


def grouped(columns: Columns, rows: Sequence[int], held: NDArray[np.bool_]) -> Grouped:
    """What is added to each combination of the values of some dimensions, given by their rows, of those segments that are held.

    Segments without any number are left out.
    """
    kinds, groups = distinct(columns, rows)
    places, keys, amounts = groups[columns.places], columns.keys, columns.amounts
    if not held.all():
        some = held[columns.places]
        places, keys, amounts = places[some], keys[some], amounts[some]
    counted = keys < 0
    numbers = summed(places[counted], keys[counted], amounts[counted])
    shown = np.unique(numbers[0])
    bounds = np.searchsorted(numbers[0], np.append(shown, kinds.shape[1])).tolist()
    names, sums = [columns.names[-1 - key] for key in numbers[1].tolist()], numbers[2].tolist()
    ranks = np.full(kinds.shape[1], -1)
    ranks[shown] = np.arange(len(shown))
    lengths = np.flatnonzero(~counted & (ranks[places] >= 0))
    codes = [[columns.values[row][code] for code in kinds[place, shown].tolist()] for place, row in enumerate(rows)]
    return Grouped(
        list(zip(*codes, strict=True)) if rows else [()] * len(shown),
        [dict(zip(names[first:end], sums[first:end], strict=True)) for first, end in pairwise(bounds)],
        ranks[places[lengths]],
        keys[lengths],
        amounts[lengths],
    )
