"""What a document selects below its fields, worked out once for each document, and how the plain parts of that are read."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLString,
    Node,
    VariableNode,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails, GroupedFieldSet
from strawberry.types.field import StrawberryField

from bpm_crm.api._readers import (
    Expression,
    FieldReader,
    Read,
    constant,
    getter,
    leaf,
    list_of,
    nullable,
    object_by_class,
    reader_of_field,
    reader_of_object,
    reader_of_value,
)
from bpm_crm.api._resolvers import DEFINITION

__all__ = ["Collect", "DocumentSelections", "SelectedFields"]

MOST_HELD = 4
"""For more combinations of conditions than these, what is selected is worked out anew each time."""

Collect = Callable[[GraphQLObjectType, list[FieldDetails]], CollectedFields]
"""graphql-core's way to find the fields below a field."""


class DocumentSelections:
    """What a document selects, kept for as long as it is: once for each combination of the values of the variables in its directives.

    `most` is for how many combinations that is kept.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._conditions = _conditions(document)
        self.most = MOST_HELD if self._conditions else 1
        self._held: dict[tuple[Any, ...], SelectedFields] = {}

    def under(self, variables: Mapping[str, Any]) -> "SelectedFields":
        """What is selected with these coerced variables."""
        key = tuple(variables.get(name) for name in self._conditions)
        found = self._held.get(key)
        if found is None:
            found = SelectedFields(self._schema)
            if len(self._held) < self.most:
                self._held[key] = found
        return found


class SelectedFields:
    """The selections below the fields of one document, for variables that decide its directives alike.

    A field is plain when it is an attribute, a sync method without arguments, or one whose value a look-ahead may have loaded, and all that
    is selected below it is plain. Readers are kept by the `id` of what graphql-core collected, and made when they are first asked for.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._collected: dict[tuple[Any, ...], CollectedFields] = {}
        self._objects: dict[int, Callable[[], Read]] = {}
        self._fields: dict[int, FieldReader] = {}
        self._alone: dict[int, Read] = {}
        self._values: dict[tuple[int, ...], Read | None] = {}

    def below(self, type_: GraphQLObjectType, details: list[FieldDetails], collect: Collect) -> CollectedFields:
        """The fields below a field whose object is of that type. Raises GraphQLError as `collect` does."""
        key = (type_, *[id(item.node) for item in details])
        found = self._collected.get(key)
        if found is None:
            found = self._collected[key] = collect(type_, details)
            self._compile(type_, found.grouped_field_set, collect)
        return found

    def of_field(self, details: list[FieldDetails]) -> Read | None:
        """Reads a field from its object; None where it is not plain. `details` are as `below` gave them."""
        read, field = self._alone.get(id(details)), self._fields.get(id(details))
        if read is None and field is not None:
            read = self._alone[id(details)] = reader_of_field(field)
        return read

    def of_value(self, type_: GraphQLOutputType, details: list[FieldDetails], collect: Collect) -> Read | None:
        """Reads a value of a type that a resolver gave, and all below it; None where not all is plain, or only the value itself is."""
        if is_leaf_type(type_) or is_non_null_type(type_):
            return None
        key = (id(type_), *[id(item.node) for item in details])
        if key not in self._values:
            read = self._value(type_, details, collect)
            self._values[key] = None if read is None else reader_of_value(read)
        return self._values[key]

    def _compile(self, type_: GraphQLObjectType, selection: GroupedFieldSet, collect: Collect) -> None:
        fields = []
        for name, details in selection.items():
            field = self._field(type_, name, details, collect)
            if field is not None:
                self._fields[id(details)] = field
                fields.append(field)
        if len(fields) == len(selection):
            self._objects[id(selection)] = cache(partial(reader_of_object, type_.name, fields))

    def _field(
        self, type_: GraphQLObjectType, name: str, details: list[FieldDetails], collect: Collect
    ) -> FieldReader | None:
        node = details[0].node
        if node.name.value == "__typename":
            return FieldReader(name, constant(type_.name), leaf(GraphQLString, is_required=True))
        field = self._schema.get_field(type_, node.name.value)
        definition = None if field is None else field.extensions.get(DEFINITION)
        if field is None or field.args or node.arguments or not isinstance(definition, StrawberryField):
            return None
        get = getter(definition)
        read = None if get is None else self._value(field.type, details, collect)
        return None if get is None or read is None else FieldReader(name, get, read)

    def _value(
        self, type_: GraphQLOutputType, details: list[FieldDetails], collect: Collect, *, is_required: bool = False
    ) -> Expression | None:
        """Reads a value of a type with what is selected below it; None where not all of that is plain."""
        if is_non_null_type(type_):
            return self._value(type_.of_type, details, collect, is_required=True)
        if is_leaf_type(type_):
            return leaf(type_, is_required=is_required)
        if is_list_type(type_):
            item = self._value(type_.of_type, details, collect)
            read = None if item is None else list_of(item)
        else:
            read = self._object(type_, details, collect)
        return read if read is None or is_required else nullable(read)

    def _object(self, type_: GraphQLOutputType, details: list[FieldDetails], collect: Collect) -> Expression | None:
        """Reads an object of a type, or of one of the types of an interface or a union."""
        definition: Any = getattr(type_, "extensions", {}).get(DEFINITION)
        if is_object_type(type_):
            types = [type_]
        elif is_abstract_type(type_) and getattr(definition, "resolve_type", None) is None:
            types = list(self._schema.get_possible_types(type_))
        else:
            return None
        readers = {}
        for possible in types:
            of_type: Any = possible.extensions.get(DEFINITION)
            make = self._selection(possible, details, collect)
            if of_type is not None and of_type.is_type_of is None and make is not None:
                readers[id(of_type)] = make
        return object_by_class(readers) if readers else None

    def _selection(
        self, type_: GraphQLObjectType, details: list[FieldDetails], collect: Collect
    ) -> Callable[[], Read] | None:
        try:
            selection = self.below(type_, details, collect).grouped_field_set
        except GraphQLError:  # no condition to go by: graphql-core says so where there is an object to be asked
            return None
        return self._objects.get(id(selection))


def _conditions(document: DocumentNode) -> tuple[str, ...]:
    """The variables in the directives of a document."""
    found: set[str] = set()
    nested: list[Node] = list(document.definitions)
    while nested:
        node = nested.pop()
        for directive in getattr(node, "directives", None) or ():
            values = (given.value for given in directive.arguments or ())
            found.update(value.name.value for value in values if isinstance(value, VariableNode))
        selection = getattr(node, "selection_set", None)
        nested.extend(selection.selections if selection is not None else ())
    return tuple(sorted(found))
