"""The table is the machine: both are asked about every stage, trigger and outcome of the guards."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.engine.machine import Table, build_machine, compile_table, decide_by_machine
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import SMALL, changed, definition_from, shipped
from tests.engine.randoms import definitions

MOST_GUARDS = 6

TWO_WAYS = """  advance: {title: {en: Far, ru: Далеко}, from: [new, work], to: won, guard: data.amount > 5.0}
  creep: {title: {en: Near, ru: Близко}, trigger: advance, from: [new, work], to: work}
"""


def decide_by_table(
    definition: ProcessDefinition, table: Table, stage: str, trigger: str, holding: frozenset[str]
) -> tuple[str, str] | None:
    """The first candidate that has no guard, or whose guard holds."""
    for key in table.get((trigger, stage), ()):
        transition = definition.transitions[key]
        if transition.guard is None or key in holding:
            return key, transition.target
    return None


def outcomes(guarded: list[str]) -> Iterator[frozenset[str]]:
    """Every way in which some guards may hold; for many guards: each alone, all, none."""
    if len(guarded) <= MOST_GUARDS:
        for mask in product([False, True], repeat=len(guarded)):
            yield frozenset(key for key, held in zip(guarded, mask, strict=True) if held)
        return
    yield frozenset()
    yield frozenset(guarded)
    yield from (frozenset([key]) for key in guarded)


def assert_table_is_machine(definition: ProcessDefinition) -> int:
    machine = build_machine(definition)
    table = compile_table(machine)
    asked = 0
    triggers = {item.trigger for item in definition.transitions.values()}
    for trigger in triggers:
        guarded = [key for key, item in definition.transitions.items() if item.trigger == trigger and item.guard]
        for stage, holding in product(definition.stages, outcomes(guarded)):
            held = {key: item.guard is None or key in holding for key, item in definition.transitions.items()}
            by_machine = decide_by_machine(machine, stage, trigger, held.__getitem__)
            assert decide_by_table(definition, table, stage, trigger, holding) == by_machine
            asked += 1
    return asked


@pytest.mark.parametrize("key", shipped_keys())
def test_the_table_of_a_shipped_process_is_its_machine(key: str) -> None:
    assert assert_table_is_machine(shipped(key).definition) > 30


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(definition=definitions())
def test_the_table_of_any_process_is_its_machine(definition: ProcessDefinition) -> None:
    assert assert_table_is_machine(definition) > 10


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(definition=definitions())
def test_the_table_of_very_many_processes_is_their_machine(definition: ProcessDefinition) -> None:
    assert assert_table_is_machine(definition) > 10


def test_alternatives_are_tried_in_the_order_of_the_document() -> None:
    definition = definition_from(changed(SMALL, "  begin:", TWO_WAYS + "  begin:"))
    machine = build_machine(definition)

    assert compile_table(machine)["advance", "new"] == ("advance", "creep")
    assert decide_by_machine(machine, "new", "advance", {"advance": True, "creep": True}.__getitem__) == (
        "advance",
        "won",
    )
    assert decide_by_machine(machine, "new", "advance", {"advance": False, "creep": True}.__getitem__) == (
        "creep",
        "work",
    )


def test_what_the_machine_does_not_know_is_no_move() -> None:
    machine = build_machine(definition_from(SMALL))

    assert decide_by_machine(machine, "new", "fly", lambda key: True) is None
    assert decide_by_machine(machine, "won", "begin", lambda key: True) is None
    assert ("fly", "new") not in compile_table(machine)
    assert ("begin", "won") not in compile_table(machine)


def test_a_machine_keeps_nothing_of_a_decision() -> None:
    machine = build_machine(definition_from(SMALL))
    first = decide_by_machine(machine, "new", "begin", lambda key: True)

    assert decide_by_machine(machine, "new", "begin", lambda key: True) == first == ("begin", "work")
    assert not machine.models


def test_a_broken_table_would_be_noticed() -> None:
    definition = definition_from(changed(SMALL, "  begin:", TWO_WAYS + "  begin:"))
    table = compile_table(build_machine(definition))
    table["advance", "new"] = tuple(reversed(table["advance", "new"]))

    by_table = decide_by_table(definition, table, "new", "advance", frozenset({"advance"}))

    assert by_table != decide_by_machine(build_machine(definition), "new", "advance", lambda key: True)
