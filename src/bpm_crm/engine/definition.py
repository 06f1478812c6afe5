"""The process definition: what a version of a process says, as frozen plain data (WfMC process definition)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from bpm_crm.engine.calendar import CalendarSpec
from bpm_crm.engine.duration import BusinessDays, WorkingTime
from bpm_crm.engine.occasions import Condition


class StageKind(StrEnum):
    """What a stage means for the case that is in it."""

    INITIAL = "initial"
    OPEN = "open"
    WAITING = "waiting"
    WON = "won"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether a case ends by entering a stage of this kind."""
        return self in FINAL_KINDS

    @property
    def is_ours(self) -> bool:
        """Whether it is our turn in a stage of this kind: without a clock there, a case is forgotten."""
        return self in OUR_KINDS


FINAL_KINDS = frozenset({StageKind.WON, StageKind.LOST, StageKind.CANCELLED})
OUR_KINDS = frozenset({StageKind.INITIAL, StageKind.OPEN})


class FieldType(StrEnum):
    """The type of a data field; also decides its type in guard expressions."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    CHOICE = "choice"


class ReasonRule(StrEnum):
    """Whether a transition takes a reason from the catalogue."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Reopening(StrEnum):
    """What a start condition does to a clock whose last cycle is closed."""

    NEW_CYCLE = "new_cycle"
    RESUME = "resume"


class Claim(StrEnum):
    """What is claimed of the guards of transitions that share a trigger, in every stage they lead out of."""

    EXCLUSIVE = "exclusive"
    EXHAUSTIVE = "exhaustive"


ESCALATION_TARGETS = frozenset({"owner", "team_lead"})


@dataclass(frozen=True, slots=True)
class Title:
    """A text people see, in both languages."""

    en: str
    ru: str

    def in_language(self, language: str) -> str:
        """The text in `language` (`ru`, anything else is English)."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Field:
    """A typed data field of a case. `personal` keeps it out of history.

    `binds` says what else it is: `amount`, which the deal's amount follows, or `performer`, which names who did a step.
    """

    key: str
    type: FieldType
    title: Title
    options: Mapping[str, Title]
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    max_length: int = 500
    personal: bool = False
    binds: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A state of the machine. `waiver` says why no clock needs to run in it."""

    key: str
    kind: StageKind
    title: Title
    order: int
    waiver: Title | None = None


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition in CEL over the case, with the texts shown when it does not hold."""

    when: str
    message: Title | None
    unblock: Title | None


@dataclass(frozen=True, slots=True)
class SetField:
    """Effect: give a data field the value of a CEL expression."""

    field: str
    expression: str


@dataclass(frozen=True, slots=True)
class AssignOwner:
    """Effect: make the actor the owner of the case (only where it has none yet, if `keep` is set)."""

    keep: bool


@dataclass(frozen=True, slots=True)
class StartProcess:
    """Effect: start another process over the same deal, exactly once per case and process."""

    process: str


Effect = SetField | AssignOwner | StartProcess


@dataclass(frozen=True, slots=True)
class Transition:
    """A named legal move. Transitions that share a `trigger` are alternatives, tried in order; guards choose."""

    key: str
    trigger: str
    title: Title
    sources: tuple[str, ...]
    target: str
    guard: Guard | None
    required: tuple[str, ...]
    reason: ReasonRule
    roles: frozenset[str]
    approval_roles: frozenset[str] | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A control point with a key that survives versions; `order` is its place in the funnel, None when it is no step."""

    key: str
    title: Title
    order: int | None
    reached: Condition


@dataclass(frozen=True, slots=True)
class Pause:
    """A named reason for which clocks may stand still: while in some stages, or between two conditions."""

    key: str
    title: Title
    during: frozenset[str]
    begins: Condition
    ends: Condition


@dataclass(frozen=True, slots=True)
class SlaWarning:
    """A warning at a share of the target (`share`), or a stretch of business time before it (`before`, microseconds)."""

    share: Decimal | None
    before: int | None

    def threshold(self, budget: int) -> int:
        """Business microseconds from the start of a clock of this `budget` at which the warning falls."""
        if self.share is not None:
            return int(budget * self.share)
        return max(0, budget - (self.before or 0))


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step of the chain: so much business time (microseconds) after the target, to the owner, the team lead or a role."""

    after: int
    to: str


Span = WorkingTime | BusinessDays


@dataclass(frozen=True, slots=True)
class SlaPolicy:
    """The rule of a clock. `targets` are by the stage the clock starts in; the key "" is the default."""

    key: str
    title: Title
    checkpoint: str | None
    start: Condition
    stop: Condition
    cancel: Condition
    pauses: frozenset[str]
    targets: Mapping[str, Span]
    always_open: bool
    warnings: tuple[SlaWarning, ...]
    escalations: tuple[Escalation, ...]
    reopening: Reopening

    def target(self, stage: str) -> Span | None:
        """The target of a clock that starts in `stage`."""
        return self.targets.get(stage, self.targets.get(""))


@dataclass(frozen=True, slots=True)
class Reason:
    """An entry of the catalogue: for which transitions, and leaving which stages (empty: all)."""

    key: str
    title: Title
    transitions: frozenset[str]
    stages: frozenset[str]

    def applies(self, transition: str, stage: str) -> bool:
        """Whether this reason may be given for `transition` out of `stage`."""
        return transition in self.transitions and (not self.stages or stage in self.stages)


@dataclass(frozen=True, slots=True)
class ProcessDefinition:
    """One document of a process, resolved: it stands alone. Mappings keep the order of the document.

    `key_stage` is the stage on which the process turns: what is done there, and who gets there, are KPIs of their own.
    `alternatives` holds, by trigger, what is claimed of the guards of its transitions.
    """

    key: str
    title: Title
    description: Title | None
    channels: tuple[str, ...]
    calendar: CalendarSpec
    fields: Mapping[str, Field]
    activities: Mapping[str, Title]
    stages: Mapping[str, Stage]
    transitions: Mapping[str, Transition]
    checkpoints: Mapping[str, Checkpoint]
    pauses: Mapping[str, Pause]
    policies: Mapping[str, SlaPolicy]
    reasons: Mapping[str, Reason]
    key_stage: str | None = None
    alternatives: Mapping[str, frozenset[Claim]] = field(default_factory=dict)

    @property
    def initial(self) -> str:
        """The key of the stage a case starts in."""
        return next(stage.key for stage in self.stages.values() if stage.kind is StageKind.INITIAL)

    @property
    def personal_fields(self) -> frozenset[str]:
        """The keys of the data fields that hold personal data."""
        return frozenset(key for key, item in self.fields.items() if item.personal)

    @property
    def started_processes(self) -> frozenset[str]:
        """The keys of the processes that its steps start."""
        effects = [effect for transition in self.transitions.values() for effect in transition.effects]
        return frozenset(effect.process for effect in effects if isinstance(effect, StartProcess))

    @property
    def funnel(self) -> tuple[Checkpoint, ...]:
        """The checkpoints that are funnel steps, in funnel order."""
        steps = [checkpoint for checkpoint in self.checkpoints.values() if checkpoint.order is not None]
        return tuple(sorted(steps, key=lambda checkpoint: checkpoint.order or 0))
