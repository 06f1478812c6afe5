"""Traces for faults that a plain check finds: the check needs none to be sure, its reader may."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.soundness.atlas import Atlas
from bpm_crm.engine.soundness.faults import MOST_SHOWN
from bpm_crm.engine.traces import Trace

PLAYABLE: Final = frozenset(
    {
        ProblemCode.CHECKPOINT_UNREACHABLE,
        ProblemCode.CLOCK_NEVER_STARTS,
        ProblemCode.CLOCK_NEVER_STOPS,
        ProblemCode.DEAD_END,
        ProblemCode.FIELD_UNFILLABLE,
        ProblemCode.FUNNEL_ORDER_TWICE,
        ProblemCode.LOSS_WITHOUT_REASON,
        ProblemCode.NO_REASON_APPLIES,
        ProblemCode.SHADOWED_TRANSITION,
        ProblemCode.UNREACHABLE_STAGE,
        ProblemCode.WARNING_AFTER_TARGET,
    }
)
"""The faults with which a definition can still be played."""
SHOWN: Final = frozenset(
    {
        ProblemCode.CHECKPOINT_UNREACHABLE,
        ProblemCode.DEAD_END,
        ProblemCode.FIELD_UNFILLABLE,
        ProblemCode.LOSS_WITHOUT_REASON,
        ProblemCode.NO_REASON_APPLIES,
        ProblemCode.SHADOWED_TRANSITION,
    }
)
"""Those of them to which a trace can be given."""


def is_illustrable(problems: Collection[Problem]) -> bool:
    """Whether the definition can be played and any of its faults shown."""
    codes = {problem.code for problem in problems}
    return codes <= PLAYABLE and not codes.isdisjoint(SHOWN)


def illustrated(atlas: Atlas, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The problems, with a trace to each of the first for which there is one."""
    shown = tuple(replace(problem, trace=_trace(atlas, problem)) for problem in problems[:MOST_SHOWN])
    return (*shown, *problems[MOST_SHOWN:])


def _trace(atlas: Atlas, problem: Problem) -> Trace:
    key = problem.path[1] if len(problem.path) > 1 else ""
    match problem.code:
        case ProblemCode.DEAD_END:
            return atlas.trace_into(key)
        case ProblemCode.LOSS_WITHOUT_REASON:
            return atlas.trace_over(key)
        case ProblemCode.NO_REASON_APPLIES | ProblemCode.SHADOWED_TRANSITION:
            return atlas.trace_barred(key, str(problem.params["stage"]))
        case ProblemCode.FIELD_UNFILLABLE:
            return atlas.trace_barred(key, None)
        case ProblemCode.CHECKPOINT_UNREACHABLE:
            return atlas.trace_to_an_end()
    return ()
