"""Readers: functions, written for a selection, that make the answer of plain fields from the objects they hang on.

A reader takes a value and gives what graphql-core would make of it, or raises: `Unplain`, or whatever an attribute or a conversion raises.
Then graphql-core resolves the field anew and tells what is wrong. Objects that were `strawberry.cast` to another type are not looked for.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLID, GraphQLInt, GraphQLLeafType, GraphQLString
from graphql.pyutils import Undefined
from strawberry.types.field import StrawberryField

from bpm_crm.api.selections import LOADED_AS

__all__ = [
    "Expression",
    "FieldReader",
    "Names",
    "Read",
    "Unplain",
    "constant",
    "getter",
    "leaf",
    "list_of",
    "nullable",
    "object_by_class",
    "reader_of_field",
    "reader_of_object",
    "reader_of_value",
]

Read = Callable[[Any], Any]

_LEAST_INT, _MOST_INT = -(2**31), 2**31 - 1
_COERCED = {str, int, bool, float, Decimal, UUID, date, datetime, timedelta, dict, list}
"""What scalars are made of, enums apart: nothing that could be awaited or raised."""


class Unplain(Exception):
    """A value is not of the kind that its field promises."""


class Names:
    """The names that the text of a function refers to; its globals, which show the text to debuggers and tracebacks."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"__name__": __name__, "__loader__": self}
        self._text = ""

    def of(self, value: Any) -> str:
        """A name for a value."""
        name = f"f{len(self.values)}"
        self.values[name] = value
        return name

    def function(self, title: str, lines: Sequence[str]) -> Read:
        """The function of a `source` that has these lines."""
        self._text = "\n    ".join(("def read(source):", *lines)) + "\n"
        exec(compile(self._text, f"reader of {title}", "exec"), self.values)  # noqa: S102  # made of names of the schema
        found: Read = self.values["read"]
        return found

    def get_source(self, _module: str) -> str:
        """The text, where linecache asks for it."""
        return self._text


Expression = Callable[[str, Names], str]
"""Writes the expression that reads a value, which has a name."""


class FieldReader(NamedTuple):
    """How a field of a selection is read from an object, and under which name it stands in the answer."""

    name: str
    get: Expression
    read: Expression


def constant(value: Any) -> Expression:
    """Reads what is always the same."""
    return lambda _value, _names: repr(value)


def getter(definition: StrawberryField) -> Expression | None:
    """What gives the value of a field without arguments from its object; None where its resolver has to be called."""
    if definition.extensions:
        return None
    resolver = definition.base_resolver
    if resolver is None:
        return _attribute(str(definition.python_name)) if definition.default_resolver is getattr else None
    if LOADED_AS in definition.metadata:
        return _attribute(definition.metadata[LOADED_AS])
    if resolver.is_async or resolver.self_parameter is None or len(resolver.signature.parameters) > 1:
        return None
    wrapped: Any = resolver.wrapped_func
    return _call(getattr(wrapped, "__func__", wrapped))


@lru_cache(maxsize=1_000)
def leaf(type_: GraphQLLeafType, *, is_required: bool) -> Expression:
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
        return lambda value, names: f"{value} if type({value}) is str else {names.of(other)}({value})"
    if type_ is GraphQLInt:
        fits = "type({0}) is int and {1} <= {0} <= {2}"
        return lambda value, names: (
            f"{value} if {fits.format(value, _LEAST_INT, _MOST_INT)} else {names.of(other)}({value})"
        )
    if type_ is GraphQLBoolean:
        return lambda value, names: f"{value} if {value} is True or {value} is False else {names.of(other)}({value})"
    if isinstance(type_, GraphQLEnumType):
        known = _names(type_)
        return lambda value, names: f"{names.of(known.get)}(id({value})) or {names.of(other)}({value})"
    return _call(other)


def list_of(item: Expression) -> Expression:
    """Reads a list of what `item` reads; no other iterable but a tuple, for some can be gone through only once."""

    def checked(values: Any) -> Any:
        if type(values) is not list and type(values) is not tuple:
            raise Unplain
        return values

    return lambda value, names: f"[{item('item', names)} for item in {names.of(checked)}({value})]"


def nullable(read: Expression) -> Expression:
    """Reads None as it is, and by `read` what is there."""
    return lambda value, names: f"None if {value} is None else {read(value, names)}"


def object_by_class(readers: Mapping[int, Callable[[], Read]]) -> Expression:
    """Reads objects by the Strawberry definition of their class; what makes their readers is by the `id` of definitions."""
    known: dict[type, Read] = {}

    def learn(class_: type) -> Read:
        found = readers.get(id(getattr(class_, "__strawberry_definition__", None)))
        if found is None or issubclass(class_, (Exception, Awaitable)):
            raise Unplain
        known[class_] = found()
        return known[class_]

    return lambda value, names: f"({names.of(known.get)}(type({value})) or {names.of(learn)}(type({value})))({value})"


def reader_of_object(type_name: str, fields: Sequence[FieldReader]) -> Read:
    """A function that reads the fields of an object."""
    names, lines = Names(), ["answer = {}"]
    for field in fields:
        lines.append(f"value = {field.get('source', names)}")
        lines.append(f"answer[{field.name!r}] = {field.read('value', names)}")
    return names.function(type_name, [*lines, "return answer"])


def reader_of_field(field: FieldReader) -> Read:
    """A function that reads one field of an object."""
    names = Names()
    return names.function(field.name, [f"value = {field.get('source', names)}", f"return {field.read('value', names)}"])


def reader_of_value(read: Expression) -> Read:
    """A function that reads a value."""
    names = Names()
    return names.function("a value", [f"return {read('source', names)}"])


@lru_cache(maxsize=1_000)
def _attribute(name: str) -> Expression:
    return lambda source, _names: f"{source}.{name}"


def _call(function: Read) -> Expression:
    return lambda value, names: f"{names.of(function)}({value})"


def _names(type_: GraphQLEnumType) -> dict[int, str]:
    """The names of the members of an enum by the `id`s of the members, which live as long as their class."""
    members: Any = getattr(type_, "wrapped_cls", ())
    return {id(member): type_.coerce_output_value(member) for member in members}
