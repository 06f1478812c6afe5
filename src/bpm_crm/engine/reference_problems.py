"""Names in a definition that lead nowhere: stages, fields, transitions, roles that do not exist."""

from collections.abc import Collection, Iterable, Iterator

from bpm_crm.engine.definition import ESCALATION_TARGETS, ProcessDefinition, SetField
from bpm_crm.engine.occasions import Condition, OccasionKind
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.process import activity_kinds


def reference_problems(definition: ProcessDefinition, roles: Collection[str]) -> Iterator[Problem]:
    """Every name that a definition uses and does not define; `roles` are the roles that exist."""
    stages, fields = definition.stages, definition.fields
    if definition.key_stage is not None:
        yield from _unknown(("key_stage",), "stage", (definition.key_stage,), stages)
    for key, transition in definition.transitions.items():
        at = ("transitions", key)
        yield from _unknown((*at, "from"), "stage", transition.sources, stages)
        yield from _unknown((*at, "to"), "stage", (transition.target,), stages)
        yield from _unknown((*at, "require"), "field", transition.required, fields)
        yield from _unknown((*at, "roles"), "role", transition.roles, roles)
        yield from _unknown((*at, "approval"), "role", transition.approval_roles or (), roles)
        sets = [effect.field for effect in transition.effects if isinstance(effect, SetField)]
        yield from _unknown((*at, "effects"), "field", sets, fields)
    triggers = {transition.trigger for transition in definition.transitions.values()}
    for trigger in definition.alternatives:
        yield from _unknown(("alternatives", trigger), "trigger", (trigger,), triggers)
    for key, reason in definition.reasons.items():
        yield from _unknown(("reasons", key, "for"), "transition", reason.transitions, definition.transitions)
        yield from _unknown(("reasons", key, "stages"), "stage", reason.stages, stages)
    for key, pause in definition.pauses.items():
        yield from _unknown(("pauses", key, "during"), "stage", pause.during, stages)
        yield from _condition(definition, ("pauses", key, "from"), pause.begins)
        yield from _condition(definition, ("pauses", key, "until"), pause.ends)
    for key, checkpoint in definition.checkpoints.items():
        yield from _condition(definition, ("checkpoints", key, "reached"), checkpoint.reached)
    yield from _policy_references(definition, roles)


def _policy_references(definition: ProcessDefinition, roles: Collection[str]) -> Iterator[Problem]:
    targets = {*ESCALATION_TARGETS, *roles}
    for key, policy in definition.policies.items():
        at = ("clocks", key)
        for name, condition in (("start", policy.start), ("stop", policy.stop), ("cancel", policy.cancel)):
            yield from _condition(definition, (*at, name), condition)
        yield from _unknown((*at, "pause"), "pause", policy.pauses, definition.pauses)
        yield from _unknown((*at, "target"), "stage", [stage for stage in policy.targets if stage], definition.stages)
        yield from _unknown((*at, "escalate"), "role", [step.to for step in policy.escalations], targets)
        if policy.checkpoint is not None:
            yield from _unknown((*at, "checkpoint"), "checkpoint", (policy.checkpoint,), definition.checkpoints)


def _condition(definition: ProcessDefinition, path: tuple[str, ...], condition: Condition) -> Iterator[Problem]:
    known: dict[OccasionKind, Collection[str]] = {
        OccasionKind.LEAVING: definition.stages,
        OccasionKind.ENTERING: definition.stages,
        OccasionKind.TRANSITION: definition.transitions,
        OccasionKind.CHECKPOINT: definition.checkpoints,
    }
    for occasion in condition.occasions:
        if occasion.kind in known:
            what = "stage" if occasion.kind in {OccasionKind.LEAVING, OccasionKind.ENTERING} else occasion.kind.value
            yield from _unknown(path, what, (occasion.key,), known[occasion.kind])
    kinds = [match.kind for match in condition.activities if match.kind is not None]
    yield from _unknown(path, "activity", kinds, activity_kinds(definition))


def _unknown(path: tuple[str, ...], what: str, used: Iterable[str], known: Collection[str]) -> Iterator[Problem]:
    for value in used:
        if value not in known:
            params = {"what": what, "value": value, "known": ", ".join(sorted(known)) or "—"}
            yield Problem(ProblemCode.UNKNOWN_REFERENCE, path, params)
