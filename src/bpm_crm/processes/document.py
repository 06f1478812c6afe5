"""The notation of process documents as a typed model: what owners write, what the API stores and returns.

Its JSON Schema is published in `docs/process.schema.json`. A document says the same thing as `engine.definition`, in the words and
shorthands people write; `definitions.py` turns the one into the other.
"""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, WithJsonSchema

from bpm_crm.engine.definition import Claim, FieldType, ReasonRule, Reopening, StageKind

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
ProcessKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
Number = Annotated[
    Decimal,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[-+]?[0-9]+(\.[0-9]+)?$"}]}),
]
Names = Key | list[Key]
Texts = Annotated[list[str] | str, Field(description="One span such as 09:00-18:00, or a list of them.")]


class Part(BaseModel):
    """Base of every part of a document: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Titles(Part):
    """A text people see, in both languages."""

    en: Text
    ru: Text


class HolidaysPart(Part):
    """Public holidays of a country, turned into dated exceptions when the version is published."""

    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    subdivision: str | None = None
    years: tuple[int, int] | None = Field(
        default=None,
        description="First and last year written out among `exceptions`; set when the version is published.",
    )


class CalendarPart(Part):
    """Working hours: a zone, hours by weekday (`mon`, `sat`, `mon-fri`), public holidays, dated exceptions."""

    zone: str
    week: dict[str, Texts]
    holidays: HolidaysPart | None = None
    exceptions: dict[datetime.date, Texts] = Field(
        default_factory=dict, description="`closed`, or other hours of that day."
    )


class FieldPart(Part):
    """A typed data field."""

    type: FieldType
    title: Titles
    options: dict[Key, Titles] = Field(default_factory=dict)
    min: Number | None = None
    max: Number | None = None
    max_length: Annotated[int, Field(ge=1, le=4000)] = 500
    personal: bool = Field(default=False, description="Personal data: kept out of history, erased with the customer.")
    binds: Literal["amount", "performer", "product"] | None = Field(
        default=None,
        description="`amount`: the deal's amount follows this field. `product`: figures can be grouped by it. `performer`: it names who did a step, where no user of ours did.",
    )


class StagePart(Part):
    """A state of the machine."""

    kind: StageKind
    title: Titles
    silent: bool = Field(
        default=False, description="Entering it is no event of its own in process maps and exported event logs."
    )
    waiver: Titles | None = Field(
        default=None, description="Why no clock needs to run in this stage, which would otherwise be refused."
    )


class GuardPart(Part):
    """A CEL condition with the texts shown when it does not hold."""

    when: str
    message: Titles | None = None
    unblock: Titles | None = None


class SetEffect(Part):
    """Give data fields the values of CEL expressions."""

    set: dict[Key, str]


class AssignEffect(Part):
    """Make the actor the owner; `actor_if_unowned` only where there is none."""

    assign: Literal["actor", "actor_if_unowned"]


class StartEffect(Part):
    """Start another process over the same deal."""

    start: ProcessKey


def _effect_of(effect: Any) -> str | None:
    """Which effect is meant: the one whose key is written."""
    keys = effect if isinstance(effect, Mapping) else getattr(effect, "model_fields_set", ())
    return next((key for key in ("set", "assign", "start") if key in keys), None)


EffectPart = Annotated[
    Annotated[SetEffect, Tag("set")] | Annotated[AssignEffect, Tag("assign")] | Annotated[StartEffect, Tag("start")],
    Discriminator(
        _effect_of,
        custom_error_type="effect",
        custom_error_message="an effect is one of set, assign, start",
        custom_error_context={"expected": "{set: …}, {assign: …}, {start: …}"},
    ),
]


class ApprovalPart(Part):
    """The move needs the approval of another person with one of these roles."""

    roles: list[str] = Field(min_length=1)


class TransitionPart(Part):
    """A legal move. `from` names stages, or is `*`: every stage that is not final."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    title: Titles
    trigger: Key | None = Field(
        default=None, description="Transitions with one trigger are alternatives; default: the key."
    )
    sources: Key | Annotated[list[Key], Field(min_length=1)] | Literal["*"] = Field(alias="from")
    to: Key
    guard: GuardPart | str | None = None
    require: list[Key] = Field(default_factory=list)
    reason: ReasonRule = ReasonRule.NONE
    roles: list[str] = Field(default_factory=list, description="Who may; empty: everyone who may move cases.")
    approval: ApprovalPart | None = None
    effects: list[EffectPart] = Field(default_factory=list)


