"""Figures of checkpoints as cells keep them."""

from collections.abc import Mapping, Sequence
from typing import Any

from bpm_crm.analytics.cells.lengths import Lengths, Rows, known
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.cells.survival import Survival
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


CHECKPOINTS_OF_GIVEN = report(
    "checkpoints", arrivals="arrivals_any", clocked_due="clocked_given", starting_cases="given_starting"
)
"""Figures of checkpoints over cases given by id."""
KEPT_CHECKPOINTS = Kept(
    "checkpoints",
    (CHECKPOINTS_OF_GIVEN + report("checkpoint_contributed"),),
    _layout,
    _values,
    is_of_one_process=True,
)
"""The checkpoints of each process are kept."""

Cells = dict[tuple[Segment, int], Mapping[str, Any]]


def checkpoint_rows(answers: Answers) -> Cells:
    """By segment and number of the checkpoint what `reports/checkpoint_numbers.sql` gives."""
    height = len(answers.sheet.checkpoints)
    slots = answers.slots()
    reached, unreached, worked, ended, others = (
        slots.rows(Rows({step * _SLOTS + place: step for step in range(height)}, height)) for place in range(_SLOTS)
    )
    columns = {
        "seconds": _percentiles(reached),
        "worked": _percentiles(worked),
        **_endings("median", "p90", Survival(reached, unreached)),
        **_endings("clock_median", "clock_p90", Survival(ended, others)),
    }
    measured = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    found: Cells = {}
    for place, (segment, numbers) in enumerate(answers.by_segment):
        for step in sorted({int(name.partition(" ")[0]) for name in numbers}):
            found[segment, step] = {**_counted(step, numbers), **measured[place * height + step - 1]}
    return found


def _counted(step: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    counts = {name: numbers.get(f"{step} {name}", 0) for name in _COUNTS}
    reached = counts["reached"]
    return {
        **counts,
        "started": reached + numbers.get(f"{step} unreached", 0),
        "mean": numbers.get(f"{step} milliseconds", 0) / 1000 / reached if reached else None,
    }


def _percentiles(lengths: Lengths) -> list[Sequence[float] | None]:
    columns = (lengths.percentiles(share).tolist() for share in _SHARES)
    rows = zip(lengths.totals.tolist(), *columns, strict=True)
    return [seconds if size else None for size, *seconds in rows]


def _endings(median: str, p90: str, survival: Survival) -> dict[str, list[float | None]]:
    return {name: known(survival.endings(share)) for name, share in zip((median, p90), _SHARES, strict=True)}
