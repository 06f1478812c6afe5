"""A published definition made ready to run: its machine as a table, its compiled guards, and who reacts to which occasion."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bpm_crm.engine.calendar import ALWAYS, BusinessCalendar
from bpm_crm.engine.clock_rule import ClockRule
from bpm_crm.engine.definition import (
    STANDARD_ACTIVITIES,
    ActivityMatch,
    Condition,
    Occasion,
    OccasionKind,
    ProcessDefinition,
    SetField,
    Transition,
)
from bpm_crm.engine.fields import VARIABLE_TYPES
from bpm_crm.engine.guard import CelCompiler, Expression, ExpressionCompiler, VariableType
from bpm_crm.engine.machine import build_machine, compile_table


@dataclass(slots=True)
class Reactions:
    """What hangs on one occasion or activity: keys of checkpoints, of clocks to stop, cancel or start, of pauses."""

    checkpoints: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    begins: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)


NO_REACTIONS = Reactions()


def variables(definition: ProcessDefinition) -> dict[str, VariableType]:
    """The variables a guard of this definition may read, with their types."""
    found = {
        "now": VariableType.INSTANT,
        "instance.stage": VariableType.TEXT,
        "instance.channel": VariableType.TEXT,
        "instance.region": VariableType.TEXT,
        "instance.owner": VariableType.TEXT,
        "instance.started_at": VariableType.INSTANT,
        "instance.entered_at": VariableType.INSTANT,
        "actor.id": VariableType.TEXT,
        "actor.roles": VariableType.TEXTS,
    }
    found |= {f"data.{key}": VARIABLE_TYPES[item.type] for key, item in definition.fields.items()}
    found |= {f"reached.{key}": VariableType.BOOLEAN for key in definition.checkpoints}
    found |= {f"visits.{key}": VariableType.INTEGER for key in definition.stages}
    found |= {f"activities.{key}": VariableType.INTEGER for key in activity_kinds(definition)}
    return found


def activity_kinds(definition: ProcessDefinition) -> tuple[str, ...]:
    """The kinds of activity that may be recorded: the standard ones and those the definition adds."""
    return (*STANDARD_ACTIVITIES, *definition.activities)


class Process:
    """A version ready to run. Building one costs milliseconds; it is immutable and shared by every case of the version."""

    def __init__(self, definition: ProcessDefinition) -> None:
        self.definition = definition
        self.calendar = BusinessCalendar(definition.calendar)
        self.rules = {
            key: ClockRule(policy, ALWAYS if policy.always_open else self.calendar)
            for key, policy in definition.policies.items()
        }
        compiler = CelCompiler(variables(definition))
        self.guards = compile_guards(definition, compiler)
        self.setters = compile_setters(definition, compiler)
        self.activity_kinds = frozenset(activity_kinds(definition))
        self.personal_fields = definition.personal_fields
        self._amount_field = next((key for key, item in definition.fields.items() if item.binds == "amount"), None)
        self.stage_bound_pauses = frozenset(key for key, pause in definition.pauses.items() if pause.during)
        self._table = compile_table(build_machine(definition))
        self._from_stage = _transitions_by_source(definition)
        self._on: dict[Occasion, Reactions] = {}
        self._on_activity: list[tuple[ActivityMatch, Reactions]] = []
        self._index()

    def candidates(self, trigger: str, stage: str) -> tuple[Transition, ...]:
        """The transitions that `trigger` may take out of `stage`, in the order in which they are tried."""
        return tuple(self.definition.transitions[key] for key in self._table.get((trigger, stage), ()))

    def open_from(self, stage: str) -> tuple[Transition, ...]:
        """Every transition whose sources include `stage`."""
        return self._from_stage.get(stage, ())

    def on(self, kind: OccasionKind, key: str = "") -> Reactions:
        """What hangs on an occasion."""
        return self._on.get(Occasion(kind, key), NO_REACTIONS)

    def on_activity(self, kind: str, direction: str, automated: bool) -> Iterable[Reactions]:
        """What hangs on an activity of this kind and direction."""
        return (reactions for match, reactions in self._on_activity if match.accepts(kind, direction, automated))

    def holding(self, stage: str) -> frozenset[str]:
        """The pause reasons that hold simply because the case is in `stage`."""
        return frozenset(key for key, pause in self.definition.pauses.items() if stage in pause.during)

    def amount_of(self, data: Mapping[str, Any]) -> str | None:
        """The amount of the deal as the bound data field has it, a decimal string."""
        return None if self._amount_field is None else data.get(self._amount_field)

    def amount_data(self, amount: str | None) -> dict[str, Any]:
        """The data field that holds the amount of the deal, with this value; empty where there is none."""
        return {} if self._amount_field is None or amount is None else {self._amount_field: amount}

    def _index(self) -> None:
        for key, checkpoint in self.definition.checkpoints.items():
            self._hang(checkpoint.reached, "checkpoints", key)
        for key, policy in self.definition.policies.items():
            self._hang(policy.stop, "stops", key)
            self._hang(policy.cancel, "cancels", key)
            self._hang(policy.start, "starts", key)
        for key, pause in self.definition.pauses.items():
            self._hang(pause.begins, "begins", key)
            self._hang(pause.ends, "ends", key)

    def _hang(self, condition: Condition, role: str, key: str) -> None:
        for occasion in condition.occasions:
            getattr(self._on.setdefault(occasion, Reactions()), role).append(key)
        for match in condition.activities:
            reactions = next((found for known, found in self._on_activity if known == match), None)
            if reactions is None:
                reactions = Reactions()
                self._on_activity.append((match, reactions))
            getattr(reactions, role).append(key)


def compile_guards(definition: ProcessDefinition, compiler: ExpressionCompiler) -> Mapping[str, Expression]:
    """The guards by transition key; `ExpressionInvalid` for the first that does not compile."""
    return {
        key: compiler.compile(transition.guard.when, VariableType.BOOLEAN)
        for key, transition in definition.transitions.items()
        if transition.guard is not None
    }


def compile_setters(
    definition: ProcessDefinition, compiler: ExpressionCompiler
) -> Mapping[str, tuple[tuple[str, Expression], ...]]:
    """The `set` effects by transition key, each as (field, expression); `ExpressionInvalid` for the first invalid one."""
    return {
        key: tuple(
            (effect.field, compiler.compile(effect.expression, VARIABLE_TYPES[definition.fields[effect.field].type]))
            for effect in transition.effects
            if isinstance(effect, SetField)
        )
        for key, transition in definition.transitions.items()
    }


def _transitions_by_source(definition: ProcessDefinition) -> Mapping[str, tuple[Transition, ...]]:
    return {
        stage: tuple(item for item in definition.transitions.values() if stage in item.sources)
        for stage in definition.stages
    }
