"""Conditions, orders and keyset pages as SQL: the one way lists are filtered, sorted and cut.

Column expressions come from our own code, never from a caller; values are always bound. `$1` is the tenant in every statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.records.database import Connection, Row


class Operator(StrEnum):
    """Comparisons; a null value is distinct from every other and equal to null."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    IS_NULL = "is_null"
    HAS = "has"


@dataclass(frozen=True, slots=True)
class Compare:
    """An expression compared with a value; `type` is the PostgreSQL type of the value."""

    expression: str
    operator: Operator
    value: Any
    type: str


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; with no parts: true."""

    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; with no parts: false."""

    parts: tuple["Condition", ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold (nothing is unknown: what is not true is false)."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Exists:
    """A row of `source` (a table with the WHERE clause that joins it) exists that meets the condition."""

    source: str
    part: "Condition"


Condition = Compare | All | AnyOf | Not | Exists

_COMPARISONS = {
    Operator.EQ: "{0} = {1}",
    Operator.NE: "{0} IS DISTINCT FROM {1}",
    Operator.IN: "{0} = ANY({1})",
    Operator.NOT_IN: "({0} = ANY({1})) IS NOT TRUE",
    Operator.GT: "{0} > {1}",
    Operator.GTE: "{0} >= {1}",
    Operator.LT: "{0} < {1}",
    Operator.LTE: "{0} <= {1}",
    Operator.CONTAINS: "{0} ILIKE {1}",
    Operator.STARTS_WITH: "{0} ILIKE {1}",
    Operator.HAS: "{0} @> {1}",
}


@dataclass(slots=True)
class Parameters:
    """The bound values of a statement under construction; the first is the tenant."""

    values: list[Any]

    def bind(self, value: Any, kind: str) -> str:
        """Add a value; its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


def where(condition: Condition, parameters: Parameters) -> str:
    """The SQL of a condition."""
    match condition:
        case All(parts):
            limiting = [text for part in parts if (text := where(part, parameters)) != "true"]
            return " AND ".join(f"({text})" for text in limiting) or "true"
        case AnyOf(parts):
            return " OR ".join(f"({where(part, parameters)})" for part in parts) or "false"
        case Not(part):
            return f"({where(part, parameters)}) IS NOT TRUE"
        case Exists(source, part):
            return f"EXISTS (SELECT FROM {source} AND ({where(part, parameters)}))"
        case Compare():
            return _comparison(condition, parameters)


def _comparison(condition: Compare, parameters: Parameters) -> str:
    expression, operator, value = condition.expression, condition.operator, condition.value
    if operator is Operator.IS_NULL:
        return f"{expression} IS {'' if value else 'NOT '}NULL"
    if value is None and operator in {Operator.EQ, Operator.NE}:
        return f"{expression} IS {'NOT ' if operator is Operator.NE else ''}NULL"
    if operator in {Operator.IN, Operator.NOT_IN}:
        return _COMPARISONS[operator].format(expression, parameters.bind(list(value), f"{condition.type}[]"))
    if operator in {Operator.CONTAINS, Operator.STARTS_WITH}:
        escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        value = f"%{escaped}%" if operator is Operator.CONTAINS else f"{escaped}%"
    return _COMPARISONS[operator].format(expression, parameters.bind(value, condition.type))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order. `nullable` keys sort nulls last in both directions."""

    expression: str
    type: str
    descending: bool = False
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What can be listed: columns and source of its rows, its tenant column, and the key that makes rows unique."""

    columns: str
    source: str
    tenant: str
    identity: Key


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list: `limit` rows after (or, backwards, before) the row with these values of the order's keys."""

    limit: int
    after: Sequence[Any] | None = None
    before: Sequence[Any] | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a slice in the order of the list, each with the values of the order's keys; `total` when it was asked for."""

    rows: Sequence[Row] = ()
    keys: Sequence[Sequence[Any]] = ()
    has_more: bool = False
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A list to be read: what, filtered, in which order."""

    listing: Listing
    condition: Condition
    order: tuple[Key, ...] = ()
    keys: tuple[Key, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Complete the order so that it is total: nulls flagged, identity last."""
        flagged = (part for key in self.order for part in _flagged(key))
        object.__setattr__(self, "keys", (*flagged, self.listing.identity))


async def read_page(
    connection: Connection, tenant_id: UUID, query: Query, cut: Slice, *, rows: bool = True, total: bool = False
) -> Page:
    """Read one page of a list by keyset, and its total where wanted; one statement for each."""
    count = await _count(connection, tenant_id, query) if total else None
    if not rows:
        return Page(total=count)
    parameters = Parameters([tenant_id])
    found = await connection.fetch(page_statement(query, cut, parameters), *parameters.values)
    kept = found[: cut.limit]
    if cut.backwards:
        kept.reverse()
    return Page(kept, [key_values(query, row) for row in kept], len(found) > cut.limit, count)


def page_statement(query: Query, cut: Slice, parameters: Parameters, within: str = "true") -> str:
    """The statement that reads a page, and one row more than it has; `within` is one more condition, as SQL."""
    condition = f"{query.listing.tenant} = $1 AND {within} AND ({where(query.condition, parameters)})"
    for bound, onward in ((cut.after, True), (cut.before, False)):
        if bound is not None:
            condition += f" AND ({_beyond(query.keys, bound, parameters, onward=onward)})"
    order = ", ".join(f"{key.expression} {direction(key, backwards=cut.backwards)}" for key in query.keys)
    keys = ", ".join(f"{key.expression} AS key_{number}" for number, key in enumerate(query.keys))
    limit = parameters.bind(cut.limit + 1, "int")
    source = f"{query.listing.source} WHERE {condition}"
    return f"SELECT {query.listing.columns}, {keys} FROM {source} ORDER BY {order} LIMIT {limit}"


def key_values(query: Query, row: Row) -> list[Any]:
    """The values of the order's keys in a row that was read."""
    return [row[f"key_{number}"] for number in range(len(query.keys))]


async def _count(connection: Connection, tenant_id: UUID, query: Query) -> int:
    parameters = Parameters([tenant_id])
    condition = f"{query.listing.tenant} = $1 AND ({where(query.condition, parameters)})"
    total: int = await connection.fetchval(
        f"SELECT count(*) FROM {query.listing.source} WHERE {condition}", *parameters.values
    )
    return total


def _flagged(key: Key) -> tuple[Key, ...]:
    if not key.nullable:
        return (key,)
    return (Key(f"({key.expression} IS NULL)", "bool"), key)


def direction(key: Key, *, backwards: bool = False) -> str:
    """In which direction a key sorts."""
    return "DESC" if key.descending is not backwards else "ASC"


def _beyond(keys: Sequence[Key], values: Sequence[Any], parameters: Parameters, *, onward: bool) -> str:
    """Rows that come after (`onward`) or before the row with these values, in the order of `keys`."""
    alternatives = []
    equal: list[str] = []
    for key, value in zip(keys, values, strict=True):
        if value is None:
            continue
        operator, bound = "<" if key.descending is onward else ">", parameters.bind(value, key.type)
        alternatives.append(" AND ".join([*equal, f"{key.expression} {operator} {bound}"]))
        equal.append(f"{key.expression} = {bound}")
    return " OR ".join(f"({part})" for part in alternatives)
