"""Resolvers compiled once per schema: what Strawberry works out anew for every call is worked out when the schema is built.

Strawberry converts arguments by resolving the type and the GraphQL name of every field of every input each time, which took a quarter
of a mutation. Here a converter is made per type, and the resolver that the schema calls is the user's own function around it. The same
values come out (a test compares the two on every input of the schema); fields with extensions or permission classes are left alone.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLObjectType
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.types.maybe import Some
from strawberry.types.unset import UNSET

__all__ = ["compile_resolvers", "converter"]

Convert = Callable[[Any], Any]

DEFINITION = "strawberry-definition"


def compile_resolvers(schema: strawberry.Schema) -> None:
    """Replace the resolvers of a schema's fields by compiled ones, where that changes nothing but the time they take."""
    converters: dict[Any, Convert] = {}
    for type_ in schema._schema.type_map.values():  # noqa: SLF001  # Strawberry offers no other way to graphql-core's schema
        if isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                definition = field.extensions.get(DEFINITION)
                if isinstance(definition, StrawberryField) and _is_plain(definition):
                    field.resolve = _compiled(field, definition, schema.config, converters)


def converter(type_: Any, config: StrawberryConfig, known: dict[Any, Convert]) -> Convert:
    """A function from the coerced GraphQL value of a type to what a resolver gets."""
    if isinstance(type_, LazyType):
        return converter(type_.resolve_type(), config, known)
    if isinstance(type_, StrawberryMaybe):
        return _maybe(type_, config, known)
    if isinstance(type_, StrawberryOptional):
        return _unless_absent(converter(type_.of_type, config, known))
    if isinstance(type_, StrawberryList):
        item = converter(type_.of_type, config, known)
        return _unless_absent(list if item is _as_it_is else lambda values: [item(value) for value in values])
    if has_object_definition(type_):
        if type_ not in known:
            known[type_] = _later(type_, known)
            known[type_] = _unless_absent(_input(type_, config, known))
        return known[type_]
    return _as_it_is


def _is_plain(field: StrawberryField) -> bool:
    return field.base_resolver is not None and not field.extensions and not field.is_subscription


def _compiled(
    field: GraphQLField, definition: StrawberryField, config: StrawberryConfig, known: dict[Any, Convert]
) -> Callable[..., Any]:
    """The resolver of a field: arguments converted, `self`, `root` and `info` passed where the function asks for them."""
    resolver = definition.base_resolver
    if resolver is None:
        raise TypeError(f"{definition.python_name} has no resolver")
    arguments = {
        config.name_converter.from_argument(argument): (
            str(argument.python_name),
            converter(argument.type, config, known),
        )
        for argument in definition.arguments
    }
    wrapped: Any = resolver.wrapped_func
    function, info_class = getattr(wrapped, "__func__", wrapped), config.info_class
    takes_self = resolver.self_parameter is not None
    info_name = None if resolver.info_parameter is None else resolver.info_parameter.name
    roots = [
        parameter.name for parameter in (resolver.parent_parameter, resolver.root_parameter) if parameter is not None
    ]

    def resolve(source: Any, info: Any, **given: Any) -> Any:
        values = {}
        for name, value in given.items():
            python_name, convert = arguments[name]
            values[python_name] = convert(value)
        for root in roots:
            values[root] = source
        if info_name is not None:
            values[info_name] = info_class(_raw_info=info, _field=definition)
        return function(source, **values) if takes_self else function(**values)

    return resolve


def _maybe(type_: StrawberryMaybe, config: StrawberryConfig, known: dict[Any, Convert]) -> Convert:
    inner = converter(type_.of_type, config, known)
    if isinstance(type_.of_type, StrawberryOptional):
        return lambda value: Some(inner(value))

    def convert(value: Any) -> Any:
        if value is None:
            raise StrawberryInputCoercionError("This cannot be explicitly set to null; leave it out instead.")
        return Some(inner(value))

    return convert


def _input(type_: Any, config: StrawberryConfig, known: dict[Any, Convert]) -> Convert:
    """A function from the coerced value of an input type to an instance of its class."""
    definition = type_.__strawberry_definition__
    fields = {
        config.name_converter.from_field(field): (
            field.python_name,
            converter(field.resolve_type(type_definition=definition), config, known),
        )
        for field in definition.fields
    }
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }

    def convert(value: Any) -> Any:
        values = dict(absent)
        for name, given in value.items():
            python_name, inner = fields[name]
            values[python_name] = inner(given)
        return type_(**values)

    return convert


def _later(type_: Any, known: dict[Any, Convert]) -> Convert:
    """What an input that contains itself uses inside itself: the converter that is still being made."""

    def convert(value: Any) -> Any:
        return known[type_](value)

    return convert


def _as_it_is(value: Any) -> Any:
    return value


def _unless_absent(convert: Convert) -> Convert:
    if convert is _as_it_is:
        return convert
    return lambda value: value if value is None or value is UNSET else convert(value)
