"""What becomes of the clocks of a case that is migrated: each goes on under its counterpart with the business time it has used, or ends."""

from collections.abc import Iterator, Mapping

from bpm_crm.engine.clock import Clock, ClockEvent, ClockEventKind
from bpm_crm.engine.clock_adoption import adopt, counts_alike
from bpm_crm.engine.draft import Draft
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.migration_obstacles import MigrationCode, MigrationObstacle
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import InstanceState


def clock_obstacles(
    source: Process, target: Process, state: InstanceState, stage: str | None, mapping: MigrationMapping
) -> Iterator[MigrationObstacle]:
    """The open clocks that cannot go on; `stage` is where the case would (None: nobody has said)."""
    for key, clock in state.clocks.items():
        if not clock.is_open:
            continue
        name = mapping.clock(key, target.rules)
        if name is None and key not in mapping.waived_clocks:
            yield MigrationObstacle(MigrationCode.CLOCK_UNMAPPED, {"clock": key})
        elif name is not None and stage is not None and _planned(source, target, state, clock, name, mapping) is None:
            yield MigrationObstacle(MigrationCode.CLOCK_WITHOUT_TARGET, {"clock": name, "stage": stage})


def keep_clocks(draft: Draft, source: Process, mapping: MigrationMapping) -> None:
    """Clocks go on under their counterpart; an open one without any ends."""
    clocks: dict[str, Clock] = {}
    for key, clock in draft.before.clocks.items():
        name = mapping.clock(key, draft.process.rules)
        if not clock.is_open:
            if key not in clocks:
                clocks[key] = _adopted_closed(draft, source, clock)
        elif name is None:
            clocks[key], events = source.rules[key].cancel(clock, draft.at)
            draft.events.extend(events)
        else:
            clocks[name] = _adopted(draft, source, clock, name, mapping)
    draft.clocks = clocks


def clocks_back(now: Mapping[str, Clock], before: Mapping[str, Clock], at: int) -> Iterator[ClockEvent]:
    """What becomes of clocks when a migration is undone: as they were; one that came with it ends."""
    for key, clock in now.items():
        if key not in before or before[key].cycle < clock.cycle:
            gone = clock._replace(closed_at=clock.closed_at or at, next_at=None, cancelled=True)
            yield ClockEvent(ClockEventKind.MIGRATED, at, gone)
    for key, clock in before.items():
        if clock.is_open and now.get(key) != clock:
            yield ClockEvent(ClockEventKind.MIGRATED, at, clock)


def _adopted(draft: Draft, source: Process, clock: Clock, name: str, mapping: MigrationMapping) -> Clock:
    rule, at = draft.process.rules[name], draft.at
    found = clock._replace(policy=name)
    if not counts_alike(rule, source.rules[clock.policy]):
        planned = _planned(source, draft.process, draft.before, clock, name, mapping)
        kept = (clock.budget, clock.due_at)
        found = adopt(clock, source.rules[clock.policy], rule, at, kept if planned is None else planned)
    used = source.rules[clock.policy].consumed(clock, at)
    if name != clock.policy:
        gone = clock._replace(closed_at=at, next_at=None, cancelled=True)
        draft.events.append(ClockEvent(ClockEventKind.MIGRATED, at, gone, elapsed=used))
        known = draft.before.clocks.get(name)
        found = found if known is None else found._replace(cycle=max(found.cycle, known.cycle + 1))
    draft.events.append(ClockEvent(ClockEventKind.MIGRATED, at, found, elapsed=used))
    return found


def _adopted_closed(draft: Draft, source: Process, clock: Clock) -> Clock:
    """A closed clock, as it was; where its policy counts otherwise now, it remembers what it had used, should it be opened again."""
    mine, theirs = draft.process.rules.get(clock.policy), source.rules.get(clock.policy)
    if mine is None or theirs is None or counts_alike(mine, theirs):
        return clock
    return adopt(clock, theirs, mine, draft.at, (clock.budget, clock.due_at))


def _planned(
    source: Process, target: Process, state: InstanceState, clock: Clock, name: str, mapping: MigrationMapping
) -> tuple[int, int] | None:
    """The budget and due instant that the new version gives a clock that began when this one did; None where it gives none.

    A target hangs on the stage in which the clock began, which is told by its budget: the current stage if it has that target, else the
    most generous of those that have.
    """
    old, new = source.rules[clock.policy], target.rules[name]
    began = [key for key in source.definition.stages if (old.plan(clock.started_at, key) or (None,))[0] == clock.budget]
    if state.stage in began or not began:
        began = [state.stage]
    stages = (mapping.stage(key, target.definition.stages) or key for key in began)
    return max(filter(None, (new.plan(clock.started_at, key) for key in stages)), default=None)
