"""Values of data fields: from what callers send to what is stored, and to what guards see.

Stored forms are JSON: strings, integers and booleans as they are, decimals as plain decimal strings, dates as `YYYY-MM-DD`,
date-times as RFC 3339 in UTC, choices by their key.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.definition import Field, FieldType
from bpm_crm.engine.guard import VariableType
from bpm_crm.engine.texts import is_text, shown

MAX_DIGITS = 18
SCALE = 6

_STEP = Decimal(1).scaleb(-SCALE)

VARIABLE_TYPES: Mapping[FieldType, VariableType] = {
    FieldType.STRING: VariableType.TEXT,
    FieldType.INTEGER: VariableType.INTEGER,
    FieldType.DECIMAL: VariableType.DECIMAL,
    FieldType.BOOLEAN: VariableType.BOOLEAN,
    FieldType.DATE: VariableType.INSTANT,
    FieldType.DATETIME: VariableType.INSTANT,
    FieldType.CHOICE: VariableType.TEXT,
}


class _WrongType(ValueError):
    """The value has not the type of the field."""


def normalise(field: Field, value: Any) -> tuple[Any, InputProblem | None]:
    """The stored form of `value` for `field`, or the problem with it. None empties a field and is always accepted."""
    if value is None:
        return None, None
    path = ("data", field.key)
    try:
        stored = _READERS[field.type](value)
    except _WrongType:
        return None, InputProblem(InputCode.WRONG_TYPE, path, shown(value), params={"expected": field.type.value})
    if field.type is FieldType.CHOICE and stored not in field.options:
        return None, InputProblem(InputCode.UNKNOWN_OPTION, path, shown(value), tuple(field.options))
    if isinstance(stored, str) and len(stored) > field.max_length:
        return None, InputProblem(InputCode.TOO_LONG, path, params={"limit": str(field.max_length)})
    return _within_bounds(field, stored, path)


def guard_value(field: Field, stored: Any) -> Any:
    """What a guard sees of a stored value: null, or a text, number, truth value or instant."""
    if stored is None:
        return None
    match field.type:
        case FieldType.DECIMAL:
            return float(stored)
        case FieldType.DATE:
            return datetime.combine(date.fromisoformat(stored), datetime.min.time(), UTC)
        case FieldType.DATETIME:
            return datetime.fromisoformat(stored)
        case _:
            return stored


def computed_value(field: Field, result: Any) -> tuple[Any, InputProblem | None]:
    """The stored form of what a `set` expression yielded."""
    if field.type is FieldType.DECIMAL and isinstance(result, float):
        return normalise(field, _rounded(result))
    if field.type is FieldType.DATE and isinstance(result, datetime):
        return normalise(field, result.astimezone(UTC).date().isoformat())
    if isinstance(result, datetime):
        return normalise(field, result.isoformat())
    return normalise(field, result)


def _rounded(number: float) -> float | str:
    """A computed number as a decimal of at most `SCALE` places; one that no decimal field holds stays what it is."""
    if not abs(number) < 10**MAX_DIGITS:
        return number
    return format(Decimal(repr(number)).quantize(_STEP).normalize(), "f")


def _within_bounds(field: Field, stored: Any, path: tuple[str, ...]) -> tuple[Any, InputProblem | None]:
    if field.type is not FieldType.INTEGER and field.type is not FieldType.DECIMAL:
        return stored, None
    number = Decimal(stored)
    if field.minimum is not None and number < field.minimum:
        return None, InputProblem(InputCode.TOO_SMALL, path, shown(stored), params={"limit": str(field.minimum)})
    if field.maximum is not None and number > field.maximum:
        return None, InputProblem(InputCode.TOO_LARGE, path, shown(stored), params={"limit": str(field.maximum)})
    return stored, None


def _string(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value or not is_text(value):
        raise _WrongType
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 10**MAX_DIGITS:
        raise _WrongType
    return value


def _decimal(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _WrongType
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation as error:
        raise _WrongType from error
    if not number.is_finite() or number.adjusted() >= MAX_DIGITS:
        raise _WrongType
    scaled = _scaled(number)
    return format(scaled or abs(scaled), "f")


def _scaled(number: Decimal) -> Decimal:
    """The same number with at most `SCALE` decimal places, those written kept; looked at digit by digit, never written out first."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent >= -SCALE:
        return number
    if any(digits[max(0, len(digits) + exponent + SCALE) :]):
        raise _WrongType
    return number.quantize(_STEP)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongType
    return value


def _date(value: Any) -> str:
    try:
        return date.fromisoformat(_string(value)).isoformat()
    except ValueError as error:
        raise _WrongType from error


def _datetime(value: Any) -> str:
    try:
        instant = datetime.fromisoformat(_string(value))
        if instant.tzinfo is None:
            raise _WrongType
        return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError) as error:
        raise _WrongType from error


_READERS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.STRING: _string,
    FieldType.INTEGER: _integer,
    FieldType.DECIMAL: _decimal,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.DATETIME: _datetime,
    FieldType.CHOICE: _string,
}
