"""What a KPI moved by from one period to another, and what each value of a dimension contributed (`drivers`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from bpm_crm.analytics.dimensions import Dimension
from bpm_crm.analytics.drivers import Contribution, Parts, additive_drivers, count_drivers, ratio_drivers
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.kpi_catalogue import Kpi, KpiKind
from bpm_crm.analytics.measures import Measured, Measurement, measure
from bpm_crm.records.database import Connection


class Decomposition(StrEnum):
    """How the move of a KPI is made of those of its segments."""

    DIFFERENCES = "differences"
    RATE_AND_MIX = "rate_and_mix"


DECOMPOSED = {
    KpiKind.COUNT: Decomposition.DIFFERENCES,
    KpiKind.SUM: Decomposition.DIFFERENCES,
    KpiKind.RATE: Decomposition.DIFFERENCES,
    KpiKind.SHARE: Decomposition.RATE_AND_MIX,
    KpiKind.RATIO: Decomposition.RATE_AND_MIX,
}
"""Kinds of KPI whose moves add up over segments. Medians and products of several figures do not."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The contributions of every value of one dimension, the greatest first, and the KPI by that dimension in both periods.

    None where the KPI has no value in one of the periods: then there is no move.
    """

    dimension: Dimension
    contributions: Sequence[Contribution] | None
    base: Measured
    now: Measured


@dataclass(frozen=True, slots=True)
class Move:
    """A KPI in two periods, and the breakdown of its move by each dimension; each of them adds up to it."""

    frame: Frame
    base: Measurement
    now: Measurement
    breakdowns: tuple[Breakdown, ...]

    @property
    def size(self) -> Fraction | None:
        """How far it moved; None without a value in one of the periods."""
        if self.base.value is None or self.now.value is None:
            return None
        return Fraction(self.now.value) - Fraction(self.base.value)


async def read_move(
    connection: Connection, kpi: Kpi, frame: Frame, base: Question, now: Question, dimensions: Sequence[Dimension]
) -> Move:
    """The move of a KPI whose kind is in `DECOMPOSED` from the period of `base` to that of `now`."""
    breakdowns = [await _breakdown(connection, kpi, frame, base, now, dimension) for dimension in dimensions]
    first = breakdowns[0]
    return Move(frame, first.base.total, first.now.total, tuple(breakdowns))


async def _breakdown(
    connection: Connection, kpi: Kpi, frame: Frame, base: Question, now: Question, dimension: Dimension
) -> Breakdown:
    before, after = [
        await measure(connection, kpi, frame, replace(asked, grouping=replace(asked.grouping, dimensions=(dimension,))))
        for asked in (base, now)
    ]
    has_move = before.total.value is not None and after.total.value is not None
    return Breakdown(dimension, _contributions(kpi, before, after) if has_move else None, before, after)


def _contributions(kpi: Kpi, base: Measured, now: Measured) -> Sequence[Contribution] | None:
    if kpi.kind is KpiKind.COUNT:
        before, after = (
            {item.segment or (): int(item.numerator or 0) for item in side.segments} for side in (base, now)
        )
        return count_drivers(before, after)
    if DECOMPOSED[kpi.kind] is Decomposition.DIFFERENCES:
        sums = ({item.segment or (): Fraction(item.value or 0) for item in side.segments} for side in (base, now))
        return additive_drivers(*sums)
    parts = ({item.segment or (): _parts(item) for item in side.segments} for side in (base, now))
    return ratio_drivers(*parts, is_share=kpi.kind is KpiKind.SHARE)


def _parts(item: Measurement) -> Parts:
    return item.numerator or Fraction(0), item.denominator or Fraction(0)
