"""Whether a definition is sound: every fault, with its place in the document, before anything runs under it."""

from collections.abc import Collection, Iterable, Iterator

from bpm_crm.engine.calendar import BusinessCalendar, CalendarInvalid
from bpm_crm.engine.definition import (
    ESCALATION_TARGETS,
    Condition,
    FieldType,
    Occasion,
    OccasionKind,
    ProcessDefinition,
    ReasonRule,
    SetField,
    StageKind,
    Transition,
)
from bpm_crm.engine.fields import VARIABLE_TYPES
from bpm_crm.engine.guard import CelCompiler, ExpressionInvalid, VariableType
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.process import activity_kinds, variables
from bpm_crm.engine.step import FORCE

RESERVED_TRIGGERS = frozenset({"state", FORCE})


def validate(definition: ProcessDefinition, roles: Collection[str]) -> tuple[Problem, ...]:
    """All problems of a definition; empty when it may be published. `roles` are the roles that exist.

    References are checked first: with a wrong one, questions about paths make no sense and are not asked.
    """
    references = tuple(_references(definition, roles))
    if references:
        return references
    return (
        *_calendar(definition),
        *_fields(definition),
        *_stages(definition),
        *_transitions(definition),
        *_expressions(definition),
        *_checkpoints(definition),
        *_policies(definition),
    )


def reachable_stages(definition: ProcessDefinition, origin: str) -> frozenset[str]:
    """The stages that some sequence of transitions leads to from `origin`, itself included; guards are not looked at."""
    found, frontier = {origin}, [origin]
    while frontier:
        stage = frontier.pop()
        for transition in definition.transitions.values():
            if stage in transition.sources and transition.target not in found:
                found.add(transition.target)
                frontier.append(transition.target)
    return frozenset(found)


def _references(definition: ProcessDefinition, roles: Collection[str]) -> Iterator[Problem]:
    stages, fields = definition.stages, definition.fields
    for key, transition in definition.transitions.items():
        at = ("transitions", key)
        yield from _unknown((*at, "from"), "stage", transition.sources, stages)
        yield from _unknown((*at, "to"), "stage", (transition.target,), stages)
        yield from _unknown((*at, "require"), "field", transition.required, fields)
        yield from _unknown((*at, "roles"), "role", transition.roles, roles)
        yield from _unknown((*at, "approval"), "role", transition.approval_roles or (), roles)
        sets = [effect.field for effect in transition.effects if isinstance(effect, SetField)]
        yield from _unknown((*at, "effects"), "field", sets, fields)
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


def _calendar(definition: ProcessDefinition) -> Iterator[Problem]:
    try:
        BusinessCalendar(definition.calendar)
    except CalendarInvalid as error:
        yield Problem(ProblemCode.CALENDAR_INVALID, ("calendar",), {"fault": str(error)})


def _fields(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, item in definition.fields.items():
        if item.type is FieldType.CHOICE and not item.options:
            yield Problem(ProblemCode.CHOICE_WITHOUT_OPTIONS, ("fields", key), {"value": key})
        if item.binds == "amount" and item.type is not FieldType.DECIMAL:
            params = {"value": key, "other": item.binds, "expected": FieldType.DECIMAL.value}
            yield Problem(ProblemCode.BINDING_TYPE, ("fields", key, "binds"), params)


def _stages(definition: ProcessDefinition) -> Iterator[Problem]:
    initial = [stage.key for stage in definition.stages.values() if stage.kind is StageKind.INITIAL]
    if not initial:
        yield Problem(ProblemCode.NO_INITIAL, ("stages",))
        return
    if len(initial) > 1:
        yield Problem(ProblemCode.SEVERAL_INITIAL, ("stages",), {"value": ", ".join(initial)})
    reached = reachable_stages(definition, initial[0])
    for key, stage in definition.stages.items():
        if key not in reached:
            yield Problem(ProblemCode.UNREACHABLE_STAGE, ("stages", key), {"value": key})
        elif not stage.kind.is_final and not _leads_to_an_end(definition, key):
            yield Problem(ProblemCode.DEAD_END, ("stages", key), {"value": key})


def _leads_to_an_end(definition: ProcessDefinition, stage: str) -> bool:
    return any(definition.stages[key].kind.is_final for key in reachable_stages(definition, stage))


def _transitions(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, transition in definition.transitions.items():
        at = ("transitions", key)
        if transition.trigger in RESERVED_TRIGGERS:
            yield Problem(ProblemCode.RESERVED_NAME, at, {"value": transition.trigger})
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


def _expressions(definition: ProcessDefinition) -> Iterator[Problem]:
    compiler = CelCompiler(variables(definition))
    for key, transition in definition.transitions.items():
        sources: list[tuple[str, str, VariableType]] = []
        if transition.guard is not None:
            sources.append(("guard", transition.guard.when, VariableType.BOOLEAN))
        sources.extend(
            ("effects", effect.expression, VARIABLE_TYPES[definition.fields[effect.field].type])
            for effect in transition.effects
            if isinstance(effect, SetField)
        )
        for place, source, result in sources:
            try:
                compiler.compile(source, result)
            except ExpressionInvalid as error:
                yield Problem(ProblemCode.EXPRESSION_INVALID, ("transitions", key, place), {"fault": str(error)})


def _checkpoints(definition: ProcessDefinition) -> Iterator[Problem]:
    possible = _possible_occasions(definition)
    for key, checkpoint in definition.checkpoints.items():
        reached = checkpoint.reached
        if not reached.activities and not any(occasion in possible for occasion in reached.occasions):
            yield Problem(ProblemCode.CHECKPOINT_UNREACHABLE, ("checkpoints", key), {"value": key})
    orders: dict[int, str] = {}
    for checkpoint in definition.funnel:
        other = orders.setdefault(checkpoint.order or 0, checkpoint.key)
        if other != checkpoint.key:
            params = {"value": checkpoint.key, "other": other}
            yield Problem(ProblemCode.FUNNEL_ORDER_TWICE, ("checkpoints", checkpoint.key, "order"), params)


def _possible_occasions(definition: ProcessDefinition) -> frozenset[Occasion]:
    """The occasions that some path from the start brings about (activities can always be recorded)."""
    if not any(stage.kind is StageKind.INITIAL for stage in definition.stages.values()):
        return frozenset()
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
            if item.reached.activities or any(occasion in found for occasion in item.reached.occasions)
        }
        grown = not more <= found
        found |= more
    return frozenset(found)


def _policies(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, policy in definition.policies.items():
        at = ("clocks", key)
        if policy.start.is_empty:
            yield Problem(ProblemCode.CLOCK_NEVER_STARTS, at, {"value": key})
        if policy.stop.is_empty:
            yield Problem(ProblemCode.CLOCK_NEVER_STOPS, at, {"value": key})
        if not policy.targets:
            yield Problem(ProblemCode.CLOCK_WITHOUT_TARGET, at, {"value": key})
        for warning in policy.warnings:
            if (warning.share is not None and not 0 < warning.share < 1) or warning.before == 0:
                yield Problem(ProblemCode.WARNING_AFTER_TARGET, (*at, "warnings"), {"value": key})
    for key, pause in definition.pauses.items():
        between = not pause.begins.is_empty and not pause.ends.is_empty
        either = not pause.begins.is_empty or not pause.ends.is_empty
        if bool(pause.during) == either or (either and not between):
            yield Problem(ProblemCode.PAUSE_UNCLEAR, ("pauses", key), {"value": key})
