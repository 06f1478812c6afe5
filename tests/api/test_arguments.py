"""The compiled coercions and converters of arguments give what graphql-core and Strawberry give, for every argument of the real schema."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    is_required_input_field,
)
from graphql.utilities import coerce_input_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.field import StrawberryField

from bpm_crm.api._resolvers import DEFINITION, converter
from bpm_crm.api._variables import Coerce, coercion
from bpm_crm.api.scalars import SCALARS
from bpm_crm.api.schema import build_schema
from tests.api import toy
from tests.api.walking import own_types

schema = build_schema()
CONFIG: StrawberryConfig = schema.config
EXAMPLES = 15
DEEPEST = 3
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
SCALAR_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "String": st.text(max_size=8),
    "ID": st.text(max_size=8) | st.integers(0, 99),
    "Int": st.integers(-(2**31), 2**31 - 1),
    "Float": st.floats(allow_nan=False, allow_infinity=False),
    "Boolean": st.booleans(),
    "DateTime": st.datetimes(timezones=st.timezones())
    .map(lambda at: at.isoformat())
    .filter(lambda at: at[:4] > "0002"),
    "Date": st.dates().map(str),
    "Duration": st.integers(1, 10_000).map("PT{}M".format),
    "Decimal": st.decimals(-1000, 1000, places=2).map(str),
    "JSON": json_values,
    "PhoneNumber": st.integers(0, 9_999_999).map("+7999{:07}".format),
    "EmailAddress": st.integers(0, 99).map("a{}@example.com".format),
}


def values(type_: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Valid JSON values of an input type; beyond a depth, optional members are left out."""
    if isinstance(type_, GraphQLNonNull):
        return given_values(type_.of_type, depth)
    return st.none() | given_values(type_, depth)


def given_values(type_: Any, depth: int) -> st.SearchStrategy[Any]:
    """Values that are not null."""
    if isinstance(type_, GraphQLList):
        return st.lists(values(type_.of_type, depth), max_size=3)
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from(list(type_.values))
    if not isinstance(type_, GraphQLInputObjectType):
        return SCALAR_VALUES[type_.name]
    if type_.is_one_of:
        return st.sampled_from(sorted(type_.fields)).flatmap(
            lambda name: given_values(type_.fields[name].type, depth + 1).map(lambda value: {name: value})
        )
    required = {name: member for name, member in type_.fields.items() if is_required_input_field(member)}
    optional = (
        {} if depth >= DEEPEST else {name: member for name, member in type_.fields.items() if name not in required}
    )
    return st.fixed_dictionaries(
        {name: values(member.type, depth + 1) for name, member in required.items()},
        optional={name: st.deferred(later(member.type, depth + 1)) for name, member in optional.items()},
    )


def later(type_: Any, depth: int) -> Callable[[], st.SearchStrategy[Any]]:
    return lambda: values(type_, depth)


def spoilt(value: Any, rng: random.Random) -> Any:
    """A JSON value with something in it replaced, left out or added; it may still be right."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(sorted(value))
        others = {key: item for key, item in value.items() if key != name}
        return rng.choice((others, {**value, "unknown": 1}, {**others, name: spoilt(value[name], rng)}))
    if isinstance(value, list) and value and rng.random() < 0.8:
        return [spoilt(value[0], rng), *value[1:]]
    return rng.choice((None, "spoilt", -1, 2**40, 1.5, True, [], {}, [value], {"unknown": value}))


Place = tuple[GraphQLArgument, StrawberryArgument]


def places() -> dict[str, Place]:
    """Every argument of every field whose resolver is compiled, with what Strawberry knows of it."""
    found: dict[str, Place] = {}
    for type_ in own_types():
        for name, field in getattr(type_, "fields", {}).items() if isinstance(type_, GraphQLObjectType) else ():
            definition = field.extensions.get(DEFINITION)
            if isinstance(definition, StrawberryField):
                arguments = {CONFIG.name_converter.from_argument(item): item for item in definition.arguments}
                found |= {f"{type_.name}.{name}({key}:)": (field.args[key], arguments[key]) for key in field.args}
    return found


PLACES = places()
COERCIONS: dict[str, Coerce] = {}


def outcome(convert: Callable[[], Any]) -> Any:
    """What a conversion gives, or the kind of error it raises."""
    try:
        return convert()
    except Exception as error:  # noqa: BLE001  # both are to fail in the same way
        return type(error)


@pytest.mark.parametrize("place", PLACES)
def test_both_conversions_give_equal_arguments(place: str) -> None:
    argument, known = PLACES[place]
    compiled = converter(known.type, CONFIG, {})

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(values(argument.type), st.randoms(use_true_random=False))
    def check(sent: Any, rng: random.Random) -> None:
        for some in (sent, spoilt(sent, rng)):
            assert outcome(lambda: coercion(argument.type, COERCIONS)(some)) == outcome(  # noqa: B023  # called at once
                lambda: coerce_input_value(some, argument.type)  # noqa: B023  # same
            )
        coerced = outcome(lambda: coerce_input_value(sent, argument.type))
        if coerced is Undefined or isinstance(coerced, type):
            return
        theirs = outcome(lambda: convert_argument(coerced, known.type, schema.schema_converter.scalar_registry, CONFIG))
        ours = outcome(lambda: compiled(coerced))
        assert ours == theirs
        assert type(ours) is type(theirs)

    check()


def test_every_argument_of_the_schema_is_compared() -> None:
    """Those of fields that Strawberry resolves itself would be missing here, and are none."""
    written = {
        f"{type_.name}.{name}({key}:)"
        for type_ in own_types()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        for key in field.args
    }
    assert set(PLACES) == written
    assert len(written) > 50


def test_every_scalar_has_values_to_try() -> None:
    assert {definition.name for definition in SCALARS.values()} <= set(SCALAR_VALUES)


@pytest.mark.parametrize(
    ("type_", "sent"),
    [
        (toy.Patch, {}),
        (toy.Patch, {"name": None}),
        (toy.Patch, {"name": "x", "size": 3}),
        (toy.Patch, {"size": None}),
        (toy.Reference, {"id": "1"}),
        (toy.Reference, {"key": None}),
    ],
)
def test_what_is_absent_differs_from_null_in_both(type_: Any, sent: dict[str, Any]) -> None:
    registry = toy.schema.schema_converter.scalar_registry
    theirs = outcome(lambda: convert_argument(sent, type_, registry, toy.schema.config))
    ours = outcome(lambda: converter(type_, toy.schema.config, {})(sent))
    assert ours == theirs


def test_a_converter_that_dropped_a_member_would_be_found() -> None:
    """The negative control."""
    argument, known = PLACES["Query.deals(where:)"]
    coerced = coerce_input_value({"key": {"eq": "x"}}, argument.type)
    assert coerced is not Undefined
    theirs = convert_argument(coerced, known.type, schema.schema_converter.scalar_registry, CONFIG)
    assert converter(known.type, CONFIG, {})({}) != theirs
