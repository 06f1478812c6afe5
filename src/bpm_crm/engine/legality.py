"""The one evaluator: which moves are open, and everything that stands in the way of one (`semantics.md` §2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bpm_crm.engine.blockers import SUPPLIED_BY_INPUT, Blocker, BlockerCode
from bpm_crm.engine.definition import Reason, Transition
from bpm_crm.engine.obstacles import (
    NO_PAYLOAD,
    Payload,
    applicable_reasons,
    computed_values,
    guard_obstacle,
    is_empty,
    listed,
    role_not_allowed,
    standing_obstacles,
    too_early,
)
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState


@dataclass(frozen=True, slots=True)
class AvailableTransition:
    """A transition out of the current stage, as it stands for this actor.

    `enabled` means that nothing but input is missing: `required` names the fields still empty, `reasons` what may be given.
    """

    transition: Transition
    enabled: bool
    blockers: tuple[Blocker, ...]
    required: tuple[str, ...]
    reasons: tuple[Reason, ...]


class Choice(NamedTuple):
    """What a trigger comes to: the transition it takes, the values its effects compute, and what stands in the way."""

    transition: Transition | None
    computed: Mapping[str, Any]
    blockers: tuple[Blocker, ...]


def available(process: Process, state: InstanceState, actor: Actor, at: int) -> tuple[AvailableTransition, ...]:
    """Every transition out of the current stage with what stands in its way for `actor` at `at`.

    Of alternatives with one trigger, those after the first whose guard holds are blocked by it: the trigger would not take them.
    """
    found = []
    taken: dict[str, Transition] = {}
    for transition in process.open_from(state.stage):
        guards = _precedence(taken.get(transition.trigger))
        guard = guard_obstacle(process, state, transition, NO_PAYLOAD, actor, at)
        if guard is not None:
            guards = (*guards, guard)
        elif not guards:
            taken[transition.trigger] = transition
        choice = _weighed(process, state, transition, NO_PAYLOAD, actor, at)
        blockers = (*guards, *choice.blockers)
        found.append(
            AvailableTransition(
                transition=transition,
                enabled=all(blocker.code in SUPPLIED_BY_INPUT for blocker in blockers),
                blockers=blockers,
                required=tuple(key for key in transition.required if is_empty(state.data.get(key))),
                reasons=applicable_reasons(process, transition, state.stage),
            )
        )
    return tuple(found)


def choose(process: Process, state: InstanceState, trigger: str, payload: Payload, actor: Actor, at: int) -> Choice:
    """The transition that `trigger` takes, with its obstacles; without one, the reasons why there is none.

    Among alternatives the first whose guard holds is taken; its other obstacles then decide.
    """
    candidates = process.candidates(trigger, state.stage)
    if not candidates:
        early = (too_early(state.stage),) if at < state.entered_at else ()
        blockers = (_wrong_stage(process, state, trigger), *_role_everywhere(process, trigger, actor), *early)
        return Choice(None, {}, blockers)
    refusals: list[Blocker] = []
    for transition in candidates:
        guard = guard_obstacle(process, state, transition, payload, actor, at)
        if guard is None:
            return _weighed(process, state, transition, payload, actor, at)
        refusals.append(guard)
    others = _weighed(process, state, candidates[0], payload, actor, at).blockers
    return Choice(None, {}, (*refusals, *others))


def _weighed(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> Choice:
    """A transition whose guard has been looked at, with its other obstacles."""
    computed, faults = computed_values(process, state, transition, payload, actor, at)
    standing = standing_obstacles(process, state, transition, payload, actor, at)
    return Choice(transition, computed, (*standing, *faults))


def _precedence(first: Transition | None) -> tuple[Blocker, ...]:
    """The blocker of an alternative that comes after one whose guard holds."""
    if first is None:
        return ()
    when = "true" if first.guard is None else first.guard.when
    return (Blocker(BlockerCode.GUARD_FAILED, guard=f"!({when})"),)


def _wrong_stage(process: Process, state: InstanceState, trigger: str) -> Blocker:
    moves = (item for item in process.definition.transitions.values() if item.trigger == trigger)
    sources = dict.fromkeys(stage for item in moves for stage in item.sources)
    here = dict.fromkeys(item.trigger for item in process.open_from(state.stage))
    params = {"stage": state.stage, "trigger": trigger, "sources": listed(sources), "open": listed(here)}
    return Blocker(BlockerCode.WRONG_STAGE, params=params)


def _role_everywhere(process: Process, trigger: str, actor: Actor) -> tuple[Blocker, ...]:
    """A role obstacle that would stay even in the right stage."""
    moves = [item for item in process.definition.transitions.values() if item.trigger == trigger]
    if all(item.roles and not (item.roles & actor.roles) for item in moves):
        return (role_not_allowed(moves[0].roles),)
    return ()
