"""Two versions that take new cases side by side, compared within channels: conversion, and the attainment of each clock.

Compared are the cases that took a turn, each with the version that the turn gave it, wherever it was taken since: what people chose or
moved by hand would make the versions' cases other ones. Both take cases at the same time and in the same channels, so neither has older
cases than the other; where the share was changed, only those before and those since have that in common. A case that is still open
counts as not converted in both. Differences are those of directly standardised rates (`managers.standardised`), over the strata in
which both have cases, with the interval of Zou and Donner from those of both; tests are the exact one of `stratified`, over the family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt
from uuid import UUID

from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Frame, Question, read_frame
from bpm_crm.analytics.intervals import Z
from bpm_crm.analytics.kpi_catalogue import CATALOGUE
from bpm_crm.analytics.managers import standardised
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.statements import CaseFilter
from bpm_crm.analytics.stratified import FAMILY_ERROR, Key, Pair, common_strata, family_of, is_enough
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
    """Which cases are compared: those that took a turn in a rollout of a process, begun at `since`, between versions `a` and `b`."""

    tenant_id: UUID
    rollout_id: UUID
    process: str
    a: int
    b: int
    since: datetime


Stratum = tuple[str | None, int]
"""A channel, and which of the shares that were set one after the other (the revision of the rollout)."""
ArmCounts = Mapping[Stratum, Pair]
"""By stratum: cases or cycles, and those that did it."""


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One figure of both versions. `clock` is None for conversion.

    `difference` is by how much B is above A over the strata in which both have cases, `interval` that of 95 %; None where there are
    none such. `adjusted_p` belongs to the whole family of figures.
    """

    clock: str | None
    a: ArmCounts
    b: ArmCounts
    difference: float | None
    interval: tuple[float, float] | None
    adjusted_p: float | None = None
    verdict: ArmVerdict = ArmVerdict.NOT_ENOUGH


@dataclass(frozen=True, slots=True)
class ArmReport:
    """The figures of two versions, and the instant they are of."""

    as_of: datetime
    figures: tuple[ArmFigures, ...]


async def compare_arms(
    connection: Connection, arms: Arms, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> ArmReport:
    """Conversion of the cases, and the attainment of every clock over their cycles due by `as_of` (`frames.read_frame`)."""
    frame = await read_frame(connection, arms.tenant_id, process=arms.process, as_of=as_of, known_at=known_at)
    conversion = await _counts(connection, arms, frame, "win_rate_cohort")
    attainment = await _counts(connection, arms, frame, "attainment", Dimension.CLOCK)
    counted: list[tuple[str | None, Mapping[int, ArmCounts]]] = [(None, conversion.get(None, {}))]
    counted += [(clock, attainment[clock]) for clock in sorted(key for key in attainment if key is not None)]
    figures = [_figures(clock, found.get(arms.a, {}), found.get(arms.b, {})) for clock, found in counted]
    return ArmReport(frame.as_of, tuple(judged(figures)))


async def attainment_of(connection: Connection, arms: Arms, clock: str) -> ArmFigures:
    """The attainment of one clock, with the interval of a trial that is looked at again and again."""
    frame = await read_frame(connection, arms.tenant_id, process=arms.process)
    found = await _counts(connection, arms, frame, "attainment", Dimension.CLOCK)
    counts = found.get(clock, {})
    return _figures(clock, counts.get(arms.a, {}), counts.get(arms.b, {}), Z_OF_CHECKS)


def has_fallen(figures: ArmFigures, drop: float) -> bool:
    """Whether B is below A by more than `drop` beyond doubt: by the end of the interval that is nearest to A, with enough cases."""
    is_certain = figures.interval is not None and figures.interval[1] < -drop
    return is_certain and is_enough(common_strata(figures.b, figures.a))


def judged(figures: Sequence[ArmFigures]) -> list[ArmFigures]:
    """The figures with verdicts: the family is wrong in at most one of twenty comparisons of equal versions."""
    chances = family_of([common_strata(item.b, item.a) for item in figures])
    return [_judged(item, chance) for item, chance in zip(figures, chances, strict=True)]


def compared(
    a: Mapping[Key, Pair], b: Mapping[Key, Pair], z: float = Z
) -> tuple[float | None, tuple[float, float] | None]:
    """By how much the rate of B is above that of A over the common strata, and the interval of that."""
    common = [key for key, (cases, _) in a.items() if cases and b.get(key, (0, 0))[0]]
    if not common:
        return None, None
    mix = {key: (a[key][0] + b[key][0], 0) for key in common}
    here, there = ({key: counts[key] for key in common} for counts in (b, a))
    rate, (lower, upper), _ = standardised(here, mix, z)
    other, (other_lower, other_upper), _ = standardised(there, mix, z)
    if rate is None or other is None:
        return None, None
    fall = sqrt((rate - lower) ** 2 + (other_upper - other) ** 2)
    rise = sqrt((upper - rate) ** 2 + (other - other_lower) ** 2)
    return rate - other, (rate - other - fall, rate - other + rise)


def total_of(counts: ArmCounts) -> Pair:
    """The counts of all strata."""
    return sum(cases for cases, _ in counts.values()), sum(met for _, met in counts.values())


def _figures(clock: str | None, a: ArmCounts, b: ArmCounts, z: float = Z) -> ArmFigures:
    return ArmFigures(clock, a, b, *compared(a, b, z))


def _judged(item: ArmFigures, adjusted_p: float | None) -> ArmFigures:
    if adjusted_p is None or item.difference is None:
        return item
    verdict = ArmVerdict.NO_EVIDENCE
    if adjusted_p < FAMILY_ERROR:
        verdict = ArmVerdict.BETTER if item.difference > 0 else ArmVerdict.WORSE
    return ArmFigures(item.clock, item.a, item.b, item.difference, item.interval, adjusted_p, verdict)


Found = Mapping[str | None, Mapping[int, ArmCounts]]
"""By clock (None: without one) and version."""
_TURN = """(
    SELECT r.revision || '@' || r.version FROM rollout_case AS r WHERE r.tenant_id = $1 AND r.instance_id = c.instance_id
)"""
_TOOK_TURN = (
    "EXISTS (SELECT FROM rollout_case AS r WHERE r.tenant_id = $1 AND r.instance_id = i.id AND r.rollout_id = $2)"
)


async def _counts(connection: Connection, arms: Arms, frame: Frame, kpi: str, *more: Dimension) -> Found:
    grouping = Grouping((Dimension.CHANNEL, *more), stratum=_TURN)
    cases = CaseFilter(_TOOK_TURN, (arms.rollout_id,))
    measured = await measure(
        connection, CATALOGUE[kpi], frame, Question(arms.tenant_id, cases, arms.since, frame.as_of, grouping)
    )
    found: dict[str | None, dict[int, dict[Stratum, Pair]]] = {}
    for item in measured.segments:
        channel, *clock, turn = item.segment or ()
        revision, _, version = (turn or "").partition("@")
        arm = found.setdefault(clock[0] if clock else None, {}).setdefault(int(version), {})
        arm[channel, int(revision)] = int(item.denominator or 0), int(item.numerator or 0)
    return found
