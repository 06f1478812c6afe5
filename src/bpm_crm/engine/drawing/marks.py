"""What is written over a picture: notes at stages and moves, how warm a stage is, the way of one case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Heat(StrEnum):
    """How a stage stands out where slow stages are looked for."""

    SLOW = "slow"
    WARM = "warm"
    CALM = "calm"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StageMark:
    """What is shown at a stage: lines of text, its heat, whether the case is or was there."""

    notes: tuple[str, ...] = ()
    heat: Heat | None = None
    is_visited: bool = False
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A move that a case made: between which stages, by which transition (None: by force), and how it is told."""

    source: str
    target: str
    transition: str | None
    note: str


@dataclass(frozen=True, slots=True)
class Marks:
    """An overlay: marks by stage, the moves of a case, and what all of it means."""

    stages: Mapping[str, StageMark] = field(default_factory=dict)
    taken: Sequence[Taken] = ()
    legend: tuple[str, ...] = ()

    @property
    def is_path(self) -> bool:
        """Whether the way of one case is shown."""
        return any(mark.is_visited or mark.is_current for mark in self.stages.values())


BARE = Marks()
