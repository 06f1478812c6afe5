"""A running case goes on under another version of its process, or back under the one it came from.

A migration is no move: nothing is reached, no clock starts or stops because of it (but for those the mapping names). Clocks go on with
the business time they have used.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bpm_crm.engine.draft import Draft
from bpm_crm.engine.events import CheckpointReached, DataChanged, Migrated, MigrationUndone, StageEntered, StageLeft
from bpm_crm.engine.fields import normalise
from bpm_crm.engine.mapping import Before, MigrationMapping, before_of, restored
from bpm_crm.engine.migration_clocks import clock_obstacles, clocks_back, keep_clocks
from bpm_crm.engine.migration_obstacles import MigrationCode, MigrationObstacle
from bpm_crm.engine.obstacles import is_empty
from bpm_crm.engine.process import Process
from bpm_crm.engine.reactions import Reactions
from bpm_crm.engine.state import NO_HOLD, Hold, InstanceState
from bpm_crm.engine.step import Step
from bpm_crm.engine.visits import paused_by, visit_left


@dataclass(frozen=True, slots=True)
class MigrationRefused:
    """The case stays where it is: everything that stands in the way."""

    obstacles: tuple[MigrationObstacle, ...]


def migrate(
    source: Process, target: Process, state: InstanceState, mapping: MigrationMapping, at: int
) -> Step | MigrationRefused:
    """Take a case from one version to another at `at`, by when time has passed for it; `MigrationRefused` with every obstacle."""
    obstacles = tuple(_obstacles(source, target, state, mapping))
    return MigrationRefused(obstacles) if obstacles else apply_migration(source, target, state, mapping, at)


def apply_migration(source: Process, target: Process, state: InstanceState, mapping: MigrationMapping, at: int) -> Step:
    """The migration itself, without asking whether it should be: of a mapping that fits, or of a recorded one."""
    stage = mapping.stage(state.stage, target.definition.stages) or state.stage
    converted = _converted(target, state.data)
    draft = Draft(target, state, at)
    draft.events.append(Migrated(state.stage, stage, mapping, before_of(state, _values_before(state, converted))))
    draft.set_data(converted)
    _go_on(draft, source, stage, mapping)
    _keep_reached(draft, mapping)
    keep_clocks(draft, source, mapping)
    _keep_holds(draft, source, is_same_stage=stage == state.stage)
    draft.react(Reactions(starts=tuple(key for key in target.rules if key in mapping.started_clocks)))
    return Step(draft.state(), tuple(draft.events))


def undo(process: Process, state: InstanceState, before: Before, at: int) -> Step:
    """Take a case back to what it was before a migration; `process` is the version it leaves."""
    after = restored(state, before)._replace(sequence=state.sequence + 1)
    draft = Draft(process, state, at)
    draft.events.append(MigrationUndone(state.stage, before.stage, before))
    if before.data:
        draft.events.append(DataChanged(before.data))
    if before.stage != state.stage:
        draft.events.append(_visit_left(process, draft))
        draft.events.append(StageEntered(before.stage, before.visits.get(before.stage, 1)))
    draft.events.extend(clocks_back(state.clocks, before.clocks, at))
    return Step(after, tuple(draft.events))


def demanded_fields(process: Process, stage: str) -> frozenset[str]:
    """The fields that have a value in every case that came into a stage by the rules: all ways into it ask for them."""
    if stage == process.definition.initial:
        return frozenset()
    ways = [frozenset(item.required) for item in process.definition.transitions.values() if item.target == stage]
    return frozenset.intersection(*ways) if ways else frozenset()


def _obstacles(
    source: Process, target: Process, state: InstanceState, mapping: MigrationMapping
) -> Iterator[MigrationObstacle]:
    if state.ended_at is not None:
        yield MigrationObstacle(MigrationCode.CASE_CLOSED, {"stage": state.stage})
        return
    stage = mapping.stage(state.stage, target.definition.stages)
    if stage is None:
        yield MigrationObstacle(MigrationCode.STAGE_UNMAPPED, {"stage": state.stage})
    else:
        yield from _data_obstacles(source, target, state, stage, mapping)
    yield from clock_obstacles(source, target, state, stage, mapping)


def _data_obstacles(
    source: Process, target: Process, state: InstanceState, stage: str, mapping: MigrationMapping
) -> Iterator[MigrationObstacle]:
    for key in sorted(demanded_fields(target, stage) - mapping.waived_fields):
        if is_empty(state.data.get(key)):
            yield MigrationObstacle(MigrationCode.DATA_MISSING, {"field": key, "stage": stage})
    for key, value in state.data.items():
        field = target.definition.fields.get(key)
        if key in source.personal_fields and (field is None or not field.personal):
            yield MigrationObstacle(MigrationCode.PERSONAL_DATA_EXPOSED, {"field": key})
        elif field is not None and normalise(field, value)[1] is not None:
            yield MigrationObstacle(MigrationCode.DATA_INVALID, {"field": key, "type": field.type.value})


def _converted(target: Process, data: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the new version stores in another form; personal data stays as it is."""
    found = {}
    for key, value in data.items():
        field = target.definition.fields.get(key)
        if field is not None and not field.personal:
            stored, problem = normalise(field, value)
            if problem is None and stored != value:
                found[key] = stored
    return found


