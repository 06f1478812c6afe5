"""From cells to values: phones, addresses, instants, amounts; each refusal says what the cell held and what would do."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from bpm_crm.engine.definition import Field, FieldType
from bpm_crm.engine.texts import shown
from bpm_crm.excel.cells import Cell, CellError, shown_cell
from bpm_crm.excel.problems import TableCode, TableProblem
from bpm_crm.operations.contacts import ContactInvalid, normal_email, normal_phone

EXACT = 10**15
"""Up to here every whole number of a cell is kept exactly; Excel keeps fifteen digits."""

_LOST = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE]\+?\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ '’]\d{3})+(?:[.,]\d+)?")
_PLAIN = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_BOTH = re.compile(r"[+-]?\d{1,3}(?:([.,])\d{3})+([.,])\d+")
_UNCLEAR = re.compile(r"[+-]?[1-9]\d{0,2}(?:[.,]\d{3})+")
_DATE = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")
_YES = frozenset({"1", "true", "yes", "y", "да", "истина", "+", "x", "х"})
_NO = frozenset({"0", "false", "no", "n", "нет", "ложь", "-", ""})


class DateOrder(StrEnum):
    """In which order dates written as text have day and month, where the year comes last."""

    DMY = "dmy"
    MDY = "mdy"


@dataclass(frozen=True, slots=True)
class Customs:
    """How the file writes: the order of dates, the country of its phones, the time zone of its instants."""

    order: DateOrder = DateOrder.DMY
    country: str = "RU"
    zone: str = "UTC"


Read = Any | TableProblem


def text_of(cell: Cell, most: int) -> str | TableProblem | None:
    """The text of a cell without blanks around it; None for an empty one."""
    if isinstance(cell, CellError):
        return TableProblem(TableCode.CELL_ERROR, {"value": cell.text})
    text = shown_cell(cell).replace("\0", "").strip()
    if len(text) > most:
        return TableProblem(TableCode.CELL_TOO_LONG, {"found": str(len(text)), "maximum": str(most)})
    return text or None


def phone_of(cell: Cell, customs: Customs) -> str | TableProblem | None:
    """The phone number of a cell in E.164, also of one that is kept as a number."""
    text = text_of(cell, 200)
    if not isinstance(text, str):
        return text
    if _LOST.fullmatch(text) or (isinstance(cell, float) and not (cell.is_integer() and abs(cell) < EXACT)):
        return _problem(TableCode.DIGITS_LOST, text)
    try:
        return normal_phone(text, customs.country)
    except ContactInvalid:
        return _problem(TableCode.NOT_A_PHONE, text, country=customs.country)


def email_of(cell: Cell, _customs: Customs) -> str | TableProblem | None:
    """The e-mail address of a cell."""
    text = text_of(cell, 400)
    if not isinstance(text, str):
        return text
    try:
        return normal_email(text.removeprefix("mailto:"))
    except ContactInvalid:
        return _problem(TableCode.NOT_AN_EMAIL, text)


def instant_of(cell: Cell, customs: Customs) -> datetime | TableProblem | None:
    """The instant of a cell; without an offset it is in the company's time zone, a date alone is its midnight."""
    if isinstance(cell, datetime):
        return _zoned(cell, customs)
    if isinstance(cell, date):
        return _zoned(datetime.combine(cell, time()), customs)
    text = text_of(cell, 100)
    if not isinstance(text, str):
        return text
    if isinstance(cell, str):
        moment = _written(text, customs.order)
        if moment is not None:
            return _zoned(moment, customs)
    return _problem(TableCode.NOT_A_DATE, text, order=customs.order.name)


def flag_of(cell: Cell, _customs: Customs) -> bool | TableProblem | None:
    """Yes or no."""
    if isinstance(cell, bool):
        return cell
    text = text_of(cell, 100)
    if not isinstance(text, str):
        return text
    if text.casefold() in _YES or text.casefold() in _NO:
        return text.casefold() in _YES
    return _problem(TableCode.NOT_YES_OR_NO, text)


