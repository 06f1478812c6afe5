"""Conditions as JSON, for work that is done later: read back only where every column is one that was allowed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.records.selection import All, AnyOf, Compare, Condition, Not, Operator


def to_json(condition: Condition) -> Any:
    """A condition as JSON. `TypeError` for one over other tables."""
    match condition:
        case All(parts):
            return {"all": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Compare(expression, operator, value, kind):
            return {"column": expression, "operator": operator.value, "value": _plain(value), "type": kind}
        case _:
            raise TypeError("a condition over other tables is not kept")


def from_json(value: Any, columns: Mapping[str, str]) -> Condition:
    """The condition of such JSON. `ValueError` for a column that is not among `columns` (SQL by type), or has another type."""
    match value:
        case {"all": parts}:
            return All(tuple(from_json(part, columns) for part in parts))
        case {"any": parts}:
            return AnyOf(tuple(from_json(part, columns) for part in parts))
        case {"not": part}:
            return Not(from_json(part, columns))
        case {"column": column, "operator": operator, "value": said, "type": kind} if columns.get(column) == kind:
            return Compare(column, Operator(operator), _typed(said, kind), kind)
        case _:
            raise ValueError("a condition that was not written by this code")


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _typed(value: Any, kind: str) -> Any:
    if isinstance(value, list):
        return [_typed(item, kind) for item in value]
    if isinstance(value, str) and kind == "uuid":
        return UUID(value)
    if isinstance(value, str) and kind == "timestamptz":
        return datetime.fromisoformat(value)
    return value