class ActivityPart(Part):
    """Which recorded activities count."""

    kind: Key | None = None
    direction: Literal["inbound", "outbound", "internal"] | None = None
    automated: bool | None = None


class ConditionPart(Part):
    """Any of: the case starts or ends, a stage is entered or left, a transition taken, a checkpoint reached, an act recorded."""

    started: Literal[True] | None = None
    ended: Literal[True] | None = None
    entering: Names | Literal["*"] | None = Field(
        default=None, description="Stages; `*` is every stage that is not final."
    )
    leaving: Names | Literal["*"] | None = None
    transition: Names | None = None
    checkpoint: Names | None = None
    activity: Key | ActivityPart | None = Field(
        default=None, description="`response` is the first outbound contact by a human."
    )


Conditions = ConditionPart | list[ConditionPart]


class CheckpointPart(Part):
    """A control point; `order` makes it a step of the funnel."""

    title: Titles
    order: Annotated[int, Field(ge=1)] | None = None
    reached: Conditions


class PausePart(Part):
    """A reason for clocks to stand still: while in some stages, or `from` one condition `until` another."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    title: Titles
    during: Names | None = None
    begins: Conditions | None = Field(default=None, alias="from")
    until: Conditions | None = None


class EscalationPart(Part):
    """A step of the chain: so much business time after the target (default: at it), to whom."""

    after: str | None = None
    to: str


class ClockPart(Part):
    """An SLA policy. `target` is one span (`PT15M`, `2 business days`) or one per stage the clock starts in."""

    title: Titles
    checkpoint: Key | None = None
    start: Conditions
    stop: Conditions
    cancel: Conditions | None = None
    pause: Names = Field(default_factory=list)
    target: str | dict[str, str]
    calendar: Literal["business", "always"] = "business"
    warnings: list[str] = Field(default_factory=list, description="`75%` of the target, or `PT30M` before it.")
    escalate: list[EscalationPart] = Field(default_factory=list)
    reopen: Reopening = Reopening.NEW_CYCLE


class ReasonPart(Part):
    """An entry of the catalogue of reasons: for which transitions, leaving which stages (none: all)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    title: Titles
    transitions: Names = Field(alias="for")
    stages: Names = Field(default_factory=list)


class ProcessDocument(Part):
    """A process document without its includes: the whole process of a channel."""

    process: ProcessKey
    title: Titles
    description: Titles | None = None
    channels: list[ProcessKey] = Field(default_factory=list)
    calendar: CalendarPart
    fields: dict[Key, FieldPart] = Field(default_factory=dict)
    activities: dict[Key, Titles] = Field(default_factory=dict)
    stages: dict[Key, StagePart]
    key_stage: Key | None = Field(
        default=None,
        description="The stage on which the process turns; KPIs tell who gets there and what is done there.",
    )
    transitions: dict[Key, TransitionPart]
    checkpoints: dict[Key, CheckpointPart] = Field(default_factory=dict)
    pauses: dict[Key, PausePart] = Field(default_factory=dict)
    clocks: dict[Key, ClockPart] = Field(default_factory=dict)
    reasons: dict[Key, ReasonPart] = Field(default_factory=dict)
    alternatives: dict[Key, Claim | list[Claim]] = Field(
        default_factory=dict,
        description="By trigger, what is claimed of the guards of its transitions: at most one holds (`exclusive`), one always holds (`exhaustive`).",
    )
