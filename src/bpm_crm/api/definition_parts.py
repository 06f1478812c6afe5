"""The parts of process definitions as the API shows them: stages, fields, transitions, checkpoints, clocks, reasons."""

import strawberry

from bpm_crm.engine.definition import (
    Checkpoint,
    Field,
    FieldType,
    ProcessDefinition,
    ReasonRule,
    SlaPolicy,
    Stage,
    StageKind,
    Transition,
)
from bpm_crm.engine.definition import Reason as EngineReason
from bpm_crm.engine.duration import format_duration


@strawberry.type(name="Stage", description="A state of the process.")
class StageType:
    """A state of the process."""

    key: str = strawberry.field(description="Stable key.")
    kind: StageKind = strawberry.field(description="What the stage means.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    order: int = strawberry.field(description="Place among the stages, as the document lists them.")


@strawberry.type(description="An option of a choice field.")
class FieldOption:
    """An option of a choice field."""

    key: str = strawberry.field(description="Stored value.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")


@strawberry.type(description="A typed data field of the cases of a process.")
class DataField:
    """A typed data field."""

    key: str = strawberry.field(description="Key in `data`.")
    type: FieldType = strawberry.field(description="Type of its values.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    options: list[FieldOption] = strawberry.field(description="Options of a choice; empty for other types.")
    minimum: str | None = strawberry.field(description="Smallest number allowed, a decimal string.")
    maximum: str | None = strawberry.field(description="Largest number allowed, a decimal string.")
    max_length: int = strawberry.field(description="Longest text allowed, in characters.")
    is_personal: bool = strawberry.field(description="Personal data: kept out of history and erased with the customer.")


@strawberry.type(name="Reason", description="An entry of the catalogue of reasons.")
class ReasonType:
    """An entry of the catalogue of reasons."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    transitions: list[str] = strawberry.field(description="Transitions it may be given for.")
    stages: list[str] = strawberry.field(description="Stages out of which it applies; empty: all.")


@strawberry.type(
    name="Transition", description="A legal move. Transitions that share a trigger are alternatives; guards choose."
)
class TransitionType:
    """A legal move."""

    key: str = strawberry.field(description="Stable key.")
    trigger: str = strawberry.field(description="What `fireTransition` names.")
    title: str = strawberry.field(description="Name people see on the button.")
    sources: list[str] = strawberry.field(description="Stages it leads out of.")
    target: str = strawberry.field(description="Stage it leads to.")
    guard: str | None = strawberry.field(description="Condition in CEL.")
    required_fields: list[str] = strawberry.field(description="Data fields that must have a value.")
    reason: ReasonRule = strawberry.field(description="Whether it takes a reason.")
    roles: list[str] = strawberry.field(description="Roles that may; empty: everyone who may move cases.")
    approval_roles: list[str] = strawberry.field(description="Roles one of which must approve first; empty: none.")


@strawberry.type(
    name="Checkpoint",
    description="A control point with a key that survives versions; funnel steps and KPIs are made of these.",
)
class CheckpointType:
    """A control point."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    order: int | None = strawberry.field(description="Place in the funnel; null when it is no funnel step.")


@strawberry.type(name="SlaTarget", description="The target of clocks that start in a stage.")
class SlaTarget:
    """The target of clocks that start in a stage."""

    stage: str | None = strawberry.field(description="Stage in which the clock starts; null: any other.")
    target: str = strawberry.field(description="Business time such as `PT15M`, or `2 business days`.")


@strawberry.type(name="SlaPolicy", description="The rule of a clock: target, warnings and escalation.")
class SlaPolicyType:
    """The rule of a clock."""

    key: str = strawberry.field(description="Stable key.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    checkpoint: str | None = strawberry.field(description="Checkpoint whose performance the clock measures.")
    targets: list[SlaTarget] = strawberry.field(description="Targets by stage.")
    is_always_open: bool = strawberry.field(
        description="Whether it counts around the clock instead of in business hours."
    )
    warnings: list[str] = strawberry.field(
        description="When it warns: a share of the target, or business time before it."
    )
    escalations: list[str] = strawberry.field(
        description="To whom it escalates and when, as business time after the target."
    )


def stage_type(stage: Stage, language: str) -> StageType:
    """A stage as the API shows it."""
    return StageType(key=stage.key, kind=stage.kind, title=stage.title.in_language(language), order=stage.order)


def reason_type(reason: EngineReason, language: str) -> ReasonType:
    """A reason as the API shows it."""
    return ReasonType(
        key=reason.key,
        title=reason.title.in_language(language),
        transitions=sorted(reason.transitions),
        stages=sorted(reason.stages),
    )


def checkpoints_of(definition: ProcessDefinition) -> list[Checkpoint]:
    """The checkpoints of a definition, funnel steps first."""
    others = [item for item in definition.checkpoints.values() if item.order is None]
    return [*definition.funnel, *others]


def field_type(field: Field, language: str) -> DataField:
    """A data field as the API shows it."""
    return DataField(
        key=field.key,
        type=field.type,
        title=field.title.in_language(language),
        options=[FieldOption(key=key, title=title.in_language(language)) for key, title in field.options.items()],
        minimum=None if field.minimum is None else str(field.minimum),
        maximum=None if field.maximum is None else str(field.maximum),
        max_length=field.max_length,
        is_personal=field.personal,
    )


def transition_type(item: Transition, language: str) -> TransitionType:
    """A transition as the API shows it."""
    return TransitionType(
        key=item.key,
        trigger=item.trigger,
        title=item.title.in_language(language),
        sources=list(item.sources),
        target=item.target,
        guard=None if item.guard is None else item.guard.when,
        required_fields=list(item.required),
        reason=item.reason,
        roles=sorted(item.roles),
        approval_roles=sorted(item.approval_roles or ()),
    )


def checkpoint_type(item: Checkpoint, language: str) -> CheckpointType:
    """A checkpoint as the API shows it."""
    return CheckpointType(key=item.key, title=item.title.in_language(language), order=item.order)


def policy_type(item: SlaPolicy, language: str) -> SlaPolicyType:
    """The rule of a clock as the API shows it."""
    return SlaPolicyType(
        key=item.key,
        title=item.title.in_language(language),
        checkpoint=item.checkpoint,
        targets=[SlaTarget(stage=stage or None, target=str(span)) for stage, span in item.targets.items()],
        is_always_open=item.always_open,
        warnings=[
            f"{warning.share:.0%}" if warning.share is not None else format_duration(warning.before or 0)
            for warning in item.warnings
        ],
        escalations=[f"{step.to} after {format_duration(step.after)}" for step in item.escalations],
    )
