"""Moves (`semantics.md` §2): a blocked one names every cause, an open one can be made, and one evaluator answers both."""

from collections.abc import Mapping
from typing import Any

import pytest

from bpm_crm.engine.blockers import Malformed, Refused
from bpm_crm.engine.events import CheckpointReached, Completed, DataChanged, OwnerAssigned, Reopened, Transitioned
from bpm_crm.engine.legality import AvailableTransition, available
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Activity, exclude, fire, force, record, start
from tests.engine.build import (
    COLLEAGUE,
    MANAGER,
    ROBOT,
    SELLER,
    SMALL,
    SYSTEM,
    acted,
    at,
    begun,
    blockers,
    changed,
    codes,
    faults,
    fired,
    moved,
    process_of,
    shipped_process,
    small,
    taken,
)

CLOSE = """  close:
    title: {en: Close, ru: Закрыть}
    from: work
    to: won
    require: [amount]
    reason: required
    roles: [manager]
    approval: {roles: [manager, admin]}
    guard:
      when: data.amount > 100.0
      message: {en: Too small., ru: Слишком мало.}
      unblock: {en: Sell more., ru: Продайте больше.}
"""
CLOSING = process_of(
    changed(
        changed(SMALL, "  win:", CLOSE + "  win:"), "for: lose}", "for: [lose, close], stages: [new, work, waiting]}"
    )
)
BOSS = Actor("boris", "user", frozenset({"manager"}))
TWO_WAYS = """  near: {title: {en: Near, ru: Рядом}, trigger: go, from: [new, work], to: waiting, guard: data.amount < 10.0}
  far: {title: {en: Far, ru: Далеко}, trigger: go, from: [new, work], to: won, guard: data.amount >= 100.0}
"""
CHOOSING = process_of(changed(SMALL, "  begin:", TWO_WAYS + "  begin:"))


def at_work(**data: Any) -> InstanceState:
    return moved(CLOSING, begun(CLOSING, **data), "begin", "2026-11-16 09:30")


def offers(state: InstanceState, actor: Any = SELLER) -> Mapping[str, AvailableTransition]:
    found = available(CLOSING, state, actor, at("2026-11-16 10:00"))
    return {offer.transition.key: offer for offer in found}


def test_a_refusal_names_every_cause_at_once() -> None:
    refusal = fired(CLOSING, at_work(), "close", "2026-11-16 09:00")

    assert codes(refusal) == [
        "GUARD_NEEDS_DATA",
        "ROLE_NOT_ALLOWED",
        "FIELD_REQUIRED",
        "REASON_REQUIRED",
        "APPROVAL_REQUIRED",
        "OCCURRED_TOO_EARLY",
    ]


def test_each_cause_names_the_field_at_fault_and_what_would_unblock_it() -> None:
    found = {
        blocker.code.value: blocker for blocker in blockers(fired(CLOSING, at_work(), "close", "2026-11-16 09:00"))
    }

    guard = found["GUARD_NEEDS_DATA"]
    assert (guard.field, guard.guard) == ("amount", "data.amount > 100.0")
    assert guard.message is not None
    assert guard.unblock is not None
    assert (guard.message.en, guard.unblock.ru) == ("Too small.", "Продайте больше.")
    assert found["FIELD_REQUIRED"].field == "amount"
    assert found["REASON_REQUIRED"].field == "reason"
    assert found["REASON_REQUIRED"].params["known"] == "price"
    assert found["ROLE_NOT_ALLOWED"].params["roles"] == "manager"
    assert found["APPROVAL_REQUIRED"].params["roles"] == "admin, manager"
    assert found["OCCURRED_TOO_EARLY"].field == "occurredAt"


@pytest.mark.parametrize("actor", [SELLER, COLLEAGUE, MANAGER, ROBOT, SYSTEM])
def test_what_is_said_to_block_a_move_is_what_firing_it_answers(actor: Any) -> None:
    for state in (at_work(), at_work(amount="5"), at_work(amount="500")):
        for offer in offers(state, actor).values():
            outcome = fired(CLOSING, state, offer.transition.trigger, "2026-11-16 10:00", actor=actor)

            found = outcome.blockers if isinstance(outcome, Refused) else ()
            assert found == offer.blockers


def test_an_offer_is_open_when_nothing_but_input_is_missing() -> None:
    state = at_work()
    approved = acted(CLOSING, state, "2026-11-16 09:40", Activity("approval", transition="close"), MANAGER).state

    assert offers(approved, BOSS)["close"].enabled
    assert offers(approved, BOSS)["close"].required == ("amount",)
    assert [reason.key for reason in offers(approved, BOSS)["close"].reasons] == ["price"]
    assert not offers(approved, SELLER)["close"].enabled
    assert not offers(state, BOSS)["close"].enabled
    assert not offers(moved(CLOSING, approved, "wait", "2026-11-16 09:50"), BOSS).keys() & {"close"}


