"""Typed comparators of `where` inputs, and their translation into conditions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry

from bpm_crm.api.exposing import expose
from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.ids import uuid_of
from bpm_crm.engine.definition import Title
from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Key, Not, Operator

MOST_COMPARISONS = 200


@strawberry.input(description="Compares a text. Several comparisons must all hold.")
class StringFilter:
    """Compares a text."""

    eq: str | None = strawberry.field(default=None, description="Equal to.")
    ne: str | None = strawberry.field(default=None, description="Different from; also true where there is no value.")
    in_: list[str] | None = strawberry.field(default=None, name="in", description="One of.")
    not_in: list[str] | None = strawberry.field(default=None, description="None of.")
    contains: str | None = strawberry.field(default=None, description="Contains, in any case of letters.")
    starts_with: str | None = strawberry.field(default=None, description="Begins with, in any case of letters.")
    is_null: bool | None = strawberry.field(default=None, description="Whether there is no value.")


@strawberry.input(description="Compares a global id.")
class IDFilter:
    """Compares a global id."""

    eq: strawberry.ID | None = strawberry.field(default=None, description="Equal to.")
    ne: strawberry.ID | None = strawberry.field(
        default=None, description="Different from; also true where there is none."
    )
    in_: list[strawberry.ID] | None = strawberry.field(default=None, name="in", description="One of.")
    not_in: list[strawberry.ID] | None = strawberry.field(default=None, description="None of.")
    is_null: bool | None = strawberry.field(default=None, description="Whether there is none.")


@strawberry.input(description="Compares an instant.")
class DateTimeFilter:
    """Compares an instant."""

    gt: datetime | None = strawberry.field(default=None, description="After.")
    gte: datetime | None = strawberry.field(default=None, description="At or after.")
    lt: datetime | None = strawberry.field(default=None, description="Before.")
    lte: datetime | None = strawberry.field(default=None, description="At or before.")
    is_null: bool | None = strawberry.field(default=None, description="Whether there is no value.")


@strawberry.input(description="Compares a day.")
class DateFilter:
    """Compares a day."""

    eq: date | None = strawberry.field(default=None, description="Equal to.")
    gt: date | None = strawberry.field(default=None, description="After.")
    gte: date | None = strawberry.field(default=None, description="On or after.")
    lt: date | None = strawberry.field(default=None, description="Before.")
    lte: date | None = strawberry.field(default=None, description="On or before.")


@strawberry.input(description="Compares a whole number.")
class IntFilter:
    """Compares a whole number."""

    eq: int | None = strawberry.field(default=None, description="Equal to.")
    in_: list[int] | None = strawberry.field(default=None, name="in", description="One of.")
    gt: int | None = strawberry.field(default=None, description="Above.")
    gte: int | None = strawberry.field(default=None, description="At least.")
    lt: int | None = strawberry.field(default=None, description="Below.")
    lte: int | None = strawberry.field(default=None, description="At most.")


@strawberry.input(description="Compares an exact decimal.")
class DecimalFilter:
    """Compares an exact decimal."""

    eq: Decimal | None = strawberry.field(default=None, description="Equal to.")
    gt: Decimal | None = strawberry.field(default=None, description="Above.")
    gte: Decimal | None = strawberry.field(default=None, description="At least.")
    lt: Decimal | None = strawberry.field(default=None, description="Below.")
    lte: Decimal | None = strawberry.field(default=None, description="At most.")
    is_null: bool | None = strawberry.field(default=None, description="Whether there is no value.")


class Direction(Enum):
    """Direction of an order."""

    ASC = "asc"
    DESC = "desc"


expose(
    Direction,
    "Direction of an order; missing values come last in both.",
    {
        Direction.ASC: "Smallest or earliest first.",
        Direction.DESC: "Largest or latest first.",
    },
)


Read = Callable[[Any], Any]
"""From a value as the API writes it to a value of the column; `LookupError` for one that no row can have."""

_OPERATORS = {"in_": Operator.IN, **{operator.value: operator for operator in Operator}}


def comparisons(filter_: Any, expression: str, kind: str, read: Read = lambda value: value) -> list[Condition]:
    """The conditions of a comparator over an SQL expression of a PostgreSQL type; none for an absent comparator."""
    if filter_ is None:
        return []
    found: list[Condition] = []
    for name, value in vars(filter_).items():
        if value is not None:
            found.append(_compared(expression, _OPERATORS[name], value, kind, read))
    return found


def id_reader(kind: str) -> Read:
    """Reads global ids of a type; `LookupError` for one of another type, which no row can have."""

    def read(value: str) -> Any:
        found = uuid_of(value, kind)
        if found is None:
            raise LookupError(value)
        return found

    return read


def key_comparisons(filter_: StringFilter | None, expression: str, keys: Mapping[str, Any]) -> list[Condition]:
    """The condition of a text comparator over an id column, where people know the keys and rows hold the ids."""
    if filter_ is None:
        return []
    ids = [key_id for key, key_id in keys.items() if holds(filter_, key)]
    found: Condition = Compare(expression, Operator.IN, ids, "uuid")
    if holds(filter_, None):
        found = AnyOf((found, Compare(expression, Operator.IS_NULL, True, "uuid")))
    return [found]


def combined(where: Any, own: Callable[[Any], Sequence[Condition]]) -> Condition:
    """The condition of a `where` input: its own comparators and its `and`, `or`, `not` parts; a fault for too many of them."""
    count = sum(_comparators(part) for part in _parts(where))
    if count > MOST_COMPARISONS:
        message = Title(
            f"A filter has at most {MOST_COMPARISONS} comparisons, this one {count}. Use `in` with a list for many values.",
            f"В фильтре не больше {MOST_COMPARISONS} сравнений, в этом {count}. Для многих значений используйте `in` со списком.",
        )
        raise Fault(Code.BAD_USER_INPUT, message, maximum=MOST_COMPARISONS, found=count)
    return _combined(where, own)


def _combined(where: Any, own: Callable[[Any], Sequence[Condition]]) -> Condition:
    if where is None:
        return All()
    parts = list(own(where))
    parts.extend(_combined(part, own) for part in where.and_ or ())
    if where.or_ is not None:
        parts.append(AnyOf(tuple(_combined(part, own) for part in where.or_)))
    if where.not_ is not None:
        parts.append(Not(_combined(where.not_, own)))
    return All(tuple(parts))


def _parts(where: Any) -> Iterator[Any]:
    """A `where` and all that is inside it by `and`, `or` and `not`."""
    left = [] if where is None else [where]
    while left:
        part = left.pop()
        yield part
        left.extend([*(part.and_ or ()), *(part.or_ or ()), *(() if part.not_ is None else (part.not_,))])


def _comparators(part: Any) -> int:
    """How many comparisons a part makes itself; a part counts as one at least."""
    filters = (value for name, value in vars(part).items() if name not in {"and_", "or_", "not_"} and value is not None)
    return max(
        1,
        sum(
            sum(item is not None for item in vars(value).values()) if hasattr(value, "__dict__") else 1
            for value in filters
        ),
    )


def keys_of(order: Sequence[Any] | None, keys: Mapping[Any, Key]) -> tuple[Key, ...]:
    """The keys of an `orderBy` input; one named again decides nothing more."""
    chosen: dict[Any, Direction] = {}
    for item in order or ():
        chosen.setdefault(item.field, item.direction)
    return tuple(
        Key(known.expression, known.type, descending=direction is Direction.DESC, nullable=known.nullable)
        for field, direction in chosen.items()
        for known in (keys[field],)
    )


def holds(filter_: StringFilter, key: str | None) -> bool:
    """Whether a comparator holds for a key, or for a missing one."""
    folded = (key or "").lower()
    tests: dict[str, Callable[[Any], bool]] = {
        "eq": lambda value: key == value,
        "ne": lambda value: key != value,
        "in_": lambda value: key in value,
        "not_in": lambda value: key not in value,
        "contains": lambda value: key is not None and value.lower() in folded,
        "starts_with": lambda value: key is not None and folded.startswith(value.lower()),
        "is_null": lambda value: (key is None) is value,
    }
    return all(tests[name](value) for name, value in vars(filter_).items() if value is not None)


def _compared(expression: str, operator: Operator, value: Any, kind: str, read: Read) -> Condition:
    if operator is Operator.IS_NULL:
        return Compare(expression, operator, value, kind)
    if operator in {Operator.IN, Operator.NOT_IN}:
        return Compare(expression, operator, [item for item in map(_tried(read), value) if item is not None], kind)
    known = _tried(read)(value)
    if known is None:
        return All() if operator is Operator.NE else AnyOf()
    return Compare(expression, operator, known, kind)


def _tried(read: Read) -> Read:
    def attempt(value: Any) -> Any:
        try:
            return read(value)
        except LookupError:
            return None

    return attempt
