"""Variables coerced by functions made once for each input type; graphql-core finds out what a type is for each value anew.

Only values that are right are coerced here; of others graphql-core says what is wrong. Their depth has been checked by the guard.
"""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import Undefined, is_iterable
from graphql.utilities.coerce_input_value import coerce_default_value

__all__ = ["Coerce", "OperationVariables", "coercion"]

Coerce = Callable[[Any], Any]
"""From a JSON value to the value graphql-core makes of it; `Undefined` where it is wrong."""


class OperationVariables:
    """The variables of one operation; `known` are the coercions of the schema's types made so far."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode, known: dict[str, Coerce]) -> None:
        signatures = [get_variable_signature(schema, node) for node in operation.variable_definitions or ()]
        self._variables = [
            (signature, coercion(signature.type, known))
            for signature in signatures
            if isinstance(signature, GraphQLVariableSignature)
        ]

    def coerced(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The values as graphql-core has them; None where one is wrong or has to be made of a default in the document."""
        sources = {item.name: VariableValueSource(item, given.get(item.name, Undefined)) for item, _ in self._variables}
        coerced: dict[str, Any] = {}
        for signature, coerce in self._variables:
            name = signature.name
            if name in given:
                try:
                    coerced[name] = coerce(given[name])
                except Exception:  # noqa: BLE001  # graphql-core says what is wrong
                    return None
            elif signature.default is not None or is_non_null_type(signature.type):
                return None
        return None if any(value is Undefined for value in coerced.values()) else VariableValues(sources, coerced)


def coercion(type_: GraphQLInputType, known: dict[str, Coerce]) -> Coerce:
    """What coerces values of an input type; `known` has those of named types, and gets those that are made."""
    if is_non_null_type(type_):
        inner = coercion(type_.of_type, known)
        return lambda value: Undefined if value is None else inner(value)
    if is_list_type(type_):
        return _list(coercion(type_.of_type, known))
    name: str = type_.name  # type: ignore[union-attr]  # whatever is left has one
    if name not in known:
        if is_leaf_type(type_):
            known[name] = _leaf(type_.coerce_input_value)
        else:
            known[name] = _later(name, known)  # for inputs that contain themselves
            known[name] = _object(type_, known)  # type: ignore[arg-type]  # of input types this is what is left
    return known[name]


def _later(name: str, known: Mapping[str, Coerce]) -> Coerce:
    def coerced(value: Any) -> Any:
        return known[name](value)

    return coerced


def _leaf(coerce: Coerce) -> Coerce:
    def coerced(value: Any) -> Any:
        if value is None:
            return None
        try:
            return coerce(value)
        except Exception:  # noqa: BLE001  # whatever it is, the value is wrong
            return Undefined

    return coerced


def _list(item: Coerce) -> Coerce:
    def coerced(value: Any) -> Any:
        if value is None:
            return None
        found = []
        for each in value if is_iterable(value) else (value,):
            made = item(each)
            if made is Undefined:
                return Undefined
            found.append(made)
        return found

    return coerced


def _object(type_: GraphQLInputObjectType, known: dict[str, Coerce]) -> Coerce:
    fields = type_.fields
    members = [
        (
            name,
            field.out_name or name,
            coercion(field.type, known),
            is_required_input_field(field),
            coerce_default_value(field),
        )
        for name, field in fields.items()
    ]

    def coerced(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or not fields.keys() >= value.keys():
            return Undefined
        found: dict[str, Any] = {}
        for name, out_name, coerce, is_required, default in members:
            if name in value:
                made = coerce(value[name])
                if made is Undefined:
                    return Undefined
                found[out_name] = made
            elif is_required:
                return Undefined
            elif default is not Undefined:
                found[out_name] = default
        return type_.out_type(found) if fits(found) else Undefined

    def fits(found: dict[str, Any]) -> bool:
        return not type_.is_one_of or (len(found) == 1 and None not in found.values())

    return coerced
