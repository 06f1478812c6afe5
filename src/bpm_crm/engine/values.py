"""What expressions see of a case: the value of each variable by its dotted name."""

from collections.abc import Callable, Mapping
from typing import Any

from bpm_crm.engine.fields import guard_value
from bpm_crm.engine.guard import Expression
from bpm_crm.engine.instants import moment_of
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState

_DATA = "data."


def values_of(
    process: Process, state: InstanceState, data: Mapping[str, Any], actor: Actor, at: int
) -> Callable[[str], Any]:
    """The lookup of a variable by its dotted name, for an expression over this case."""
    fields = process.definition.fields

    def value_of(name: str) -> Any:
        root, _, key = name.partition(".")
        match root:
            case "data":
                return guard_value(fields[key], data.get(key))
            case "reached":
                return key in state.reached
            case "activities":
                return state.activities.get(key, 0)
            case "visits":
                return state.visits.get(key, 0)
            case "now":
                return moment_of(at)
            case "actor":
                return sorted(actor.roles) if key == "roles" else actor.id or ""
            case _:
                return _instance_value(state, key)

    return value_of


def missing_data(expression: Expression, data: Mapping[str, Any]) -> list[str]:
    """The data fields that an expression reads and that have no value, sorted."""
    read = (name.removeprefix(_DATA) for name in expression.names if name.startswith(_DATA))
    return sorted(key for key in read if data.get(key) is None)


def _instance_value(state: InstanceState, key: str) -> Any:
    match key:
        case "stage":
            return state.stage
        case "owner":
            return state.owner or ""
        case "started_at":
            return moment_of(state.started_at)
        case "entered_at":
            return moment_of(state.entered_at)
        case _:
            return state.subject.get(key, "")
