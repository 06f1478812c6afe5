"""Losses: in which stage cases were lost, for which reason, and how much money with them (`docs/figures.md`)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Titles, Version, titles_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection

_REPORT = report("losses")
_NUMBERS = report("loss_numbers")


@dataclass(frozen=True, slots=True)
class Loss:
    """Cases lost in one stage for one reason (None: none was given) in one segment.

    `of_stage` are all losses of that stage in that segment; `amounts` the money by currency, of the `priced` cases that had any.
    """

    stage: str
    reason: str | None
    segment: Segment
    cases: int
    of_stage: int
    priced: int
    amounts: Mapping[str, Decimal]
    stage_titles: Titles
    reason_titles: Titles | None

    @property
    def key(self) -> str:
        """How the report names stage and reason together."""
        return f"{self.stage}/{self.reason or ''}"


@dataclass(frozen=True, slots=True)
class LossFigures:
    """Losses by segment, the stages and reasons with most of them first, what they were asked of, and the way to their cases."""

    frame: Frame
    losses: tuple[Loss, ...]
    members: Members = field(repr=False)


Cell = tuple[str, str | None, Segment]


async def read_losses(connection: Connection, frame: Frame, question: Question) -> LossFigures:
    """The losses of a period `[since, until)`, by when they happened, in one statement."""
    members = Members(_REPORT, question, _values(frame, question))
    found = members.statement(_NUMBERS)
    counts: Counter[Cell] = Counter()
    priced: Counter[Cell] = Counter()
    amounts: dict[Cell, dict[str, Decimal]] = {}
    for row in await connection.fetch(found.text, *found.values):
        cell = (row["stage"], row["reason"], tuple(row["segment"]))
        counts[cell] += row["cases"]
        priced[cell] += row["priced"]
        if row["priced"]:
            amounts.setdefault(cell, {})[row["currency"]] = row["amount"]
    stages: Counter[tuple[str, Segment]] = Counter()
    for (stage, _, segment), count in counts.items():
        stages[stage, segment] += count
    losses = [
        _loss(cell, count, stages[cell[0], cell[2]], priced[cell], amounts.get(cell, {}), frame.versions)
        for cell, count in counts.items()
    ]
    losses.sort(key=lambda item: (_sortable(item.segment), -item.of_stage, item.stage, -item.cases, item.reason or ""))
    return LossFigures(frame, tuple(losses), members)


def _loss(
    cell: Cell, count: int, of_stage: int, priced: int, amounts: Mapping[str, Decimal], versions: tuple[Version, ...]
) -> Loss:
    stage, reason, segment = cell
    stage_titles = titles_of((version.stages for version in versions), stage)
    reason_titles = None if reason is None else titles_of((version.reasons for version in versions), reason)
    return Loss(stage, reason, segment, count, of_stage, priced, amounts, stage_titles, reason_titles)


def _sortable(segment: Segment) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in segment)


def _values(frame: Frame, question: Question) -> dict[str, Any]:
    amounts = [
        (version.definition_id, version.number, key)
        for version in frame.versions
        for key, part in version.fields.items()
        if part.get("binds") == "amount"
    ]
    definitions, versions, fields = ([item[place] for item in amounts] for place in range(3))
    return {
        **question.values(frame),
        "definitions": frame.definitions,
        "amount_definitions": definitions,
        "amount_versions": versions,
        "amount_fields": fields,
    }
