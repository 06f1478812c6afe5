"""Whether a definition is sound: every fault, with its place in the document, before anything runs under it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime

from bpm_crm.engine.calendar import ALWAYS, BusinessCalendar, CalendarInvalid, NoWorkingTime
from bpm_crm.engine.clock_rule import ClockRule
from bpm_crm.engine.definition import Field, FieldType, ProcessDefinition, SetField, SlaPolicy, Title
from bpm_crm.engine.draft import FORCE
from bpm_crm.engine.examples import example
from bpm_crm.engine.fields import VARIABLE_TYPES
from bpm_crm.engine.guard import CelCompiler, ExpressionInvalid, VariableType
from bpm_crm.engine.instants import InstantOutOfRange, instant_of
from bpm_crm.engine.occasions import STANDARD_ACTIVITIES
from bpm_crm.engine.path_problems import path_problems
from bpm_crm.engine.problems import Problem, ProblemCode
from bpm_crm.engine.process import variables
from bpm_crm.engine.reference_problems import reference_problems

BINDABLE: Mapping[str, tuple[FieldType, ...]] = {
    "amount": (FieldType.DECIMAL,),
    "performer": (FieldType.STRING,),
    "product": (FieldType.STRING, FieldType.CHOICE),
}
"""Of which types a field may be that is bound to something of the deal."""
MOST_PARTS: Mapping[str, int] = {
    "stages": 600,
    "transitions": 2_000,
    "fields": 1_000,
    "checkpoints": 1_000,
    "activities": 200,
    "pauses": 100,
    "clocks": 300,
    "reasons": 1_000,
}
"""How many entries a section of a document may have, so that every check stays quick. An imported log has up to 502 stages."""
MOST_MOVES = 20_000
"""How many ways there may be out of all stages together: the sources of all transitions."""
MOST_ALTERNATIVES = 50
"""How many transitions with one trigger may lead out of one stage."""
RESERVED_TRIGGERS = frozenset({"state", FORCE})
RESERVED_ACTIVITIES = frozenset({"response", *STANDARD_ACTIVITIES})

_LATE = instant_of(datetime(2100, 1, 1, tzinfo=UTC))
_CLOSED_ALL_WEEK = Title(
    "there is no working time in the week; open at least one weekday.",
    "в неделе нет рабочего времени; откройте хотя бы один день.",
)
_TOO_LONG = Title(
    "the calendar has too little working time for it; shorten it or open more hours.",
    "в календаре для неё слишком мало рабочего времени; сократите её или добавьте часы.",
)


def validate(definition: ProcessDefinition, roles: Collection[str]) -> tuple[Problem, ...]:
    """All problems that need no look at what guards mean; `soundness` finds the rest. `roles` are the roles that exist.

    Sizes and references are checked first: with a wrong one, questions about paths are too many or make no sense and are not asked.
    """
    sizes = tuple(_sizes(definition))
    if sizes:
        return sizes
    references = tuple(reference_problems(definition, roles))
    if references:
        return references
    return (
        *_calendar(definition),
        *_fields(definition),
        *_required(definition),
        *_names(definition),
        *path_problems(definition),
        *_expressions(definition),
        *_checkpoints(definition),
        *_policies(definition),
        *_pauses(definition),
    )


def _sizes(definition: ProcessDefinition) -> Iterator[Problem]:
    for section, most in MOST_PARTS.items():
        count = len(definition.policies if section == "clocks" else getattr(definition, section))
        if count > most:
            yield _too_many((section,), section, count, most)
    moves = Counter((item.trigger, stage) for item in definition.transitions.values() for stage in item.sources)
    if moves.total() > MOST_MOVES:
        yield _too_many(("transitions",), "from", moves.total(), MOST_MOVES)
    for (trigger, _), count in moves.most_common(1):
        if count > MOST_ALTERNATIVES:
            last = [key for key, item in definition.transitions.items() if item.trigger == trigger][-1]
            yield _too_many(("transitions", last, "trigger"), f"trigger: {trigger}", count, MOST_ALTERNATIVES)


def _too_many(path: tuple[str, ...], what: str, count: int, most: int) -> Problem:
    params = {"value": what, "count": str(count), "limit": str(most)}
    return Problem(ProblemCode.TOO_MANY_PARTS, path, params)


def _calendar(definition: ProcessDefinition) -> Iterator[Problem]:
    try:
        calendar = BusinessCalendar(definition.calendar)
    except CalendarInvalid as error:
        for problem in error.problems:
            yield Problem(ProblemCode.CALENDAR_INVALID, ("calendar", *problem.path), {"fault": str(problem)})
        return
    if not any(definition.calendar.week.values()):
        yield Problem(ProblemCode.CALENDAR_INVALID, ("calendar", "week"), {"fault": _CLOSED_ALL_WEEK})
        return
    for key, policy in definition.policies.items():
        for stage, target in policy.targets.items():
            if not _is_countable(ALWAYS if policy.always_open else calendar, policy, stage):
                place = ("clocks", key, "target")
                yield Problem(ProblemCode.DURATION_INVALID, place, {"value": str(target), "fault": _TOO_LONG})


def _is_countable(calendar: BusinessCalendar, policy: SlaPolicy, stage: str) -> bool:
    """Whether a clock started late in what calendars cover still ends in it, with all its escalations."""
    rule = ClockRule(policy, calendar)
    try:
        clock, _ = rule.start(at=_LATE, stage=stage, cycle=1, reasons=())
        rule.instant(clock, rule.thresholds(clock.budget)[-1].consumed)
    except (NoWorkingTime, InstantOutOfRange):
        return False
    return True


def _fields(definition: ProcessDefinition) -> Iterator[Problem]:
    bound: dict[str, str] = {}
    for key, item in definition.fields.items():
        if item.type is FieldType.CHOICE and not item.options:
            yield Problem(ProblemCode.CHOICE_WITHOUT_OPTIONS, ("fields", key), {"value": key})
        if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
            yield Problem(ProblemCode.RANGE_EMPTY, ("fields", key, "min"), {"value": key})
        if item.binds is None:
            continue
        if item.type not in BINDABLE[item.binds]:
            params = {"value": key, "other": item.binds, "expected": " / ".join(BINDABLE[item.binds])}
            yield Problem(ProblemCode.BINDING_TYPE, ("fields", key, "binds"), params)
        if item.personal:
            yield Problem(ProblemCode.BINDING_PERSONAL, ("fields", key, "binds"), {"value": key, "column": item.binds})
        first = bound.setdefault(item.binds, key)
        if first != key:
            params = {"value": key, "other": first, "column": item.binds}
            yield Problem(ProblemCode.BINDING_TWICE, ("fields", key, "binds"), params)


def _required(definition: ProcessDefinition) -> Iterator[Problem]:
    """Required fields that accept nothing, unless that was said of the field already."""
    for key, transition in definition.transitions.items():
        for name in transition.required:
            item = definition.fields[name]
            if _is_sensible(item) and example(item) is None:
                params = {"value": key, "field": name}
                yield Problem(ProblemCode.FIELD_UNFILLABLE, ("transitions", key, "require"), params)


def _is_sensible(item: Field) -> bool:
    """Whether the field has options if it is a choice, and bounds in their order."""
    ordered = item.minimum is None or item.maximum is None or item.minimum <= item.maximum
    return ordered and (item.type is not FieldType.CHOICE or bool(item.options))


def _names(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, transition in definition.transitions.items():
        if transition.trigger in RESERVED_TRIGGERS:
            yield Problem(ProblemCode.RESERVED_NAME, ("transitions", key), {"value": transition.trigger})
    for key in definition.activities:
        if key in RESERVED_ACTIVITIES:
            yield Problem(ProblemCode.RESERVED_NAME, ("activities", key), {"value": key})


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
    orders: dict[int, str] = {}
    for checkpoint in definition.funnel:
        other = orders.setdefault(checkpoint.order or 0, checkpoint.key)
        if other != checkpoint.key:
            params = {"value": checkpoint.key, "other": other}
            yield Problem(ProblemCode.FUNNEL_ORDER_TWICE, ("checkpoints", checkpoint.key, "order"), params)


def _policies(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, policy in definition.policies.items():
        if not policy.targets:
            yield Problem(ProblemCode.CLOCK_WITHOUT_TARGET, ("clocks", key), {"value": key})
        for warning in policy.warnings:
            if warning.share is not None and not 0 < warning.share < 1:
                yield Problem(ProblemCode.WARNING_AFTER_TARGET, ("clocks", key, "warnings"), {"value": key})


def _pauses(definition: ProcessDefinition) -> Iterator[Problem]:
    for key, pause in definition.pauses.items():
        both = not pause.begins.is_empty and not pause.ends.is_empty
        neither = pause.begins.is_empty and pause.ends.is_empty
        if not (neither if pause.during else both):
            yield Problem(ProblemCode.PAUSE_UNCLEAR, ("pauses", key), {"value": key})
