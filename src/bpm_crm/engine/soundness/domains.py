"""Which values a data field takes, as a condition for the solver, and from the solver's words to stored ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bpm_crm.engine.definition import Field, FieldType
from bpm_crm.engine.examples import example, options_of, whole_bounds
from bpm_crm.engine.fields import MAX_DIGITS, SCALE
from bpm_crm.engine.instants import DAY, EPOCH, instant_of
from bpm_crm.engine.soundness.logic import Logic, Term
from bpm_crm.engine.soundness.values import Sort

SORTS: Final = {
    FieldType.STRING: Sort.TEXT,
    FieldType.CHOICE: Sort.TEXT,
    FieldType.INTEGER: Sort.INTEGER,
    FieldType.DECIMAL: Sort.DECIMAL,
    FieldType.BOOLEAN: Sort.BOOLEAN,
    FieldType.DATE: Sort.INSTANT,
    FieldType.DATETIME: Sort.INSTANT,
}
_MOST: Final = 10**MAX_DIGITS
_FIRST: Final = instant_of(datetime(1, 1, 1, tzinfo=UTC))
_LAST: Final = instant_of(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
_STEP: Final = Decimal(1).scaleb(-SCALE)


def unknown(logic: Logic, field: Field, name: str) -> Term:
    """An unknown value of a field, which `conditions` then keep inside its domain."""
    match field.type:
        case FieldType.BOOLEAN:
            return logic.boolean(name)
        case FieldType.DECIMAL:
            return logic.real(name)
        case FieldType.STRING | FieldType.CHOICE:
            return logic.text(name)
        case FieldType.DATE:
            return logic.integer(name) * DAY
        case _:
            return logic.integer(name)


def conditions(logic: Logic, field: Field, term: Term, slack: float = 0.0) -> Iterator[Term]:
    """What every value of the field fulfils; more may be accepted here than by the engine, never less.

    A decimal may miss its bounds by `slack`.
    """
    match field.type:
        case FieldType.STRING:
            yield logic.length(term) <= field.max_length
            yield logic.negation(logic.contains(term, logic.literal("\x00")))
        case FieldType.CHOICE:
            yield logic.any_of(logic.equal(term, logic.literal(key)) for key in options_of(field))
        case FieldType.INTEGER:
            least, most = whole_bounds(field)
            yield term >= least
            yield term <= most
        case FieldType.DECIMAL:
            yield term >= logic.literal(float(-_MOST if field.minimum is None else field.minimum) - slack)
            yield term <= logic.literal(float(_MOST if field.maximum is None else field.maximum) + slack)
        case FieldType.DATE | FieldType.DATETIME:
            yield term >= _FIRST
            yield term <= _LAST
            if example(field) is None:
                yield logic.literal(False)


def stored(field: Field, value: Any) -> Any:
    """A value of the solver in the form in which it is sent with a move."""
    match field.type:
        case FieldType.DECIMAL:
            return format(Decimal(repr(float(value))).quantize(_STEP).normalize(), "f")
        case FieldType.DATE:
            return (EPOCH + timedelta(microseconds=value)).date().isoformat()
        case FieldType.DATETIME:
            return (EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")
        case _:
            return value
