"""What a funnel says: its modes, and the figures of each step and segment (`docs/figures.md`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from bpm_crm.analytics.dimensions import Segment
from bpm_crm.analytics.steps import Step


class FunnelMode(StrEnum):
    """Which of the questions about a funnel is asked."""

    COHORT = "cohort"
    PERIOD = "period"
    SNAPSHOT = "snapshot"


class OrderMode(StrEnum):
    """When a case of a cohort counts as having reached a step."""

    ANY = "any"
    ALL = "all"
    IMPLIED = "implied"


class FunnelUnit(StrEnum):
    """What a funnel counts once."""

    INSTANCE = "instance"
    CUSTOMER = "customer"


Number = tuple[int, str]
"""Of which step, and which number: `reached`, `lost`, `open`, `missed`, `cancelled`, `forced`, `reworked`, `unmapped`, `advanced`, `dropped`.

Of a cohort also `pending` and `failed`: those of `dropped` that are open, and that are not.
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases a number counts; of `reached` also their touches of the step.

    Under the name `seconds`: the p50 and p90 of the seconds from the step before.
    """

    cases: int = 0
    visits: int = 0
    seconds: Sequence[float] | None = None


NOTHING = Counted()


@dataclass(frozen=True, slots=True)
class StepFigures:
    """The figures of one step in one segment; `number` is the place of the step, from 1."""

    number: int
    step: Step
    mode: FunnelMode
    counted: Mapping[Number, Counted]

    def count(self, name: str, step: int | None = None) -> int:
        """The number of that name at this step, or at another one."""
        return self.counted.get((self.number if step is None else step, name), NOTHING).cases

    @property
    def entered(self) -> int:
        """The cases the row is about: of a cohort all of them, else those counted as having reached the step."""
        if self.mode is not FunnelMode.COHORT:
            return self.count("reached")
        return sum(self.count(name) for name in ("reached", "lost", "open", "missed"))

    @property
    def visits(self) -> int:
        """Touches of the step by the cases that reached it, re-entries included."""
        return self.counted.get((self.number, "reached"), NOTHING).visits

    @property
    def base(self) -> int | None:
        """The cases that reached the step before; None at the first step and in a snapshot."""
        if self.number == 1 or self.mode is FunnelMode.SNAPSHOT:
            return None
        return self.count("reached", self.number - 1)

    @property
    def step_conversion(self) -> Fraction | None:
        """Step to step before; None without a denominator."""
        return _share(self.count("advanced"), self.base)

    @property
    def overall_conversion(self) -> Fraction | None:
        """Step to first step; None without a denominator."""
        match self.mode:
            case FunnelMode.COHORT:
                return _share(self.count("reached"), self.entered)
            case FunnelMode.PERIOD:
                return _share(self.count("reached"), self.count("reached", 1))
            case FunnelMode.SNAPSHOT:
                return None

    @property
    def bounds(self) -> tuple[Fraction | None, Fraction | None]:
        """Of a cohort: the overall conversion if none of the open cases reached the step, and if all did."""
        if self.mode is not FunnelMode.COHORT:
            return None, None
        reached, still = self.count("reached"), self.count("open")
        return _share(reached, self.entered), _share(reached + still, self.entered)

    @property
    def loss(self) -> int:
        """The step before less this one; in a snapshot the cases that ended here without success."""
        if self.mode is FunnelMode.SNAPSHOT:
            return self.count("lost")
        return 0 if self.base is None else self.base - self.count("advanced")

    @property
    def loss_rate(self) -> Fraction | None:
        """The loss as a share of the step before; in a snapshot of those that stood here."""
        return _share(self.loss, self.count("reached") if self.mode is FunnelMode.SNAPSHOT else self.base)

    @property
    def seconds(self) -> Sequence[float] | None:
        """The median and the 90th percentile of the seconds from the step before, over cases that reached both."""
        return self.counted.get((self.number, "seconds"), NOTHING).seconds


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """A funnel of one segment; None: of all cases."""

    segment: Segment | None
    steps: tuple[StepFigures, ...]

    @property
    def entered(self) -> int:
        """Of a cohort its size; of a period the entries into the first step; of a snapshot all cases that stand at a step."""
        if not self.steps:
            return 0
        if self.steps[0].mode is FunnelMode.SNAPSHOT:
            return sum(step.entered for step in self.steps)
        return self.steps[0].entered

    @property
    def greatest_loss_by_count(self) -> str | None:
        """The key of the step before which most cases were lost, the first among equals; None without losses."""
        return self._greatest({step.step.checkpoint: Fraction(step.loss) for step in self.steps})

    @property
    def greatest_loss_by_rate(self) -> str | None:
        """The key of the step before which the largest share was lost, the first among equals; None without losses."""
        return self._greatest({step.step.checkpoint: step.loss_rate or Fraction(0) for step in self.steps})

    @staticmethod
    def _greatest(losses: Mapping[str, Fraction]) -> str | None:
        greatest = max(losses, key=lambda key: losses[key], default=None)
        return None if greatest is None or losses[greatest] <= 0 else greatest


def _share(part: int, whole: int | None) -> Fraction | None:
    return Fraction(part, whole) if whole else None
