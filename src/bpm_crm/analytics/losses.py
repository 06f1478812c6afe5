"""Losses: in which stage cases were lost, for which reason, and how much money with them (`docs/figures.md`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import orjson

from bpm_crm.analytics.cells.reading import Answers, read_answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.counted_members import CountedMembers, newest_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Frame, Question, Titles, Version, bound_fields, titles_of
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection

_REPORT = report("losses")
_OF_GIVEN = report("losses", losing_cases="given_cases")
_NEWEST = newest_of("losing_cases")
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
        return _key(self.stage, self.reason)


@dataclass(frozen=True, slots=True)
class LossFigures:
    """Losses by segment, the stages and reasons with most of them first, what they were asked of, and the way to their cases."""

    frame: Frame
    losses: tuple[Loss, ...]
    members: Members = field(repr=False)


def _key(stage: str, reason: str | None) -> str:
    return f"{stage}/{reason or ''}"


Cell = tuple[str, str | None, Segment]
_EXACT = Context(prec=200)


async def read_losses(connection: Connection, frame: Frame, question: Question) -> LossFigures:
    """The losses of a period `[since, until)`, by when they happened: from cells where they answer it, else over history."""
    members = Members(_REPORT, question, {**question.values(frame), **_values(frame.versions)})
    answers = await read_answers(connection, KEPT_LOSSES, frame, question)
    if answers is None:
        sums = await _counted(connection, members)
    else:
        sums = _answered(answers)
        members = _counted_members(members, sums)
    stages: Counter[tuple[str, Segment]] = Counter()
    for (stage, _, segment), sum_ in sums.items():
        stages[stage, segment] += sum_.cases
    losses = [_loss(cell, sum_, stages[cell[0], cell[2]], frame.versions) for cell, sum_ in sums.items()]
    losses.sort(key=lambda item: (_sortable(item.segment), -item.of_stage, item.stage, -item.cases, item.reason or ""))
    return LossFigures(frame, tuple(losses), members)


def _counted_members(members: Members, sums: Mapping[Cell, "_Sum"]) -> Members:
    counted: dict[Segment | None, dict[tuple[str, str], int]] = {}
    for (stage, reason, segment), sum_ in sums.items():
        counted.setdefault(segment, {})[_key(stage, reason), "lost"] = sum_.cases
    return CountedMembers(
        members.report, members.question, members.values, of_given=_OF_GIVEN, candidates=_NEWEST, counted=counted
    )


@dataclass(slots=True)
class _Sum:
    """The cases of a cell, those of them with an amount, and the amounts by currency."""

    cases: int = 0
    priced: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)


async def _counted(connection: Connection, members: Members) -> dict[Cell, _Sum]:
    """The sums from history."""
    found = members.statement(_NUMBERS)
    sums: dict[Cell, _Sum] = {}
    for row in await connection.fetch(found.text, *found.values):
        sum_ = sums.setdefault((row["stage"], row["reason"], tuple(row["segment"])), _Sum())
        sum_.cases += row["cases"]
        sum_.priced += row["priced"]
        if row["priced"]:
            sum_.amounts[row["currency"]] = row["amount"]
    return sums


def _answered(answers: Answers) -> dict[Cell, _Sum]:
    """The same from cells; an amount is in parts by powers of ten."""
    sums: dict[Cell, _Sum] = {}
    for segment, numbers in answers.by_segment:
        for name, amount in numbers.items():
            number, stage, reason, *more = orjson.loads(name)
            sum_ = sums.setdefault((stage, reason, segment), _Sum())
            match number:
                case "cases":
                    sum_.cases += amount
                case "priced":
                    sum_.priced += amount
                    if amount:
                        sum_.amounts.setdefault(more[0], Decimal(0))
                case _:
                    known = sum_.amounts.get(more[0], Decimal(0))
                    sum_.amounts[more[0]] = _EXACT.add(known, _limb(amount, more[1]))
    return {cell: sum_ for cell, sum_ in sums.items() if sum_.cases}


def _limb(amount: int, power: int) -> Decimal:
    return Decimal(amount * 10**power) if power >= 0 else Decimal(amount).scaleb(power, _EXACT)


def _loss(cell: Cell, sum_: _Sum, of_stage: int, versions: tuple[Version, ...]) -> Loss:
    stage, reason, segment = cell
    stage_titles = titles_of((version.stages for version in versions), stage)
    reason_titles = None if reason is None else titles_of((version.reasons for version in versions), reason)
    return Loss(stage, reason, segment, sum_.cases, of_stage, sum_.priced, sum_.amounts, stage_titles, reason_titles)


def _sortable(segment: Segment) -> tuple[tuple[bool, str], ...]:
    return tuple((value is None, value or "") for value in segment)


def _values(versions: Sequence[Version]) -> dict[str, Any]:
    return {
        "definitions": list(dict.fromkeys(version.definition_id for version in versions)),
        **bound_fields("amount", versions),
        **bound_fields("product", versions),
    }


def _layout(versions: Sequence[Version]) -> Layout:
    return (), tuple(sorted({version.definition_id for version in versions}))


async def _kept_values(asked: Evaluation) -> Mapping[str, Any]:
    return _values(asked.frame.versions)


KEPT_LOSSES = Kept("losses", (_OF_GIVEN + report("loss_contributed"),), _layout, _kept_values)
"""Losses are kept whatever they are asked by."""
