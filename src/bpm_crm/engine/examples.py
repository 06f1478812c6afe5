"""A value that fills a data field, whatever its bounds; none where the bounds leave none."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from bpm_crm.engine.definition import Field, FieldType
from bpm_crm.engine.fields import MAX_DIGITS, SCALE, normalise

_MOST: Final = 10**MAX_DIGITS
_LETTERS: Final = "abcdefghij"
_DATE: Final = "2026-06-01"
_DATETIME: Final = "2026-06-01T09:00:00Z"
_STEP: Final = Decimal(1).scaleb(-SCALE)


def example(field: Field) -> Any:
    """A value that fills the field, such as a required one; None when no value does."""
    return next((value for value in _examples(field) if _fills(field, value)), None)


def options_of(field: Field) -> list[str]:
    """The options of a choice that can be stored."""
    return [key for key in field.options if len(key) <= field.max_length]


def whole_bounds(field: Field) -> tuple[int, int]:
    """The least and the largest whole number that the field takes; the first is larger where it takes none."""
    least = -_MOST + 1 if field.minimum is None else int(field.minimum.to_integral_value(ROUND_CEILING))
    most = _MOST - 1 if field.maximum is None else int(field.maximum.to_integral_value(ROUND_FLOOR))
    return max(least, -_MOST + 1), min(most, _MOST - 1)


def _examples(field: Field) -> Iterator[Any]:
    match field.type:
        case FieldType.STRING:
            yield field.key[: field.max_length]
            yield _LETTERS[: field.max_length]
        case FieldType.CHOICE:
            yield from options_of(field)
        case FieldType.INTEGER:
            least, most = whole_bounds(field)
            yield from (1, 0, least, most)
        case FieldType.DECIMAL:
            bounds = [bound for bound in (field.minimum, field.maximum) if bound is not None]
            yield from ("100", "1", "0")
            for bound in bounds:
                yield from (_written(bound, ROUND_CEILING), _written(bound, ROUND_FLOOR))
        case FieldType.BOOLEAN:
            yield True
        case FieldType.DATE:
            yield _DATE
        case FieldType.DATETIME:
            yield _DATETIME


def _fills(field: Field, value: Any) -> bool:
    found, problem = normalise(field, value)
    return problem is None and found is not None


def _written(bound: Decimal, rounding: str) -> str:
    """The bound, or the next decimal of the places that are stored."""
    if not bound.is_finite() or abs(bound.adjusted()) > MAX_DIGITS:
        return "0"
    return format(bound.quantize(_STEP, rounding), "f")
