"""Fields that need none of graphql-core's care: attributes, and sync methods without arguments, whose values are plain.

A list of some hundred figures has ten thousand of them, and for each graphql-core makes a path, a resolve info and a dozen checks. Whatever
is not as expected (an error, a null where there must be none, a value of another kind) is left to graphql-core, which begins that field anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any
from uuid import UUID

from graphql import GraphQLObjectType, GraphQLSchema, is_leaf_type, is_non_null_type, is_object_type
from graphql.execution.collect_fields import FieldDetails, GroupedFieldSet
from graphql.pyutils import Undefined
from graphql.type import specified_scalar_types
from strawberry.types.field import StrawberryField

from bpm_crm.api._resolvers import DEFINITION

__all__ = ["PlainField", "plain_fields", "plain_value"]

_EXACT = {"String": str, "ID": str, "Boolean": bool, "Int": int}
"""What graphql-core's own scalars give back as it is; integers where they fit 32 bits."""
_LEAST_INT, _MOST_INT = -(2**31), 2**31 - 1
_PLAIN = {str, int, bool, float, Decimal, UUID, date, datetime, timedelta}


@dataclass(slots=True)
class PlainField:
    """How a field of a selection is read: `get` its value (None: by graphql-core), and `coerce` it or execute it as an object of a type.

    Values of the type `exact` need no coercion. `selection` is what is asked of an object, once that was found.
    """

    name: str
    details: list[FieldDetails]
    get: Callable[[Any], Any] | None = None
    return_type: Any = None
    is_required: bool = False
    coerce: Callable[[Any], Any] | None = None
    object_type: GraphQLObjectType | None = None
    exact: type | None = None
    selection: GroupedFieldSet | None = None


def plain_fields(
    schema: GraphQLSchema, parent_type: GraphQLObjectType, selection: Mapping[str, list[FieldDetails]]
) -> list[PlainField]:
    """How each field of a selection is read."""
    return [_plain_field(schema, parent_type, name, details) for name, details in selection.items()]


def plain_value(field: PlainField, source: Any) -> Any:
    """The coerced value of a field, or the object; None where it may be none. `Undefined`: it is left to graphql-core."""
    if field.get is None:
        return Undefined
    try:
        value: Any = field.get(source)
        if value is None:
            return Undefined if field.is_required else None
        if field.coerce is None:
            return value if hasattr(type(value), "__strawberry_definition__") else Undefined
        if type(value) is field.exact and (not isinstance(value, int) or _LEAST_INT <= value <= _MOST_INT):
            return value
        coerced = field.coerce(value) if type(value) in _PLAIN or isinstance(value, Enum) else None
    except Exception:  # noqa: BLE001  # graphql-core begins the field anew, and tells of the error where it is
        return Undefined
    return Undefined if coerced is None else coerced


def _plain_field(
    schema: GraphQLSchema, parent_type: GraphQLObjectType, name: str, details: list[FieldDetails]
) -> PlainField:
    node = details[0].node
    field = schema.get_field(parent_type, node.name.value)
    definition = None if field is None else field.extensions.get(DEFINITION)
    if field is None or field.args or node.arguments or not isinstance(definition, StrawberryField):
        return PlainField(name, details)
    get, is_required = _getter(definition), is_non_null_type(field.type)
    inner: Any = field.type.of_type if is_non_null_type(field.type) else field.type
    if get is not None and is_leaf_type(inner):
        exact = _EXACT[inner.name] if specified_scalar_types.get(inner.name) is inner and inner.name in _EXACT else None
        return PlainField(name, details, get, field.type, is_required, inner.coerce_output_value, exact=exact)
    if get is not None and is_object_type(inner) and inner.is_type_of is None:
        return PlainField(name, details, get, field.type, is_required, object_type=inner)
    return PlainField(name, details)


def _getter(definition: StrawberryField) -> Callable[[Any], Any] | None:
    """What gives the value of a field from its object; None where Strawberry has to."""
    if definition.is_basic_field and definition.default_resolver is getattr:
        return attrgetter(str(definition.python_name))
    resolver = definition.base_resolver
    if resolver is None or definition.extensions or resolver.is_async or resolver.self_parameter is None:
        return None
    if len(resolver.signature.parameters) > 1:
        return None
    wrapped: Any = resolver.wrapped_func
    function: Callable[[Any], Any] = getattr(wrapped, "__func__", wrapped)
    return function
