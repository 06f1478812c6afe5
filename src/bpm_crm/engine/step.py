"""The steps a case can take: started, moved, acted on, assigned, excluded, forced, and the passing of time.

Each function answers with a `Step` (next state and events), or says why not: `Refused` with every blocker, or `Malformed` where the
input names what the definition does not know. Nothing here reads a clock: `at` is the instant at which the step happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.blockers import Blocker, BlockerCode, InputCode, InputProblem, Malformed, Refused
from bpm_crm.engine.definition import AssignOwner, OccasionKind, StartProcess, Transition
from bpm_crm.engine.draft import Draft
from bpm_crm.engine.events import (
    ActivityRecorded,
    Approved,
    Event,
    Excluded,
    OwnerAssigned,
    ProcessRequested,
    StageEntered,
    Started,
    Transitioned,
)
from bpm_crm.engine.fields import computed_value, normalise
from bpm_crm.engine.guard import EvaluationFailed
from bpm_crm.engine.legality import Payload, choose, values_of
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState

FORCE = "force"


@dataclass(frozen=True, slots=True)
class Step:
    """A step taken: the state after it and what happened, in order."""

    state: InstanceState
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """An act to record; `transition` names the move that an approval is for."""

    kind: str
    direction: str = "internal"
    automated: bool = False
    transition: str | None = None


Outcome = Step | Refused | Malformed


def start(
    process: Process,
    *,
    data: Mapping[str, Any],
    owner: str | None,
    team: str | None,
    subject: Mapping[str, str],
    exclusion: str | None,
    at: int,
) -> Step | Malformed:
    """Begin a case in the initial stage with these values of data fields."""
    values, problems = _normalised(process, data)
    if problems:
        return Malformed(problems)
    stage = process.definition.initial
    state = InstanceState(
        stage=stage,
        sequence=0,
        started_at=at,
        entered_at=at,
        owner=owner,
        team=team,
        subject=subject,
        exclusion=exclusion,
    )
    draft = Draft(process, state, at)
    draft.events.append(Started(stage))
    draft.set_data(values)
    draft.visits[stage] = 1
    draft.events.append(StageEntered(stage, 1))
    draft.hold_stage(stage)
    draft.occasion(OccasionKind.STARTED)
    draft.occasion(OccasionKind.ENTERING, stage)
    return Step(*draft.step())


def fire(
    process: Process,
    state: InstanceState,
    trigger: str,
    data: Mapping[str, Any],
    reason: str | None,
    actor: Actor,
    at: int,
) -> Outcome:
    """Move the case by `trigger`, with new values of data fields and, where the transition takes one, a reason."""
    known = {item.trigger for item in process.definition.transitions.values()}
    problems: list[InputProblem] = []
    if trigger not in known:
        problems.append(InputProblem(InputCode.UNKNOWN_TRANSITION, ("transition",), trigger, tuple(sorted(known))))
    if reason is not None and reason not in process.definition.reasons:
        problems.append(InputProblem(InputCode.UNKNOWN_REASON, ("reason",), reason, tuple(process.definition.reasons)))
    values, more = _normalised(process, data)
    if problems or more:
        return Malformed((*problems, *more))
    payload = Payload(values, reason)
    transition, blockers = choose(process, state, trigger, payload, actor, at)
    if transition is None or blockers:
        return Refused(blockers)
    computed, blocker = _computed(process, state, transition, values, actor, at)
    if blocker is not None:
        return Refused((blocker,))
    return _moved(process, state, transition, {**values, **computed}, reason, actor, at)


def force(process: Process, state: InstanceState, stage: str, at: int) -> Outcome:
    """Put the case into `stage` whatever the definition allows: the caller needs the permission and a written reason."""
    if stage not in process.definition.stages:
        stages = tuple(process.definition.stages)
        return Malformed((InputProblem(InputCode.UNKNOWN_STAGE, ("stage",), stage, stages),))
    blockers = []
    if stage == state.stage:
        blockers.append(Blocker(BlockerCode.ALREADY_IN_STAGE, params={"stage": stage}))
    if at < state.entered_at:
        blockers.append(Blocker(BlockerCode.OCCURRED_TOO_EARLY, field="occurredAt", params={"stage": state.stage}))
    if blockers:
        return Refused(tuple(blockers))
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.events.append(Transitioned(FORCE, FORCE, state.stage, stage, forced=True, reason=None))
    draft.leave()
    draft.enter(stage)
    return Step(*draft.step())


def record(process: Process, state: InstanceState, activity: Activity, actor: Actor, at: int) -> Outcome:
    """Record an act on the case, in any stage; it may have happened before what was recorded already."""
    if activity.kind not in process.activity_kinds:
        known = tuple(sorted(process.activity_kinds))
        return Malformed((InputProblem(InputCode.UNKNOWN_ACTIVITY, ("kind",), activity.kind, known),))
    if at < state.started_at:
        return Refused((Blocker(BlockerCode.OCCURRED_TOO_EARLY, field="occurredAt", params={"stage": state.stage}),))
    approval = _approval(process, state, activity, actor)
    if isinstance(approval, Refused | Malformed):
        return approval
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.events.append(ActivityRecorded(activity.kind, activity.direction, activity.automated, activity.transition))
    if approval is not None:
        draft.approvals = {**draft.approvals, **approval}
        draft.events.append(Approved(str(activity.transition), str(actor.id)))
    for reactions in process.on_activity(activity.kind, activity.direction, activity.automated):
        draft.react(reactions)
    counted = {**state.activities, activity.kind: state.activities.get(activity.kind, 0) + 1}
    return Step(*draft.step(activities=counted))


def assign(process: Process, state: InstanceState, owner: str | None, team: str | None, at: int) -> Step:
    """Give the case an owner and a team. Clocks neither stop nor restart."""
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.events.append(OwnerAssigned(owner, team))
    return Step(*draft.step(owner=owner, team=team))


def exclude(process: Process, state: InstanceState, exclusion: str | None, at: int) -> Step:
    """Leave the case out of figures (test, spam, duplicate), or count it again; it is never deleted."""
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.events.append(Excluded(exclusion))
    return Step(*draft.step(exclusion=exclusion))


def tick(process: Process, state: InstanceState, at: int) -> Step | None:
    """Let time pass up to `at`: warnings, breaches and escalations that fell before it; None when there were none."""
    draft = Draft(process, state, at)
    draft.catch_up()
    return Step(*draft.step()) if draft.events else None


def _moved(
    process: Process,
    state: InstanceState,
    transition: Transition,
    values: Mapping[str, Any],
    reason: str | None,
    actor: Actor,
    at: int,
) -> Step:
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.events.append(
        Transitioned(transition.key, transition.trigger, state.stage, transition.target, forced=False, reason=reason)
    )
    draft.set_data(values)
    draft.reason = reason if process.definition.stages[transition.target].kind.is_final else None
    draft.leave()
    draft.occasion(OccasionKind.TRANSITION, transition.key)
    draft.enter(transition.target)
    owner, team = state.owner, state.team
    for effect in transition.effects:
        if isinstance(effect, StartProcess):
            draft.events.append(ProcessRequested(effect.process))
        elif isinstance(effect, AssignOwner) and actor.kind == "user" and not (effect.keep and owner):
            owner, team = actor.id, actor.team or team
    if (owner, team) != (state.owner, state.team):
        draft.events.append(OwnerAssigned(owner, team))
    return Step(*draft.step(owner=owner, team=team))


def _computed(
    process: Process, state: InstanceState, transition: Transition, values: Mapping[str, Any], actor: Actor, at: int
) -> tuple[Mapping[str, Any], Blocker | None]:
    """The values of the `set` effects; a blocker when one cannot be computed or does not fit its field."""
    computed: dict[str, Any] = {}
    for key, expression in process.setters.get(transition.key, ()):
        lookup = values_of(process, state, {**state.data, **values, **computed}, actor, at)
        try:
            result = expression.evaluate(lookup)
        except EvaluationFailed as error:
            return {}, Blocker(
                BlockerCode.GUARD_ERROR, field=key, guard=expression.source, params={"error": str(error)}
            )
        computed[key], problem = computed_value(process.definition.fields[key], result)
        if problem is not None:
            params = {"error": problem.code.value}
            return {}, Blocker(BlockerCode.GUARD_ERROR, field=key, guard=expression.source, params=params)
    return computed, None


def _approval(
    process: Process, state: InstanceState, activity: Activity, actor: Actor
) -> Mapping[str, tuple[str, ...]] | Refused | Malformed | None:
    if activity.kind != "approval":
        return None
    known = {item.key: item for item in process.open_from(state.stage) if item.approval_roles is not None}
    transition = known.get(activity.transition or "")
    if transition is None:
        problem = InputProblem(
            InputCode.UNKNOWN_TRANSITION, ("transition",), activity.transition or "", tuple(sorted(known))
        )
        return Malformed((problem,))
    roles = transition.approval_roles or frozenset()
    if not (roles & actor.roles) or actor.id is None:
        return Refused((Blocker(BlockerCode.ROLE_NOT_ALLOWED, params={"roles": ", ".join(sorted(roles))}),))
    given = state.approvals.get(transition.key, ())
    return {transition.key: tuple(dict.fromkeys((*given, actor.id)))}


def _normalised(process: Process, data: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[InputProblem, ...]]:
    values: dict[str, Any] = {}
    problems = []
    for key, value in data.items():
        field = process.definition.fields.get(key)
        if field is None:
            problems.append(InputProblem(InputCode.UNKNOWN_FIELD, ("data", key), key, tuple(process.definition.fields)))
            continue
        values[key], problem = normalise(field, value)
        if problem is not None:
            problems.append(problem)
    return values, tuple(problems)
