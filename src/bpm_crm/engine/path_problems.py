"""Faults of the ways through a process: what no path reaches, what none leaves, what never happens on any."""

from collections.abc import Collection, Iterator, Mapping

from bpm_crm.engine.definition import ProcessDefinition, ReasonRule, StageKind, Transition
from bpm_crm.engine.occasions import Condition, Occasion, OccasionKind
from bpm_crm.engine.problems import Problem, ProblemCode


def path_problems(definition: ProcessDefinition) -> Iterator[Problem]:
    """Faults of stages and transitions, and conditions that nothing meets; every name must be known."""
    yield from _stages(definition)
    yield from _transitions(definition)
    yield from _conditions(definition)


def reachable_stages(definition: ProcessDefinition, origin: str) -> frozenset[str]:
    """The stages that some sequence of transitions leads to from `origin`, itself included; guards are not looked at."""
    targets: dict[str, set[str]] = {}
    for transition in definition.transitions.values():
        for stage in transition.sources:
            targets.setdefault(stage, set()).add(transition.target)
    return _closed({origin}, targets)


def _stages_before_an_end(definition: ProcessDefinition) -> frozenset[str]:
    """The stages from which some sequence of transitions leads to an end, and the ends."""
    sources: dict[str, set[str]] = {}
    for transition in definition.transitions.values():
        sources.setdefault(transition.target, set()).update(transition.sources)
    return _closed({key for key, stage in definition.stages.items() if stage.kind.is_final}, sources)


def _closed(start: set[str], following: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The start with everything that follows from it, step by step."""
    found, frontier = set(start), list(start)
    while frontier:
        more = set(following.get(frontier.pop(), ())) - found
        found |= more
        frontier.extend(more)
    return frozenset(found)


def _stages(definition: ProcessDefinition) -> Iterator[Problem]:
    initial = [stage.key for stage in definition.stages.values() if stage.kind is StageKind.INITIAL]
    if not initial:
        yield Problem(ProblemCode.NO_INITIAL, ("stages",))
        return
    if len(initial) > 1:
        yield Problem(ProblemCode.SEVERAL_INITIAL, ("stages",), {"value": ", ".join(initial)})
    reached = reachable_stages(definition, initial[0])
    ending = _stages_before_an_end(definition)
    for key, stage in definition.stages.items():
        if key not in reached:
            yield Problem(ProblemCode.UNREACHABLE_STAGE, ("stages", key), {"value": key})
        elif not stage.kind.is_final and key not in ending:
            yield Problem(ProblemCode.DEAD_END, ("stages", key), {"value": key})


def _transitions(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, transition in definition.transitions.items():
        at = ("transitions", key)
        loses = definition.stages[transition.target].kind is StageKind.LOST
        if loses and transition.reason is not ReasonRule.REQUIRED:
            yield Problem(ProblemCode.LOSS_WITHOUT_REASON, at, {"value": key})
        yield from _reasons(definition, transition)
    yield from _shadowed(definition)


def _reasons(definition: ProcessDefinition, transition: Transition) -> Iterator[Problem]:
    if transition.reason is not ReasonRule.REQUIRED:
        return
    for stage in transition.sources:
        if not any(reason.applies(transition.key, stage) for reason in definition.reasons.values()):
            params = {"value": transition.key, "stage": stage}
            yield Problem(ProblemCode.NO_REASON_APPLIES, ("transitions", transition.key, "reason"), params)


def _shadowed(definition: ProcessDefinition) -> Iterator[Problem]:
    unguarded: dict[tuple[str, str], str] = {}
    for key, transition in definition.transitions.items():
        for stage in transition.sources:
            first = unguarded.get((transition.trigger, stage))
            if first is not None:
                params = {"value": key, "stage": stage, "other": first}
                yield Problem(ProblemCode.SHADOWED_TRANSITION, ("transitions", key), params)
            elif transition.guard is None:
                unguarded[transition.trigger, stage] = key


def _conditions(definition: ProcessDefinition) -> Iterator[Problem]:
    """Checkpoints and clocks that wait for what no path brings about; not asked where no path begins."""
    if not any(stage.kind is StageKind.INITIAL for stage in definition.stages.values()):
        return
    possible = _possible_occasions(definition)
    for key, checkpoint in definition.checkpoints.items():
        if not _is_possible(checkpoint.reached, possible):
            yield Problem(ProblemCode.CHECKPOINT_UNREACHABLE, ("checkpoints", key), {"value": key})
    final = {Occasion(OccasionKind.ENTERING, key) for key, stage in definition.stages.items() if stage.kind.is_final}
    at_work = possible - final - {Occasion(OccasionKind.ENDED)}
    for key, policy in definition.policies.items():
        if not _is_possible(policy.start, at_work):
            yield Problem(ProblemCode.CLOCK_NEVER_STARTS, ("clocks", key), {"value": key})
        if not _is_possible(policy.stop, possible):
            yield Problem(ProblemCode.CLOCK_NEVER_STOPS, ("clocks", key), {"value": key})


def _is_possible(condition: Condition, occasions: Collection[Occasion]) -> bool:
    return bool(condition.activities) or any(occasion in occasions for occasion in condition.occasions)


def _possible_occasions(definition: ProcessDefinition) -> frozenset[Occasion]:
    """The occasions that some path from the start brings about (activities can always be recorded)."""
    reached = reachable_stages(definition, definition.initial)
    taken = [item for item in definition.transitions.values() if any(stage in reached for stage in item.sources)]
    found = {Occasion(OccasionKind.STARTED), Occasion(OccasionKind.ENDED)}
    found |= {Occasion(OccasionKind.ENTERING, stage) for stage in reached}
    found |= {Occasion(OccasionKind.LEAVING, stage) for item in taken for stage in item.sources}
    found |= {Occasion(OccasionKind.TRANSITION, item.key) for item in taken}
    grown = True
    while grown:
        more = {
            Occasion(OccasionKind.CHECKPOINT, key)
            for key, item in definition.checkpoints.items()
            if _is_possible(item.reached, found)
        }
        grown = not more <= found
        found |= more
    return frozenset(found)
