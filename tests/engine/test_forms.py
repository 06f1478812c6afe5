"""Forms: inputs drawn from nothing but the form are taken, for every transition of every shipped process."""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bpm_crm.engine import step as engine
from bpm_crm.engine.definition import FieldType
from bpm_crm.engine.forms import FormField, TransitionForm, find_transition, form_of
from bpm_crm.engine.legality import available
from bpm_crm.engine.process import Process
from bpm_crm.engine.state import Actor, InstanceState
from bpm_crm.engine.step import Activity, Step
from bpm_crm.processes.library import shipped_keys
from tests.engine.build import COLLEAGUE, MANAGER, SELLER, began, shipped

FIRST = 1_793_000_000_000_000
STEP = 3_600_000_000
HOLDS = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def drawn(rng: random.Random, form: TransitionForm, *, is_whole: bool) -> tuple[dict[str, Any], str | None]:
    """Values of the fields and a reason, from what the form says alone; `is_whole`: of every field, else at times of those that may be left out."""
    while True:
        data = {
            item.field.key: value(rng, item)
            for item in form.fields
            if is_whole or (item.is_required and item.current is None) or rng.random() < 0.5
        }
        known = {item.field.key: item.current for item in form.fields if item.current is not None} | data
        if all(fits(item, known) for item in form.fields):
            break
    reason = rng.choice(form.reasons).key if form.needs_reason or (form.reasons and rng.random() < 0.5) else None
    return data, reason


def fits(item: FormField, known: dict[str, Any]) -> bool:
    """Whether the values meet what the form says of a field."""
    for rule in item.constraints:
        if rule.unless_empty is not None and known.get(rule.unless_empty) is None:
            continue
        other = rule.value if rule.other is None else known.get(rule.other)
        mine = known.get(item.field.key)
        if mine is None or other is None or not HOLDS[rule.operator](Decimal(str(mine)), Decimal(str(other))):
            return False
    return True


def value(rng: random.Random, item: FormField) -> Any:
    known = item.field
    match known.type:
        case FieldType.STRING:
            length = rng.choice([1, known.max_length, rng.randint(1, known.max_length)])
            return "".join(rng.choice(string.ascii_letters + "Ёж") for _ in range(length))
        case FieldType.INTEGER | FieldType.DECIMAL:
            least = Decimal(0) if known.minimum is None else known.minimum
            most = least + 1_000 if known.maximum is None else known.maximum
            if known.type is FieldType.INTEGER:
                return rng.randint(int(least), int(most))
            return str(least + (most - least) * Decimal(rng.randint(0, 100)) / 100)
        case FieldType.BOOLEAN:
            return rng.random() < 0.5
        case FieldType.DATE:
            return (date(2026, 1, 1) + timedelta(days=rng.randint(0, 3_000))).isoformat()
        case FieldType.DATETIME:
            return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randint(0, 10**6))).isoformat()
        case FieldType.CHOICE:
            return rng.choice(list(known.options))


@dataclass
class Explorer:
    """Goes everywhere in a process, by what forms say; `fired` collects the transitions that were taken."""

    process: Process
    rng: random.Random
    fired: set[str] = field(default_factory=set)
    seen: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def explore(self) -> None:
        waiting = [began(self.process, FIRST).state]
        while waiting:
            state = waiting.pop(0)
            place = (state.stage, frozenset(state.reached))
            if place not in self.seen:
                self.seen.add(place)
                waiting.extend(self.onward(state))

    def onward(self, state: InstanceState) -> Iterator[InstanceState]:
        """Where the moves and acts lead that are open here."""
        at = state.entered_at + STEP
        yield taken(engine.record(self.process, state, Activity("call", "outbound"), SELLER, at)).state
        for actor in (SELLER, MANAGER):
            for move in available(self.process, self.approved(state, at), actor, at):
                if move.enabled:
                    for is_whole in (True, False, False):
                        yield self.fire(self.approved(state, at), move.transition.key, actor, at, is_whole=is_whole)

    def fire(self, state: InstanceState, key: str, actor: Actor, at: int, *, is_whole: bool) -> InstanceState:
        transition = self.process.definition.transitions[key]
        data, reason = drawn(self.rng, form_of(self.process, transition, state), is_whole=is_whole)
        step = taken(engine.fire(self.process, state, transition.trigger, data, reason, actor, at), key, data, reason)
        moved = next(event for event in step.events if type(event).__name__ == "Transitioned")
        self.fired.add(moved.transition)
        return step.state

    def approved(self, state: InstanceState, at: int) -> InstanceState:
        """The case with every approval that forms ask for, by another person."""
        for transition in self.process.open_from(state.stage):
            if transition.approval_roles is not None:
                act = Activity("approval", transition=transition.key)
                approver = MANAGER if transition.approval_roles & MANAGER.roles else COLLEAGUE
                state = taken(engine.record(self.process, state, act, approver, at)).state
        return state


