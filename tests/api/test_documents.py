"""Prepared documents: what is kept, for how long, and what each bad document is told."""

import json
from collections import OrderedDict
from itertools import product

import pytest
from graphql import OperationDefinitionNode, OperationType, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from bpm_crm.api import documents as module
from bpm_crm.api._bounded_cache import BoundedCache
from bpm_crm.api._selected_fields import MOST_HELD
from bpm_crm.api._variables import OperationVariables
from bpm_crm.api.documents import Document, Documents
from bpm_crm.api.faults import Code, Fault, Problem, Refused
from bpm_crm.api.guard import Limits
from tests.api import toy

FRAGMENT = "fragment F on Query { b: hello @include(if: $b) ... @skip(if: $c) { c: hello } }"


def documents(**limits: int) -> Documents:
    return Documents(toy.schema._schema, Limits(**limits))


def prepare(text: str, **limits: int) -> Document:
    return documents(**limits).prepare(text, request_id="r")


def problems(text: str, **limits: int) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as caught:
        prepare(text, **limits)
    return caught.value.problems


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed, in order."""
    texts: list[str] = []
    parse = module.parse
    monkeypatch.setattr(module, "parse", lambda text, **options: texts.append(text) or parse(text, **options))
    return texts


def test_a_repeated_document_is_prepared_once(parsed: list[str]) -> None:
    held = documents()
    assert held.prepare("{ hello }", request_id="1") is held.prepare("{ hello }", request_id="2")
    assert parsed == ["{ hello }"]


@pytest.mark.parametrize("text", ["{", "{ nope }", "{ " + "a: hello " * 30 + "}"])
def test_a_repeated_bad_document_is_refused_from_the_cache(text: str, parsed: list[str]) -> None:
    held, told = documents(), []
    for request_id in ("1", "2"):
        with pytest.raises(Refused) as caught:
            held.prepare(text, request_id=request_id)
        told.append(caught.value.problems[0].formatted(request_id, "en"))
    assert len(parsed) == 1
    assert [error["extensions"].pop("requestId") for error in told] == ["1", "2"]
    assert told[0] == told[1]


def test_no_more_documents_are_kept_than_allowed_and_those_used_last_stay(parsed: list[str]) -> None:
    held = documents(cached_documents=2)
    for text in ("{ hello }", "{ a: hello }", "{ hello }", "{ b: hello }", "{ hello }", "{ a: hello }"):
        held.prepare(text, request_id="r")
    assert parsed == ["{ hello }", "{ a: hello }", "{ b: hello }", "{ a: hello }"]
    assert len(held.cache) == 2


def test_no_more_bytes_are_kept_than_allowed() -> None:
    held = documents(cached_bytes=40_000)
    for number in range(50):
        held.prepare(f"{{ name{number}: hello }}", request_id="r")
    assert 0 < len(held.cache) < 5
    assert held.cache.size <= 40_000


def test_a_long_document_is_never_kept() -> None:
    held = documents(cached_document_characters=20)
    held.prepare("{ hello " + " " * 20 + "}", request_id="r")
    assert len(held.cache) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6) | st.none()), max_size=60))
def test_the_cache_behaves_as_an_ordered_dictionary_with_bounds(steps: list[tuple[int, int | None]]) -> None:
    cache: BoundedCache[int, int] = BoundedCache(entries=3, size=10)
    model: OrderedDict[int, int] = OrderedDict()
    for key, size in steps:
        if size is None:
            assert cache.get(key) == model.get(key)
            if key in model:
                model.move_to_end(key)
        else:
            cache.put(key, size, size=size)
            model.pop(key, None)
            model[key] = size
            while len(model) > 3 or sum(model.values()) > 10:
                model.popitem(last=False)
        assert (len(cache), cache.size) == (len(model), sum(model.values()))


def test_a_value_larger_than_the_cache_is_not_kept_and_pushes_nothing_out() -> None:
    cache: BoundedCache[str, int] = BoundedCache(entries=3, size=10)
    cache.put("a", 1, size=10)
    cache.put("b", 2, size=11)
    assert (cache.get("a"), cache.get("b")) == (1, None)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("{", Code.GRAPHQL_PARSE_FAILED, "Syntax Error: Expected Name, found <EOF>."),
        ("query { hello", Code.GRAPHQL_PARSE_FAILED, "Syntax Error"),
        ('{ echo(text: "\\x") }', Code.GRAPHQL_PARSE_FAILED, "Invalid character escape sequence"),
        ("{ nope }", Code.GRAPHQL_VALIDATION_FAILED, "Cannot query field 'nope' on type 'Query'."),
        ("{ patch(patch: {size: null}) }", Code.GRAPHQL_VALIDATION_FAILED, "cannot be explicitly set to null"),
        ("{ find(ref: {}) { __typename } }", Code.GRAPHQL_VALIDATION_FAILED, "must specify exactly one key"),
        ("{ find(ref: {id: $x}) { __typename } }", Code.GRAPHQL_VALIDATION_FAILED, "Variable '$x' is not defined."),
        (
            "fragment F on Query { find(ref: {id: $x}) { __typename } } { ...F }",
            Code.GRAPHQL_VALIDATION_FAILED,
            "Variable '$x' is not defined",
        ),
        (
            "query ($x: ID) { find(ref: {id: $x}) { __typename } }",
            Code.GRAPHQL_VALIDATION_FAILED,
            "must be non-nullable",
        ),
        ("subscription { greetings throwing }", Code.GRAPHQL_VALIDATION_FAILED, "only one top level field"),
        (
            "{ ...F } fragment F on Query { ...F }",
            Code.GRAPHQL_VALIDATION_FAILED,
            "Cannot spread fragment 'F' within itself.",
        ),
        ("type T { a: Int }", Code.GRAPHQL_VALIDATION_FAILED, "not executable"),
    ],
)
def test_a_bad_document_is_told_what_is_wrong(text: str, code: Code, said: str) -> None:
    problem = problems(text)[0]
    assert problem.code is code
    assert said in problem.message.en
    assert problem.locations


@pytest.mark.parametrize(
    ("text", "limits", "limit"),
    [
        ("{ hello " + " " * 100 + "}", {"document_characters": 100}, "document_characters"),
        ("{ a: hello b: hello }", {"tokens": 7}, "tokens"),
        ("{ hello #\n#\n}", {"comments": 1}, "comments"),
        ("{ echo(json: " + "[" * 300 + "]" * 300 + ") }", {}, "nesting"),
        ("{ a: hello }", {"aliases": 0}, "aliases"),
    ],
)
def test_a_document_above_a_limit_is_told_which(text: str, limits: dict[str, int], limit: str) -> None:
    (problem,) = problems(text, **limits)
    assert problem.code is Code.QUERY_TOO_COMPLEX
    assert problem.extensions["limit"] == limit
    assert problem.extensions["found"] > problem.extensions["maximum"]


def test_a_document_exactly_at_the_limits_is_allowed() -> None:
    assert prepare("{ a: hello b: hello }", tokens=8, document_characters=21, comments=0)


def test_one_mistyped_name_is_answered_with_a_suggestion() -> None:
    (problem,) = problems("{ helo }")
    assert "Did you mean 'hello'" in problem.message.en


def test_many_mistyped_names_are_answered_with_none_and_only_the_first_few_are_reported() -> None:
    found = problems("{ " + " ".join(f"helo{number}" for number in range(50)) + " }", errors=5)
    assert len(found) == 6
    assert not any("Did you mean" in problem.message.en for problem in found)
    assert "Too many validation errors" in found[-1].message.en


def test_a_message_that_quotes_the_request_is_cut() -> None:
    (problem, *_) = problems('{ patch(patch: {nope: "' + "x" * 10_000 + '"}) }')
    assert len(problem.message.en) < 600


def test_a_fragment_with_a_one_of_variable_may_stand_before_its_operation() -> None:
    document = prepare("fragment F on Query { find(ref: {key: $x}) { __typename } } query ($x: String!) { ...F }")
    assert list(document.operations) == [None]


def test_the_operation_is_chosen_by_its_name() -> None:
    document = prepare("query A { hello } mutation B { noop } subscription C { greetings }")
    kinds = {name: document.operation(name).kind for name in ("A", "B", "C")}
    assert kinds == {"A": OperationType.QUERY, "B": OperationType.MUTATION, "C": OperationType.SUBSCRIPTION}


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("query A { hello } query B { hello }", None, "say in operationName which: A, B"),
        ("query A { hello }", "C", "no operation named 'C'; it has: A"),
        ("{ hello }", "C", "none has a name"),
    ],
)
def test_an_operation_that_is_not_there_is_refused(text: str, name: str | None, said: str) -> None:
    with pytest.raises(Fault, match=said) as caught:
        prepare(text).operation(name)
    assert caught.value.code is Code.BAD_REQUEST


def test_what_selects_only_the_schema_is_known_as_introspection() -> None:
    assert prepare("{ __schema { types { name } } __typename }").operation(None).is_introspection
    assert not prepare("{ __typename hello }").operation(None).is_introspection
    assert not prepare("query ($s: Boolean!) { __typename @skip(if: $s) }").operation(None).is_introspection


TOKENS = [
    "{",
    "}",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "=",
    "@",
    "$x",
    "$x:",
    "$y",
    "...",
    "on",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "F",
    "G",
    "hello",
    "items",
    "nodes",
    "first",
    "find",
    "ref",
    "patch",
    "id",
    "key",
    "size",
    "name",
    "colour",
    "null",
    "true",
    "1",
    '"s"',
    "Query",
    "Item",
    "Reference",
    "Patch",
    "Int",
    "String",
    "__typename",
    "__schema",
    "@skip(if:true)",
    "{key:$x}",
    "{id:null}",
    "ref:{id:$x}",
    "{...F}",
    "...F",
    "...on",
    "fragment",
]
PIECES = [
    "query ($x: String!) { find(ref: {key: $x}) { ...F } }",
    "fragment F on FindResult { ... on Item { id parts { name } } __typename }",
    "{ patch(patch: {name: null, size: 1}) items(first: 2) { edges { node { id } } } }",
    "subscription S { greetings }",
    "mutation M { noop }",
]


@st.composite
def nearly_valid(draw: st.DrawFn) -> str:
    """Valid documents with words taken out, put in and exchanged."""
    words = " ".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4))).split(" ")
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(words)))
        words[place : place + draw(st.integers(0, 2))] = draw(st.lists(st.sampled_from(TOKENS), max_size=2))
    return " ".join(words)


@settings(max_examples=300, deadline=None)
@given(nearly_valid() | st.lists(st.sampled_from(TOKENS)).map(" ".join) | st.text())
def test_any_text_is_a_document_or_is_refused_with_a_code_of_documents(text: str) -> None:
    codes = {Code.GRAPHQL_PARSE_FAILED, Code.GRAPHQL_VALIDATION_FAILED, Code.QUERY_TOO_COMPLEX}
    try:
        assert prepare(text).operations
    except Refused as refused:
        codes = {problem.code for problem in refused.problems} - codes
        json.dumps([problem.formatted("r", "en") for problem in refused.problems])
    else:
        codes = set()
    assert codes == set()


def test_what_is_selected_is_kept_for_as_many_combinations_of_conditions_as_allowed() -> None:
    selections = prepare(
        "query ($a: Boolean!, $b: Boolean!, $c: Boolean!) { a: hello @skip(if: $a) ...F } " + FRAGMENT
    ).selections
    variables = [dict(zip("abc", values, strict=True)) for values in product((True, False), repeat=3)]
    first = [selections.under(values) for values in variables]
    again = [selections.under(values) for values in variables]
    assert [one is other for one, other in zip(first, again, strict=True)] == [True] * MOST_HELD + [False] * (
        8 - MOST_HELD
    )
    assert len({id(found) for found in first}) == 8


def test_a_document_without_conditions_is_read_in_one_way() -> None:
    selections = prepare("{ hello @include(if: true) }").selections
    assert selections.under({"name": "x"}) is selections.under({})


def test_right_variables_are_coerced_and_others_left_to_graphql_core() -> None:
    [operation] = parse("query ($a: Int, $b: Int = 3, $c: [Int!]!) { hello }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = OperationVariables(toy.schema._schema, operation, {})
    coerced = variables.coerced({"b": 1, "c": 2, "unknown": 5})
    assert coerced is not None
    assert coerced.coerced == {"b": 1, "c": [2]}
    for sent in ({"c": [2]}, {"b": 1}, {"b": 1, "c": None}, {"b": "x", "c": []}, {"b": 1, "c": [None]}):
        assert variables.coerced(sent) is None
