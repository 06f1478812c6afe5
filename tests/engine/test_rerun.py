"""Histories run again through another definition: nothing differs through their own, and through an edited one what the slow reference says."""

from typing import Any

import pytest
from hypothesis.stateful import initialize, run_state_machine_as_test

from bpm_crm.engine.definition import Transition
from bpm_crm.engine.observed import Observed
from bpm_crm.engine.process import Process
from bpm_crm.engine.rerun import Rerun, rerun
from bpm_crm.engine.state import Actor
from bpm_crm.engine.step import Activity, Outcome
from bpm_crm.processes.definitions import definition_of, parse_document
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import HOUR, SYSTEM, began, shipped, shipped_process, taken
from tests.engine.edits import EDITS, edited
from tests.engine.histories import histories, observed
from tests.engine.randoms import definitions
from tests.engine.retelling import retold
from tests.engine.test_step import Walking, campaign, quickly
from tests.engine.walking import Walk


def horizon_of(steps: Any) -> int:
    """An instant at which some clocks are due and some are not."""
    last: int = max(item.step.at for item in steps)
    return last + (steps[0].step.at % 7) * 5 * HOUR


def said(found: Rerun) -> list[Any]:
    return [
        (
            item.sequence,
            item.kind.value,
            item.stage,
            item.name,
            tuple(sorted(cause.code.value for cause in item.causes)),
            item.target,
        )
        for item in found.differences
    ]


@pytest.mark.parametrize("key", shipped_keys())
def test_nothing_differs_when_histories_run_through_their_own_version(key: str) -> None:
    process = Process(shipped(key).definition)
    for steps in histories(key, 60):
        found = rerun(process, steps, horizon_of(steps))
        assert found.differences == ()
        assert found.reached_before == found.reached_after
        assert [cycle for cycle in found.cycles if cycle.before is not cycle.after] == []


def check(seed: int, cases: int) -> int:
    """Compare with the reference; how many differences there were."""
    keys = shipped_keys()
    key = keys[seed % len(keys)]
    document, edits = edited(shipped(key).data, seed)
    draft = Process(definition_of(parse_document(document)))
    own = shipped_process(key).definition
    count = 0
    for number, steps in enumerate(histories(key, 60)[seed % 10 :: 10][:cases]):
        horizon = horizon_of(steps)
        found = rerun(draft, steps, horizon)
        told = retold(own, draft.definition, steps)
        place = f"{key} {edits} history {number}"
        assert said(found) == told.said, place
        before, after = told.own.verdicts(horizon), told.draft.verdicts(horizon)
        absent = dict.fromkeys({*before, *after}, "absent")
        assert {(item.clock, item.number): item.before.value for item in found.cycles} == absent | before, place
        assert {(item.clock, item.number): item.after.value for item in found.cycles} == absent | after, place
        assert found.reached_before == told.own.model.reached.keys(), place
        assert found.reached_after == told.draft.model.reached.keys(), place
        count += len(told.said) + sum(before.get(key_) != after.get(key_) for key_ in absent)
    return count


@pytest.mark.parametrize("edit", range(len(EDITS)), ids=[edit.__name__ for edit in EDITS])
def test_what_would_differ_is_what_telling_every_case_anew_says(edit: int) -> None:
    assert sum(check(seed, 6) for seed in range(edit, 200, len(EDITS))) > 0


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_what_would_differ_is_what_telling_says_of_very_many_edits(part: int) -> None:
    assert sum(check(seed, 6) for seed in range(200 + part, 2_200, 20)) > 0


def test_telling_another_draft_is_seen() -> None:
    """The comparison can fail: what the reference says of one edit is not what running says of another."""
    process = shipped_process("web-form")
    first, second = (Process(definition_of(parse_document(edited(process_data(), seed)[0]))) for seed in (3, 0))
    apart = [
        said(rerun(first, steps, horizon_of(steps))) != retold(process.definition, second.definition, steps).said
        for steps in histories("web-form", 60)
    ]
    assert any(apart)


def process_data() -> dict[str, Any]:
    return shipped("web-form").data


class RerunWalk(Walk):
    """A walk whose history is kept."""

    def __init__(self, process: Process, when: int) -> None:
        self.actor = SYSTEM
        self.kept: list[Observed] = []
        super().__init__(process, when)
        self.kept.insert(0, observed(process, began(process, when), SYSTEM, when))

    def fire(self, trigger: str, data: Any, reason: str | None, actor: Actor, at: int) -> None:
        self.actor = actor
        super().fire(trigger, data, reason, actor, at)

    def record(self, activity: Activity, actor: Actor, at: int) -> None:
        self.actor = actor
        super().record(activity, actor, at)

    def approve(self, transition: Transition, actor: Actor, at: int) -> None:
        self.actor = actor
        super().approve(transition, actor, at)

    def _takes(self, outcome: Outcome, at: int) -> None:
        super()._takes(outcome, at)
        self.kept.append(observed(self.process, taken(outcome), self.actor, at))


class RerunWalking(Walking):
    """Whatever was walked, also with values that effects computed over, runs through its own version without a difference."""

    def begin(self, process: Process) -> None:
        super().begin(process)
        self.walk = RerunWalk(process, self.walk.now)

    def teardown(self) -> None:
        walk = getattr(self, "walk", None)
        if not isinstance(walk, RerunWalk):
            return
        found = rerun(walk.process, walk.kept, walk.now + HOUR)
        assert found.differences == ()
        assert found.reached_before == found.reached_after
        assert all(cycle.before is cycle.after for cycle in found.cycles)


class RerunningRandomProcesses(RerunWalking):
    @initialize(definition=definitions())
    def choose(self, definition: Any) -> None:
        self.begin(Process(definition))


TestRandomProcesses = RerunningRandomProcesses.TestCase
TestRandomProcesses.settings = quickly


@pytest.mark.slow
def test_very_many_walks_run_through_their_own_version() -> None:
    run_state_machine_as_test(RerunningRandomProcesses, settings=campaign)
