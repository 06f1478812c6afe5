"""The syntax tree of a guard expression, read from its checked form: what the prover of soundness reasons about."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bpm_crm.engine.wire import double, fields, messages, signed


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A variable by its dotted name, or the item of the walk around it."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function or operator over its arguments; the target of a method comes first."""

    function: str
    arguments: tuple["Syntax", ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list written out."""

    items: tuple["Syntax", ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """`exists` (`any_of`) or `all` over a list: `condition` holds for some or for every `item`."""

    item: str
    items: "Syntax"
    condition: "Syntax"
    any_of: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """A part of the language that is not read: `what` names it."""

    what: str


_ARITHMETIC: Final[Mapping[tuple[str, int], Callable[..., float]]] = {
    ("_+_", 2): operator.add,
    ("_-_", 2): operator.sub,
    ("_*_", 2): operator.mul,
    ("_/_", 2): operator.truediv,
    ("-_", 1): operator.neg,
}

Syntax = Literal | Name | Call | Items | Walk | Unread


def syntax_of(checked: bytes) -> Syntax:
    """The tree of a serialized `google.protobuf.Any` of a `cel.expr.CheckedExpr`, in which the expression is field 4."""
    (expression,) = messages(checked, 2)
    (root,) = messages(expression, 4)
    return _read(root)


def folded(tree: Syntax) -> Syntax:
    """The tree with arithmetic over decimals written out done, as the language does it."""
    match tree:
        case Call(function=name, arguments=arguments):
            inner = tuple(map(folded, arguments))
            values = [part.value for part in inner if isinstance(part, Literal) and isinstance(part.value, float)]
            if len(values) == len(inner) and (name, len(values)) in _ARITHMETIC:
                try:
                    return Literal(_ARITHMETIC[name, len(values)](*values))
                except ArithmeticError:
                    return Call(name, inner)
            return Call(name, inner)
        case Items(items=items):
            return Items(tuple(map(folded, items)))
        case Walk():
            return replace(tree, items=folded(tree.items), condition=folded(tree.condition))
    return tree


def names_in(tree: Syntax) -> frozenset[str]:
    """Every name in a tree, items of walks included."""
    return frozenset(part.name for part in parts(tree) if isinstance(part, Name))


def parts(tree: Syntax) -> Iterator[Syntax]:
    """The tree and every part of it."""
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        yield part
        match part:
            case Call(arguments=inner) | Items(items=inner):
                waiting.extend(inner)
            case Walk(items=items, condition=condition):
                waiting.extend((items, condition))


def _read(message: bytes) -> Syntax:
    """An `Expr`: its kinds are constant 3, ident 4, call 6, list 7, comprehension 9."""
    for number, value in fields(message):
        if isinstance(value, bytes):
            match number:
                case 3:
                    return _literal(value)
                case 4:
                    return Name(_text(value, 1))
                case 6:
                    return _call(value)
                case 7:
                    return Items(_all(messages(value, 1)))
                case 9:
                    return _walk(value)
    return Unread("a message or a selected member")


def _literal(message: bytes) -> Syntax:
    """A `Constant`: null 1, bool 2, int64 3, double 5, string 6."""
    for number, value in fields(message):
        if isinstance(value, bytes):
            match number:
                case 5:
                    return Literal(double(value))
                case 6:
                    return Literal(value.decode())
        else:
            match number:
                case 1:
                    return Literal(None)
                case 2:
                    return Literal(bool(value))
                case 3:
                    return Literal(signed(value))
    return Unread("a literal of bytes or of an unsigned number")


def _call(message: bytes) -> Syntax:
    arguments = _all([*messages(message, 1), *messages(message, 3)])
    return Call(_text(message, 2), arguments)


def _walk(message: bytes) -> Syntax:
    """The comprehension that the macros `exists` and `all` become: a fold of the condition by `||` or `&&`."""
    (items,), (start,), (step,) = (list(messages(message, number)) for number in (2, 4, 6))
    first, fold = _read(start), _read(step)
    if isinstance(fold, Call) and len(fold.arguments) == 2:
        for value, operator in ((False, "_||_"), (True, "_&&_")):
            if (first, fold.function) == (Literal(value), operator):
                return Walk(_text(message, 1), _read(items), fold.arguments[1], not value)
    return Unread("a walk that is neither `exists` nor `all`")


def _all(found: Iterable[bytes]) -> tuple[Syntax, ...]:
    return tuple(_read(message) for message in found)


def _text(message: bytes, number: int) -> str:
    return next((value.decode() for value in messages(message, number)), "")
