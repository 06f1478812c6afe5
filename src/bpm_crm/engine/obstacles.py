"""What can stand in the way of one transition: its guard, roles, data, reason, approval, and what it computes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bpm_crm.engine.blockers import Blocker, BlockerCode
from bpm_crm.engine.definition import Guard, Reason, ReasonRule, Transition
from bpm_crm.engine.fields import computed_value
from bpm_crm.engine.guard import EvaluationFailed
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.values import missing_data, values_of

MOST_ERROR = 200


class Payload(NamedTuple):
    """What comes with a move: new values of data fields (already in stored form) and a reason of the catalogue."""

    data: Mapping[str, Any]
    reason: str | None = None


NO_PAYLOAD = Payload({})


def guard_obstacle(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> Blocker | None:
    """Why the guard of a transition does not hold; None when it holds or there is none."""
    expression, guard = process.guards.get(transition.key), transition.guard
    if expression is None or guard is None:
        return None
    data = {**state.data, **payload.data}
    code, error = BlockerCode.GUARD_FAILED, ""
    try:
        if expression.evaluate(values_of(process, state, data, actor, at)) is True:
            return None
    except EvaluationFailed as failure:
        code, error = BlockerCode.GUARD_ERROR, str(failure)
    missing = missing_data(expression, data)
    if missing:
        code = BlockerCode.GUARD_NEEDS_DATA
    return _guard_blocker(code, guard, missing, error)


def computed_values(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> tuple[Mapping[str, Any], tuple[Blocker, ...]]:
    """The values that the `set` effects of a transition give to fields; blockers when one cannot be computed or does not fit."""
    computed: dict[str, Any] = {}
    for key, expression in process.setters[transition.key]:
        data = {**state.data, **payload.data, **computed}
        try:
            result = expression.evaluate(values_of(process, state, data, actor, at))
        except EvaluationFailed as failure:
            missing = missing_data(expression, data)
            code = BlockerCode.GUARD_NEEDS_DATA if missing else BlockerCode.GUARD_ERROR
            return {}, (_guard_blocker(code, Guard(expression.source, None, None), missing or [key], str(failure)),)
        computed[key], problem = computed_value(process.definition.fields[key], result)
        if problem is not None:
            guard = Guard(expression.source, None, None)
            return {}, (_guard_blocker(BlockerCode.GUARD_ERROR, guard, [key], problem.code.value),)
    return computed, ()


def standing_obstacles(
    process: Process, state: InstanceState, transition: Transition, payload: Payload, actor: Actor, at: int
) -> tuple[Blocker, ...]:
    """Everything but expressions that stands in the way of a transition out of the current stage."""
    found = []
    if transition.roles and not (transition.roles & actor.roles):
        found.append(role_not_allowed(transition.roles))
    found.extend(
        Blocker(BlockerCode.FIELD_REQUIRED, field=key, params={"transition": transition.key})
        for key in transition.required
        if is_empty(payload.data[key] if key in payload.data else state.data.get(key))
    )
    if payload.reason is not None or transition.reason is ReasonRule.REQUIRED:
        found.extend(_reason_obstacles(process, state, transition, payload.reason))
    if transition.approval_roles is not None:
        found.extend(_approval_obstacles(state, transition, transition.approval_roles, actor))
    if at < state.entered_at:
        found.append(too_early(state.stage))
    return tuple(found)


def applicable_reasons(process: Process, transition: Transition, stage: str) -> tuple[Reason, ...]:
    """The reasons of the catalogue that may be given for this transition out of `stage`."""
    if transition.reason is ReasonRule.NONE:
        return ()
    return tuple(item for item in process.definition.reasons.values() if item.applies(transition.key, stage))


def is_empty(value: Any) -> bool:
    """Whether a stored value is no value for a required field: null, or a text of nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def role_not_allowed(roles: frozenset[str]) -> Blocker:
    """The blocker for an act that is for other roles."""
    return Blocker(BlockerCode.ROLE_NOT_ALLOWED, params={"roles": listed(sorted(roles))})


def too_early(stage: str) -> Blocker:
    """The blocker for what is said to have happened before `stage` was entered."""
    return Blocker(BlockerCode.OCCURRED_TOO_EARLY, field="occurredAt", params={"stage": stage})


def listed(names: Iterable[str]) -> str:
    """Names for a text; a dash where there are none."""
    return ", ".join(names) or "—"


def _reason_obstacles(
    process: Process, state: InstanceState, transition: Transition, reason: str | None
) -> tuple[Blocker, ...]:
    allowed = [item.key for item in applicable_reasons(process, transition, state.stage)]
    params = {"transition": transition.key, "stage": state.stage, "known": listed(allowed)}
    if reason is None:
        return (Blocker(BlockerCode.REASON_REQUIRED, field="reason", params=params),)
    if transition.reason is ReasonRule.NONE:
        return (Blocker(BlockerCode.REASON_NOT_TAKEN, field="reason", params=params),)
    if reason not in allowed:
        return (Blocker(BlockerCode.REASON_NOT_APPLICABLE, field="reason", params={**params, "reason": reason}),)
    return ()


def _approval_obstacles(
    state: InstanceState, transition: Transition, roles: frozenset[str], actor: Actor
) -> tuple[Blocker, ...]:
    approvers = state.approvals.get(transition.key, ())
    params = {"transition": transition.key, "roles": listed(sorted(roles))}
    if not approvers:
        return (Blocker(BlockerCode.APPROVAL_REQUIRED, params=params),)
    if all(approver == actor.id for approver in approvers):
        return (Blocker(BlockerCode.APPROVAL_BY_SAME_PERSON, params=params),)
    return ()


def _guard_blocker(code: BlockerCode, guard: Guard, fields: Sequence[str], error: str) -> Blocker:
    return Blocker(
        code,
        field=fields[0] if fields else None,
        guard=guard.when,
        message=guard.message,
        unblock=guard.unblock,
        params={"fields": listed(fields), "error": error[:MOST_ERROR]},
    )
