"""The guard: what it counts, what it refuses, and that it takes time linear in the length of a document."""

import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from graphql import GraphQLError, build_schema, get_introspection_query, parse, validate
from hypothesis import given
from hypothesis import strategies as st
from strawberry.extensions.max_aliases import create_validator as stock_limiter

from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.guard import Cost, FieldCost, Guard, Limits, check_variables
from tests.api import toy

SCHEMA = toy.schema._schema


def guard(**limits: int) -> Guard:
    return Guard(SCHEMA, Limits(**limits))


def cost(query: str, guard: Guard | None = None, **variables: object) -> Cost:
    (operation,) = (guard or Guard(SCHEMA, Limits())).examine(parse(query)).values()
    return operation.with_variables(variables)


def refusal(query: str, **limits: int) -> tuple[str, int, int]:
    """The name of the limit, its maximum, the value found."""
    with pytest.raises(GraphQLError) as caught:
        cost(query, guard(**limits))
    fault = caught.value.original_error
    assert isinstance(fault, Fault)
    assert fault.code is Code.QUERY_TOO_COMPLEX
    assert fault.extensions["limit"].replace("_", " ") in fault.message.en
    return fault.extensions["limit"], fault.extensions["maximum"], fault.extensions["found"]


def doubling(levels: int, last: str = "hello") -> str:
    """A chain of fragments each of which spreads the next one twice: 2 ** levels fields."""
    fragments = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return " ".join(["{ ...F0 }", *fragments, f"fragment F{levels} on Query {{ {last} }}"])


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("{ hello }", 1),
        ("{ hello __typename }", 2),
        ("{ hello a: hello ... { hello } }", 3),
        ("{ items(first: 10) { totalCount } }", 2),
        ("{ items(first: 10) { totalCount nodes { id name } } }", 1 + 1 + 1 + 10 * 2),
        ("{ items(last: 7) { edges { cursor node { id } } } }", 1 + 1 + 7 * (1 + 1 + 1)),
        ("{ items { nodes { id } } }", 1 + 1 + 50),
        ("{ items(first: null) { nodes { id } } }", 1 + 1 + 50),
        ("{ items(first: 100000) { nodes { id } } }", 1 + 1 + 200),
        ("{ items(first: 99999999999999999999999999) { nodes { id } } }", 1 + 1 + 200),
        ("{ items(first: -5) { nodes { id } } }", 1 + 1),
        ("{ items(first: 3, last: 4) { nodes { id } } }", 1 + 1 + 200),
        ("{ items(first: 10) { nodes { items(first: 20) { nodes { id } } } } }", 2 + 10 * (1 + 1 + 20)),
        ("{ parts { name } }", 1 + 5),
        ("{ parts { parts { name } } }", 1 + 5 * (1 + 5)),
        ("{ items(first: 5) { ...Page } } fragment Page on ItemConnection { totalCount nodes { id } }", 1 + 1 + 1 + 5),
        ('{ find(ref: {key: "k"}) { ... on Item { id } ... on NotFound { message } } }', 3),
        ("mutation { noop }", 1),
        ("subscription { greetings }", 1),
    ],
)
def test_a_field_costs_its_weight_times_the_sizes_of_the_lists_around_it(query: str, total: int) -> None:
    assert cost(query).total == total


@pytest.mark.parametrize(
    ("default", "variables", "size"),
    [
        ("", {"n": 7}, 7),
        ("", {}, 50),
        ("", {"n": None}, 50),
        (" = 3", {}, 3),
        (" = 3", {"n": 9}, 9),
        ("", {"n": 5000}, 200),
        ("", {"n": -1}, 0),
        ("", {"n": "7"}, 200),
    ],
)
def test_a_page_size_may_come_from_a_variable(default: str, variables: dict[str, object], size: int) -> None:
    query = f"query ($n: Int{default}) {{ items(first: $n) {{ ...Page }} }} fragment Page on ItemConnection {{ nodes {{ id items(first: $n) {{ nodes {{ id }} }} }} }}"
    assert cost(query, **variables).total == 1 + 1 + size * (1 + 1 + 1 + size)


def test_a_cost_above_the_limit_is_refused_for_these_variables_and_not_for_others() -> None:
    (operation,) = guard(cost=100).examine(parse("query ($n: Int) { items(first: $n) { nodes { id } } }")).values()
    assert operation.with_variables({"n": 98}).total == 100
    with pytest.raises(GraphQLError, match=r"cost is 101, at most 100 is allowed\. Ask for smaller pages"):
        operation.with_variables({"n": 99})


def test_declared_costs_weigh_fields_and_size_bounded_lists() -> None:
    costs = {"Query.hello": FieldCost(weight=100), "Query.parts": FieldCost(weight=5, size=3)}
    declared = Guard(SCHEMA, Limits(), costs)
    assert cost("{ hello }", declared).total == 100
    assert cost("{ parts { name } }", declared).total == 5 + 3


