"""Custom scalars: how each value looks on the wire, with the standard that says so."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from bpm_crm.engine.duration import WorkingTime, format_duration, parse_span
from bpm_crm.operations.contacts import normal_email, normal_phone

PhoneNumber = NewType("PhoneNumber", str)
EmailAddress = NewType("EmailAddress", str)

_MICROSECOND = timedelta(microseconds=1)
_INFINITIES = frozenset({datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)})
"""What asyncpg takes for the infinities of PostgreSQL, which are no instants."""
MOST_DIGITS = 18
MOST_NUMBER = 2**63 - 1


def _write_datetime(value: datetime) -> str:
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat().removesuffix("+00:00") + "Z"


def _read_datetime(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError("write an instant as in RFC 3339, for example 2026-11-22T09:30:00Z") from error
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset, for example 2026-11-22T09:30:00Z or …+03:00")
    try:
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant lies between the years 1 and 9999") from error
    if instant in _INFINITIES:
        raise ValueError("an instant lies between the years 1 and 9999")
    return instant


def _read_date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError("write a date as YYYY-MM-DD") from error


def _write_decimal(value: Decimal) -> str:
    return format(value.normalize() if value else Decimal(0), "f")


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("write a decimal as a string, for example “12.50”; a float would lose digits")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise ValueError("write a decimal as a string of digits, for example “12.50”") from error
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.adjusted() >= MOST_DIGITS or exponent < -MOST_DIGITS:
        raise ValueError(f"a decimal has at most {MOST_DIGITS} digits before the point and as many after it")
    return number


def _read_json(value: Any) -> Any:
    """A JSON value as it is; numbers that JSON in 64 bits cannot hold are refused, which only a literal can have."""
    nested = [value]
    while nested:
        item = nested.pop()
        if isinstance(item, dict | list):
            nested.extend(item.values() if isinstance(item, dict) else item)
        elif isinstance(item, int | float) and not -MOST_NUMBER <= item <= MOST_NUMBER:
            raise ValueError("a number in JSON has at most 64 bits; write a longer one as a string")
    return value


def _write_duration(value: timedelta) -> str:
    return format_duration(value // _MICROSECOND)


def _read_duration(value: Any) -> timedelta:
    span = parse_span(str(value))
    if not isinstance(span, WorkingTime):
        raise ValueError("write a length of time in hours, minutes and seconds, for example PT48H")
    return timedelta(microseconds=span.microseconds)


def _read_phone(value: Any) -> PhoneNumber:
    return PhoneNumber(normal_phone(str(value)))


def _read_email(value: Any) -> EmailAddress:
    return EmailAddress(normal_email(str(value)))


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC as in RFC 3339, for example `2026-11-22T09:30:00Z`. An input needs an offset.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_datetime,
        parse_value=_read_datetime,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar date, `YYYY-MM-DD`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=date.isoformat,
        parse_value=_read_date,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="A length of time in hours, minutes and seconds as in ISO 8601, for example `PT1H15M`; never in days.",
        specified_by_url="https://en.wikipedia.org/wiki/ISO_8601#Durations",
        serialize=_write_duration,
        parse_value=_read_duration,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, written as a string: `"0.125"`. Never a float.',
        specified_by_url="https://speleotrove.com/decimal/daconvs.html",
        serialize=_write_decimal,
        parse_value=_read_decimal,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=_read_json,
    ),
    PhoneNumber: strawberry.scalar(
        name="PhoneNumber",
        description="A phone number in E.164, for example `+74951234567`.",
        specified_by_url="https://www.itu.int/rec/T-REC-E.164",
        serialize=str,
        parse_value=_read_phone,
    ),
    EmailAddress: strawberry.scalar(
        name="EmailAddress",
        description="An e-mail address; written in lower case.",
        specified_by_url="https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address",
        serialize=str,
        parse_value=_read_email,
    ),
}
