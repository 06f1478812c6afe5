"""What the prover takes an expression to mean, against the language itself: random expressions over random values."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bpm_crm.engine.guard import CelCompiler, EvaluationFailed, ExpressionInvalid, VariableType
from bpm_crm.engine.instants import instant_of
from bpm_crm.engine.soundness.logic import Verdict
from bpm_crm.engine.soundness.meaning import Meaning
from bpm_crm.engine.soundness.values import Listed, NotDecidable, Sort, Value, denied, holds
from bpm_crm.engine.soundness.z3_logic import Z3Logic
from bpm_crm.engine.syntax import folded

ROLES = ("admin", "manager", "salesperson")
TYPES = {
    "data.n": VariableType.INTEGER,
    "data.m": VariableType.INTEGER,
    "data.x": VariableType.DECIMAL,
    "data.y": VariableType.DECIMAL,
    "data.s": VariableType.TEXT,
    "data.t": VariableType.TEXT,
    "data.b": VariableType.BOOLEAN,
    "data.c": VariableType.BOOLEAN,
    "data.d": VariableType.INSTANT,
    "now": VariableType.INSTANT,
    "actor.roles": VariableType.TEXTS,
}
COMPILER = CelCompiler(TYPES)
SORTS = {
    VariableType.INTEGER: Sort.INTEGER,
    VariableType.DECIMAL: Sort.DECIMAL,
    VariableType.TEXT: Sort.TEXT,
    VariableType.BOOLEAN: Sort.BOOLEAN,
    VariableType.INSTANT: Sort.INSTANT,
}
Texts = st.sampled_from(["", "a", "ab", "abc", "b", "привет", "\\u{41}", 'q"'])
MOMENTS = st.integers(-3, 3).map(lambda days: datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=days))
BIG = 2**62
WHOLE = st.one_of(st.integers(-4, 4), st.sampled_from([BIG, -BIG, 2**63 - 1, -(2**63)]))
HALVES = st.integers(-8, 8).map(lambda number: number / 2)
VALUES = st.fixed_dictionaries(
    {
        "data.n": st.none() | WHOLE,
        "data.m": st.none() | WHOLE,
        "data.x": st.none() | HALVES,
        "data.y": st.none() | HALVES,
        "data.s": st.none() | Texts,
        "data.t": st.none() | Texts,
        "data.b": st.none() | st.booleans(),
        "data.c": st.none() | st.booleans(),
        "data.d": st.none() | MOMENTS,
        "now": MOMENTS,
        "actor.roles": st.lists(st.sampled_from(ROLES), unique=True),
    }
)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\") + "'"


INTEGERS = st.recursive(
    st.sampled_from(["data.n", "data.m"]) | st.integers(-3, 3).map(str) | st.just("data.s.size()"),
    lambda inner: (
        st.builds("({0} {2} {1})".format, inner, inner, st.sampled_from("+-*/%"))
        | inner.map("(-{})".format)
        | st.builds("(data.b ? {0} : {1})".format, inner, inner)
    ),
    max_leaves=4,
)
DECIMALS = st.sampled_from(["data.x", "data.y", "1.5", "(-2.0)", "(0.5 + 1.0)"])
STRINGS = st.recursive(
    st.sampled_from(["data.s", "data.t"]) | Texts.map(quoted),
    lambda inner: st.builds("({0} + {1})".format, inner, inner),
    max_leaves=3,
)
INSTANTS = st.sampled_from(
    ["data.d", "now", "timestamp('2026-01-05T00:00:00Z')", "(now + duration('24h'))", "(data.d - duration('1.5h'))"]
)
SPANS = st.sampled_from(["(now - data.d)", "duration('36h')", "(duration('1h30m') - duration('90m'))"])
ORDERS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def compared(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("({0} {2} {1})".format, operands, operands, ORDERS)


CONDITIONS = st.recursive(
    st.one_of(
        st.sampled_from(["data.b", "data.c", "true", "false", "data.b == data.c", "data.b != null"]),
        compared(INTEGERS),
        compared(DECIMALS),
        compared(STRINGS),
        compared(INSTANTS),
        compared(SPANS),
        st.sampled_from(["data.n", "data.x", "data.s", "data.d"]).map("({} == null)".format),
        st.builds("({0} in [{1}, {2}])".format, INTEGERS, INTEGERS, INTEGERS),
        st.builds("({0} in [{1}, null])".format, STRINGS, STRINGS),
        st.builds("{0}.{2}({1})".format, STRINGS, STRINGS, st.sampled_from(["startsWith", "endsWith", "contains"])),
        Texts.map(lambda text: f"({quoted(text)} in actor.roles)"),
        st.builds("(actor.roles.size() > {0})".format, st.integers(0, 3)),
    ),
    lambda inner: st.one_of(
        st.builds("({0} && {1})".format, inner, inner),
        st.builds("({0} || {1})".format, inner, inner),
        inner.map("(!{})".format),
        st.builds("({0} ? {1} : {2})".format, inner, inner, inner),
        st.builds("actor.roles.{1}(r, r == 'admin' || {0})".format, inner, st.sampled_from(["exists", "all"])),
    ),
    max_leaves=6,
)


NOTHING: dict[str, Any] = {**dict.fromkeys(TYPES), "now": datetime(2026, 1, 5, tzinfo=UTC), "actor.roles": []}
LEAST = {**NOTHING, "data.n": -(2**63)}


def seen(logic: Z3Logic, values: dict[str, Any]) -> Callable[[str], Value | Listed]:
    no, yes = logic.literal(False), logic.literal(True)
    fillers: dict[Sort, Any] = {Sort.TEXT: "", Sort.BOOLEAN: False, Sort.DECIMAL: 0.0}

    def value_of(name: str) -> Value | Listed:
        value = values[name]
        if isinstance(value, list):
            return Listed(tuple((yes, Value(Sort.TEXT, logic.literal(item), no, no)) for item in value), no)
        sort = SORTS[TYPES[name]]
        if value is None:
            return Value(sort, logic.literal(fillers.get(sort, 0)), yes, no)
        return Value(sort, logic.literal(instant_of(value) if isinstance(value, datetime) else value), no, no)

    return value_of


@settings(deadline=None)
@given(CONDITIONS, VALUES)
@example("(data.n > (-data.n))", LEAST)
@example("((data.n / -1) > 0)", LEAST)
@example("((data.n % -1) == 0)", LEAST)
def test_an_expression_means_to_the_prover_what_it_means_to_the_language(text: str, values: dict[str, Any]) -> None:
    try:
        expression = COMPILER.compile(text, VariableType.BOOLEAN)
    except ExpressionInvalid:
        assume(False)
    try:
        expected = expression.evaluate(values.__getitem__)
    except EvaluationFailed:
        expected = "failed"
    logic = Z3Logic()
    meaning = Meaning(logic, seen(logic, values), "")
    try:
        value = meaning.of(folded(expression.syntax))
    except NotDecidable:
        assume(False)
    assert not meaning.opaque
    assert not meaning.rounds

    assert logic.solve([holds(logic, value)], {}).verdict is (
        Verdict.POSSIBLE if expected is True else Verdict.IMPOSSIBLE
    )
    assert logic.solve([denied(logic, value)], {}).verdict is (
        Verdict.POSSIBLE if expected is False else Verdict.IMPOSSIBLE
    )
    there = logic.solve([logic.negation(value.fails)], {}).verdict
    assert there is (Verdict.IMPOSSIBLE if expected == "failed" else Verdict.POSSIBLE)


@pytest.mark.parametrize(
    "text",
    ["data.s.matches('a+')", "now.getHours('Europe/Moscow') < 18", "data.d.getDayOfWeek() == 1"],
)
def test_what_is_not_translated_may_be_anything(text: str) -> None:
    logic = Z3Logic()
    values = {"data.s": "a", "now": datetime(2026, 1, 5, tzinfo=UTC), "data.d": datetime(2026, 1, 5, tzinfo=UTC)}
    meaning = Meaning(logic, seen(logic, values), "")
    value = meaning.of(COMPILER.compile(text, VariableType.BOOLEAN).syntax)

    assert meaning.opaque
    for side in (holds, denied):
        assert logic.solve([side(logic, value)], {}).verdict is Verdict.POSSIBLE


def test_the_same_untranslated_words_mean_the_same() -> None:
    logic = Z3Logic()
    meaning = Meaning(logic, seen(logic, {"data.s": "a"}), "")
    both = "data.s.matches('a+') && !data.s.matches('a+')"
    value = meaning.of(COMPILER.compile(both, VariableType.BOOLEAN).syntax)

    assert logic.solve([holds(logic, value)], {}).verdict is Verdict.IMPOSSIBLE


@pytest.mark.parametrize(
    "text", ["timestamp(data.s) > now", "duration('1ns') < duration('1h')", "string(data.n) == '1'"]
)
def test_what_has_no_translation_says_so(text: str) -> None:
    logic = Z3Logic()
    values = {"data.s": "a", "data.n": 1, "now": datetime(2026, 1, 5, tzinfo=UTC)}
    with pytest.raises(NotDecidable):
        Meaning(logic, seen(logic, values), "").of(COMPILER.compile(text, VariableType.BOOLEAN).syntax)