def test_a_move_is_made_once_every_cause_is_removed() -> None:
    state = acted(CLOSING, at_work(), "2026-11-16 09:40", Activity("approval", transition="close"), MANAGER).state

    step = taken(fired(CLOSING, state, "close", "2026-11-16 10:00", reason="price", actor=BOSS, amount="150"))

    assert step.state.stage == "won"
    assert step.state.data == {"amount": "150"}
    assert step.state.reason == "price"
    assert step.state.ended_at == at("2026-11-16 10:00")
    assert [event for event in step.events if isinstance(event, Transitioned)] == [
        Transitioned("close", "close", "work", "won", forced=False, reason="price")
    ]
    assert sum(isinstance(event, Completed) for event in step.events) == 1


def test_an_approval_is_by_another_person_with_the_role_and_lasts_for_the_visit() -> None:
    approval = Activity("approval", transition="close")
    state = acted(CLOSING, at_work(amount="150"), "2026-11-16 09:40", approval, MANAGER).state

    own = fired(CLOSING, state, "close", "2026-11-16 10:00", reason="price", actor=MANAGER)
    assert codes(own) == ["APPROVAL_BY_SAME_PERSON"]
    for actor in (SELLER, ROBOT, SYSTEM):
        assert codes(record(CLOSING, state, approval, actor, at("2026-11-16 09:50"))) == ["ROLE_NOT_ALLOWED"]
    back = moved(CLOSING, moved(CLOSING, state, "wait", "2026-11-16 11:00"), "resume", "2026-11-16 12:00")
    assert back.approvals == {}
    again = fired(CLOSING, back, "close", "2026-11-16 12:30", reason="price", actor=MANAGER)
    assert codes(again) == ["APPROVAL_REQUIRED"]


def test_a_trigger_from_the_wrong_stage_says_where_it_works_and_what_works_here() -> None:
    (blocker,) = blockers(fired(CLOSING, begun(CLOSING), "win", "2026-11-16 10:00"))

    assert blocker.code == "WRONG_STAGE"
    assert blocker.params == {"stage": "new", "trigger": "win", "sources": "work", "open": "begin, lose"}


def test_a_trigger_from_the_wrong_stage_also_says_that_the_role_would_not_do() -> None:
    assert codes(fired(CLOSING, begun(CLOSING), "close", "2026-11-16 08:00")) == [
        "WRONG_STAGE",
        "ROLE_NOT_ALLOWED",
        "OCCURRED_TOO_EARLY",
    ]


@pytest.mark.parametrize(("amount", "stage"), [("5", "waiting"), ("150", "won")])
def test_of_alternatives_the_first_whose_guard_holds_is_taken(amount: str, stage: str) -> None:
    assert moved(CHOOSING, begun(CHOOSING), "go", "2026-11-16 10:00", amount=amount).stage == stage


def test_where_no_alternative_is_open_the_guard_of_each_is_named() -> None:
    refusal = blockers(fired(CHOOSING, begun(CHOOSING), "go", "2026-11-16 10:00", amount="50"))

    assert [(blocker.code.value, blocker.guard) for blocker in refusal] == [
        ("GUARD_FAILED", "data.amount < 10.0"),
        ("GUARD_FAILED", "data.amount >= 100.0"),
    ]


def test_a_guard_that_cannot_be_computed_blocks_with_its_error() -> None:
    text = changed(SMALL, "from: work, to: won", "from: work, to: won, guard: 1 / (visits.work - 1) > 0")
    process = process_of(text)
    state = moved(process, begun(process), "begin", "2026-11-16 10:00")

    (blocker,) = blockers(fired(process, state, "win", "2026-11-16 11:00"))

    assert blocker.code == "GUARD_ERROR"
    assert "divide by zero" in blocker.params["error"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [(None, ["REASON_REQUIRED"]), ("price", []), ("late", ["REASON_NOT_APPLICABLE"])],
)
def test_a_required_reason_is_one_of_the_catalogue_for_the_move(reason: str | None, expected: list[str]) -> None:
    process = process_of(f"{SMALL}  late: {{title: {{en: Late, ru: Поздно}}, for: lose, stages: [waiting]}}\n")
    outcome = fired(process, begun(process), "lose", "2026-11-16 10:00", reason=reason)

    assert (codes(outcome) if isinstance(outcome, Refused) else []) == expected


def test_a_reason_for_a_move_that_takes_none_blocks_it() -> None:
    process = small()

    assert codes(fired(process, begun(process), "begin", "2026-11-16 10:00", reason="price")) == ["REASON_NOT_TAKEN"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("-1", "TOO_SMALL"),
        ("1000.01", "TOO_LARGE"),
        ("many", "WRONG_TYPE"),
        (True, "WRONG_TYPE"),
        ("NaN", "WRONG_TYPE"),
        ([1], "WRONG_TYPE"),
    ],
)
def test_a_value_that_the_field_does_not_take_is_a_fault_of_the_input(value: Any, code: str) -> None:
    process = small()

    (problem,) = faults(fired(process, begun(process), "begin", "2026-11-16 10:00", amount=value))

    assert (problem.code.value, problem.path) == (code, ("data", "amount"))


