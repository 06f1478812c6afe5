"""Readers: functions that make the answer of plain fields from the objects they hang on, without graphql-core's care for each field.

A reader takes a value and gives what graphql-core would make of it, or raises: `Unplain`, or whatever an attribute or a conversion raises.
Then graphql-core resolves the field anew and tells what is wrong. Objects that were `strawberry.cast` to another type are not looked for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLID, GraphQLInt, GraphQLLeafType, GraphQLString
from graphql.pyutils import Undefined
from strawberry.types.field import StrawberryField

from bpm_crm.api.selections import LOADED_AS

__all__ = ["FieldReader", "Read", "Unplain", "fields_of", "getter", "leaf", "list_of", "nullable", "object_by_class"]

Read = Callable[[Any], Any]

_LEAST_INT, _MOST_INT = -(2**31), 2**31 - 1
_COERCED = {str, int, bool, float, Decimal, UUID, date, datetime, timedelta, dict, list}
"""What scalars are made of, enums apart: nothing that could be awaited or raised."""


class Unplain(Exception):
    """A value is not of the kind that its field promises."""


class FieldReader(NamedTuple):
    """How a field of a selection is read from an object: `read(get(object))`, under `name` in the answer."""

    name: str
    get: Read
    read: Read


def getter(definition: StrawberryField) -> Read | None:
    """What gives the value of a field without arguments from its object; None where its resolver has to be called."""
    if definition.extensions:
        return None
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(str(definition.python_name)) if definition.default_resolver is getattr else None
    if LOADED_AS in definition.metadata:
        return attrgetter(definition.metadata[LOADED_AS])
    if resolver.is_async or resolver.self_parameter is None or len(resolver.signature.parameters) > 1:
        return None
    wrapped: Any = resolver.wrapped_func
    function: Read = getattr(wrapped, "__func__", wrapped)
    return function


def leaf(type_: GraphQLLeafType, *, is_required: bool) -> Read:
    """Reads a scalar or an enum."""

    def other(value: Any) -> Any:
        if value is None and not is_required:
            return None
        if type(value) not in _COERCED and not isinstance(value, Enum):
            raise Unplain
        coerced = type_.coerce_output_value(value)
        if coerced is None or coerced is Undefined:
            raise Unplain
        return coerced

    if type_ is GraphQLString or type_ is GraphQLID:
        return lambda value: value if type(value) is str else other(value)
    if type_ is GraphQLInt:
        return lambda value: value if type(value) is int and _LEAST_INT <= value <= _MOST_INT else other(value)
    if type_ is GraphQLBoolean:
        return lambda value: value if value is True or value is False else other(value)
    if isinstance(type_, GraphQLEnumType):
        names = _names(type_)
        return lambda value: names.get(id(value)) or other(value)
    return other


def list_of(item: Read) -> Read:
    """Reads a list of what `item` reads; no other iterable, for some can be gone through only once."""

    def read(values: Any) -> list[Any]:
        if type(values) is not list and type(values) is not tuple:
            raise Unplain
        return [item(value) for value in values]

    return read


def nullable(read: Read) -> Read:
    """Reads None as it is, and by `read` what is there."""
    return lambda value: None if value is None else read(value)


def fields_of(fields: Sequence[FieldReader]) -> Read:
    """Reads the fields of an object."""
    fields = tuple(fields)

    def read(source: Any) -> dict[str, Any]:
        answer = {}
        for name, get, value in fields:
            answer[name] = value(get(source))
        return answer

    return read


def object_by_class(readers: Mapping[int, Read]) -> Read:
    """Reads objects by the Strawberry definition of their class; `readers` are by the `id` of definitions."""
    known: dict[type, Read] = {}

    def read(value: Any) -> Any:
        found = known.get(type(value))
        if found is None:
            found = known[type(value)] = _of_class(type(value), readers)
        return found(value)

    return read


def _of_class(class_: type, readers: Mapping[int, Read]) -> Read:
    found = readers.get(id(getattr(class_, "__strawberry_definition__", None)))
    if found is None or issubclass(class_, (Exception, Awaitable)):
        raise Unplain
    return found


def _names(type_: GraphQLEnumType) -> dict[int, str]:
    """The names of the members of an enum by the `id`s of the members, which live as long as their class."""
    members: Any = getattr(type_, "wrapped_cls", ())
    return {id(member): type_.coerce_output_value(member) for member in members}
