"""A slow judge of processes: plays a definition with the engine over a finite choice of values until nothing new comes.

It shares nothing with the prover but the engine itself: no solver, no syntax trees. Values to try are taken from the texts of guards.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bpm_crm.engine import step as engine
from bpm_crm.engine.clock import ClockEvent, ClockEventKind
from bpm_crm.engine.definition import Claim, Field, FieldType, ProcessDefinition, StageKind
from bpm_crm.engine.events import CheckpointReached, StageEntered, Transitioned
from bpm_crm.engine.obstacles import Payload, guard_obstacle
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Activity, Step

MINUTE = 60_000_000
BEGINS = 1_768_208_400_000_000
COUNTED = 4
MOST_STATES = 20_000


@dataclass
class Found:
    """What the search saw. Pairs are (transition, stage it left); `caught` are stages in which a case could not end any more."""

    entered: set[str] = field(default_factory=set)
    taken: set[tuple[str, str]] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    caught: set[str] = field(default_factory=set)
    unexplained: set[str] = field(default_factory=set)
    unwatched: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    overlapping: set[str] = field(default_factory=set)
    incomplete: set[str] = field(default_factory=set)
    in_order: set[tuple[str, str]] = field(default_factory=set)
    reversed: set[tuple[str, str]] = field(default_factory=set)


class Judge:
    """Plays one definition."""

    def __init__(self, definition: ProcessDefinition, roles: Iterable[str]) -> None:
        self.definition = definition
        self.process = Process(definition)
        guards = [item.guard.when for item in definition.transitions.values() if item.guard is not None]
        self.text = " ; ".join(guards)
        self.roles = sorted(roles)
        self.funnel = [item.key for item in definition.funnel]
        self.found = Found()

    def judged(self) -> Found:
        """Play with the clocks in view, then with the funnel in view."""
        self._play(with_clocks=True)
        self._play(with_clocks=False)
        return self.found

    def _play(self, *, with_clocks: bool) -> None:
        begun = engine.start(self.process, data={}, owner=None, team=None, subject={}, exclusion=None, at=BEGINS)
        assert isinstance(begun, Step)
        self._saw(begun, None)
        first = self._key(begun.state, with_clocks)
        states = {first: begun.state}
        following: dict[Any, set[Any]] = {}
        waiting = [first]
        while waiting:
            key = waiting.pop()
            assert len(states) < MOST_STATES
            for step in self._steps(states[key]):
                self._saw(step, states[key])
                after = self._key(step.state, with_clocks)
                following.setdefault(key, set()).add(after)
                if after not in states:
                    states[after] = step.state
                    waiting.append(after)
        ends = {key for key, state in states.items() if state.stage in self.process.final_stages}
        grown = True
        while grown:
            more = {key for key, targets in following.items() if targets & ends} - ends
            ends |= more
            grown = bool(more)
        self.found.caught |= {states[key].stage for key in states.keys() - ends}

    def _key(self, state: InstanceState, with_clocks: bool) -> Any:
        """What tells states apart: the stage, the history that guards read, and either the open clocks or the funnel."""
        reached = frozenset(key for key in state.reached if f"reached.{key}" in self.text)
        visits = tuple((k, min(COUNTED, n)) for k, n in sorted(state.visits.items()) if f"visits.{k}" in self.text)
        acts = tuple(
            (k, min(COUNTED, n)) for k, n in sorted(state.activities.items()) if f"activities.{k}" in self.text
        )
        if with_clocks:
            seen = frozenset(key for key, clock in state.clocks.items() if clock.is_open)
        else:
            seen = frozenset(key for key in self.funnel if key in state.reached)
        return state.stage, reached, visits, acts, seen

    def _steps(self, state: InstanceState) -> Iterator[Step]:
        at = state.entered_at + MINUTE
        for act in self._acts():
            taken = engine.record(self.process, state, act, Actor("ann", "user", frozenset()), at)
            if isinstance(taken, Step):
                yield taken
        for trigger in sorted(self.process.triggers):
            moves = self.process.candidates(trigger, state.stage)
            if not moves:
                continue
            approved = state
            for item in moves:
                if item.approval_roles is not None:
                    approver = Actor("boss", "user", frozenset(item.approval_roles))
                    act = Activity("approval", transition=item.key)
                    done = engine.record(self.process, approved, act, approver, at)
                    assert isinstance(done, Step)
                    approved = done.state
            reasons = [None, *self.definition.reasons]
            for data in self._payloads(moves):
                for actor in self._actors():
                    self._claims(trigger, moves, approved, data, actor, at)
                    for reason in reasons:
                        outcome = engine.fire(self.process, approved, trigger, data, reason, actor, at)
                        if isinstance(outcome, Step):
                            yield outcome
                            break

    def _claims(self, trigger: str, moves: Any, state: InstanceState, data: Any, actor: Actor, at: int) -> None:
        claims = self.definition.alternatives.get(trigger, frozenset())
        if not claims or not all(_is_valid(self.definition.fields[key], value) for key, value in data.items()):
            return
        held = [guard_obstacle(self.process, state, item, Payload(data), actor, at) is None for item in moves]
        if Claim.EXCLUSIVE in claims and sum(held) > 1:
            self.found.overlapping.add(trigger)
        always = set.intersection(*(set(item.required) for item in moves))
        there = all({**state.data, **data}.get(key) not in {None, ""} for key in always)
        if Claim.EXHAUSTIVE in claims and not any(held) and there:
            self.found.incomplete.add(trigger)

    def _payloads(self, moves: Any) -> Iterator[dict[str, Any]]:
        """Every choice of values for the fields that these moves read, with good ones for those they only require."""
        texts = " ; ".join(self._texts(item) for item in moves)
        read = [key for key in self.definition.fields if f"data.{key}" in texts]
        asked = dict.fromkeys(key for item in moves for key in item.required)
        good = {key: _good(self.definition.fields[key]) for key in asked if key not in read}
        domains = [_domain(self.definition.fields[key], texts) for key in read]
        for values in itertools.product(*domains):
            yield {**good, **dict(zip(read, values, strict=True))}

    def _texts(self, item: Any) -> str:
        sets = " ; ".join(getattr(effect, "expression", "") for effect in item.effects)
        return f"{item.guard.when if item.guard else ''} ; {sets}"

    def _actors(self) -> list[Actor]:
        everyone = [frozenset(self.roles)]
        if "actor.roles" in self.text:
            everyone += [frozenset({role}) for role in self.roles]
        return [Actor("ann", "user", roles) for roles in everyone]

    def _acts(self) -> Iterator[Activity]:
        yield Activity("call", "outbound")
        yield Activity("email", "outbound", automated=True)
        for kind in sorted({*self.definition.activities, *re.findall(r"activities\.(\w+)", self.text)} - {"call"}):
            yield Activity(kind, "internal")

    def _saw(self, step: Step, before: InstanceState | None) -> None:
        found, state = self.found, step.state
        found.entered.add(state.stage)
        entered = any(isinstance(event, StageEntered) for event in step.events)
        if entered and not any(clock.is_open for clock in state.clocks.values()):
            found.unwatched.add(state.stage)
        if self.definition.stages[state.stage].kind is StageKind.LOST and state.reason is None:
            found.unexplained.add(state.stage)
        touched = set()
        for event in step.events:
            match event:
                case Transitioned(transition=key, source=source):
                    found.taken.add((key, source))
                case CheckpointReached(checkpoint=key):
                    touched.add(key)
                case ClockEvent(kind=ClockEventKind.STARTED, clock=clock):
                    found.started.add(clock.policy)
                case ClockEvent(kind=ClockEventKind.STOPPED, clock=clock):
                    found.stopped.add(clock.policy)
        found.touched |= touched
        known = set() if before is None else set(before.reached)
        for one, other in itertools.permutations(self.funnel, 2):
            if other in touched - known and one in known | touched:
                found.in_order.add((one, other))

    def order_is_reversed(self) -> set[tuple[str, str]]:
        """Pairs of the funnel, earlier first, of which every way that reaches both reaches the later one before."""
        pairs = itertools.combinations(self.funnel, 2)
        return {(a, b) for a, b in pairs if (b, a) in self.found.in_order and (a, b) not in self.found.in_order}


def harms(definition: ProcessDefinition, roles: Iterable[str]) -> tuple[set[str], set[str]]:
    """What is wrong with a definition that can be played: grave faults, and lesser ones that may be refused as well."""
    judge = Judge(definition, roles)
    found = judge.judged()
    ours = {StageKind.INITIAL, StageKind.OPEN}
    stages = definition.stages
    grave = {f"never entered {key}" for key in stages if key not in found.entered}
    grave |= {f"caught in {key}" for key in found.caught}
    taken = {key for key, _ in found.taken}
    grave |= {f"never fires {key}" for key in definition.transitions if key not in taken}
    grave |= {f"unexplained {key}" for key in found.unexplained}
    grave |= {
        f"unwatched {key}"
        for key, stage in stages.items()
        if stage.kind in ours and stage.waiver is None and key in found.unwatched
    }
    grave |= {f"never reached {key}" for key in definition.checkpoints if key not in found.touched}
    grave |= {f"reversed {pair}" for pair in judge.order_is_reversed()}
    grave |= {f"overlapping {key}" for key in found.overlapping} | {f"incomplete {key}" for key in found.incomplete}
    lesser = {
        f"{key} never out of {stage}"
        for key, item in definition.transitions.items()
        for stage in item.sources
        if (key, stage) not in found.taken
    }
    lesser |= {f"clock {key} idle" for key in definition.policies if key not in found.started & found.stopped}
    return grave, lesser


def _is_valid(item: Field, value: Any) -> bool:
    return value is None or _accepted(item, value)


def _accepted(item: Field, value: Any) -> bool:
    if item.type in {FieldType.DECIMAL, FieldType.INTEGER}:
        number = Decimal(str(value))
        least = item.minimum is None or number >= item.minimum
        return least and (item.maximum is None or number <= item.maximum)
    if item.type is FieldType.CHOICE:
        return value in item.options
    return not isinstance(value, str) or len(value) <= item.max_length


def _domain(item: Field, texts: str) -> list[Any]:
    """Nothing, and values round every literal of the texts and every bound of the field."""
    match item.type:
        case FieldType.DECIMAL | FieldType.INTEGER:
            numbers = {Decimal(text) for text in re.findall(r"-?\d+(?:\.\d+)?", texts)} | {Decimal(0), Decimal(50)}
            numbers |= {bound for bound in (item.minimum, item.maximum) if bound is not None}
            around = {number + by for number in numbers for by in (-1, 0, 1)}
            kept = sorted(number for number in around if _accepted(item, number))
            whole = item.type is FieldType.INTEGER
            return [None, *(int(number) if whole else format(number, "f") for number in kept)]
        case FieldType.BOOLEAN:
            return [None, True, False]
        case FieldType.CHOICE:
            return [None, *item.options]
        case FieldType.STRING:
            return [None, "x", *re.findall(r"'([^']+)'", texts)]
        case _:
            return [None, _good(item)]


def _good(item: Field) -> Any:
    """A value that the field takes, if one of a few does."""
    samples: Mapping[FieldType, list[Any]] = {
        FieldType.STRING: ["abc", "a"],
        FieldType.INTEGER: [5, 1, 0, *(int(bound) for bound in (item.minimum, item.maximum) if bound is not None)],
        FieldType.DECIMAL: ["5", "0", *(str(bound) for bound in (item.minimum, item.maximum) if bound is not None)],
        FieldType.BOOLEAN: [True],
        FieldType.DATE: ["2026-12-01"],
        FieldType.DATETIME: ["2026-12-01T10:00:00Z"],
        FieldType.CHOICE: list(item.options),
    }
    return next((value for value in samples[item.type] if _accepted(item, value)), None)
