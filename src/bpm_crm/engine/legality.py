"""The one evaluator: which moves are open, and everything that stands in the way of one (`semantics.md` §2)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.blockers import SUPPLIED_BY_INPUT, Blocker, BlockerCode
from bpm_crm.engine.definition import Guard, Reason, ReasonRule, Transition
from bpm_crm.engine.fields import guard_value
from bpm_crm.engine.guard import EvaluationFailed
from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState


@dataclass(frozen=True, slots=True)
class Payload:
    """What comes with a move: new values of data fields (already in stored form) and a reason of the catalogue."""

    data: Mapping[str, Any]
    reason: str | None = None


NO_PAYLOAD = Payload({})


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


def available(process: Process, state: InstanceState, actor: Actor, at: int) -> tuple[AvailableTransition, ...]:
    """Every transition out of the current stage with what stands in its way for `actor` at `at`."""
    found = []
    for transition in process.open_from(state.stage):
        blockers = obstacles(process, state, transition, NO_PAYLOAD, actor, at)
        found.append(
            AvailableTransition(
                transition=transition,
                enabled=all(blocker.code in SUPPLIED_BY_INPUT for blocker in blockers),
                blockers=blockers,
                required=tuple(key for key in transition.required if key not in state.data),
                reasons=applicable_reasons(process, transition, state.stage),
            )
        )
    return tuple(found)


def choose(
    process: Process, state: InstanceState, trigger: str, payload: Payload, actor: Actor, at: int
) -> tuple[Transition | None, tuple[Blocker, ...]]:
    """The transition that `trigger` takes, with its obstacles; without one, the reasons why there is none.

    Among alternatives the first whose guard holds is taken; its other obstacles then decide.
    """
    candidates = process.candidates(trigger, state.stage)
    if not candidates:
        return None, (_wrong_stage(process, state, trigger), *_role_everywhere(process, trigger, actor))
    refusals: list[Blocker] = []
    for transition in candidates:
        guard = guard_obstacle(process, state, transition, payload, actor, at)
        if guard is None:
            return transition, _other_obstacles(process, state, transition, payload, actor, at)
        refusals.append(guard)
    others = _other_obstacles(process, state, candidates[0], payload, actor, at)
    return None, (*refusals, *others)


def obstacles(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> tuple[Blocker, ...]:
    """Everything that stands in the way of one transition out of the current stage."""
    guard = guard_obstacle(process, state, transition, payload, actor, at)
    others = _other_obstacles(process, state, transition, payload, actor, at)
    return others if guard is None else (guard, *others)


def applicable_reasons(process: Process, transition: Transition, stage: str) -> tuple[Reason, ...]:
    """The reasons of the catalogue that may be given for this transition out of `stage`."""
    if transition.reason is ReasonRule.NONE:
        return ()
    return tuple(item for item in process.definition.reasons.values() if item.applies(transition.key, stage))


def guard_obstacle(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> Blocker | None:
    """Why the guard of a transition does not hold; None when it holds or there is none."""
    expression = process.guards.get(transition.key)
    guard = transition.guard
    if expression is None or guard is None:
        return None
    data = {**state.data, **payload.data}
    missing = sorted(name[5:] for name in expression.names if name.startswith("data.") and data.get(name[5:]) is None)
    try:
        held = expression.evaluate(values_of(process, state, data, actor, at))
    except EvaluationFailed as error:
        code = BlockerCode.GUARD_NEEDS_DATA if missing else BlockerCode.GUARD_ERROR
        return _guard_blocker(code, guard, missing, {"error": str(error)[:200]})
    if held is True:
        return None
    return _guard_blocker(BlockerCode.GUARD_NEEDS_DATA if missing else BlockerCode.GUARD_FAILED, guard, missing, {})


def values_of(
    process: Process, state: InstanceState, data: Mapping[str, Any], actor: Actor, at: int
) -> Callable[[str], Any]:
    """The lookup of a variable by its dotted name, for an expression over this case."""
    fields = process.definition.fields

    def value_of(name: str) -> Any:
        root, _, key = name.partition(".")
        match root:
            case "data":
                return guard_value(fields[key], data.get(key))
            case "reached":
                return key in state.reached
            case "activities":
                return state.activities.get(key, 0)
            case "visits":
                return state.visits.get(key, 0)
            case "now":
                return moment_of(at)
            case "actor":
                return sorted(actor.roles) if key == "roles" else actor.id or ""
            case _:
                return _instance_value(state, key)

    return value_of


def _instance_value(state: InstanceState, key: str) -> Any:
    match key:
        case "stage":
            return state.stage
        case "owner":
            return state.owner or ""
        case "started_at":
            return moment_of(state.started_at)
        case "entered_at":
            return moment_of(state.entered_at)
        case _:
            return state.subject.get(key, "")


def _other_obstacles(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> tuple[Blocker, ...]:
    found = []
    if transition.roles and not (transition.roles & actor.roles):
        found.append(_role_blocker(transition))
    for key in transition.required:
        value = payload.data[key] if key in payload.data else state.data.get(key)
        if value is None or value == "":
            found.append(Blocker(BlockerCode.FIELD_REQUIRED, field=key, params={"transition": transition.key}))
    found.extend(_reason_obstacles(process, state, transition, payload.reason))
    found.extend(_approval_obstacles(state, transition, actor))
    if at < state.entered_at:
        found.append(Blocker(BlockerCode.OCCURRED_TOO_EARLY, field="occurredAt", params={"stage": state.stage}))
    return tuple(found)


def _reason_obstacles(
    process: Process, state: InstanceState, transition: Transition, reason: str | None
) -> tuple[Blocker, ...]:
    allowed = {item.key for item in applicable_reasons(process, transition, state.stage)}
    params = {"transition": transition.key, "stage": state.stage, "known": ", ".join(sorted(allowed))}
    if reason is None:
        if transition.reason is ReasonRule.REQUIRED:
            return (Blocker(BlockerCode.REASON_REQUIRED, field="reason", params=params),)
        return ()
    if transition.reason is ReasonRule.NONE:
        return (Blocker(BlockerCode.REASON_NOT_TAKEN, field="reason", params=params),)
    if reason not in allowed:
        return (Blocker(BlockerCode.REASON_NOT_APPLICABLE, field="reason", params={**params, "reason": reason}),)
    return ()


def _approval_obstacles(state: InstanceState, transition: Transition, actor: Actor) -> tuple[Blocker, ...]:
    if transition.approval_roles is None:
        return ()
    approvers = state.approvals.get(transition.key, ())
    params = {"transition": transition.key, "roles": ", ".join(sorted(transition.approval_roles))}
    if not approvers:
        return (Blocker(BlockerCode.APPROVAL_REQUIRED, params=params),)
    if all(approver == actor.id for approver in approvers):
        return (Blocker(BlockerCode.APPROVAL_BY_SAME_PERSON, params=params),)
    return ()


def _guard_blocker(code: BlockerCode, guard: Guard, missing: list[str], params: Mapping[str, str]) -> Blocker:
    return Blocker(
        code,
        field=missing[0] if missing else None,
        guard=guard.when,
        message=guard.message,
        unblock=guard.unblock,
        params={**params, "fields": ", ".join(missing)},
    )


def _role_blocker(transition: Transition) -> Blocker:
    return Blocker(BlockerCode.ROLE_NOT_ALLOWED, params={"roles": ", ".join(sorted(transition.roles))})


def _wrong_stage(process: Process, state: InstanceState, trigger: str) -> Blocker:
    definition = process.definition
    sources = dict.fromkeys(
        stage for item in definition.transitions.values() if item.trigger == trigger for stage in item.sources
    )
    here = dict.fromkeys(item.trigger for item in process.open_from(state.stage))
    params = {"stage": state.stage, "trigger": trigger, "sources": ", ".join(sources), "open": ", ".join(here)}
    return Blocker(BlockerCode.WRONG_STAGE, params=params)


def _role_everywhere(process: Process, trigger: str, actor: Actor) -> tuple[Blocker, ...]:
    """A role obstacle that would stay even in the right stage."""
    moves = [item for item in process.definition.transitions.values() if item.trigger == trigger]
    if all(item.roles and not (item.roles & actor.roles) for item in moves):
        return (_role_blocker(moves[0]),)
    return ()
