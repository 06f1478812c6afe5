"""Figures of checkpoints as cells keep them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpm_crm.analytics.cells.cuts import Answer
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.cells.spreads import Histogram
from bpm_crm.analytics.cells.survival import endings
from bpm_crm.analytics.checkpoint_steps import checkpoint_values, checkpoints_of
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Version
from bpm_crm.analytics.statements import report

_SHARES = (0.5, 0.9)
_SLOTS = 5
"""Of each checkpoint: how long it was waited for by cases that reached it and by others, business time; clocks that ended, and others."""
_COUNTS = ("reached", "actions", "met", "breached", "overdue", "not_yet_due", "cancelled")


async def _values(asked: Evaluation) -> Mapping[str, Any]:
    return checkpoint_values(asked.frame.versions, asked.checkpoints)


def _layout(versions: Sequence[Version]) -> Layout | None:
    definitions = {version.definition_id for version in versions}
    return (tuple(checkpoints_of(versions)), tuple(definitions)) if len(definitions) == 1 else None


KEPT_CHECKPOINTS = Kept(
    "checkpoints",
    report("checkpoints", arrivals="arrivals_any", clocked_history="clocked_given", starting_cases="given_starting")
    + report("checkpoint_contributed"),
    _layout,
    _values,
    is_of_one_process=True,
)
"""The checkpoints of each process are kept."""

Quantiles = tuple[float | None, ...]
Cells = dict[tuple[Segment, int], Mapping[str, Any]]


def checkpoint_rows(answers: Answers) -> Cells:
    """By segment and number of the checkpoint what `reports/checkpoint_numbers.sql` gives."""
    found: Cells = {}
    for segment, answer in answers.by_segment.items():
        found |= {(segment, step): row for step, row in _rows(answer, answer.histogram(answers.axes)) if answer.numbers}
    return found


def _rows(answer: Answer, histogram: Histogram) -> Sequence[tuple[int, Mapping[str, Any]]]:
    numbers = answer.numbers
    steps = sorted({int(name.partition(" ")[0]) for name in numbers})
    ended, others = (
        np.stack([histogram.row(_first(step) + place) for place in places for step in steps])
        for places in ((0, 3), (1, 4))
    )
    found = endings(ended, others, _SHARES)
    rows = zip(steps, found[: len(steps)], found[len(steps) :], strict=True)
    return [(step, _row(step, numbers, histogram, waits, clocks)) for step, waits, clocks in rows]


def _row(
    step: int, numbers: Mapping[str, int], histogram: Histogram, waits: Quantiles, clocks: Quantiles
) -> Mapping[str, Any]:
    counts = {name: numbers.get(f"{step} {name}", 0) for name in _COUNTS}
    reached = counts["reached"]
    return {
        **counts,
        "started": reached + numbers.get(f"{step} unreached", 0),
        "mean": numbers.get(f"{step} milliseconds", 0) / 1000 / reached if reached else None,
        "seconds": _percentiles(histogram, _first(step)),
        "worked": _percentiles(histogram, _first(step) + 2),
        **dict(zip(("median", "p90"), waits, strict=True)),
        **dict(zip(("clock_median", "clock_p90"), clocks, strict=True)),
    }


def _first(step: int) -> int:
    return (step - 1) * _SLOTS


def _percentiles(histogram: Histogram, slot: int) -> Sequence[float] | None:
    return histogram.percentiles(slot, _SHARES) if slot in histogram.slots else None