def _values_before(state: InstanceState, converted: Mapping[str, Any]) -> dict[str, Any]:
    return {key: state.data.get(key) for key in converted}


def _go_on(draft: Draft, source: Process, stage: str, mapping: MigrationMapping) -> None:
    """Go on in a stage. Under its own name the visit goes on; under another it ends, and one of the new stage begins."""
    known = draft.process.definition
    visits: dict[str, int] = {}
    for key, count in draft.visits.items():
        name = mapping.stage(key, known.stages) or key
        visits[name] = visits.get(name, 0) + count
    if stage != draft.stage:
        draft.events.append(_visit_left(source, draft))
        draft.stage, draft.entered_at = stage, draft.at
        draft.events.append(StageEntered(stage, visits.get(stage, 1)))
    draft.visits = visits
    open_here = {item.key for item in draft.process.open_from(stage) if item.approval_roles is not None}
    draft.approvals = {key: people for key, people in draft.approvals.items() if key in open_here}


def _visit_left(process: Process, draft: Draft) -> StageLeft:
    """The end of the visit of the stage in which the case was, counted by the version under which it was there."""
    state = draft.before
    number = state.visits.get(state.stage, 1)
    return visit_left(process.calendar, state.stage, number, entered_at=state.entered_at, hold=state.hold, at=draft.at)


def _keep_reached(draft: Draft, mapping: MigrationMapping) -> None:
    """Checkpoints reached stay reached; one that is called otherwise now is touched under its new name."""
    known = draft.process.definition.checkpoints
    for key, first in draft.before.reached.items():
        name = mapping.checkpoint(key, known)
        if name is not None and name not in draft.reached:
            draft.reached[name] = first
            draft.events.append(CheckpointReached(name, first=True))


def _keep_holds(draft: Draft, source: Process, *, is_same_stage: bool) -> None:
    """Pauses that the new version knows hold on, those of its stage hold from now; each open clock stands still for its own."""
    target, held = draft.process, draft.hold
    wanted = frozenset(held.reasons) & target.definition.pauses.keys() - target.stage_bound_pauses
    wanted |= target.holding[draft.stage]
    if not is_same_stage or source.definition.calendar != target.definition.calendar:
        before = draft.before
        paused = paused_by(source.calendar, before.hold, before.entered_at, draft.at) if is_same_stage else 0
        draft.hold = Hold(held.reasons, draft.at, paused) if held.reasons or paused else NO_HOLD
    draft.hold_for(wanted)
    draft.hold_clocks()
