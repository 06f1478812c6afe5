"""Two versions that take new cases side by side, compared within channels: conversion, and the attainment of each clock.

Both take cases at the same time and in the same channels, so neither has older cases than the other; a case that is still open counts
as not converted in both. Differences are those of directly standardised rates (`managers.standardised`), over the channels in which
both have cases, with the interval of Zou and Donner from those of both; tests are the exact one of `stratified`, over the family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension, Grouping, Segment
from bpm_crm.analytics.formulas import Measurement
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.intervals import Z
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.managers import FAMILY_ERROR, FEWEST_CASES, Counts, standardised
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.analytics.stratified import Stratum, holm, p_value
from bpm_crm.records.database import Connection

Z_OF_CHECKS = 3.2905267314919255
"""The quantile of an interval of 99.9 %: that of Haybittle and Peto for a trial that is looked at again and again."""


class ArmVerdict(StrEnum):
    """What can be said of version B beside version A."""

    BETTER = "better"
    WORSE = "worse"
    NO_EVIDENCE = "no_evidence"
    NOT_ENOUGH = "not_enough"


@dataclass(frozen=True, slots=True)
class Arms:
    """Which cases are compared: those of a process begun in `[since, until)` under version `a` or `b`."""

    tenant_id: UUID
    definition_id: UUID
    process: str
    a: int
    b: int
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One figure of both versions. `clock` is None for conversion; counts are by channel: cases or cycles, and those that did it.

    `difference` is by how much B is above A over the channels in which both have cases, `interval` that of 95 %; None where there are
    none such. `adjusted_p` belongs to the whole family of figures.
    """

    clock: str | None
    a: Counts
    b: Counts
    difference: float | None
    interval: tuple[float, float] | None
    adjusted_p: float | None = None
    verdict: ArmVerdict = ArmVerdict.NOT_ENOUGH


@dataclass(frozen=True, slots=True)
class ArmReport:
    """The figures of two versions, and the instant they are of."""

    as_of: datetime
    figures: tuple[ArmFigures, ...]


async def compare_arms(connection: Connection, arms: Arms) -> ArmReport:
    """Conversion of the cases, and the attainment of every clock over their cycles due by now."""
    conversion, as_of = await _counts(connection, arms, "win_rate_cohort")
    attainment, _ = await _counts(connection, arms, "attainment", Dimension.CLOCK)
    counted: list[tuple[str | None, Mapping[int, Counts]]] = [(None, conversion.get(None, {}))]
    counted += [(clock, attainment[clock]) for clock in sorted(key for key in attainment if key is not None)]
    figures = [_figures(clock, found.get(arms.a, {}), found.get(arms.b, {})) for clock, found in counted]
    return ArmReport(as_of, tuple(judged(figures)))


async def attainment_of(connection: Connection, arms: Arms, clock: str) -> ArmFigures:
    """The attainment of one clock, with the interval of a trial that is looked at again and again."""
    found, _ = await _counts(connection, arms, "attainment", Dimension.CLOCK)
    counts = found.get(clock, {})
    return _figures(clock, counts.get(arms.a, {}), counts.get(arms.b, {}), Z_OF_CHECKS)


def has_fallen(figures: ArmFigures, drop: float) -> bool:
    """Whether B is below A by more than `drop` beyond doubt: by the end of the interval that is nearest to A, with enough cases."""
    return figures.interval is not None and is_enough(figures) and figures.interval[1] < -drop


def is_enough(figures: ArmFigures) -> bool:
    """Whether both have so many cases, in channels that both have, that they may be compared."""
    strata = strata_of(figures.a, figures.b)
    return min(sum(item.cases for item in strata), sum(item.other_cases for item in strata)) >= FEWEST_CASES


def judged(figures: Sequence[ArmFigures]) -> list[ArmFigures]:
    """The figures with verdicts: the family is wrong in at most one of twenty comparisons of equal versions."""
    enough = [place for place, item in enumerate(figures) if is_enough(item)]
    chances = holm([p_value(strata_of(figures[place].a, figures[place].b)) for place in enough])
    adjusted = dict(zip(enough, chances, strict=True))
    return [_judged(item, adjusted.get(place)) for place, item in enumerate(figures)]


def strata_of(a: Counts, b: Counts) -> list[Stratum]:
    """The channels in which both have cases: B beside A."""
    found = (Stratum(*counts, *a.get(channel, (0, 0))) for channel, counts in b.items())
    return [stratum for stratum in found if stratum.cases and stratum.other_cases]


def compared(a: Counts, b: Counts, z: float = Z) -> tuple[float | None, tuple[float, float] | None]:
    """By how much the rate of B is above that of A over the common channels, and the interval of that."""
    common = [channel for channel, (cases, _) in a.items() if cases and b.get(channel, (0, 0))[0]]
    if not common:
        return None, None
    mix = {channel: (a[channel][0] + b[channel][0], 0) for channel in common}
    here, there = ({channel: counts[channel] for channel in common} for counts in (b, a))
    rate, (lower, upper), _ = standardised(here, mix, z)
    other, (other_lower, other_upper), _ = standardised(there, mix, z)
    if rate is None or other is None:
        return None, None
    fall = sqrt((rate - lower) ** 2 + (other_upper - other) ** 2)
    rise = sqrt((upper - rate) ** 2 + (other - other_lower) ** 2)
    return rate - other, (rate - other - fall, rate - other + rise)


def _figures(clock: str | None, a: Counts, b: Counts, z: float = Z) -> ArmFigures:
    return ArmFigures(clock, a, b, *compared(a, b, z))


def _judged(item: ArmFigures, adjusted_p: float | None) -> ArmFigures:
    if adjusted_p is None or item.difference is None:
        return item
    verdict = ArmVerdict.NO_EVIDENCE
    if adjusted_p < FAMILY_ERROR:
        verdict = ArmVerdict.BETTER if item.difference > 0 else ArmVerdict.WORSE
    return ArmFigures(item.clock, item.a, item.b, item.difference, item.interval, adjusted_p, verdict)


Found = Mapping[str | None, Mapping[int, Counts]]
"""By clock (None: without one), version and channel."""


async def _counts(connection: Connection, arms: Arms, kpi: str, *more: Dimension) -> tuple[Found, datetime]:
    frame = await read_frame(connection, arms.tenant_id, process=arms.process)
    until = frame.as_of if arms.until is None else min(frame.as_of, arms.until)
    cases = CaseFilter(
        "i.definition_id = $2 AND k.version = ANY($3::int[]) AND i.started_at >= $4 AND i.started_at < $5",
        (arms.definition_id, [arms.a, arms.b], arms.since, until),
    )
    grouping = Grouping((Dimension.VERSION, Dimension.CHANNEL, *more))
    question = Question(arms.tenant_id, cases, arms.since, frame.as_of, grouping)
    measured = await measure(connection, CATALOGUE[kpi], frame, question)
    found: dict[str | None, dict[int, dict[str | None, tuple[int, int]]]] = {}
    for item in measured.segments:
        version, channel, clock = _place(item.segment or ())
        found.setdefault(clock, {}).setdefault(version, {})[channel] = _pair(item)
    return found, frame.as_of


def _place(segment: Segment) -> tuple[int, str | None, str | None]:
    version, channel, *clock = segment
    return int((version or "@0").rpartition("@")[2]), channel, clock[0] if clock else None


def _pair(item: Measurement) -> tuple[int, int]:
    return int(item.denominator or 0), int(item.numerator or 0)
