"""Stage times as cells keep them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any
from uuid import UUID

from bpm_crm.analytics.cells.lengths import Rows, known
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.sheets import Evaluation, Kept, Layout
from bpm_crm.analytics.cells.survival import Survival
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.frames import Question, Version
from bpm_crm.analytics.stage_values import held_values, paused_by_conditions, stage_values
from bpm_crm.analytics.statements import report, statement
from bpm_crm.analytics.stays import UNITS, VISITS, Counts, Quantile, Stay, Stays

_PAUSABLE = report("pausable_cases")
_SHARES = (0.5, 0.9)
_KINDS = {"first": (0, 1), "latest": (0, 2), "cumulative": (0, 3)}
"""A visit is the only one of its case in its stage (0), or of several the first (1), the latest (2), or all together (3)."""
_LENGTHS = 12
"""Kinds times units; of each the visits that ended, and those that go on."""

Interval = tuple[list[float | None], list[float | None]]


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
    return {**values, "numbers": {stage: number for number, stage in enumerate(asked.checkpoints, 1)}}


def _layout(versions: Sequence[Version]) -> Layout | None:
    stages = {f"{version.definition_id}/{stage}" for version in versions for stage in version.stages}
    return (tuple(sorted(stages)), tuple(sorted({version.definition_id for version in versions}))) if stages else None


def _definition_of(checkpoints: Sequence[str], slot: int) -> UUID:
    return UUID(checkpoints[slot // (2 * _LENGTHS)].partition("/")[0])


STAGE_TIMES_OF_GIVEN = report("stage_times", entering_cases="given_cases")
"""Stage times of cases given by id."""
KEPT_STAGE_TIMES = Kept(
    "stage_times",
    (STAGE_TIMES_OF_GIVEN + report("stage_contributed"),),
    _layout,
    _values,
    shares_steps=True,
    definition_of=_definition_of,
)
"""The times of every stage are kept."""


def stage_stays(answers: Answers) -> dict[tuple[Segment, str], tuple[Counts, Stays]]:
    """By segment and stage its numbers, and how long visits lasted."""
    measured = _Measured(answers)
    found: dict[tuple[Segment, str], tuple[Counts, Stays]] = {}
    for place, (segment, of_stages) in enumerate(zip(answers.grouped.segments, measured.counts(), strict=True)):
        for number, (stage, counts) in enumerate(of_stages.items()):
            if counts.get("entered"):
                found[segment, stage] = counts, _KeptStays(measured, place, number)
    return found


class _Measured:
    """How long visits of every stage lasted in every segment; worked out for all together when a measure is first asked for."""

    def __init__(self, answers: Answers) -> None:
        self._places: dict[str, list[int]] = {}
        for place, name in enumerate(answers.sheet.checkpoints, 1):
            self._places.setdefault(name.partition("/")[2], []).append(place)
        self._stages = {str(place): stage for stage, some in self._places.items() for place in some}
        self._grouped = answers.grouped
        self._slots = answers.slots()
        self._known: dict[tuple[str, str], Callable[[int], Stay]] = {}

    def stay(self, measure: tuple[str, str], segment: int, stage: int) -> Stay:
        """One of them, by the places of the segment and the stage."""
        if measure not in self._known:
            self._known[measure] = self._stays(*measure)
        return self._known[measure](segment * len(self._places) + stage)

    def counts(self) -> Iterator[dict[str, dict[str, int]]]:
        """By segment the numbers of each stage: of the names those that are words."""
        stages = {stage: place for place, stage in enumerate(self._places)}
        words = {name: meaning for name in self._grouped.names if (meaning := self._meaning(name)) is not None}
        numbers = {number: place for place, number in enumerate(sorted({number for _, number in words.values()}))}
        columns = {name: stages[stage] * len(numbers) + numbers[number] for name, (stage, number) in words.items()}
        found = self._grouped.summed(columns, len(stages) * len(numbers))
        for rows in found.reshape(len(found), len(stages), len(numbers)).tolist():
            yield {
                stage: {number: amount for number, amount in zip(numbers, row, strict=True) if amount}
                for stage, row in zip(stages, rows, strict=True)
            }

    def _meaning(self, name: str) -> tuple[str, str] | None:
        """The stage that a number is of, and which: None for a sum of milliseconds."""
        place, _, number = name.partition(" ")
        return None if number.isdigit() else (self._stages[place], number)

    def _stays(self, visit: str, unit: str) -> Callable[[int], Stay]:
        """By the row of a segment and a stage; what nobody looks at is not put together."""
        lengths = [kind * len(UNITS) + UNITS.index(unit) for kind in _KINDS[visit]]
        ended, going_on = (
            self._slots.rows(
                Rows(
                    {
                        ((place - 1) * _LENGTHS + length) * 2 + is_open: row
                        for row, places in enumerate(self._places.values())
                        for place in places
                        for length in lengths
                    },
                    len(self._places),
                )
            )
            for is_open in (0, 1)
        )
        survival = Survival(ended, going_on)
        columns = {
            f"{place} {length}": row
            for row, places in enumerate(self._places.values())
            for place in places
            for length in lengths
        }
        milliseconds = self._grouped.summed(columns, len(self._places)).reshape(-1).tolist()
        ends, goes_on = ended.totals.tolist(), going_on.totals.tolist()
        median, p90 = (_quantiles(survival, share) for share in _SHARES)

        @cache
        def stay(row: int) -> Stay:
            done, still = ends[row], goes_on[row]
            mean = milliseconds[row] / 1000 / done if done else None
            return Stay(done + still, still, mean, median(row), p90(row))

        return stay


class _KeptStays(Stays):
    """The stays of one stage in one segment."""

    def __init__(self, measured: _Measured, segment: int, stage: int) -> None:
        self._measured = measured
        self._segment = segment
        self._stage = stage

    def __getitem__(self, measure: tuple[str, str]) -> Stay:
        return self._measured.stay(measure, self._segment, self._stage)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(product(VISITS, UNITS))

    def __len__(self) -> int:
        return len(VISITS) * len(UNITS)


class _KeptQuantile(Quantile):
    """A quantile whose interval is worked out, with those of all others, when one is asked for."""

    def __init__(self, seconds: float | None, interval: Callable[[], Interval], row: int) -> None:
        self.seconds = seconds
        self._interval = interval
        self._row = row

    @property
    def lower(self) -> float | None:  # type: ignore[override]  # worked out when asked for
        return self._interval()[0][self._row]

    @property
    def upper(self) -> float | None:  # type: ignore[override]  # as above
        return self._interval()[1][self._row]


def _quantiles(survival: Survival, share: float) -> Callable[[int], Quantile]:
    @cache
    def interval() -> Interval:
        lower, upper = survival.interval(share)
        return known(lower), known(upper)

    seconds = known(survival.endings(share))
    return lambda row: _KeptQuantile(seconds[row], interval, row)
