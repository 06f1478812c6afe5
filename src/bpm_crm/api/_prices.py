"""What each field of the schema costs, read once from the schema and the declared costs."""

from collections.abc import Mapping
from statistics import fmean
from typing import NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_interface_type,
    is_list_type,
    is_object_type,
)

from bpm_crm.api._limits import Limits

__all__ = ["FieldCost", "FieldPrice", "price_list"]


class FieldCost(NamedTuple):
    """The declared cost of a field: `weight` for the field itself, `size` = items of a bounded list (None: the default)."""

    weight: int = 1
    size: int | None = None


class FieldPrice(NamedTuple):
    """How a field's cost is reckoned from that of its selection. The defaults are those of a field the schema does not have."""

    weight: int = 1
    times: int = 1
    """Items of the list the field is; 1 for other fields and for the lists inside a connection, whose size is known outside."""
    is_list: bool = False
    is_paged: bool = False
    """The field has `first` or `last`."""
    is_in_page: bool = False
    """The field is a list inside a connection: `nodes`, `edges`."""
    type: GraphQLNamedType | None = None


def price_list(
    schema: GraphQLSchema, costs: Mapping[str, FieldCost], limits: Limits
) -> dict[GraphQLNamedType, dict[str, FieldPrice]]:
    """Price every field of every object and interface type.

    `costs` is keyed by `Type.field`. Raises ValueError for a key that names no field.
    """
    declared = {**_introspection_costs(schema), **costs}
    connections = _connections(schema)
    prices: dict[GraphQLNamedType, dict[str, FieldPrice]] = {}
    for type_ in schema.type_map.values():
        if is_object_type(type_) or is_interface_type(type_):
            prices[type_] = {
                name: _price(field, declared.pop(f"{type_.name}.{name}", FieldCost()), type_ in connections, limits)
                for name, field in type_.fields.items()
            }
    if unknown := declared.keys() & costs.keys():
        raise ValueError(
            f"costs declared for fields the schema does not have: {', '.join(sorted(unknown))}; use Type.field"
        )
    return prices


def _price(field: GraphQLField, cost: FieldCost, in_connection: bool, limits: Limits) -> FieldPrice:
    is_list = is_list_type(get_nullable_type(field.type))
    is_in_page = is_list and in_connection
    times = limits.list_size if cost.size is None else cost.size
    return FieldPrice(
        weight=cost.weight,
        times=times if is_list and not is_in_page else 1,
        is_list=is_list,
        is_paged=_is_paged(field),
        is_in_page=is_in_page,
        type=get_named_type(field.type),
    )


def _is_paged(field: GraphQLField) -> bool:
    return "first" in field.args or "last" in field.args


def _connections(schema: GraphQLSchema) -> set[GraphQLNamedType]:
    """Types that a paged field returns without being a list itself."""
    return {
        get_named_type(field.type)
        for type_ in schema.type_map.values()
        if is_object_type(type_) or is_interface_type(type_)
        for field in type_.fields.values()
        if _is_paged(field) and not is_list_type(get_nullable_type(field.type))
    }


def _introspection_costs(schema: GraphQLSchema) -> dict[str, FieldCost]:
    """Declare the lists of introspection as long as they are in this schema on the average."""
    types = list(schema.type_map.values())
    outputs = [type_ for type_ in types if is_object_type(type_) or is_interface_type(type_)]
    fields = [field for type_ in outputs for field in type_.fields.values()]
    sizes = {
        "__Schema.types": len(types),
        "__Schema.directives": len(schema.directives),
        "__Type.fields": _mean([len(type_.fields) for type_ in outputs]),
        "__Type.inputFields": _mean(
            [len(type_.fields) for type_ in types if isinstance(type_, GraphQLInputObjectType)]
        ),
        "__Type.enumValues": _mean([len(type_.values) for type_ in types if isinstance(type_, GraphQLEnumType)]),
        "__Type.interfaces": 1,
        "__Type.possibleTypes": 4,
        "__Field.args": _mean([len(field.args) for field in fields]),
        "__Directive.args": 2,
        "__Directive.locations": 4,
    }
    return {name: FieldCost(size=size) for name, size in sizes.items()}


def _mean(lengths: list[int]) -> int:
    return max(1, round(fmean(lengths))) if lengths else 1
