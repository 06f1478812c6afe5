"""What hangs on a moment of a step: who reacts when a stage is entered, a transition taken, an act recorded."""

from collections.abc import Callable
from dataclasses import dataclass

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.occasions import Condition, Occasion


@dataclass(frozen=True, slots=True)
class Reactions:
    """Keys, in the order of the definition: clocks to stop, cancel or start, pauses to begin or end, checkpoints to reach."""

    stops: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()


def reactions_to_occasion(definition: ProcessDefinition, occasion: Occasion) -> Reactions:
    """Everything whose condition names this occasion."""
    return _reactions(definition, lambda condition: occasion in condition.occasions)


def reactions_to_activity(definition: ProcessDefinition, kind: str, direction: str, automated: bool) -> Reactions:
    """Everything whose condition accepts an activity of this kind and direction, by a human or not."""
    return _reactions(
        definition, lambda condition: any(match.accepts(kind, direction, automated) for match in condition.activities)
    )


def _reactions(definition: ProcessDefinition, is_met: Callable[[Condition], bool]) -> Reactions:
    policies, pauses = definition.policies.values(), definition.pauses.values()
    return Reactions(
        stops=tuple(policy.key for policy in policies if is_met(policy.stop)),
        cancels=tuple(policy.key for policy in policies if is_met(policy.cancel)),
        begins=tuple(pause.key for pause in pauses if is_met(pause.begins)),
        ends=tuple(pause.key for pause in pauses if is_met(pause.ends)),
        starts=tuple(policy.key for policy in policies if is_met(policy.start)),
        checkpoints=tuple(item.key for item in definition.checkpoints.values() if is_met(item.reached)),
    )
