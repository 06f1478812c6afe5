"""How a step of a recorded history would have gone otherwise under another definition, and why."""

from dataclasses import dataclass
from enum import StrEnum

from bpm_crm.engine.blockers import Blocker, InputCode, InputProblem, Malformed, Refused
from bpm_crm.engine.replay import StepKind
from bpm_crm.engine.step import Outcome


class ReplayDifferenceKind(StrEnum):
    """How a step would have gone otherwise."""

    BLOCKED = "blocked"
    INEXPRESSIBLE = "inexpressible"
    DIVERTED = "diverted"
    LOSES_DATA = "loses_data"


Cause = Blocker | InputProblem

GONE = frozenset({InputCode.UNKNOWN_TRANSITION, InputCode.UNKNOWN_STAGE, InputCode.UNKNOWN_ACTIVITY})
"""Causes that say that the definition has no such thing at all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A step that would have gone otherwise: `sequence` numbers it, `stage` is where the record has the case before it.

    `name` is the trigger, the kind of activity, or the stage a forced move led to; `causes` is everything that stands in the way;
    `target` where the step would have led, of a diverted one.
    """

    sequence: int
    kind: ReplayDifferenceKind
    step: StepKind
    stage: str
    name: str
    causes: tuple[Cause, ...] = ()
    target: str | None = None


def causes_of(outcome: Outcome) -> tuple[Cause, ...]:
    """What stands in the way of a step; nothing in that of one that was taken."""
    match outcome:
        case Refused(blockers):
            return blockers
        case Malformed(problems):
            return problems
        case _:
            return ()


def cause_key(cause: Cause) -> tuple[str, str, str]:
    """What makes two causes the same: code, place at fault, and the guard that does not hold."""
    if isinstance(cause, Blocker):
        return cause.code.value, cause.field or "", cause.guard or ""
    return cause.code.value, ".".join(cause.path), ""
