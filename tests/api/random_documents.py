"""Random selections over the schema, and random objects that could answer them: right ones, and ones with something wrong."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.types.field import StrawberryField

from bpm_crm.api._resolvers import DEFINITION
from tests.api.walking import SCHEMA, arguments

LEAVES, OBJECTS = 6, 2
"""How many fields of each kind are selected at most."""
CONDITIONS = {"yes": True, "no": False}
AT = datetime(2026, 3, 1, tzinfo=UTC)


class Wrong(Exception):
    """A value that is an error."""


def is_attribute(field: GraphQLField) -> bool:
    """Whether a field is read from its object, without a resolver."""
    definition = field.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryField) and definition.base_resolver is None


class Selecting:
    """Makes selections: with aliases, twice, inside fragments, and on conditions. Resolvers are asked for with a probability."""

    def __init__(self, rng: random.Random, resolvers: float) -> None:
        self._rng = rng
        self._resolvers = resolvers
        self._aliases = 0

    def of(self, type_: Any, depth: int) -> str:
        """A selection of a type, in braces; empty for values."""
        named = get_named_type(type_)
        if is_leaf_type(named):
            return ""
        parts = ["__typename"] if self._chance(0.2) else []
        if not isinstance(named, GraphQLUnionType):
            parts += self._fields(named, depth, is_member=False)
        if isinstance(named, GraphQLUnionType | GraphQLInterfaceType):
            members = SCHEMA.get_possible_types(named)
            for member in self._rng.sample(members, min(3, len(members))):
                parts.append(f"... on {member.name} {{ {' '.join(self._fields(member, depth, is_member=True))} }}")
        self._rng.shuffle(parts)
        return "{ " + (" ".join(parts) or "__typename") + " }"

    def _fields(self, type_: Any, depth: int, *, is_member: bool) -> list[str]:
        """Some fields of a type, at least one; a member of a union gets aliases, for others may mean something else by a name."""
        asked = [name for name, field in type_.fields.items() if is_attribute(field) or self._chance(self._resolvers)]
        leaves = [name for name in asked if is_leaf_type(get_named_type(type_.fields[name].type))]
        objects = [name for name in asked if name not in leaves] if depth > 1 else []
        chosen = self._some(leaves, LEAVES) + self._some(objects, OBJECTS)
        return [self._field(type_, name, depth, is_member) for name in chosen] or ["__typename"]

    def _field(self, type_: Any, name: str, depth: int, is_member: bool) -> str:
        field = type_.fields[name]
        page = arguments(field, {"first": "3"} if "first" in field.args else {})
        alias = ""
        if is_member or self._chance(0.3):
            self._aliases += 1
            alias = f"a{self._aliases}: "
        text = f"{alias}{name}{page}{self._condition(0.05)} {self.of(field.type, depth - 1)}"
        if self._chance(0.1):
            text += f" {text}"
        if self._chance(0.1):
            text = f"...{self._condition(0.3)} {{ {text} }}"
        return text if not self._chance(0.05) else f"... on {type_.name} {{ {text} }}"

    def _condition(self, probability: float) -> str:
        if not self._chance(probability):
            return ""
        return self._rng.choice(
            (" @include(if: $yes)", " @include(if: $no)", " @skip(if: $no)", " @skip(if: $yes)", " @include(if: true)")
        )

    def _some(self, names: list[str], most: int) -> list[str]:
        return self._rng.sample(names, min(len(names), self._rng.randint(1, most)))

    def _chance(self, probability: float) -> bool:
        return self._rng.random() < probability


class Making:
    """Makes values of output types; `faults` is how probable it is that one is wrong."""

    def __init__(self, rng: random.Random, faults: float) -> None:
        self._rng = rng
        self._faults = faults

    def of(self, type_: Any, depth: int) -> Any:
        """A value of a type, with objects down to a depth and null or nothing deeper."""
        if self._rng.random() < self._faults:
            return self._wrong(type_, depth)
        if is_non_null_type(type_):
            return self._present(type_.of_type, depth)
        return None if self._rng.random() < 0.3 else self._present(type_, depth)

    def _present(self, type_: Any, depth: int) -> Any:
        if is_list_type(type_):
            is_deepest = depth <= 0 and not is_leaf_type(get_named_type(type_))
            return [self.of(type_.of_type, depth) for _ in range(0 if is_deepest else self._rng.randrange(4))]
        if is_leaf_type(type_):
            return self._leaf(type_)
        return self.object(self._rng.choice(SCHEMA.get_possible_types(type_)) if _is_abstract(type_) else type_, depth)

    def object(self, type_: GraphQLObjectType, depth: int) -> Any:
        """An object of a type, or of a class derived from its own, as views are."""
        origin = type_.extensions[DEFINITION].origin
        class_ = origin if self._rng.random() < 0.7 else type(f"{origin.__name__}View", (origin,), {})
        made = object.__new__(class_)
        for field in type_.fields.values():
            if is_attribute(field):
                setattr(made, field.extensions[DEFINITION].python_name, self.of(field.type, depth - 1))
        return made

    def _leaf(self, type_: Any) -> Any:
        choice = self._rng.choice
        if isinstance(type_, GraphQLEnumType):
            return choice(list(type_.wrapped_cls))  # type: ignore[attr-defined]  # an enum of Strawberry has it
        moment = AT + timedelta(seconds=self._rng.randrange(10**7), microseconds=choice((0, 7, 500_000)))
        return {
            "Int": choice((0, 1, -5, 2**31 - 1)),
            "Float": choice((0.5, -1e300, 3)),
            "Boolean": choice((True, False)),
            "DateTime": choice((moment, moment.astimezone(timezone(timedelta(hours=3))))),
            "Date": date(2026, 3, 1) + timedelta(days=self._rng.randrange(400)),
            "Duration": choice((1, -1)) * timedelta(seconds=self._rng.randrange(10**6)),
            "Decimal": Decimal(self._rng.randrange(-(10**6), 10**6)) / 1000,
            "JSON": choice(({"a": [1, None]}, [], "text", {}, 1.5, True)),
        }.get(type_.name, choice(("", "text", "текст", "a" * 40)))

    def _wrong(self, type_: Any, depth: int) -> Any:
        """What a field should not give: nothing, an error, another kind of value; or what only graphql-core can take."""
        right = self._present(type_.of_type if is_non_null_type(type_) else type_, depth)
        wrong = [None, Wrong("wrong"), 2**40, "wrong", 1.5, object, [right], {"a": 1}, _later(right)]
        wrong += [tuple(right), _each(right), _later(_each(right))] if isinstance(right, list) else []
        return self._rng.choice(wrong)


def _is_abstract(type_: Any) -> bool:
    return isinstance(type_, GraphQLInterfaceType | GraphQLUnionType)


def _each(values: list[Any]) -> Iterator[Any]:
    yield from values


class _later:  # noqa: N801  # used as a function
    """A value that is waited for, made so that nobody is warned of where it was not."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __await__(self) -> Iterator[Any]:
        yield
        if isinstance(self._value, Exception):
            raise self._value
        return self._value
