"""The difference of two measurements of a KPI, with an interval where each has one."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from bpm_crm.analytics.formulas import Interval, Measurement, Number
from bpm_crm.analytics.intervals import Z
from bpm_crm.analytics.kpi_catalogue import Kpi, KpiKind

_UNCOUNTED: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """How much a value is above another one; None where one of them is missing.

    `interval` is of 95 %, by Zou and Donner's method of variance estimates recovery from the intervals of both (for shares that is
    Newcombe's); it holds for measurements of different cases. Counts take Byar's interval of a Poisson count.
    """

    value: Number | None
    interval: Interval | None

    @property
    def is_clear(self) -> bool | None:
        """Whether the interval leaves zero out; None without one."""
        if self.interval is None:
            return None
        lower, upper = self.interval
        return lower > 0 or upper < 0


def difference(kpi: Kpi, measured: Measurement, other: Measurement) -> Difference:
    """How much `measured` is above `other`."""
    if measured.value is None or other.value is None:
        return Difference(None, None)
    value = measured.value - other.value
    one, two = interval_of(kpi, measured), interval_of(kpi, other)
    if one is None or two is None:
        return Difference(value, None)
    here, there = float(measured.value), float(other.value)
    lower = float(value) - sqrt((here - one[0]) ** 2 + (two[1] - there) ** 2)
    upper = float(value) + sqrt((one[1] - here) ** 2 + (there - two[0]) ** 2)
    return Difference(value, (lower, upper))


def interval_of(kpi: Kpi, measured: Measurement) -> Interval | None:
    """The interval of a measurement; of a count, that of a Poisson count."""
    if kpi.kind is not KpiKind.COUNT or measured.value is None:
        return measured.interval
    return poisson(float(measured.value))


def poisson(count: float) -> Interval:
    """The 95 % interval of Byar for the mean of a Poisson count."""
    lower = count * (1 - 1 / (9 * count) - Z / (3 * sqrt(count))) ** 3 if count > _UNCOUNTED else 0.0
    more = count + 1
    return max(lower, 0.0), more * (1 - 1 / (9 * more) + Z / (3 * sqrt(more))) ** 3


def is_open(end: float) -> bool:
    """Whether an end of an interval was not seen."""
    return end in {inf, -inf}
