"""Walks over the schema: selections, literals and places made from its types, so that a new field is met by old tests."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from bpm_crm.api.schema import build_schema

SCHEMA: GraphQLSchema = build_schema()._schema
ROOTS = {"Query": SCHEMA.query_type, "Mutation": SCHEMA.mutation_type, "Subscription": SCHEMA.subscription_type}
INSTANT = '"2026-11-02T00:00:00Z"'
LITERALS = {
    "Int": "1",
    "Boolean": "true",
    "DateTime": INSTANT,
    "Date": '"2026-11-02"',
    "Duration": '"PT1H"',
    "Decimal": '"1"',
    "JSON": "{}",
    "PhoneNumber": '"+79990000001"',
    "EmailAddress": '"a@example.com"',
}
WHOLE = {"PeriodInput": '{from: "2020-01-01T00:00:00Z", to: "2199-01-01T00:00:00Z"}'}
REQUIRED_ONE = {"InstanceRef": ("id", '"x"')}
"""Inputs of which exactly one member is given: the one that stands for them."""


def root_fields(*roots: str) -> Iterator[tuple[str, str, GraphQLField]]:
    """(operation, name, field) of every root field."""
    for root in roots or ROOTS:
        type_ = ROOTS[root]
        assert type_ is not None
        for name, field in type_.fields.items():
            yield root.lower(), name, field


def own_types() -> Iterator[Any]:
    """Every type of the schema that is not part of introspection."""
    for type_ in SCHEMA.type_map.values():
        if not is_introspection_type(type_):
            yield type_


def literal(type_: Any) -> str:
    """The shortest literal of an input type."""
    if isinstance(type_, GraphQLNonNull):
        return literal(type_.of_type)
    if isinstance(type_, GraphQLList):
        return f"[{literal(type_.of_type)}]"
    if isinstance(type_, GraphQLInputObjectType):
        return WHOLE.get(type_.name) or input_literal(type_, {})
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    return LITERALS.get(type_.name, '"x"')


def input_literal(type_: GraphQLInputObjectType, given: dict[str, str]) -> str:
    """The literal of an input object with these members and those it requires."""
    members = dict(given)
    if type_.name in REQUIRED_ONE and not given:
        members = dict((REQUIRED_ONE[type_.name],))
    for name, member in type_.fields.items():
        if name not in members and is_required_input_field(member):
            members[name] = literal(member.type)
    return "{" + ", ".join(f"{name}: {value}" for name, value in members.items()) + "}"


def arguments(field: GraphQLField, given: dict[str, str]) -> str:
    """The arguments of a field: these, and those it requires."""
    values = dict(given)
    for name, argument in field.args.items():
        if name not in values and is_required_argument(argument):
            values[name] = literal(argument.type)
    return f"({', '.join(f'{name}: {value}' for name, value in values.items())})" if values else ""


def selection(type_: Any, depth: int, first: int = 3) -> str:
    """Every field down to a depth; deeper ones only where they are values. Empty for values themselves."""
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        return "{ __typename " + " ".join(_members(named.types, depth, first)) + " }"
    chosen = _chosen(named, depth, first)
    if isinstance(named, GraphQLInterfaceType):
        chosen += _members(SCHEMA.get_implementations(named).objects, depth, first)
    return "{ " + " ".join(chosen) + " }"


def _chosen(named: Any, depth: int, first: int) -> list[str]:
    chosen = ["__typename"]
    for name, field in named.fields.items():
        page = arguments(field, {"first": str(first)} if "first" in field.args else {})
        if is_leaf_type(get_named_type(field.type)):
            chosen.append(name + page)
        elif depth > 1:
            chosen.append(f"{name}{page} {selection(field.type, depth - 1, first)}")
    return chosen


def _members(members: Sequence[GraphQLObjectType], depth: int, first: int) -> list[str]:
    """The selections of the members of a union; what two of them call by one name and give as different types gets an alias."""
    shown = []
    for member in members:
        body = _chosen(member, depth, first)
        for name, field in member.fields.items():
            if any(str(other.fields[name].type) != str(field.type) for other in members if name in other.fields):
                body = [
                    f"{member.name}_{name}: {text}" if text.split("(")[0].split(" ")[0] == name else text
                    for text in body
                ]
        shown.append(f"... on {member.name} {{ {' '.join(body)} }}")
    return shown


def operation(kind: str, name: str, field: GraphQLField, given: dict[str, str], depth: int = 1) -> str:
    """An operation that asks for one root field."""
    return f"{kind} {{ {name}{arguments(field, given)} {selection(field.type, depth)} }}"


def leaves(
    type_: Any, build: Callable[[str], str], path: tuple[str, ...], around: tuple[str, ...] = ()
) -> Iterator[Any]:
    """(path, scalar, literal of the whole for a literal of the leaf) for every value inside an input type, each type entered once."""
    nullable = get_nullable_type(type_)
    if is_list_type(nullable):
        yield from leaves(nullable.of_type, lambda value: build(f"[{value}]"), path, around)
        return
    if not isinstance(nullable, GraphQLInputObjectType):
        yield path, nullable, build
        return
    if nullable.name in around:
        return
    for name, member in nullable.fields.items():

        def member_build(value: str, name: str = name) -> str:
            return build(input_literal(nullable, {name: value}))

        yield from leaves(member.type, member_build, (*path, name), (*around, nullable.name))


def slots(field: GraphQLField) -> Iterator[tuple[tuple[str, ...], Any, Callable[[str], str]]]:
    """(path, scalar, arguments for a literal) for every value that can be sent with a field."""
    for name, argument in field.args.items():

        def build(value: str, name: str = name) -> str:
            return arguments(field, {name: value})

        yield from leaves(argument.type, build, (name,))
