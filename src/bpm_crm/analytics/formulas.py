"""What becomes of the units of a KPI: the formula of each kind, with the interval of shares (Wilson)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any, Final

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.intervals import wilson
from bpm_crm.analytics.kpi_kinds import KpiKind

Number = Fraction | float
Interval = tuple[float, float]
"""Lower and upper end; an upper end that was not seen is infinite."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of a KPI in one segment (None: in all); None where it has none, for example without a denominator.

    `interval` is of 95 %: of Wilson for shares; of Brookmeyer and Crowley, on the scale log(-log), for medians. Of durations `value` is
    the median by Kaplan-Meier, `p90` the same for nine tenths, `seen` how many ended and `censored` how many had not. `left_out` are
    units that could not be valued.
    """

    segment: Segment | None
    value: Number | None
    numerator: Fraction | None = None
    denominator: Fraction | None = None
    interval: Interval | None = None
    p90: float | None = None
    seen: int | None = None
    censored: int | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """How many units a number counts, the sum of their amounts, and that of the inverses of these."""

    units: int = 0
    amount: Fraction = Fraction(0)
    inverse: Fraction = Fraction(0)


NOTHING: Final = Totals()
Numbers = Mapping[str, Totals]


def measurement_of(kind: KpiKind, segment: Segment | None, numbers: Numbers) -> Measurement:
    """The measurement of a KPI of this kind, durations excepted, in one segment."""
    return _FORMULAS[kind](segment, numbers)


def duration_measurement(segment: Segment | None, row: Mapping[str, Any]) -> Measurement:
    """The measurement of durations from a row of `kpi_durations.sql`; empty: of none."""
    units, seen = row.get("units") or 0, row.get("seen") or 0
    earliest, latest = row.get("earliest"), row.get("latest")
    return Measurement(
        segment,
        value=row.get("median"),
        numerator=Fraction(seen),
        denominator=Fraction(units),
        interval=None if earliest is None else (earliest, inf if latest is None else latest),
        p90=row.get("p90"),
        seen=seen,
        censored=units - seen,
    )


def nothing_measured(kind: KpiKind, segment: Segment | None) -> Measurement:
    """The measurement of nothing: no units at all."""
    return duration_measurement(segment, {}) if kind is KpiKind.DURATION else measurement_of(kind, segment, {})


def _count(segment: Segment | None, numbers: Numbers) -> Measurement:
    units = Fraction(numbers.get("numerator", NOTHING).units)
    return Measurement(segment, units, units)


def _share(segment: Segment | None, numbers: Numbers) -> Measurement:
    part, whole = numbers.get("numerator", NOTHING).units, numbers.get("denominator", NOTHING).units
    value = Fraction(part, whole) if whole else None
    interval = wilson(part / whole, whole) if whole else None
    left_out = numbers.get("left_out", NOTHING).units
    return Measurement(segment, value, Fraction(part), Fraction(whole), interval, left_out=left_out)


def _ratio(segment: Segment | None, numbers: Numbers) -> Measurement:
    part, whole = numbers.get("numerator", NOTHING).amount, numbers.get("denominator", NOTHING).amount
    left_out = numbers.get("left_out", NOTHING).units
    return Measurement(segment, part / whole if whole else None, part, whole, left_out=left_out)


def _sum(segment: Segment | None, numbers: Numbers) -> Measurement:
    """A sum over the numerator; `left_out` could not be valued. None when nothing could."""
    counted, left_out = numbers.get("numerator", NOTHING), numbers.get("left_out", NOTHING).units
    value = None if left_out and not counted.units else counted.amount
    return Measurement(segment, value, counted.amount, left_out=left_out)


def _rate(segment: Segment | None, numbers: Numbers) -> Measurement:
    """Units per hour: each counts one in the hours that its process worked, which are its amount; those without hours are left out.

    The hours of a period without a beginning are not known: then there is a numerator alone.
    """
    counted, left_out = numbers.get("numerator", NOTHING), numbers.get("left_out", NOTHING).units
    hours = counted.units / counted.inverse if counted.inverse else None
    value = counted.inverse if hours or not (counted.units or left_out) else None
    return Measurement(segment, value, Fraction(counted.units), hours, left_out=left_out)


def _velocity(segment: Segment | None, numbers: Numbers) -> Measurement:
    """Open cases x win rate x average deal / mean cycle in days (`semantics.md` §7): money per day, of one cohort."""
    still, won, cycle, priced = (numbers.get(name, NOTHING) for name in ("open", "won", "closed", "priced"))
    left_out = numbers.get("left_out", NOTHING).units
    if not (cycle.units and cycle.amount and priced.units):
        return Measurement(segment, None, left_out=left_out)
    win_rate, deal, days = Fraction(won.units, cycle.units), priced.amount / priced.units, cycle.amount / cycle.units
    numerator = still.units * win_rate * deal
    return Measurement(segment, numerator / days, numerator, days, left_out=left_out)


_FORMULAS: Final[Mapping[KpiKind, Callable[[Segment | None, Numbers], Measurement]]] = {
    KpiKind.COUNT: _count,
    KpiKind.SHARE: _share,
    KpiKind.RATIO: _ratio,
    KpiKind.SUM: _sum,
    KpiKind.RATE: _rate,
    KpiKind.VELOCITY: _velocity,
}

LISTS: Final[Mapping[KpiKind, tuple[tuple[str, ...], tuple[str, ...]]]] = dict.fromkeys(
    KpiKind, (("numerator",), ("denominator",))
) | {KpiKind.VELOCITY: (("open", "closed"), ("closed",))}
"""Which members are listed for the numerator and for the denominator of a KPI of each kind."""
