"""What share of a cohort will reach each step in the end, open cases neither forgotten nor counted as lost (`docs/figures.md`)."""

from collections.abc import Mapping
from dataclasses import dataclass

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.intervals import effective_size, wilson
from bpm_crm.analytics.members import Members
from bpm_crm.analytics.statements import report
from bpm_crm.records.database import Connection

_ESTIMATES = report("funnel_estimates")

FEWEST_SETTLED = 30
"""With fewer cases whose fate is known, an estimate says that its history is insufficient."""
MOST_SETTLED = 2_000
"""So many ended cases of a process foretell the others: enough for a chance within some two points, by what lately happened."""


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
        return wilson(self.rate, effective_size(self.rate, self.variance, self.cases, certain=self.settled))


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
