"""Plain fields read around the executor give what graphql-core gives, errors included, on random documents over objects with all that can be wrong."""

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NewType

import pytest
import strawberry
from graphql import GraphQLError, Undefined, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig

from bpm_crm.api import _executor
from bpm_crm.api._resolvers import compile_resolvers

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


async def answered(schema: strawberry.Schema, text: str, node: Node) -> tuple[Any, list[Any]]:
    """The data and the errors, in the order of their paths."""
    executor: Any = _executor.FastExecutor.build(
        schema._schema,
        parse(text),
        root_value=node,
        is_awaitable=optimized_is_awaitable,
        operation_extensions={},
    )
    result: Any = executor.execute_operation()
    if optimized_is_awaitable(result):
        result = await result
    await asyncio.sleep(0)  # what was begun beside a failure is settled

    def told(error: GraphQLError) -> tuple[Any, ...]:
        return str(error.path), error.message, error.locations

    return result.data, sorted(map(told, result.errors or ()))


@strawberry.type
class Query:
    @strawberry.field
    def node(self, root: strawberry.Parent[Any]) -> Node:
        """The node."""
        return root  # type: ignore[no-any-return]  # it is what was given as the root


@pytest.mark.parametrize("seed", range(3))
async def test_plain_fields_are_answered_as_graphql_core_answers_them(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    config = StrawberryConfig(scalar_map={Money: strawberry.scalar(name="Money", serialize=str)})
    schema = strawberry.Schema(Query, config=config)
    compile_resolvers(schema)
    rng = random.Random(seed)
    failed = plain = 0
    for _ in range(40):
        node, text = a_node(rng, rng.choice((0, 0.04))), f"{{ node {{ {a_selection(rng)} }} }}"
        found = await answered(schema, text, node)
        with monkeypatch.context() as patched:
            patched.setattr(_executor, "plain_value", lambda _field, _source: Undefined)
            expected = await answered(schema, text, node)
        assert found == expected, text
        assert str(found[0]) == str(expected[0])
        failed += bool(found[1])
        plain += not found[1]
    assert min(failed, plain) > 5
