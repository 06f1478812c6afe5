"""Cells as people fill them: phones with digits lost, dates in any order, numbers of two countries."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from bpm_crm.excel.cells import CellError
from bpm_crm.excel.headers import ColumnType, column_type, date_order, header_row
from bpm_crm.excel.mappings import proposed
from bpm_crm.excel.problems import TableCode, TableProblem
from bpm_crm.excel.targets import FIXED, ImportKind, plain_header
from bpm_crm.excel.values import Customs, DateOrder, email_of, flag_of, instant_of, number_of, phone_of

MOSCOW = Customs(zone="Europe/Moscow")
AMERICAN = Customs(DateOrder.MDY, "US", "America/New_York")
LOST, PHONE, DATE, NUMBER, UNCLEAR = (
    TableCode.DIGITS_LOST,
    TableCode.NOT_A_PHONE,
    TableCode.NOT_A_DATE,
    TableCode.NOT_A_NUMBER,
    TableCode.AMBIGUOUS_NUMBER,
)


def check(found: Any, expected: Any) -> None:
    assert (found.code if isinstance(found, TableProblem) else found) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("8 (916) 123-45-67", "+79161234567"),
        ("+7 916 123 45 67", "+79161234567"),
        (79161234567.0, "+79161234567"),
        (89161234567, "+79161234567"),
        ("9161234567", "+79161234567"),
        ("+1 202 555 0143", "+12025550143"),
        ("7.9E+10", LOST),
        ("7,91612E+10", LOST),
        (7.91612345675e15, LOST),
        (79161234567.5, LOST),
        (None, None),
        ("   ", None),
        ("call me", PHONE),
        ("12", PHONE),
        (CellError("#N/A"), TableCode.CELL_ERROR),
    ],
)
def test_phones(cell: Any, expected: Any) -> None:
    check(phone_of(cell, MOSCOW), expected)


@pytest.mark.parametrize(
    ("cell", "customs", "expected"),
    [
        (datetime.fromisoformat("2026-11-02 12:00"), MOSCOW, datetime(2026, 11, 2, 9, tzinfo=UTC)),
        (date(2026, 11, 2), MOSCOW, datetime(2026, 11, 1, 21, tzinfo=UTC)),
        ("02.11.2026", MOSCOW, datetime(2026, 11, 1, 21, tzinfo=UTC)),
        ("2.11.26 9:05", MOSCOW, datetime(2026, 11, 2, 6, 5, tzinfo=UTC)),
        ("11/02/2026", AMERICAN, datetime(2026, 11, 2, 5, tzinfo=UTC)),
        ("2026-11-02T12:00:00Z", AMERICAN, datetime(2026, 11, 2, 12, tzinfo=UTC)),
        ("2026.11.02 12:00:30", MOSCOW, datetime(2026, 11, 2, 9, 0, 30, tzinfo=UTC)),
        ("12/31/2026", MOSCOW, DATE),
        ("31.02.2026", MOSCOW, DATE),
        ("yesterday", MOSCOW, DATE),
        (46328.0, MOSCOW, DATE),
        ("02-11.2026", MOSCOW, DATE),
        (CellError("#VALUE!"), MOSCOW, TableCode.CELL_ERROR),
        (None, MOSCOW, None),
    ],
)
def test_instants(cell: Any, customs: Customs, expected: Any) -> None:
    check(instant_of(cell, customs), expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (12500.0, 12500),
        (12500.5, 12500.5),
        ("12 500,50", "12500.50"),
        ("12\u00a0500 ₽", "12500"),
        ("1,234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1,234", UNCLEAR),
        ("1.234.567", UNCLEAR),
        ("0,125", "0.125"),
        ("12,5", "12.5"),
        ("-3", "-3"),
        ("many", NUMBER),
        ("1e5", NUMBER),
        (True, NUMBER),
    ],
)
def test_numbers(cell: Any, expected: Any) -> None:
    check(number_of(cell, MOSCOW), expected)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("да", True), ("No", False), (True, True), (1.0, True), ("perhaps", TableCode.NOT_YES_OR_NO), (None, None)],
)
def test_flags(cell: Any, expected: Any) -> None:
    check(flag_of(cell, MOSCOW), expected)


def test_addresses_of_mail() -> None:
    check(email_of(" Nina@Example.COM ", MOSCOW), "nina@example.com")
    check(email_of("mailto:a@example.com", MOSCOW), "a@example.com")
    check(email_of("nina@", MOSCOW), TableCode.NOT_AN_EMAIL)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Имя клиента", "Телефон", "E-mail"], ["name", "phone", "email"]),
        (["ID", "Full Name", "Mobile", "Created_At"], ["externalId", "name", "phone", "occurredAt"]),
        (["Телефон", "Телефон"], ["phone", None]),
        (["Телефон для связи", None, "Город"], ["phone", None, "region"]),
        (["Colour"], [None]),
    ],
)
def test_headers_propose_what_columns_are(headers: list[str | None], expected: list[str | None]) -> None:
    found = {item.column: item.target for item in proposed(headers, FIXED[ImportKind.LEADS])}
    assert [found.get(place) for place in range(len(headers))] == expected


def test_the_row_of_headers_is_found_below_titles() -> None:
    rows = [["List of November", None], [None, None], ["Имя", "Телефон"], ["Нина", "1"]]
    assert header_row(rows, FIXED[ImportKind.LEADS]) == 3
    assert plain_header(" Приём_Ёлок!") == "прием елок"


def test_types_and_orders_are_told_from_first_cells() -> None:
    assert column_type(["+79161234567", 79161234568.0, None]) is ColumnType.PHONE
    assert column_type(["02.11.2026", date(2026, 1, 1)]) is ColumnType.DATE
    assert column_type([1.0, "12,5"]) is ColumnType.NUMBER
    assert column_type(["да", "нет", True]) is ColumnType.FLAG
    assert column_type(["a@example.com"]) is ColumnType.EMAIL
    assert column_type(["Нина", "12", "x"]) is ColumnType.TEXT
    assert column_type([None, CellError("#N/A")]) is ColumnType.EMPTY
    assert date_order(["11/25/2026", "01/02/2026"]) is DateOrder.MDY
    assert date_order(["25/11/2026", "01/02/2026"]) is DateOrder.DMY
    assert date_order(["01.03.2026", "02.03.2026", "10.13.2026"]) is DateOrder.DMY, "one slip turns no column around"
    assert date_order(["01/03/2026", "25/11/2026", "11/23/2026", "11/24/2026"]) is DateOrder.DMY, (
        "not all are dates either way"
    )
