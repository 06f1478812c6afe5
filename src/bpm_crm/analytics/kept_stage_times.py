"""Stage times as cells keep them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from bpm_crm.analytics.cells.cuts import Answer
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.cells.spreads import Axes
from bpm_crm.analytics.cells.survival import Survival, survivals
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Question, Version
from bpm_crm.analytics.stage_values import held_values, paused_by_conditions, stage_values
from bpm_crm.analytics.statements import report, statement

_PAUSABLE = report("pausable_cases")
_SHARES = (0.5, 0.9)
_KINDS = {"first": (0, 1), "latest": (0, 2), "cumulative": (0, 3)}
"""A visit is the only one of its case in its stage (0), or of several the first (1), the latest (2), or all together (3)."""
_UNITS = ("calendar", "business", "active")
_LENGTHS = 12
"""Kinds times units; of each the visits that ended, and those that go on."""

Row = Mapping[str, Any]


async def _values(asked: Evaluation) -> Mapping[str, Any]:
    question = Question(asked.tenant_id)
    values = await stage_values(asked.connection, asked.frame, question, asked.processes, asked.cases)
    wanted = paused_by_conditions(asked.processes)
    if wanted:
        found = statement(
            _PAUSABLE,
            asked.tenant_id,
            {
                "cases": asked.cases,
                "as_of": asked.frame.as_of,
                "wanted_definitions": [key[0] for key in wanted],
                "wanted_versions": [key[1] for key in wanted],
            },
        )
        cases = [row["id"] for row in await asked.connection.fetch(found.text, *found.values)]
        values |= await held_values(asked.connection, asked.frame, question, asked.processes, cases)
    return {**values, "checkpoints": list(asked.checkpoints)}


def _layout(versions: Sequence[Version]) -> Layout | None:
    stages = {f"{version.definition_id}/{stage}" for version in versions for stage in version.stages}
    return (tuple(sorted(stages)), tuple(sorted({version.definition_id for version in versions}))) if stages else None


def _definition_of(checkpoints: Sequence[str], slot: int) -> UUID:
    return UUID(checkpoints[slot // (2 * _LENGTHS)].partition("/")[0])


KEPT_STAGE_TIMES = Kept(
    "stage_times",
    report("stage_times", entering_cases="given_cases") + report("stage_contributed"),
    _layout,
    _values,
    shares_steps=True,
    definition_of=_definition_of,
)
"""The times of every stage are kept."""


def stage_rows(answers: Answers) -> dict[tuple[Segment, str], list[Row]]:
    """By segment and stage what `reports/stage_time_numbers.sql` gives."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(answers.sheet.checkpoints, 1):
        places.setdefault(name.partition("/")[2], []).append(place)
    return {
        (segment, stage): rows
        for segment, answer in answers.by_segment.items()
        for stage, rows in _rows(answer, places, answers.axes)
    }


def _rows(answer: Answer, places: Mapping[str, Sequence[int]], axes: Axes) -> list[tuple[str, list[Row]]]:
    """The rows of the stages that any case was in."""
    histogram, numbers = answer.histogram(axes), answer.numbers
    counts = _counts(numbers, places)
    stages = [stage for stage in places if counts[stage].get("entered")]

    def row(stage: str, visit: str, unit: int, is_open: int) -> Any:
        slots = (
            ((place - 1) * _LENGTHS + kind * 3 + unit) * 2 + is_open
            for place in places[stage]
            for kind in _KINDS[visit]
        )
        return sum(histogram.row(slot) for slot in slots)

    measures = [(stage, visit, unit) for stage in stages for visit in _KINDS for unit in range(len(_UNITS))]
    if not measures:
        return []
    ended, open_ = (np.stack([row(*measure, is_open) for measure in measures]) for is_open in (0, 1))
    found: dict[str, list[Row]] = {stage: [] for stage in stages}
    for place, (measure, (median, p90)) in enumerate(zip(measures, survivals(ended, open_, _SHARES), strict=True)):
        stage, visit, unit = measure
        completed, going_on = int(ended[place].sum()), int(open_[place].sum())
        names = [f"{number} {kind * 3 + unit}" for number in places[stage] for kind in _KINDS[visit]]
        milliseconds = sum(numbers.get(name, 0) for name in names)
        found[stage].append(
            {
                "measure": f"{visit}/{_UNITS[unit]}",
                "counts": counts[stage],
                "cases": completed + going_on,
                "open": going_on,
                "mean": milliseconds / 1000 / completed if completed else None,
                **_quantile("median", median),
                **_quantile("p90", p90),
            }
        )
    return list(found.items())


def _quantile(name: str, found: Survival) -> Row:
    return {name: found.seconds, f"{name}_from": found.lower, f"{name}_to": found.upper}


def _counts(numbers: Mapping[str, int], places: Mapping[str, Sequence[int]]) -> dict[str, dict[str, int]]:
    """The numbers of each stage: of the names those that are words."""
    stages = {str(place): stage for stage, some in places.items() for place in some}
    found: dict[str, dict[str, int]] = {stage: {} for stage in places}
    for name, amount in numbers.items():
        place, _, number = name.partition(" ")
        if amount and not number.isdigit():
            known = found[stages[place]]
            known[number] = known.get(number, 0) + amount
    return found
