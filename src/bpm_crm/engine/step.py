"""The steps a case can take: started, moved, acted on, assigned, excluded, forced, and the passing of time.

Each function answers with a `Step` (next state and events), or says why not: `Refused` with every blocker, or `Malformed` where the
input names what the definition does not know. Nothing here reads a clock: `at` is the instant at which the step happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.blockers import Blocker, BlockerCode, InputCode, InputProblem, Malformed, Refused
from bpm_crm.engine.definition import AssignOwner, Transition
from bpm_crm.engine.draft import Draft
from bpm_crm.engine.events import (
    ActivityRecorded,
    Event,
    Excluded,
    OwnerAssigned,
)
from bpm_crm.engine.fields import normalise
from bpm_crm.engine.legality import choose
from bpm_crm.engine.obstacles import Payload, role_not_allowed, too_early
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.texts import shown

APPROVAL = "approval"
"""The kind of activity that approves a move."""


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
    draft.begin(values)
    return _taken(draft)


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
    problems: list[InputProblem] = []
    if trigger not in process.triggers:
        known = tuple(sorted(process.triggers))
        problems.append(InputProblem(InputCode.UNKNOWN_TRANSITION, ("transition",), shown(trigger), known))
    if reason is not None and reason not in process.definition.reasons:
        known = tuple(process.definition.reasons)
        problems.append(InputProblem(InputCode.UNKNOWN_REASON, ("reason",), shown(reason), known))
    values, more = _normalised(process, data)
    if problems or more:
        return Malformed((*problems, *more))
    choice = choose(process, state, trigger, Payload(values, reason), actor, at)
    if choice.transition is None or choice.blockers:
        return Refused(choice.blockers)
    return carry_out(process, state, choice.transition, {**values, **choice.computed}, reason, actor, at)


def force(process: Process, state: InstanceState, stage: str, at: int) -> Outcome:
    """Put the case into `stage` whatever the definition allows: the caller needs the permission and a written reason."""
    if stage not in process.definition.stages:
        stages = tuple(process.definition.stages)
        return Malformed((InputProblem(InputCode.UNKNOWN_STAGE, ("stage",), shown(stage), stages),))
    blockers = []
    if stage == state.stage:
        blockers.append(Blocker(BlockerCode.ALREADY_IN_STAGE, params={"stage": stage}))
    if at < state.entered_at:
        blockers.append(too_early(state.stage))
    if blockers:
        return Refused(tuple(blockers))
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.force(stage)
    return _taken(draft)


def record(process: Process, state: InstanceState, activity: Activity, actor: Actor, at: int) -> Outcome:
    """Record an act on the case, in any stage; it may have happened before what was recorded already."""
    if activity.kind not in process.activity_kinds:
        known = tuple(sorted(process.activity_kinds))
        return Malformed((InputProblem(InputCode.UNKNOWN_ACTIVITY, ("kind",), shown(activity.kind), known),))
    is_approval = activity.kind == APPROVAL
    refusal = _approval_refusal(process, state, activity, actor, at) if is_approval else None
    if refusal is not None:
        return refusal
    if at < state.started_at:
        return Refused((too_early(process.definition.initial),))
    draft = Draft(process, state, at)
    draft.catch_up()
    event = ActivityRecorded(activity.kind, activity.direction, activity.automated, activity.transition)
    draft.act(event, actor.id if is_approval else None)
    return _taken(draft)


def assign(process: Process, state: InstanceState, owner: str | None, team: str | None, at: int) -> Step:
    """Give the case an owner and a team. Clocks neither stop nor restart."""
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.owner, draft.team = owner, team
    draft.events.append(OwnerAssigned(owner, team))
    return _taken(draft)


def exclude(process: Process, state: InstanceState, exclusion: str | None, at: int) -> Step:
    """Leave the case out of figures (test, spam, duplicate), or count it again; it is never deleted."""
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.exclusion = exclusion
    draft.events.append(Excluded(exclusion))
    return _taken(draft)


def tick(process: Process, state: InstanceState, at: int) -> Step | None:
    """Let time pass up to `at`: warnings, breaches and escalations that fell before it; None when there were none."""
    draft = Draft(process, state, at)
    draft.catch_up()
    return _taken(draft) if draft.events else None


def carry_out(
    process: Process,
    state: InstanceState,
    transition: Transition,
    values: Mapping[str, Any],
    reason: str | None,
    actor: Actor,
    at: int,
) -> Step:
    """Take a transition without asking whether it may be taken: the caller has asked, or has its reasons not to."""
    draft = Draft(process, state, at)
    draft.catch_up()
    draft.move(transition, transition.target, values, reason)
    for effect in transition.effects:
        if isinstance(effect, AssignOwner) and actor.kind == "user" and not (effect.keep and draft.owner):
            draft.owner, draft.team = actor.id, actor.team or draft.team
    if (draft.owner, draft.team) != (state.owner, state.team):
        draft.events.append(OwnerAssigned(draft.owner, draft.team))
    return _taken(draft)


def _taken(draft: Draft) -> Step:
    return Step(draft.state(), tuple(draft.events))


def _approval_refusal(
    process: Process, state: InstanceState, activity: Activity, actor: Actor, at: int
) -> Refused | Malformed | None:
    """Why the actor may not approve the transition that an activity names; None when nothing stands in the way."""
    known = {item.key: item for item in process.open_from(state.stage) if item.approval_roles is not None}
    transition = known.get(activity.transition or "")
    if transition is None:
        asked = shown(activity.transition or "")
        return Malformed((InputProblem(InputCode.UNKNOWN_TRANSITION, ("transition",), asked, tuple(sorted(known))),))
    roles = transition.approval_roles or frozenset()
    blockers = []
    if not (roles & actor.roles) or actor.id is None or actor.kind != "user" or activity.automated:
        blockers.append(role_not_allowed(roles))
    if at < state.entered_at:
        blockers.append(too_early(state.stage))
    return Refused(tuple(blockers)) if blockers else None


def _normalised(process: Process, data: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[InputProblem, ...]]:
    values: dict[str, Any] = {}
    problems = []
    for key, value in data.items():
        field = process.definition.fields.get(key)
        if field is None:
            problems.append(
                InputProblem(
                    InputCode.UNKNOWN_FIELD, ("data", shown(key)), shown(key), tuple(process.definition.fields)
                )
            )
            continue
        values[key], problem = normalise(field, value)
        if problem is not None:
            problems.append(problem)
    return values, tuple(problems)
