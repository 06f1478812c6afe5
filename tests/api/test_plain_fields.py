"""Plain fields read around the executor give what graphql-core gives, errors included, on random documents over objects with all that can be wrong."""

import asyncio
import random
import traceback
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NewType

import orjson
import pytest
import strawberry
from graphql import DocumentNode, FieldNode, GraphQLError, GraphQLObjectType, OperationDefinitionNode, parse
from graphql.execution.collect_fields import FieldDetails
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from bpm_crm.api import _selected_fields
from bpm_crm.api._executor import FastExecutor
from bpm_crm.api._readers import FieldReader, constant, leaf, reader_of_field
from bpm_crm.api._resolvers import compile_resolvers
from bpm_crm.api._selected_fields import SelectedFields
from tests.api.random_documents import CONDITIONS, Making, Selecting, is_attribute
from tests.api.stage import Stage
from tests.api.walking import SCHEMA, arguments, own_types, root_fields

Money = NewType("Money", Decimal)
DEEPEST = 3


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Wrong(Exception):
    """What a resolver fails with."""


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Node(Named):
    size: int
    weight: float | None
    colour: Colour | None
    at: datetime | None
    price: Money | None
    kind: str | None
    left: "Node | None"
    nodes: list["Node"]
    values: strawberry.Private[dict[str, Any]]

    @strawberry.field
    def plain(self) -> int:
        """A method that may fail, or give what is no number."""
        return self._given("plain")

    @strawberry.field
    def child(self) -> "Leaf":
        """An object that must be there."""
        return self._given("child")

    @strawberry.field
    async def later(self) -> "Node | None":
        """An object that is waited for."""
        return self.left

    @strawberry.field
    def times(self, by: int = 2) -> int | None:
        """A method with an argument."""
        return self.size * by

    def _given(self, name: str) -> Any:
        value = self.values[name]
        if isinstance(value, Wrong):
            raise value
        return value


@strawberry.type
class Leaf:
    text: str
    number: int | None

    @strawberry.field
    def other(self) -> str | None:
        """A method of a plain object."""
        return self.text.upper()

    @strawberry.field
    async def slow(self) -> int | None:
        """What is waited for below a plain object."""
        return self.number


def a_node(rng: random.Random, faults: float, depth: int = DEEPEST) -> Node:
    """A node of which now and then something is wrong."""

    def one(right: Any, *wrong: Any) -> Any:
        return rng.choice(wrong) if rng.random() < faults else right

    leaf = Leaf(text=one("leaf", None, Wrong("leaf")), number=one(3, None, "x", 2**40))
    return Node(
        name=one("node", None, Wrong("name")),
        size=one(7, None, "seven", 1.5, Wrong("size")),
        weight=one(0.5, None, "heavy"),
        colour=one(Colour.RED, None, "green"),
        at=one(datetime(2026, 9, 1, tzinfo=UTC), None, 5),
        price=one(Money(Decimal("1.50")), None),
        kind=one(None, "kind", 8),
        left=one(a_node(rng, faults, depth - 1), None, Wrong("left")) if depth else None,
        nodes=[a_node(rng, faults, depth - 1) for _ in range(rng.randrange(3))] if depth > 1 else [],
        values={"plain": one(4, None, "four", Wrong("plain")), "child": one(leaf, None, Wrong("child"), "leaf")},
    )


def a_selection(rng: random.Random, depth: int = DEEPEST) -> str:
    """Fields of a node: with other names, twice, and on conditions."""
    leaves = ["name", "size", "weight", "colour", "at", "price", "kind", "plain", "times", "times(by: 3)", "__typename"]
    fields = [
        f"a{number}: {name}" if rng.random() < 0.6 else name.partition("(")[0]
        for number, name in enumerate(rng.sample(leaves, 4))
    ]
    fields.append("child { text other" + rng.choice((" slow", " number", " number slow", "")) + " }")
    below = rng.sample(["left", "nodes", "later"], 2) if depth else []
    fields.extend(f"{name} {{ {a_selection(rng, depth - 1)} }}" for name in below)
    if rng.random() < 0.3:
        fields.append("... on Named { name }" if rng.random() < 0.5 else "size @skip(if: true) kind @include(if: true)")
    rng.shuffle(fields)
    return " ".join(fields)


def built_by(executor: Any, schema: Any, document: DocumentNode, **options: Any) -> Any:
    """An executor of that class."""
    return executor.build(
        schema, document, is_awaitable=optimized_is_awaitable, operation_extensions={}, hide_suggestions=True, **options
    )


def told(error: GraphQLError) -> tuple[Any, ...]:
    """Where an error is, and what it says."""
    return error.path, error.message, error.locations, type(error.original_error)


async def settled() -> None:
    """What was begun beside a failure is settled."""
    for _ in range(3):
        await asyncio.sleep(0)


async def answered(executor: Any, schema: strawberry.Schema, text: str, node: Node) -> tuple[bytes, list[Any]]:
    """The bytes of the data, and the errors in their order."""
    built = built_by(executor, schema._schema, parse(text), root_value=node)
    result: Any = built.execute_operation()
    if optimized_is_awaitable(result):
        result = await result
    await settled()
    return orjson.dumps(result.data), [told(error) for error in result.errors or ()]


@strawberry.type
class Query:
    @strawberry.field
    def node(self, root: strawberry.Parent[Any]) -> Node:
        """The node."""
        return root  # type: ignore[no-any-return]  # it is what was given as the root


