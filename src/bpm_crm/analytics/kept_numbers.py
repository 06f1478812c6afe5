"""Numbers and lengths of time of KPIs, read from what cells add up to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import orjson

from bpm_crm.analytics.cells.lengths import Rows, Slots, known
from bpm_crm.analytics.cells.reading import Answers
from bpm_crm.analytics.cells.survival import Survival
from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.formulas import Measurement, Numbers, Totals, duration_measurement
from bpm_crm.analytics.kpi_catalogue import Kpi

Key = tuple[Segment, str | None]
"""A segment, and the clock (None: all of them)."""
_EVERYTHING: Segment = ()


def lengths(kpi: Kpi, answers: Answers, *, is_whole: bool, by_clock: bool) -> dict[Key, Measurement]:
    """How long it took by Kaplan-Meier in each segment that has any units, or in all together; of each clock, or of all of them."""
    rows = _rows_of(kpi, answers.sheet.checkpoints, by_clock=by_clock)
    segments = [_EVERYTHING] if is_whole else answers.grouped.segments
    keys = [(segment, clock) for segment in segments for clock in rows.clocks]
    return {keys[place]: item for place, item in _lengths(answers.slots(is_whole=is_whole), rows)}


def totals(kpi: Kpi, answers: Answers, *, by_clock: bool) -> dict[Key, Numbers]:
    """The numbers of units with the sums of their amounts, likewise."""
    rows = _rows_of(kpi, answers.sheet.checkpoints, by_clock=by_clock)
    keys = [(segment, clock) for segment in answers.grouped.segments for clock in rows.clocks]
    return {keys[place]: numbers for place, numbers in _numbers(answers, rows)}


def added(some: Iterable[Numbers]) -> Numbers:
    """Numbers of several segments together."""
    found: dict[str, Totals] = defaultdict(Totals)
    for numbers in some:
        for name, item in numbers.items():
            known = found[name]
            found[name] = Totals(known.units + item.units, known.amount + item.amount, known.inverse + item.inverse)
    return found


class _Rows(NamedTuple):
    """The rows that a segment has, one for each clock that is told apart; and the row of each step of the KPI."""

    clocks: Sequence[str | None]
    by_step: Mapping[int, int]


def _rows_of(kpi: Kpi, steps: Sequence[str], *, by_clock: bool) -> _Rows:
    told = [(number, step.partition("/")) for number, step in enumerate(steps, 1)]
    mine = {number: clock for number, (key, _, clock) in told if key == kpi.key}
    if not by_clock:
        return _Rows((None,), dict.fromkeys(mine, 0))
    return _Rows(tuple(mine.values()), {number: row for row, number in enumerate(mine)})


def _numbers(answers: Answers, rows: _Rows) -> Iterator[tuple[int, Numbers]]:
    """By the place of a segment and a clock; amounts are in parts by powers of ten."""
    names = {name: read for name in answers.grouped.names if (read := _read(name)).step in rows.by_step}
    kinds = sorted({(read.number, read.power) for read in names.values()}, key=str)
    columns = {
        name: rows.by_step[read.step] * len(kinds) + kinds.index((read.number, read.power))
        for name, read in names.items()
    }
    found = answers.grouped.summed(columns, len(rows.clocks) * len(kinds))
    for place, amounts in enumerate(found.reshape(-1, len(kinds)).tolist() if kinds else []):
        numbers = _totals(dict(zip(kinds, amounts, strict=True)))
        if numbers:
            yield place, numbers


class _Name(NamedTuple):
    """What the name of a number says: of which step, which one; and of amounts the power of ten."""

    step: int
    number: str
    power: int | None


def _read(name: str) -> _Name:
    if name.startswith("["):
        return _Name(*orjson.loads(name))
    step, _, number = name.partition(" ")
    return _Name(int(step), number, None)


def _totals(amounts: Mapping[tuple[str, int | None], int]) -> dict[str, Totals]:
    """The totals of each number that counts anything."""
    units: dict[str, int] = {}
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for (number, power), amount in amounts.items():
        if power is None:
            units[number] = amount
        else:
            sums[number] += amount * Fraction(10) ** power
    return {number: Totals(count, sums[number]) for number, count in units.items() if count}


def _lengths(slots: Slots, rows: _Rows) -> Iterator[tuple[int, Measurement]]:
    """By the place of a segment and a clock."""
    ended, censored = (
        slots.rows(Rows({(step - 1) * 2 + kind: row for step, row in rows.by_step.items()}, len(rows.clocks)))
        for kind in (0, 1)
    )
    survival = Survival(ended, censored)
    quantiles = [known(survival.endings(share)) for share in (0.5, 0.9)]
    interval = [known(ends) for ends in survival.interval(0.5)]
    seen, others = ended.totals.tolist(), censored.totals.tolist()
    for place, values in enumerate(zip(seen, others, *quantiles, *interval, strict=True)):
        ends, goes_on, median, p90, earliest, latest = values
        if ends or goes_on:
            row = {"units": ends + goes_on, "seen": ends, "median": median, "p90": p90}
            yield place, duration_measurement(None, {**row, "earliest": earliest, "latest": latest})