def test_a_cost_declared_for_a_field_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Query\.nope"):
        Guard(SCHEMA, Limits(), {"Query.nope": FieldCost()})


@pytest.mark.parametrize(
    ("limits", "allowed", "refused", "found"),
    [
        ({"depth": 3}, "{ items { nodes { id } } }", "{ items { nodes { parts { name } } } }", 4),
        (
            {"depth": 3},
            "{ items { ...P } } fragment P on ItemConnection { nodes { id } }",
            "{ items { ...P } } fragment P on ItemConnection { nodes { parts { name } } }",
            4,
        ),
        ({"fields": 3}, "{ hello a: hello b: hello }", "{ hello ... { a: hello b: hello } }", 4),
        ({"fields": 11}, doubling(2), doubling(3), 22),
        ({"root_fields": 2}, "{ hello __typename }", "{ hello ...F } fragment F on Query { a: hello b: hello }", 3),
        ({"aliases": 2}, "{ a: hello b: hello hello }", "{ a: hello parts { b: name c: name } }", 3),
        ({"repeats": 2}, "{ hello hello a: hello }", "{ hello ... { hello } ... on Query { hello } }", 3),
        (
            {"repeats": 2},
            "{ ...F ...F } fragment F on Query { hello }",
            "{ ...F ...F ...F } fragment F on Query { hello }",
            3,
        ),
        (
            {"directives": 2},
            "{ hello @skip(if: false) a: hello @skip(if: false) }",
            "query @a { hello @b ... @c { hello } }",
            3,
        ),
        ({"directives_at_one_place": 1}, "{ hello @a }", "{ hello @a @a }", 2),
        ({"directives_at_one_place": 1}, "query ($a: Int @a) { hello }", "query ($a: Int @a @b) { hello }", 2),
        ({"operations": 1}, "{ hello }", "query A { hello } query B { hello }", 2),
        (
            {"fragments": 1},
            "{ hello } fragment F on Query { hello }",
            "{ hello } fragment F on Query { hello } fragment G on Query { hello }",
            2,
        ),
        ({"variables": 1}, "query ($a: Int) { hello }", "query ($a: Int, $b: Int) { hello }", 2),
        ({"literal_depth": 2}, "{ echo(json: [{a: 1}]) }", "{ echo(json: [{a: [1]}]) }", 3),
        ({"literal_depth": 2}, "{ hello @a(b: [[1]]) }", "{ hello @a(b: [[[1]]]) }", 3),
        ({"literal_depth": 2}, "query ($a: Int = [[1]]) { hello }", "query ($a: Int = [[[1]]]) { hello }", 3),
        ({"cost": 51}, "{ items(first: 49) { nodes { id } } }", "{ items(first: 50) { nodes { id } } }", 52),
    ],
)
def test_each_limit_allows_its_value_and_refuses_the_next(
    limits: dict[str, int], allowed: str, refused: str, found: int
) -> None:
    guard(**limits).examine(parse(allowed))
    ((name, maximum),) = limits.items()
    assert refusal(refused, **limits) == (name, maximum, found)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(GraphQLError) as caught:
        cost("query Board {\n  items {\n    nodes { id }\n  }\n}", guard(depth=2))
    assert "depth in query Board is 3" in caught.value.message
    assert [(place.line, place.column) for place in caught.value.locations or ()] == [(3, 13)]


@pytest.mark.parametrize(
    "query",
    [
        "{ ...Nowhere }",
        "{ ...F } fragment F on Query { ...F hello }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { ...F hello }",
        "{ hello } fragment F on Nowhere { a { b } }",
        "{ nope(first: 3) { nope { nope } } ... on Nowhere { nope } }",
        "{ ...F } fragment F on Query { hello } fragment F on Query { hello }",
        "mutation { nope { nope } } subscription { a { b } }",
        "type Query { a: Int }",
        "{ }",
        "query ($n: Nope = {a: 1}) { items(first: $unknown, last: $n) { nodes { id } } }",
        "query A { hello } query A { hello } { hello } { hello }",
        "{ __schema(first: $n) { nope { nope } } }",
    ],
)
def test_a_document_that_is_not_valid_is_left_to_validation(query: str) -> None:
    document = parse(query)
    for operation in Guard(SCHEMA, Limits()).examine(document).values():
        operation.with_variables({})
    assert validate(SCHEMA, document) or query == "{ }"


def test_the_fullest_standard_introspection_is_allowed_and_costs_no_data() -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
    )
    found = cost(query)
    assert found.total == 1
    assert found.introspection > 1_000
    assert found.depth == 15


LARGE = build_schema(
    "type Query { hello: String } "
    + " ".join(f"type T{n} {{ {' '.join(f'f{m}(a: Int): T{m}' for m in range(20))} }}" for n in range(100))
)
BIT = "possibleTypes { "


