"""What a step sets off, in the order of `draft.Draft`: which clocks it stops and starts, which checkpoints it touches.

None of it depends on data or on time, so it is known of a move before any case makes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bpm_crm.engine.definition import SlaPolicy, Transition
from bpm_crm.engine.process import Process
from bpm_crm.engine.reactions import Reactions
from bpm_crm.engine.step import Activity

NOTHING: Final = Reactions()


@dataclass(frozen=True, slots=True)
class Flow:
    """The reactions of one step, each with the stage in which the case then is; None for a final one, where no clock starts."""

    reactions: tuple[tuple[Reactions, str | None], ...]
    touched: frozenset[str]
    ends: bool

    def switched(self, policies: Mapping[str, SlaPolicy]) -> dict[str, bool]:
        """The clocks that the step stops (false) or starts (true), whatever they did before."""
        found: dict[str, bool] = {}
        for reaction, stage in self.reactions:
            found |= dict.fromkeys((*reaction.stops, *reaction.cancels), False)
            if stage is not None:
                found |= {key: True for key in reaction.starts if policies[key].target(stage) is not None}
        return found

    def running_after(self, policy: SlaPolicy, since: str | None) -> str | None:
        """The stage in which the policy's open clock started, None when none is open; `since` is that before the step."""
        key = policy.key
        for reaction, stage in self.reactions:
            if key in reaction.stops or key in reaction.cancels:
                since = None
            if key in reaction.starts and since is None and stage is not None and policy.target(stage) is not None:
                since = stage
        return None if self.ends else since


def flow_of_start(process: Process) -> Flow:
    """The beginning of a case."""
    stage = process.definition.initial
    return _flow(process, [(process.on_started, stage), (process.on_entering[stage], stage)], ends=False)


def flow_of_move(process: Process, transition: Transition, source: str) -> Flow:
    """A transition out of one of its sources."""
    target = transition.target
    first = [(process.on_leaving[source], source), (process.on_transition[transition.key], source)]
    first.append((process.on_entering[target], target))
    ends = target in process.final_stages
    if ends:
        first.append((process.on_ended, target))
    return _flow(process, first, ends=ends)


def flow_of_act(process: Process, activity: Activity, stage: str) -> Flow:
    """An act recorded in a stage."""
    reactions = process.on_activity(activity.kind, activity.direction, activity.automated)
    return _flow(process, [(reactions, stage)], ends=False)


def _flow(process: Process, first: Iterable[tuple[Reactions, str]], *, ends: bool) -> Flow:
    """The reactions with those of the checkpoints that they touch, each touched once in the step."""
    found: list[tuple[Reactions, str]] = []
    touched: set[str] = set()

    def follow(reactions: Reactions, stage: str) -> None:
        found.append((reactions, stage))
        for key in reactions.checkpoints:
            if key not in touched:
                touched.add(key)
                follow(process.on_checkpoint[key], stage)

    for reactions, stage in first:
        follow(reactions, stage)
    kept = ((reactions, None if stage in process.final_stages else stage) for reactions, stage in found)
    return Flow(tuple(item for item in kept if item[0] != NOTHING), frozenset(touched), ends)