def taken(outcome: Any, *about: Any) -> Step:
    assert isinstance(outcome, Step), (outcome, *about)
    return outcome


@pytest.mark.parametrize("key", shipped_keys())
def test_inputs_drawn_from_the_form_are_taken_for_every_transition(key: str) -> None:
    process = Process(shipped(key).definition)
    explorer = Explorer(process, random.Random(key))
    explorer.explore()
    assert explorer.fired == set(process.definition.transitions)


@pytest.mark.parametrize("key", shipped_keys())
def test_without_a_required_field_or_reason_the_move_is_refused(key: str) -> None:
    """The negative control: what a form calls required is required."""
    process, rng = Process(shipped(key).definition), random.Random(key)
    state = began(process, FIRST).state
    for transition in process.open_from(state.stage):
        form = form_of(process, transition, state)
        data, reason = drawn(rng, form, is_whole=True)
        for item in form.fields:
            if item.is_required:
                less = {name: told for name, told in data.items() if name != item.field.key}
                refused = engine.fire(process, state, transition.trigger, less, reason, SELLER, FIRST + STEP)
                assert not isinstance(refused, Step), item.field.key
        if form.needs_reason:
            assert not isinstance(
                engine.fire(process, state, transition.trigger, data, None, SELLER, FIRST + STEP), Step
            )


def test_bounds_are_read_off_the_guard() -> None:
    process = Process(shipped("web-form").definition)
    transitions = process.definition.transitions

    def rules(name: str) -> dict[str, list[tuple[str, str | None, str | None, str | None]]]:
        form = form_of(process, transitions[name])
        return {
            item.field.key: [(rule.operator, rule.value, rule.other, rule.unless_empty) for rule in item.constraints]
            for item in form.fields
        }

    assert rules("make_offer") == {"amount": [(">", "0.0", None, None)]}
    assert rules("agree") == {"discount_percent": [("<=", "15.0", None, "discount_percent")]}
    paid = next(key for key, item in transitions.items() if "paid_amount" in item.required)
    assert rules(paid) == {"amount": [], "paid_amount": [(">=", None, "amount", "amount")]}
    assert rules("resume_offer") == {}


def test_a_form_tells_labels_and_help_in_both_languages_and_the_reasons_of_the_stage() -> None:
    process = Process(shipped("web-form").definition)
    state = began(process, FIRST).state
    lose = find_transition(process, "lose")
    assert lose is not None
    everywhere, here = form_of(process, lose), form_of(process, lose, state)
    assert everywhere.needs_reason
    assert {item.key for item in here.reasons} < {item.key for item in everywhere.reasons}
    assert all(item.applies("lose", state.stage) for item in here.reasons)
    for key, transition in process.definition.transitions.items():
        for item in form_of(process, transition).fields:
            assert item.help.en != item.help.ru, (key, item.field.key)
            assert item.field.title.en
            assert item.field.title.ru
    resume = find_transition(process, "resume")
    assert resume is not None
    assert (resume.key, form_of(process, resume).alternatives) == ("resume_offer", ("resume_interest",))
    assert find_transition(process, "nothing") is None