def test_every_fault_of_an_input_is_named() -> None:
    process = small()
    outcome = fire(process, begun(process), "fly", {"amount": "x", "color": 1}, "mood", SELLER, at("2026-11-16 10:00"))

    assert isinstance(outcome, Malformed)
    assert [(problem.code.value, problem.path) for problem in outcome.problems] == [
        ("UNKNOWN_TRANSITION", ("transition",)),
        ("UNKNOWN_REASON", ("reason",)),
        ("WRONG_TYPE", ("data", "amount")),
        ("UNKNOWN_FIELD", ("data", "color")),
    ]
    assert outcome.problems[0].known == ("begin", "lose", "reopen", "resume", "wait", "win")


def test_a_refusal_and_a_fault_change_nothing() -> None:
    state = at_work()
    before = repr(state)

    fired(CLOSING, state, "close", "2026-11-16 10:00", amount="5")
    fired(CLOSING, state, "close", "2026-11-16 10:00", amount="x")
    available(CLOSING, state, SELLER, at("2026-11-16 10:00"))

    assert repr(state) == before


def test_a_step_leaves_the_state_before_it_as_it_was() -> None:
    state = at_work()
    before = repr(state)

    moved(CLOSING, state, "wait", "2026-11-16 10:00", amount="5")
    acted(CLOSING, state, "2026-11-16 10:00")

    assert repr(state) == before


def test_history_is_numbered_without_holes() -> None:
    state = begun(CLOSING)
    sequences = [state.sequence]
    for trigger in ("begin", "wait", "resume", "win"):
        state = moved(CLOSING, state, trigger, "2026-11-16 10:00")
        sequences.append(state.sequence)

    assert sequences == [1, 2, 3, 4, 5]


def test_a_forced_move_goes_anywhere_else_and_is_marked() -> None:
    state = begun(CLOSING)
    step = taken(force(CLOSING, state, "waiting", at("2026-11-16 10:00")))

    assert [event for event in step.events if isinstance(event, Transitioned)] == [
        Transitioned("force", "force", "new", "waiting", forced=True, reason=None)
    ]
    assert codes(force(CLOSING, state, "new", at("2026-11-16 08:00"))) == ["ALREADY_IN_STAGE", "OCCURRED_TOO_EARLY"]
    (problem,) = faults(force(CLOSING, state, "nowhere", at("2026-11-16 10:00")))
    assert (problem.code.value, problem.known) == ("UNKNOWN_STAGE", ("new", "work", "waiting", "won", "lost"))


def test_lost_then_reopened_then_won_is_won() -> None:
    process = small()
    state = moved(process, begun(process), "lose", "2026-11-16 10:00", reason="price")
    assert (state.ended_at, state.reason) == (at("2026-11-16 10:00"), "price")

    step = taken(fired(process, state, "reopen", "2026-11-17 10:00"))
    assert Reopened() in step.events
    assert (step.state.ended_at, step.state.reason) == (None, None)

    won = moved(process, step.state, "win", "2026-11-18 10:00")
    assert (won.stage, won.visits["work"], won.reason) == ("won", 1, None)


def test_a_checkpoint_is_reached_for_the_first_time_once() -> None:
    process = small()
    state = moved(process, begun(process), "begin", "2026-11-16 10:00")
    back = moved(process, state, "wait", "2026-11-16 11:00")

    again = taken(fired(process, back, "resume", "2026-11-16 12:00"))

    assert CheckpointReached("worked", first=False) in again.events
    assert again.state.reached["worked"] == (at("2026-11-16 10:00"), 2)


def test_values_that_do_not_change_leave_no_trace_and_null_empties_a_field() -> None:
    process = small()
    state = begun(process, amount="5")

    same = taken(fired(process, state, "begin", "2026-11-16 10:00", amount="5"))
    emptied = taken(fired(process, same.state, "wait", "2026-11-16 11:00", amount=None))

    assert not [event for event in same.events if isinstance(event, DataChanged)]
    assert [event for event in emptied.events if isinstance(event, DataChanged)] == [DataChanged({"amount": None})]
    assert emptied.state.data == {}


def test_the_first_to_work_on_a_case_becomes_its_owner() -> None:
    process = shipped_process("callback-request")
    state = begun(process)

    step = taken(fired(process, state, "contact", "2026-11-16 09:05"))

    assert OwnerAssigned("ann", "north") in step.events
    assert moved(process, state, "contact", "2026-11-16 09:05", actor=ROBOT).owner is None


def test_a_case_begins_with_valid_data_or_not_at_all() -> None:
    process = small()
    outcome = start(
        process, data={"amount": "x"}, owner=None, team=None, subject={}, exclusion=None, at=at("2026-11-16 09:00")
    )

    assert [problem.code.value for problem in faults(outcome)] == ["WRONG_TYPE"]


def test_an_exclusion_is_recorded_and_can_be_taken_back() -> None:
    process = small()
    excluded = exclude(process, begun(process), "test", at("2026-11-16 10:00")).state

    assert excluded.exclusion == "test"
    assert exclude(process, excluded, None, at("2026-11-16 11:00")).state.exclusion is None
