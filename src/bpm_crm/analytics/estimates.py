"""What share of a cohort will reach each step in the end, open cases neither forgotten nor counted as lost (`docs/figures.md`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection

_ESTIMATES = report("funnel_estimates")

FEWEST_SETTLED = 30
"""With fewer cases whose fate is known, an estimate says that its history is insufficient."""
_Z = 1.959963984540054
"""The standard normal quantile of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimated eventual rate of a step (Aalen-Johansen) over `cases`, of which `settled` reached it or never can."""

    rate: float
    variance: float
    cases: int
    settled: int

    @property
    def is_insufficient(self) -> bool:
        """Whether the fate of too few cases is known."""
        return self.settled < FEWEST_SETTLED

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson for the number of cases that, all settled, would give this variance."""
        rate, size = self.rate, self._effective_cases
        if not size:
            return 0.0, 1.0
        middle = (rate + _Z**2 / (2 * size)) / (1 + _Z**2 / size)
        half = _Z * sqrt(rate * (1 - rate) / size + _Z**2 / (4 * size**2)) / (1 + _Z**2 / size)
        return max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate))

    @property
    def _effective_cases(self) -> float:
        """At a rate of nothing or all no variance is seen: the settled cases speak."""
        spread = self.rate * (1 - self.rate)
        if spread <= 1e-12 or self.variance <= 0:
            return self.settled
        return min(spread / self.variance, self.cases)


Estimates = Mapping[tuple[int, Segment | None], Estimate]
"""By number of the step and segment; None: all cases."""


async def read_estimates(connection: Connection, members: Members) -> Estimates:
    """The estimates of every step of a cohort in each segment and in all, in one statement."""
    found = members.statement(_ESTIMATES)
    return {
        (row["step"], None if row["segment"] is None else tuple(row["segment"])): Estimate(
            min(row["rate"], 1.0), max(row["variance"], 0.0), row["cases"], row["settled"]
        )
        for row in await connection.fetch(found.text, *found.values)
    }