@pytest.mark.parametrize("seed", range(3))
async def test_plain_fields_are_answered_as_by_strawberry(seed: int) -> None:
    config = StrawberryConfig(scalar_map={Money: strawberry.scalar(name="Money", serialize=str)})
    schema = strawberry.Schema(Query, config=config)
    compile_resolvers(schema)
    rng = random.Random(seed)
    failed = plain = 0
    for _ in range(40):
        node, text = a_node(rng, rng.choice((0, 0.04))), f"{{ node {{ {a_selection(rng)} }} }}"
        found = await answered(FastExecutor, schema, text, node)
        assert found == await answered(StrawberryGraphQLCoreExecutionContext, schema, text, node), text
        failed += bool(found[1])
        plain += not found[1]
    assert min(failed, plain) > 5


def objects() -> list[GraphQLObjectType]:
    """The types of the schema that objects can be made of."""
    return [
        type_
        for type_ in own_types()
        if isinstance(type_, GraphQLObjectType) and any(map(is_attribute, type_.fields.values()))
    ]


async def compared(seeds: range) -> tuple[int, int]:
    """How many random selections from random objects of the real schema were answered without an error, and with one: as by Strawberry."""
    right = wrong = 0
    types = objects()
    for seed in seeds:
        rng = random.Random(seed)
        type_, faults, resolvers = rng.choice(types), rng.choice((0, 0.02, 0.1)), rng.choice((0, 0, 0.05))
        text = Selecting(rng, resolvers).of(type_, depth=4)

        async def answer(
            executor: Any, seed: int = seed, type_: Any = type_, faults: float = faults, text: str = text
        ) -> Any:
            source = Making(random.Random(seed), faults).object(type_, depth=4)
            return await answered_from(executor, type_, text, source)

        found, expected = await answer(FastExecutor), await answer(StrawberryGraphQLCoreExecutionContext)
        assert found == expected, f"{seed}: {type_.name} {text}"
        right += not found[1]
        wrong += bool(found[1])
    return right, wrong


async def answered_from(executor: Any, type_: GraphQLObjectType, text: str, source: Any) -> tuple[bytes, list[Any]]:
    """The bytes of what is selected from an object, and the errors in their order."""
    document = parse(f"query ($yes: Boolean!, $no: Boolean!) {{ x {text} }}")
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    [field] = operation.selection_set.selections
    assert isinstance(field, FieldNode)
    built = built_by(executor, SCHEMA, document, raw_variable_values=CONDITIONS)
    path, details = Path(None, "x", None), [FieldDetails(field, None)]
    try:
        selection = built.collect_subfields(type_, details).grouped_field_set
        data = built.execute_fields(type_, source, path, selection, None)
        if optimized_is_awaitable(data):
            data = await data
    except GraphQLError as error:
        built.collected_errors.add(error, path)
        data = None
    await settled()
    return orjson.dumps(data, default=lambda value: type(value).__name__), [
        told(error) for error in built.collected_errors.errors
    ]


async def test_random_selections_are_answered_as_by_strawberry() -> None:
    right, wrong = await compared(range(400))
    assert min(right, wrong) > 50


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(0, 10_000, 1_000))
async def test_ten_thousand_random_selections_are_answered_as_by_strawberry(begin: int) -> None:
    right, wrong = await compared(range(begin, begin + 1_000))
    assert min(right, wrong) > 100


async def agreed(stage: Stage, monkeypatch: pytest.MonkeyPatch, seeds: range) -> int:
    """How many random documents were answered with data, and the same without readers; those that tell the time are passed over."""
    agreeing = 0
    fields = list(root_fields("Query"))
    for seed in seeds:
        rng = random.Random(seed)
        _, name, field = rng.choice(fields)
        asked = arguments(field, {"first": "3"} if "first" in field.args else {})
        selection = Selecting(rng, resolvers=0.2).of(field.type, depth=4)
        text = (
            f"query ($yes: Boolean!, $no: Boolean!) {{ {name}{asked} @include(if: $yes) @skip(if: $no) {selection} }}"
        )

        async def answer(text: str) -> dict[str, Any]:
            found = await stage.api.ask(text, **CONDITIONS)
            for error in found.get("errors", ()):
                error["extensions"].pop("requestId")
            return found

        found = await answer(text)
        with monkeypatch.context() as patched:
            patched.setattr(SelectedFields, "_compile", lambda *_args: None)
            patched.setattr(SelectedFields, "of_value", lambda *_args: None)
            expected = await answer(f"{text} # without readers")
        if await answer(text) == found:
            assert found == expected, text
            assert orjson.dumps(found) == orjson.dumps(expected), text
            agreeing += found.get("data") is not None
    return agreeing


async def test_the_api_answers_random_documents_as_without_readers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await agreed(stage, monkeypatch, range(20)) > 8


@pytest.mark.slow
async def test_the_api_answers_many_random_documents_as_without_readers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await agreed(stage, monkeypatch, range(1_000, 1_600)) > 300


def test_a_traceback_shows_the_text_of_a_reader() -> None:
    read = reader_of_field(FieldReader("a", lambda source, _names: f"{source}.absent", constant(1)))
    with pytest.raises(AttributeError) as caught:
        read(object())
    assert "value = source.absent" in "".join(traceback.format_exception(caught.value))


async def test_a_reader_that_were_wrong_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(_selected_fields, "leaf", lambda type_, is_required: leaf(type_, is_required=False))
    with pytest.raises(AssertionError):
        await compared(range(200))
