"""Migration: clocks keep the time they have used, nothing fires twice, history replays, undoing restores; for random pairs of versions."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bpm_crm.engine import step as engine
from bpm_crm.engine.clock import Clock, ClockEvent, ClockEventKind, ClockState, SegmentKind
from bpm_crm.engine.clock_adoption import counts_alike
from bpm_crm.engine.clock_segments import segments_of
from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.events import Migrated, MigrationUndone
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.migration import MigrationRefused, migrate, undo
from bpm_crm.engine.migration_plan import plan_problems, propose
from bpm_crm.engine.process import Process
from bpm_crm.engine.replay import RecordedStep, StepKind, replay
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.step import Activity, Step
from bpm_crm.records.states import (
    pack_clocks,
    pack_mapping,
    pack_migration,
    unpack_before,
    unpack_clocks,
    unpack_mapping,
)
from tests.engine.build import (
    CALL,
    HOUR,
    MANAGER,
    MINUTE,
    SELLER,
    at,
    began,
    begun,
    changed,
    process_of,
    small,
    wall,
    with_clock,
)
from tests.engine.randoms import definitions
from tests.engine.test_replay import record_of

FALLS = {ClockEventKind.WARNED, ClockEventKind.BREACHED, ClockEventKind.ESCALATED}
DELAYS = (0, MINUTE, 20 * MINUTE, HOUR, 9 * HOUR, 24 * HOUR, 72 * HOUR)
ACTS = (CALL, Activity("call", "inbound"), Activity("meeting"), Activity("email", "outbound", automated=True))
START = at("2026-11-16 10:00")
thoroughly = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=(Phase.generate,),
)


@dataclass
class Life:
    """A case on its way through versions, with all that its history would keep."""

    process: Process
    rng: random.Random
    state: InstanceState = field(init=False)
    now: int = START
    records: list[tuple[RecordedStep, Process]] = field(default_factory=list)
    states: list[InstanceState] = field(default_factory=list)
    fallen: Counter[tuple[str, int, str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.take(began(self.process, START), START)

    def take(self, step: Step, when: int) -> None:
        self.state = step.state
        self.records.append((_record(step, when), self.process))
        self.states.append(step.state)
        for event in step.events:
            if isinstance(event, ClockEvent) and (event.withdrawn or event.kind) in FALLS:
                place = (event.clock.policy, event.clock.cycle, (event.withdrawn or event.kind).value, event.step)
                self.fallen[place] += -1 if event.withdrawn else 1
                assert self.fallen[place] in {0, 1}, place

    def live(self, steps: int) -> None:
        for _ in range(steps):
            when = self.now + self.rng.choice(DELAYS)
            if self.rng.random() < 0.25:
                when = self.now - self.rng.choice(DELAYS)
            when = max(when, START)
            outcome = self._step(when)
            if isinstance(outcome, Step):
                self.now = max(self.now, when)
                self.take(outcome, when)

    def _step(self, when: int) -> Any:
        kind = self.rng.choice(("fire", "fire", "act", "act", "tick", "force", "assign"))
        if kind == "act":
            return engine.record(self.process, self.state, self.rng.choice(ACTS), SELLER, when)
        if kind == "tick":
            return engine.tick(self.process, self.state, when)
        if kind == "assign":
            return engine.assign(self.process, self.state, self.rng.choice(("ann", "bob")), "north", when)
        if kind == "force":
            return engine.force(self.process, self.state, self.rng.choice(list(self.process.definition.stages)), when)
        open_here = sorted({item.trigger for item in self.process.open_from(self.state.stage)})
        if not open_here:
            return None
        trigger = self.rng.choice(open_here)
        return engine.fire(self.process, self.state, trigger, {"amount": "20", "flag": True}, None, MANAGER, when)

    def tick(self) -> None:
        step = engine.tick(self.process, self.state, self.now)
        if step is not None:
            self.take(step, self.now)

    def mapping_to(self, target: Process) -> MigrationMapping:
        """The proposed mapping; what nothing is proposed for goes to any running stage, or is waived."""
        plan = propose(self.process.definition, target.definition, MigrationMapping())
        running = [key for key in target.definition.stages if key not in target.final_stages]
        given = {item.key: self.rng.choice(running) for item in plan.stages if item.to is None}
        return replace(
            plan.mapping,
            stages={**plan.mapping.stages, **given},
            waived_clocks=frozenset(self.process.rules),
            waived_fields=frozenset(target.definition.fields),
        )

    def migrate(self, target: Process) -> bool:
        """Migrate as a batch does: time passes first, under the old version."""
        self.now = max(self.now, self.state.entered_at)
        self.tick()
        mapping = self.mapping_to(target)
        outcome = migrate(self.process, target, self.state, mapping, self.now)
        if isinstance(outcome, MigrationRefused):
            codes = {item.code.value for item in outcome.obstacles}
            assert codes == {"CASE_CLOSED" if self.state.ended_at is not None else "CLOCK_WITHOUT_TARGET"}
            return False
        check_kept(self.process, target, self.state, outcome, mapping, self.now)
        self.process = target
        self.take(outcome, self.now)
        return True

    def refold(self) -> None:
        """What replaying every record gives is what every step gave."""
        state, source = None, None
        for (record, process), expected in zip(self.records, self.states, strict=True):
            state = replay(process, state, record, source).state
            assert state == expected
            source = process


def _record(step: Step, when: int) -> RecordedStep:
    first = step.events[0] if step.events else None
    if not isinstance(first, Migrated | MigrationUndone):
        return record_of(step, when)
    mapping = first.mapping if isinstance(first, Migrated) else None
    packed = stored(pack_migration(mapping, first.before))
    kind = StepKind.MIGRATION if isinstance(first, Migrated) else StepKind.MIGRATION_UNDONE
    state = step.state
    return RecordedStep(
        kind,
        when,
        state.owner,
        state.team,
        state.exclusion,
        mapping=unpack_mapping(packed),
        before=unpack_before(packed),
    )


def stored(packed: Any) -> Any:
    """What was packed as it is read back."""
    return orjson.loads(orjson.dumps(packed))


def check_kept(
    source: Process, target: Process, before: InstanceState, step: Step, mapping: MigrationMapping, now: int
) -> None:
    after = step.state
    assert after.sequence == before.sequence + 1
    assert after.stage in target.definition.stages
    assert after.stage not in target.final_stages
    assert after.data == before.data
    for key, clock in before.clocks.items():
        name = mapping.clock(key, target.rules)
        if not clock.is_open:
            kept = after.clocks.get(key)
            if kept is not None and not (kept.is_open or kept.cycle > clock.cycle):
                assert kept._replace(carry=None, fired=clock.fired) == clock._replace(carry=None)
                if key in target.rules and key in source.rules:
                    assert target.rules[key].consumed(kept, now + HOUR) == source.rules[key].consumed(clock, now)
        elif name is None:
            assert not after.clocks[key].is_open
            assert after.clocks[key].state in {ClockState.CANCELLED, ClockState.BREACHED}
        else:
            check_clock(source, target, clock, after.clocks[name], now)
    for event in step.events:
        if isinstance(event, ClockEvent):
            assert event.kind not in FALLS


def check_clock(source: Process, target: Process, old: Clock, new: Clock, now: int) -> None:
    """The business time used is kept; the due instant is the rest of the new target, from now on, in the new calendar."""
    rule = target.rules[new.policy]
    used = source.rules[old.policy].consumed(old, now)
    assert rule.consumed(new, now) == used
    assert new.breached_at == old.breached_at
    if old.breached_at is not None:
        assert (new.due_at, new.budget) == (old.due_at, old.budget)
        return
    rest = new.budget - used
    expected = rule.calendar.add(now, rest) if rest > 0 else now
    if not rule._counts_days:
        assert new.due_at == expected or counts_alike(rule, source.rules[old.policy])
    elif rest > 0:
        assert rule.calendar.between(now, new.due_at) == rest or new.is_standing
    segments = segments_of(rule, new, now + 100 * HOUR)
    cursor = new.started_at
    for segment in segments:
        assert segment.begins == cursor < segment.ends
        cursor = segment.ends
    assert cursor == now + 100 * HOUR
    carried = used if any(item.kind is SegmentKind.CARRIED for item in segments) else 0
    running = sum(item.ends - item.begins for item in segments if item.kind is SegmentKind.RUNNING)
    assert running + carried == rule.consumed(new, now + 100 * HOUR)


def live_through(first: ProcessDefinition, second: ProcessDefinition, seed: int) -> None:
    """A case goes to and fro between two versions, and lives on in between; every record replays."""
    versions = (Process(first), Process(second))
    life = Life(versions[0], random.Random(seed))
    for number in range(4):
        life.live(8)
        life.migrate(versions[(number + 1) % 2] if life.process is versions[number % 2] else versions[number % 2])
        life.now += random.Random(seed + number).choice(DELAYS)
        life.tick()
    life.live(8)
    life.refold()


@given(definitions(), definitions(), st.integers(0, 10**9))
@thoroughly
def test_a_case_lives_through_versions_with_what_it_has_used_and_its_history_replays(
    first: ProcessDefinition, second: ProcessDefinition, seed: int
) -> None:
    live_through(first, second, seed)


@pytest.mark.slow
@given(definitions(), definitions(), st.integers(0, 10**9))
@settings(thoroughly, max_examples=1000, derandomize=False)
def test_campaign_of_cases_that_live_through_versions(
    first: ProcessDefinition, second: ProcessDefinition, seed: int
) -> None:
    live_through(first, second, seed)


@given(definitions(), definitions(), st.integers(0, 10**9))
@thoroughly
def test_undoing_a_migration_restores_everything_but_the_sequence(first: Any, second: Any, seed: int) -> None:
    versions = (Process(first), Process(second))
    life = Life(versions[0], random.Random(seed))
    life.live(12)
    life.now = max(life.now, life.state.entered_at)
    life.tick()
    before = life.state
    if not life.migrate(versions[1]):
        assert life.state == before
        return
    migrated = life.records[-1][0]
    assert migrated.before is not None
    life.now += HOUR
    step = undo(life.process, life.state, migrated.before, life.now)
    assert step.state == before._replace(sequence=before.sequence + 2)
    life.process = versions[0]
    life.take(step, life.now)
    life.live(8)
    life.refold()


@given(definitions(), definitions(), st.integers(0, 10**9))
@thoroughly
def test_what_is_proposed_and_given_has_no_problems_and_survives_packing(first: Any, second: Any, seed: int) -> None:
    life = Life(Process(first), random.Random(seed))
    life.live(10)
    mapping = life.mapping_to(Process(second))
    assert plan_problems(first, second, MigrationMapping()) == ()
    again = unpack_mapping(stored(pack_mapping(mapping)))
    for key in first.stages:
        assert again.stage(key, second.stages) == mapping.stage(key, second.stages)
    for key in first.policies:
        assert again.clock(key, second.policies) == mapping.clock(key, second.policies)
    assert unpack_clocks(stored(pack_clocks(life.state.clocks))) == life.state.clocks


CLOCK = "start: {started: true}\nstop: {activity: response}\nwarnings: [50%]\ntarget: "


def moved(source: Process, target: Process, state: InstanceState, when: str, **mapping: Any) -> Step:
    step = migrate(source, target, state, MigrationMapping(**mapping), at(when))
    assert isinstance(step, Step), step
    return step


@pytest.mark.parametrize(
    ("target", "due"),
    [
        ("PT4H", "2026-11-16 13:00"),
        ("PT8H", "2026-11-16 17:00"),
        ("PT12H", "2026-11-17 12:00"),
        ("PT1H", "2026-11-16 11:00"),
    ],
)
def test_a_clock_has_the_rest_of_the_new_target_from_now_on(target: str, due: str) -> None:
    source, other = small(CLOCK + "PT4H"), small(CLOCK + target)
    step = moved(source, other, begun(source), "2026-11-16 11:00")
    clock = step.state.clocks["task"]
    assert wall(clock.due_at) == due
    assert other.rules["task"].consumed(clock, at("2026-11-16 11:00")) == 2 * HOUR


def test_the_rest_is_counted_in_the_new_calendar_and_what_was_used_in_the_old() -> None:
    source = small(CLOCK + "PT8H")
    other = small(CLOCK + "PT8H", **{"mon-fri: 09:00-18:00": "mon-fri: 12:00-15:00"})
    state = begun(source)
    clock = moved(source, other, state, "2026-11-16 14:00").state.clocks["task"]
    assert wall(clock.due_at) == "2026-11-17 14:00"
    kinds = [segment.kind.value for segment in segments_of(other.rules["task"], clock, at("2026-11-16 15:00"))]
    assert kinds == ["carried", "running"]


def test_a_tighter_target_that_has_passed_is_breached_when_the_case_comes_under_it_not_before() -> None:
    source, other = small(CLOCK + "PT4H"), small(CLOCK + "PT1H")
    state = moved(source, other, begun(source), "2026-11-16 11:30").state
    step = engine.tick(other, state, at("2026-11-16 11:31"))
    assert step is not None
    assert [(event.kind.value, wall(event.at)) for event in step.events] == [
        ("warned", "2026-11-16 11:30"),
        ("breached", "2026-11-16 11:30"),
    ]


def test_a_warning_that_fired_does_not_fire_again_though_the_new_one_falls_later() -> None:
    source, other = small(CLOCK + "PT4H"), small(CLOCK + "PT8H")
    warned = engine.tick(source, begun(source), at("2026-11-16 11:30"))
    assert warned is not None
    state = moved(source, other, warned.state, "2026-11-16 12:00").state
    step = engine.tick(other, state, at("2026-11-18 12:00"))
    assert step is not None
    assert [event.kind.value for event in step.events] == ["breached"]


def test_a_response_recorded_late_from_before_the_migration_meets_the_target_it_met() -> None:
    source, other = small(CLOCK + "PT2H"), small(CLOCK + "PT1H")
    state = moved(source, other, begun(source), "2026-11-16 10:50").state
    late = engine.record(other, state, CALL, SELLER, at("2026-11-16 10:40"))
    assert isinstance(late, Step)
    assert late.state.clocks["task"].state is ClockState.MET


def test_a_breach_of_the_old_version_is_withdrawn_by_a_response_that_came_in_time() -> None:
    source, other = small(CLOCK + "PT2H"), small(CLOCK + "PT8H")
    breached = engine.tick(source, begun(source), at("2026-11-16 11:30"))
    assert breached is not None
    state = moved(source, other, breached.state, "2026-11-16 12:00").state
    for when, expected in (("2026-11-16 10:59", ClockState.MET), ("2026-11-16 11:10", ClockState.BREACHED)):
        late = engine.record(other, state, CALL, SELLER, at(when))
        assert isinstance(late, Step)
        assert late.state.clocks["task"].state is expected


def test_a_renamed_stage_ends_one_visit_and_begins_another() -> None:
    source = small(CLOCK + "PT4H")
    other = small(
        CLOCK + "PT4H",
        **{"  new: {kind: initial": "  fresh: {kind: initial", "from: new, to: work": "from: fresh, to: work"},
    )
    step = moved(source, other, begun(source), "2026-11-16 11:00", stages={"new": "fresh"})
    assert (step.state.stage, step.state.visits) == ("fresh", {"fresh": 1})
    assert wall(step.state.entered_at) == "2026-11-16 11:00"
    assert wall(step.state.clocks["task"].due_at) == "2026-11-16 13:00"


def test_every_obstacle_is_named_at_once() -> None:
    source = small(CLOCK + "PT4H")
    other = small(CLOCK.replace("started: true", "entering: work") + "PT4H", **{"  task:": "  chore:"})
    outcome = migrate(source, other, begun(source), MigrationMapping(stages={"new": None}), at("2026-11-16 11:00"))
    assert isinstance(outcome, MigrationRefused)
    assert [item.code.value for item in outcome.obstacles] == ["STAGE_UNMAPPED", "CLOCK_UNMAPPED"]


def test_an_ended_case_is_not_migrated() -> None:
    source = small(CLOCK + "PT4H")
    ended = engine.fire(source, begun(source), "lose", {}, "price", SELLER, at("2026-11-16 10:00"))
    assert isinstance(ended, Step)
    outcome = migrate(source, source, ended.state, MigrationMapping(), at("2026-11-16 11:00"))
    assert isinstance(outcome, MigrationRefused)
    assert [item.code.value for item in outcome.obstacles] == ["CASE_CLOSED"]


def test_data_that_every_way_into_the_stage_asks_for_must_be_there_or_be_waived() -> None:
    source = small(CLOCK + "PT4H")
    other = small(
        CLOCK + "PT4H",
        **{
            "from: new, to: work}": "from: new, to: work, require: [amount]}",
            "from: waiting, to: work}": "from: waiting, to: work, require: [amount]}",
            "from: lost, to: work}": "from: lost, to: work, require: [amount]}",
        },
    )
    state = engine.fire(source, begun(source), "begin", {}, None, SELLER, at("2026-11-16 10:00"))
    assert isinstance(state, Step)
    outcome = migrate(source, other, state.state, MigrationMapping(), at("2026-11-16 11:00"))
    assert isinstance(outcome, MigrationRefused)
    assert [(item.code.value, item.params["field"]) for item in outcome.obstacles] == [("DATA_MISSING", "amount")]
    assert moved(source, other, state.state, "2026-11-16 11:00", waived_fields=frozenset({"amount"}))


def test_a_waived_clock_is_cancelled_and_a_new_one_starts_where_the_plan_says_so() -> None:
    source = small(CLOCK + "PT4H")
    other = small(CLOCK.replace("started: true", "entering: work") + "PT3H", **{"  task:": "  chore:"})
    mapping = {"waived_clocks": frozenset({"task"}), "started_clocks": frozenset({"chore"})}
    step = moved(source, other, begun(source), "2026-11-16 11:00", **mapping)
    assert step.state.clocks["task"].state is ClockState.CANCELLED
    assert wall(step.state.clocks["chore"].due_at) == "2026-11-16 14:00"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"stages": {"nowhere": "work"}}, ("UNKNOWN_STAGE", "stages")),
        ({"stages": {"work": "nowhere"}}, ("UNKNOWN_STAGE", "stages")),
        ({"stages": {"work": "won"}}, ("STAGE_ENDS", "stages")),
        ({"clocks": {"task": "nothing"}}, ("UNKNOWN_CLOCK", "clocks")),
        ({"waived_clocks": frozenset({"nothing"})}, ("UNKNOWN_CLOCK", "waivedClocks")),
        ({"waived_fields": frozenset({"nothing"})}, ("UNKNOWN_FIELD", "waivedFields")),
        ({"started_clocks": frozenset({"task"})}, ("CLOCK_TAKEN", "startedClocks")),
        ({"checkpoints": {"lead": "nothing"}}, ("UNKNOWN_CHECKPOINT", "checkpoints")),
    ],
)
def test_a_plan_that_misleads_is_refused(given: dict[str, Any], problem: tuple[str, str]) -> None:
    definition = small(CLOCK + "PT4H").definition
    found = plan_problems(definition, definition, MigrationMapping(**given))
    assert [(item.code.value, item.path[0]) for item in found] == [problem]


def test_a_renamed_stage_clock_and_checkpoint_are_proposed_with_reasons() -> None:
    source = small(CLOCK + "PT4H").definition
    target = renamed(
        {"  work: {kind: open": "  working: {kind: open", "  task:": "  chore:", "  worked: {": "  begun: {"}
    )
    plan = propose(source, target, MigrationMapping())
    names = {item.key: item.to for part in (plan.stages, plan.clocks, plan.checkpoints) for item in part}
    assert (names["work"], names["task"], names["worked"]) == ("working", "chore", "begun")
    sure = {item.key: item.confidence for item in plan.stages}
    assert sure["new"] == 1.0
    assert 0.5 <= sure["work"] < 1.0


def renamed(places: dict[str, str]) -> ProcessDefinition:
    """The small process with one clock and the stage `work` under another name."""
    text = with_clock(CLOCK + "PT4H")
    for old, new in places.items():
        text = changed(text, old, new)
    for old in ("to: work}", "from: work,", "entering: work}", "to: work,"):
        text = text.replace(old, old.replace("work", "working"))
    return process_of(text).definition


def test_replaying_a_change_of_version_without_a_migration_is_refused() -> None:
    source, other = small(CLOCK + "PT4H"), small(CLOCK + "PT8H")
    record = RecordedStep(StepKind.ASSIGNMENT, START)
    with pytest.raises(ValueError, match="without a migration"):
        replay(other, begun(source), record, source)