def number_of(cell: Cell, _customs: Customs) -> str | int | float | TableProblem | None:
    """A number: of a cell that has one as it is, of a text as a decimal string."""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return int(cell) if float(cell).is_integer() and abs(cell) < EXACT else cell
    text = text_of(cell, 200)
    if not isinstance(text, str):
        return text
    bare = re.sub(r"[\s\u00a0\u202f]+", " ", text).strip(" ₽$€").removesuffix("руб.").removesuffix("руб").strip()
    if _UNCLEAR.fullmatch(bare):
        return _problem(TableCode.AMBIGUOUS_NUMBER, text)
    both = _BOTH.fullmatch(bare)
    if both and both[1] != both[2]:
        return bare.replace(both[1], "").replace(both[2], ".")
    if _PLAIN.fullmatch(bare) or _GROUPED.fullmatch(bare):
        return re.sub(r"[ '’]", "", bare).replace(",", ".")
    return _problem(TableCode.NOT_A_NUMBER, text)


def field_value(field: Field, cell: Cell, customs: Customs) -> Any:
    """The value of a data field, in a form the engine reads and checks; or what is wrong with the cell."""
    return _FIELDS[field.type](field, cell, customs)


def _field_text(field: Field, cell: Cell, _customs: Customs) -> Any:
    return text_of(cell, field.max_length)


def _field_integer(_field: Field, cell: Cell, customs: Customs) -> Any:
    value = number_of(cell, customs)
    return int(value) if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value) else value


def _field_date(_field: Field, cell: Cell, customs: Customs) -> Any:
    value = instant_of(cell, customs)
    return value.astimezone(ZoneInfo(customs.zone)).date().isoformat() if isinstance(value, datetime) else value


def _field_instant(_field: Field, cell: Cell, customs: Customs) -> Any:
    value = instant_of(cell, customs)
    return value.isoformat() if isinstance(value, datetime) else value


def _field_choice(field: Field, cell: Cell, _customs: Customs) -> Any:
    """An option by its key, or by its title in either language."""
    text = text_of(cell, 400)
    if not isinstance(text, str) or text in field.options:
        return text
    named = (
        key for key, title in field.options.items() if text.casefold() in {title.en.casefold(), title.ru.casefold()}
    )
    return next(named, text)


_FIELDS: Mapping[FieldType, Callable[[Field, Cell, Customs], Any]] = {
    FieldType.STRING: _field_text,
    FieldType.INTEGER: _field_integer,
    FieldType.DECIMAL: lambda _field, cell, customs: number_of(cell, customs),
    FieldType.BOOLEAN: lambda _field, cell, customs: flag_of(cell, customs),
    FieldType.DATE: _field_date,
    FieldType.DATETIME: _field_instant,
    FieldType.CHOICE: _field_choice,
}


def _written(text: str, order: DateOrder) -> datetime | None:
    """An instant written as text: ISO 8601, or three numbers, of which the one of four digits is the year; with dots, the day is first."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        match = _DATE.fullmatch(text)
    if match is None:
        return None
    first, second, third = match[1], match[3], match[4]
    is_dotted = match[2] == "."
    if len(first) == 4:
        year, month, day = first, second, third
    elif order is DateOrder.DMY or is_dotted:
        day, month, year = first, second, third
    else:
        month, day, year = first, second, third
    if len(year) not in {2, 4}:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[4:7])
    full = int(year) + (2000 if len(year) == 2 else 0)
    try:
        return datetime(full, int(month), int(day), hour, minute, second)  # noqa: DTZ001  # zoned by the caller
    except ValueError:
        return None


def _zoned(moment: datetime, customs: Customs) -> datetime | TableProblem:
    """The instant; one outside the years that can be kept is no date."""
    if not 2 < moment.year < 9998:
        return _problem(TableCode.NOT_A_DATE, str(moment), order=customs.order.name)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(customs.zone))).astimezone(UTC)


def _problem(code: TableCode, value: str, **params: str) -> TableProblem:
    return TableProblem(code, {"value": shown(value), **params})