@pytest.mark.parametrize(
    "bomb",
    [
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        '{ __type(name: "Query") { ' + "fields { type { " * 6 + "name" + " } }" * 6 + " } }",
        "{ "
        + " ".join(f"a{n}: __schema {{ types {{ fields {{ args {{ name description }} }} }} }}" for n in range(60))
        + " }",
        f"{{ __schema {{ types {{ ...T }} }} }} fragment T on __Type {{ {BIT * 10} name {'}' * 10} }}",
    ],
)
def test_introspection_bombs_are_refused(bomb: str) -> None:
    with pytest.raises(GraphQLError, match="introspection is"):
        Guard(LARGE, Limits()).examine(parse(bomb))


@pytest.mark.parametrize("last", ["hello", "", "items { nodes { id } }"])
def test_a_bomb_of_nested_fragments_is_refused(last: str) -> None:
    assert refusal(doubling(60, last))[0] == "fields"


def calls(work: Callable[[], object]) -> int:
    """How many functions are called: a measure of time without the noise of the machine."""
    count = 0

    def notice(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(notice)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


SIZES = ("page_size", "maximum_page_size", "list_size")
UNLIMITED = Guard(SCHEMA, Limits(**dict.fromkeys((name for name in Limits.__slots__ if name not in SIZES), 10**9)))


def test_strawberrys_limiter_takes_twice_as_long_for_each_level_of_fragments_and_the_guard_does_not() -> None:
    """The negative control: the stock limiter shows that these documents are bombs."""

    def ours(levels: int) -> int:
        document = parse(doubling(levels))
        return calls(lambda: UNLIMITED.examine(document))

    def theirs(levels: int) -> int:
        document = parse(doubling(levels))
        return calls(lambda: validate(SCHEMA, document, [stock_limiter(5)]))

    assert theirs(13) > 6 * theirs(10)
    assert ours(13) < 1.5 * ours(10)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Documents of fields, inline fragments, spreads and arguments, valid or not: fragments may be undefined, unused or cyclic."""
    names = [f"F{number}" for number in range(draw(st.integers(0, 8)))]
    leaves = st.sampled_from(
        [
            "hello",
            "a: hello",
            "__typename",
            "nope",
            "echo(json: [{a: [1]}])",
            "hello @skip(if: true)",
            *(f"...{name}" for name in [*names, "Undefined"]),
        ]
    )
    heads = st.sampled_from(
        [
            "items",
            "items(first: 3)",
            "items(first: $n)",
            "nodes",
            "parts",
            "... on Query",
            "...",
            "b: edges",
            "__schema",
        ]
    )
    selections = st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda head, body: f"{head} {{ {' '.join(body)} }}", heads, st.lists(inner, min_size=1, max_size=6)
        ),
        max_leaves=30,
    )
    sets = st.lists(selections, min_size=1, max_size=8).map(" ".join)
    fragments = [
        f"fragment {name} on {draw(st.sampled_from(['Query', 'Item', 'ItemConnection', 'Nope']))} {{ {draw(sets)} }}"
        for name in names
    ]
    return " ".join([f"query ($n: Int) {{ {draw(sets)} }}", *fragments])


@given(documents())
def test_the_guard_takes_time_linear_in_the_length_of_any_document(query: str) -> None:
    document = parse(query)

    def work() -> None:
        for operation in UNLIMITED.examine(document).values():
            operation.with_variables({"n": 5})

    def examine() -> None:
        with suppress(GraphQLError):  # a refusal only makes it shorter
            work()

    assert calls(examine) < 200 + 12 * len(query)


@given(documents())
def test_the_guard_answers_with_costs_or_a_refusal_to_any_document(query: str) -> None:
    document = parse(query)
    refused = None
    try:
        for operation in Guard(SCHEMA, Limits()).examine(document).values():
            operation.with_variables({"n": 5})
    except GraphQLError as error:
        refused = error.original_error
    assert refused is None or isinstance(refused, Fault)


@pytest.mark.parametrize(
    ("variables", "limit"),
    [
        ({"a": [[[[1]]]]}, "variable_depth"),
        ({"a": {"b": {"c": {"d": {}}}}}, "variable_depth"),
        ({"a": list(range(10))}, "variable_values"),
    ],
)
def test_deep_or_many_values_in_variables_are_refused(variables: dict[str, object], limit: str) -> None:
    with pytest.raises(GraphQLError) as caught:
        check_variables(variables, Limits(variable_depth=3, variable_values=10))
    assert isinstance(caught.value.original_error, Fault)
    assert caught.value.original_error.extensions["limit"] == limit


def test_variables_within_the_limits_are_allowed() -> None:
    check_variables({"a": [[[1]]], "b": {"c": {"d": 1}}, "e": None}, Limits(variable_depth=3, variable_values=10))
