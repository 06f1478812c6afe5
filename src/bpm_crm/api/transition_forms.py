"""Forms of transitions: what each move asks for, in both languages, enough for a front end that knows nothing of the process."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated

import strawberry
from strawberry import argument
from strawberry.scalars import JSON

from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.engine.definition import FieldType, Reason, Title
from bpm_crm.engine.forms import Constraint, FormField, TransitionForm, find_transition, form_of
from bpm_crm.operations.access import Permission


class FormOperator(Enum):
    """How a value must stand to another one."""

    EQUAL = "=="
    DIFFERENT = "!="
    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


expose(
    FormOperator,
    "How a value must stand to another one.",
    {
        FormOperator.EQUAL: "It is the same.",
        FormOperator.DIFFERENT: "It is another.",
        FormOperator.BELOW: "It is below.",
        FormOperator.AT_MOST: "It is the same or below.",
        FormOperator.ABOVE: "It is above.",
        FormOperator.AT_LEAST: "It is the same or above.",
    },
)


@strawberry.type(description="A text people see, in both languages.")
class Titles:
    """A text people see, in both languages."""

    en: str = strawberry.field(description="In English.")
    ru: str = strawberry.field(description="In Russian.")


@strawberry.type(name="FormChoice", description="Something that can be chosen in a form.")
class FormChoice:
    """Something that can be chosen in a form."""

    key: str = strawberry.field(description="The value to send.")
    title: Titles = strawberry.field(description="Name people see.")
    stages: list[str] = strawberry.field(
        description="Of a reason: stages out of which it may be given; empty: out of all. Of an option: empty."
    )


@strawberry.type(name="FormConstraint", description="How the value of a field must stand to another value.")
class FormConstraint:
    """How the value of a field must stand to another value."""

    operator: FormOperator = strawberry.field(description="How it must stand.")
    value: str | None = strawberry.field(description="To this value; null: to that of another field.")
    field: str | None = strawberry.field(description="To the value of this field; null: to a plain value.")
    unless_empty: str | None = strawberry.field(
        description="Key of a field without whose value the constraint does not matter; null: it always does."
    )


@strawberry.type(name="FormField", description="A field of a form.")
class FormFieldType:
    """A field of a form."""

    key: str = strawberry.field(description="Key in `data`.")
    type: FieldType = strawberry.field(description="Type of its values.")
    label: Titles = strawberry.field(description="Name people see.")
    help: Titles = strawberry.field(description="What may be written into it.")
    is_required: bool = strawberry.field(description="Whether the move is refused without a value.")
    is_personal: bool = strawberry.field(description="Personal data: kept out of history and erased with the customer.")
    choices: list[FormChoice] = strawberry.field(description="Options of a choice; empty for other types.")
    minimum: str | None = strawberry.field(description="Smallest number allowed, a decimal string.")
    maximum: str | None = strawberry.field(description="Largest number allowed, a decimal string.")
    max_length: int | None = strawberry.field(description="Longest text allowed, in characters; null: it is no text.")
    constraints: list[FormConstraint] = strawberry.field(
        description="What the condition of the move asks of the value."
    )
    current_value: JSON | None = strawberry.field(
        description="The value the case has, which need not be sent again; null: none, or the form is of no case, or it is hidden."
    )


@strawberry.type(name="TransitionForm", description="Everything a move asks for: what `fireTransition` is to be sent.")
class TransitionFormType:
    """Everything a move asks for."""

    key: str = strawberry.field(description="Key of the transition.")
    trigger: str = strawberry.field(description="What `fireTransition` names.")
    label: Titles = strawberry.field(description="Name on the button.")
    version: int = strawberry.field(description="Version of the process that it is of.")
    sources: list[str] = strawberry.field(description="Stages it leads out of.")
    target: str = strawberry.field(description="Stage it leads to.")
    fields: list[FormFieldType] = strawberry.field(description="Fields of `data`, in the order of the document.")
    takes_reason: bool = strawberry.field(description="Whether a reason may be given.")
    needs_reason: bool = strawberry.field(description="Whether a reason must be given.")
    reasons: list[FormChoice] = strawberry.field(description="Reasons that may be given; of a case, out of its stage.")
    condition: str | None = strawberry.field(description="The condition as the definition writes it, in CEL.")
    condition_message: Titles | None = strawberry.field(description="What is told when the condition does not hold.")
    condition_help: Titles | None = strawberry.field(description="What would make the condition hold.")
    roles: list[str] = strawberry.field(description="Roles that may; empty: everyone who may move cases.")
    approval_roles: list[str] = strawberry.field(
        description="Roles one of which must approve first, by an activity `approval`; empty: none."
    )
    alternatives: list[str] = strawberry.field(
        description="Other transitions with this trigger: the first whose condition holds goes."
    )


@strawberry.type
class TransitionFormsQuery:
    """Queries about forms."""

    @strawberry.field(
        description="The form of a transition, whatever the case; null where the process, its version or the transition is not there. Of a case: `availableTransitions.form`."
    )
    async def transition_form(
        self,
        info: Info,
        process: Annotated[str, argument(description="Key of the process.")],
        transition: Annotated[str, argument(description="Key of the transition, or its trigger.")],
        version: Annotated[
            int | None, argument(description="Version of the process; null: the one that new cases take.")
        ] = None,
    ) -> TransitionFormType | None:
        """The form of a transition."""
        context = info.context
        context.require(Permission.VIEW_DEFINITIONS)
        record = context.known.definition(process)
        if record is None:
            return None
        number = record.taken_version if version is None else version
        if not 1 <= number <= record.latest_version:
            return None
        found = await context.process(record.id, number)
        move = find_transition(found, transition)
        return None if move is None else form_type(form_of(found, move), number)


def form_type(form: TransitionForm, version: int, hidden: frozenset[str] = frozenset()) -> TransitionFormType:
    """A form as the API shows it; the values of `hidden` fields are not shown."""
    move, guard = form.transition, form.guard
    return TransitionFormType(
        key=move.key,
        trigger=move.trigger,
        label=_titles(move.title),
        version=version,
        sources=list(move.sources),
        target=move.target,
        fields=[_field(item, is_hidden=item.field.key in hidden) for item in form.fields],
        takes_reason=bool(form.reasons),
        needs_reason=form.needs_reason,
        reasons=[_reason(item) for item in form.reasons],
        condition=None if guard is None else guard.when,
        condition_message=None if guard is None or guard.message is None else _titles(guard.message),
        condition_help=None if guard is None or guard.unblock is None else _titles(guard.unblock),
        roles=sorted(move.roles),
        approval_roles=sorted(move.approval_roles or ()),
        alternatives=list(form.alternatives),
    )


def _field(item: FormField, *, is_hidden: bool) -> FormFieldType:
    field = item.field
    return FormFieldType(
        key=field.key,
        type=field.type,
        label=_titles(field.title),
        help=_titles(item.help),
        is_required=item.is_required,
        is_personal=field.personal,
        choices=_choices(field.options),
        minimum=None if field.minimum is None else str(field.minimum),
        maximum=None if field.maximum is None else str(field.maximum),
        max_length=field.max_length if field.type is FieldType.STRING else None,
        constraints=[_constraint(rule) for rule in item.constraints],
        current_value=None if is_hidden else item.current,
    )


def _constraint(rule: Constraint) -> FormConstraint:
    return FormConstraint(
        operator=FormOperator(rule.operator), value=rule.value, field=rule.other, unless_empty=rule.unless_empty
    )


def _choices(options: Mapping[str, Title]) -> list[FormChoice]:
    return [FormChoice(key=key, title=_titles(title), stages=[]) for key, title in options.items()]


def _reason(reason: Reason) -> FormChoice:
    return FormChoice(key=reason.key, title=_titles(reason.title), stages=sorted(reason.stages))


def _titles(title: Title) -> Titles:
    return Titles(en=title.en, ru=title.ru)
