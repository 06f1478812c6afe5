"""What a transition asks of whoever takes it: fields with their types and bounds, reasons, and the condition, enough to draw a form.

Bounds are read off the guard where it is a plain comparison of a field, or several joined by `&&`. Any other condition is told in the
words of the definition; the engine decides in any case.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.definition import Field, FieldType, Guard, Reason, ReasonRule, Title, Transition
from bpm_crm.engine.fields import MAX_DIGITS, SCALE
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import InstanceState

_DATA = "data."
_LITERAL = r"""-?[0-9]+(?:\.[0-9]+)?|true|false|"[^"\\]*"|'[^'\\]*'"""
_COMPARISON = re.compile(
    rf"(?:data\.(?P<unless>\w+) == null \|\| )?data\.(?P<field>\w+) (?P<operator>==|!=|<=|>=|<|>) "
    rf"(?:data\.(?P<other>\w+)|(?P<value>{_LITERAL}))"
)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A value must stand so to another one: a plain `value`, or what the field `other` has.

    It does not matter while the field `unless_empty` has no value; None: it always does.
    """

    field: str
    operator: str
    value: str | None
    other: str | None
    unless_empty: str | None


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form. `is_required`: without a value the move is refused. `current` is the value the case has, as it is stored."""

    field: Field
    is_required: bool
    constraints: tuple[Constraint, ...]
    help: Title
    current: Any = None


@dataclass(frozen=True, slots=True)
class TransitionForm:
    """Everything a move asks for. `alternatives` are the transitions with the same trigger, of which the first whose guard holds goes.

    `reasons` are those that may be given, of a case those out of its stage; `stage` is None for the form of a definition.
    """

    transition: Transition
    fields: tuple[FormField, ...]
    reasons: tuple[Reason, ...]
    guard: Guard | None
    alternatives: tuple[str, ...]
    stage: str | None = None

    @property
    def needs_reason(self) -> bool:
        """Whether a reason must be given."""
        return self.transition.reason is ReasonRule.REQUIRED


def form_of(process: Process, transition: Transition, state: InstanceState | None = None) -> TransitionForm:
    """The form of a transition; with the state of a case, its values and the reasons out of its stage."""
    constraints = tuple(_constraints(transition.guard))
    fields = process.definition.fields
    asked = _asked(process, transition)
    return TransitionForm(
        transition=transition,
        fields=tuple(_field(fields[key], transition, constraints, state) for key in fields if key in asked),
        reasons=tuple(_reasons(process, transition, None if state is None else state.stage)),
        guard=transition.guard,
        alternatives=tuple(
            item.key
            for item in process.definition.transitions.values()
            if item.trigger == transition.trigger and item.key != transition.key
        ),
        stage=None if state is None else state.stage,
    )


def find_transition(process: Process, name: str) -> Transition | None:
    """The transition of that key, or the first of those with that trigger."""
    known = process.definition.transitions
    return known.get(name) or next((item for item in known.values() if item.trigger == name), None)


def _asked(process: Process, transition: Transition) -> set[str]:
    """The fields that a move requires, and those that its guard and its effects read."""
    read = set(process.guards[transition.key].names) if transition.key in process.guards else set()
    for _, expression in process.setters[transition.key]:
        read |= expression.names
    return {*transition.required, *(name.removeprefix(_DATA) for name in read if name.startswith(_DATA))}


def _field(
    field: Field, transition: Transition, constraints: tuple[Constraint, ...], state: InstanceState | None
) -> FormField:
    own = tuple(item for item in constraints if item.field == field.key)
    is_needed = field.key in transition.required or any(item.unless_empty is None for item in own)
    current = None if state is None else state.data.get(field.key)
    return FormField(field, is_needed, own, _help(field, own), current)


def _constraints(guard: Guard | None) -> Iterator[Constraint]:
    """The comparisons that a guard is made of; none where it says anything else."""
    if guard is None:
        return
    parts = [guard.when] if "||" in guard.when else guard.when.split(" && ")
    found = [_COMPARISON.fullmatch(part.strip()) for part in parts]
    for match in found:
        if match is None or None in found:
            return
        value = match["value"]
        unless = match["unless"]
        yield Constraint(match["field"], match["operator"], value and value.strip("\"'"), match["other"], unless)


def _reasons(process: Process, transition: Transition, stage: str | None) -> Iterator[Reason]:
    if transition.reason is ReasonRule.NONE:
        return
    for reason in process.definition.reasons.values():
        stages = transition.sources if stage is None else (stage,)
        if any(reason.applies(transition.key, source) for source in stages):
            yield reason


_FORMS = {
    FieldType.STRING: Title("Text of at most {length} characters.", "Текст не длиннее {length} символов."),
    FieldType.INTEGER: Title("A whole number{bounds}.", "Целое число{bounds}."),
    FieldType.DECIMAL: Title(
        f"A decimal number{{bounds}}, as text, with at most {MAX_DIGITS} digits before the point and {SCALE} after it.",
        f"Десятичное число{{bounds}}, текстом, не больше {MAX_DIGITS} цифр до точки и {SCALE} после.",
    ),
    FieldType.BOOLEAN: Title("Yes or no.", "Да или нет."),
    FieldType.DATE: Title("A date, such as 2026-11-30.", "Дата, например 2026-11-30."),
    FieldType.DATETIME: Title(
        "A date and time with its zone, such as 2026-11-30T10:00:00+03:00.",
        "Дата и время с часовым поясом, например 2026-11-30T10:00:00+03:00.",
    ),
    FieldType.CHOICE: Title("One of the options.", "Один из вариантов."),
}
_BOUNDS = {
    (True, True): Title(" from {minimum} to {maximum}", " от {minimum} до {maximum}"),
    (True, False): Title(" of at least {minimum}", " не меньше {minimum}"),
    (False, True): Title(" of at most {maximum}", " не больше {maximum}"),
    (False, False): Title("", ""),
}


def _help(field: Field, constraints: tuple[Constraint, ...]) -> Title:
    """What may be written into a field, in both languages."""
    return Title(_told(field, constraints, "en"), _told(field, constraints, "ru"))


def _told(field: Field, constraints: tuple[Constraint, ...], language: str) -> str:
    bounds = _BOUNDS[field.minimum is not None, field.maximum is not None].in_language(language)
    limits = {"minimum": field.minimum, "maximum": field.maximum, "length": field.max_length}
    form = _FORMS[field.type].in_language(language).format(bounds=bounds.format(**limits), **limits)
    rules = [f"{item.operator} {item.value or item.other}" for item in constraints]
    if not rules:
        return form
    needed = "Needed" if language == "en" else "Нужно"
    return f"{form} {needed}: {', '.join(rules)}."
