"""A published definition made ready to run: its machine as a table, its compiled guards, and who reacts to which occasion."""

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from bpm_crm.engine.calendar import ALWAYS, BusinessCalendar
from bpm_crm.engine.clock_rule import ClockRule
from bpm_crm.engine.definition import ProcessDefinition, SetField, Transition
from bpm_crm.engine.fields import VARIABLE_TYPES
from bpm_crm.engine.guard import CelCompiler, Expression, ExpressionCompiler, VariableType
from bpm_crm.engine.machine import build_machine, compile_table
from bpm_crm.engine.occasions import STANDARD_ACTIVITIES, Occasion, OccasionKind
from bpm_crm.engine.reactions import Reactions, reactions_to_activity, reactions_to_occasion

MOST_KINDS_OF_ACTIVITY_KEPT = 256


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
    """A version ready to run. Building one costs milliseconds; it is immutable and shared by every case of the version.

    `on_entering` and its siblings tell, by key, what hangs on an occasion; `on_activity` does so by kind, direction and whether it was
    automated. `holding` tells, by stage, the pause reasons that hold simply because a case is in it.
    """

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
        self.triggers = frozenset(item.trigger for item in definition.transitions.values())
        self.final_stages = frozenset(key for key, stage in definition.stages.items() if stage.kind.is_final)
        self.stage_bound_pauses = frozenset(key for key, pause in definition.pauses.items() if pause.during)
        self.holding = {
            stage: frozenset(key for key, pause in definition.pauses.items() if stage in pause.during)
            for stage in definition.stages
        }
        self.on_started = reactions_to_occasion(definition, Occasion(OccasionKind.STARTED))
        self.on_ended = reactions_to_occasion(definition, Occasion(OccasionKind.ENDED))
        self.on_entering = _reactions_by_key(definition, OccasionKind.ENTERING, definition.stages)
        self.on_leaving = _reactions_by_key(definition, OccasionKind.LEAVING, definition.stages)
        self.on_transition = _reactions_by_key(definition, OccasionKind.TRANSITION, definition.transitions)
        self.on_checkpoint = _reactions_by_key(definition, OccasionKind.CHECKPOINT, definition.checkpoints)
        self.on_activity = lru_cache(MOST_KINDS_OF_ACTIVITY_KEPT)(partial(reactions_to_activity, definition))
        self._amount_field = next((key for key, item in definition.fields.items() if item.binds == "amount"), None)
        self._moves = {
            place: tuple(definition.transitions[key] for key in keys)
            for place, keys in compile_table(build_machine(definition)).items()
        }
        self._from_stage = _transitions_by_source(definition)

    def candidates(self, trigger: str, stage: str) -> tuple[Transition, ...]:
        """The transitions that `trigger` may take out of `stage`, in the order in which they are tried."""
        return self._moves.get((trigger, stage), ())

    def open_from(self, stage: str) -> tuple[Transition, ...]:
        """Every transition whose sources include `stage`."""
        return self._from_stage.get(stage, ())

    def amount_of(self, data: Mapping[str, Any]) -> str | None:
        """The amount of the deal as the bound data field has it, a decimal string."""
        return None if self._amount_field is None else data.get(self._amount_field)

    def amount_data(self, amount: str | None) -> dict[str, Any]:
        """The data field that holds the amount of the deal, with this value; empty where there is none."""
        return {} if self._amount_field is None or amount is None else {self._amount_field: amount}


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


def _reactions_by_key(
    definition: ProcessDefinition, kind: OccasionKind, keys: Iterable[str]
) -> Mapping[str, Reactions]:
    return {key: reactions_to_occasion(definition, Occasion(kind, key)) for key in keys}


def _transitions_by_source(definition: ProcessDefinition) -> Mapping[str, tuple[Transition, ...]]:
    return {
        stage: tuple(item for item in definition.transitions.values() if stage in item.sources)
        for stage in definition.stages
    }
