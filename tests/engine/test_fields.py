"""Values of data fields: what is taken, in which form it is kept, what guards see of it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpm_crm.engine.blockers import InputCode
from bpm_crm.engine.definition import Field, FieldType, Title
from bpm_crm.engine.fields import MAX_DIGITS, SCALE, computed_value, guard_value, normalise
from bpm_crm.engine.wording import LANGUAGES, input_message

WRONG = {
    FieldType.STRING: [5, 1.5, True, [], {}, b"x", "a\0b", "\ud800"],
    FieldType.INTEGER: ["5", 5.0, True, 10**18, -(10**18), 10**5000, [], "x"],
    FieldType.DECIMAL: [
        *(
            True,
            [],
            {},
            "",
            "x",
            "1,5",
            "NaN",
            "sNaN",
            "Infinity",
            "-inf",
            "1e18",
            10**18,
            1e300,
            float("nan"),
            float("inf"),
        ),
        *(
            "0.1234567",
            "1.0000000000000000000000000000001",
            "0.1234560000000000000000000000000001",
            "1e-7",
            1e-7,
            "1" * 100_000,
        ),
    ],
    FieldType.BOOLEAN: ["true", 1, 0, "yes", [], 1.0],
    FieldType.DATE: ["2026-02-30", "16.11.2026", "", 20261116, "2026-11-16T10:00:00Z", "x", "0000-01-01", []],
    FieldType.DATETIME: [
        *("2026-11-16", "2026-11-16T10:00:00", "10:00", "", 5, "x", [], "2026-11-16T25:00:00Z"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
    FieldType.CHOICE: [5, True, [], None.__class__],
}
KEPT = [
    (FieldType.STRING, "text", "text"),
    (FieldType.STRING, "", ""),
    (FieldType.STRING, "Ёлка 🎄", "Ёлка 🎄"),
    (FieldType.INTEGER, 5, 5),
    (FieldType.INTEGER, -(10**18) + 1, -(10**18) + 1),
    (FieldType.DECIMAL, "5.00", "5.00"),
    (FieldType.DECIMAL, 5, "5"),
    (FieldType.DECIMAL, 5.5, "5.5"),
    (FieldType.DECIMAL, 0.1, "0.1"),
    (FieldType.DECIMAL, "1e5", "100000"),
    (FieldType.DECIMAL, "0.1234560000", "0.123456"),
    (FieldType.DECIMAL, "-0.0", "0.0"),
    (FieldType.DECIMAL, "999999999999999999.999999", "999999999999999999.999999"),
    (FieldType.BOOLEAN, True, True),
    (FieldType.BOOLEAN, False, False),
    (FieldType.DATE, "2026-11-16", "2026-11-16"),
    (FieldType.DATE, "20261116", "2026-11-16"),
    (FieldType.DATE, "0001-01-01", "0001-01-01"),
    (FieldType.DATETIME, "2026-11-16T10:00:00+03:00", "2026-11-16T07:00:00Z"),
    (FieldType.DATETIME, "2026-11-16T10:00:00.123456Z", "2026-11-16T10:00:00.123456Z"),
    (FieldType.CHOICE, "red", "red"),
]


def field(kind: FieldType, **options: Any) -> Field:
    choices = {"red": Title("Red", "Красный"), "blue": Title("Blue", "Синий")} if kind is FieldType.CHOICE else {}
    return Field("it", kind, Title("It", "Оно"), choices, **options)


@pytest.mark.parametrize(("kind", "sent", "kept"), KEPT)
def test_a_value_of_the_right_type_is_kept_in_its_stored_form(kind: FieldType, sent: Any, kept: Any) -> None:
    stored, problem = normalise(field(kind), sent)

    assert problem is None
    assert stored == kept
    assert stored.__class__ is kept.__class__
    assert normalise(field(kind), stored) == (stored, None)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(kind, value, id=f"{kind.value} {number}")
        for kind, values in WRONG.items()
        for number, value in enumerate(values)
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place_and_what_is_expected(kind: FieldType, value: Any) -> None:
    stored, problem = normalise(field(kind), value)

    assert stored is None
    assert problem is not None
    assert (problem.code, problem.path) == (InputCode.WRONG_TYPE, ("data", "it"))
    for language in LANGUAGES:
        message = input_message(problem, language)
        assert kind.value in message
        assert len(message.encode()) < 300


@pytest.mark.parametrize("kind", FieldType)
def test_null_empties_a_field_of_any_type(kind: FieldType) -> None:
    assert normalise(field(kind), None) == (None, None)


@pytest.mark.parametrize(
    ("sent", "code", "limit"),
    [
        ("-0.01", InputCode.TOO_SMALL, "0"),
        ("1000.000001", InputCode.TOO_LARGE, "1000"),
        ("0", None, ""),
        ("1000", None, ""),
    ],
)
def test_a_number_is_held_within_its_limits(sent: str, code: InputCode | None, limit: str) -> None:
    _, problem = normalise(field(FieldType.DECIMAL, minimum=Decimal(0), maximum=Decimal(1000)), sent)

    assert (problem and problem.code) == code
    if problem is not None:
        assert problem.params["limit"] == limit
        assert sent in input_message(problem, "ru")


def test_a_whole_number_is_held_within_its_limits() -> None:
    item = field(FieldType.INTEGER, minimum=Decimal(0), maximum=Decimal(10))

    assert [normalise(item, value)[1] is None for value in (-1, 0, 10, 11)] == [False, True, True, False]


def test_a_text_is_held_to_its_length_in_characters() -> None:
    item = field(FieldType.STRING, max_length=3)

    assert normalise(item, "ёёё") == ("ёёё", None)
    _, problem = normalise(item, "ёёёё")
    assert problem is not None
    assert problem.code is InputCode.TOO_LONG
    assert "3" in input_message(problem, "en")


def test_a_choice_is_one_of_its_options() -> None:
    _, problem = normalise(field(FieldType.CHOICE), "green")

    assert problem is not None
    assert problem.code is InputCode.UNKNOWN_OPTION
    assert input_message(problem, "en") == "“green” is not an option. Options: red, blue."
    assert input_message(problem, "ru") == "«green» нет среди вариантов: red, blue."


def test_a_number_with_a_billion_zeros_is_not_written_out() -> None:
    assert normalise(field(FieldType.DECIMAL), "0E-999999999") == ("0.000000", None)


@pytest.mark.parametrize(
    ("kind", "stored", "seen"),
    [
        (FieldType.STRING, "x", "x"),
        (FieldType.INTEGER, 5, 5),
        (FieldType.DECIMAL, "5.50", 5.5),
        (FieldType.BOOLEAN, False, False),
        (FieldType.DATE, "2026-11-16", datetime(2026, 11, 16, tzinfo=UTC)),
        (FieldType.DATETIME, "2026-11-16T07:00:00Z", datetime(2026, 11, 16, 7, tzinfo=UTC)),
        (FieldType.CHOICE, "red", "red"),
    ],
)
def test_a_guard_sees_a_text_a_number_a_truth_value_or_an_instant(kind: FieldType, stored: Any, seen: Any) -> None:
    assert guard_value(field(kind), stored) == seen
    assert guard_value(field(kind), None) is None


@pytest.mark.parametrize(
    ("kind", "result", "stored"),
    [
        (FieldType.DECIMAL, 0.1 + 0.2, "0.3"),
        (FieldType.DECIMAL, 100.0, "100"),
        (FieldType.DECIMAL, 1e-9, "0"),
        (FieldType.DECIMAL, -1e-9, "0"),
        (FieldType.DECIMAL, 7, "7"),
        (FieldType.INTEGER, 7, 7),
        (FieldType.STRING, "x", "x"),
        (FieldType.BOOLEAN, True, True),
        (FieldType.DATE, datetime(2026, 11, 16, 23, tzinfo=UTC), "2026-11-16"),
        (FieldType.DATETIME, datetime(2026, 11, 16, 7, tzinfo=UTC), "2026-11-16T07:00:00Z"),
        (FieldType.CHOICE, "red", "red"),
        (FieldType.DECIMAL, None, None),
    ],
)
def test_what_an_effect_computes_is_kept_in_the_stored_form(kind: FieldType, result: Any, stored: Any) -> None:
    assert computed_value(field(kind), result) == (stored, None)


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        *((FieldType.DECIMAL, number) for number in (float("inf"), float("-inf"), float("nan"), 1e300, 1e18, -1e18)),
        (FieldType.INTEGER, 10**18),
        (FieldType.CHOICE, "green"),
        (FieldType.STRING, "x" * 501),
        (FieldType.STRING, 5),
        (FieldType.DATE, "2026-11-16x"),
    ],
)
def test_what_an_effect_computes_and_no_field_holds_is_a_problem(kind: FieldType, result: Any) -> None:
    stored, problem = computed_value(field(kind), result)

    assert stored is None
    assert problem is not None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.decimals().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(kind=st.sampled_from(FieldType), value=json_values)
def test_any_value_is_either_kept_for_good_or_refused(kind: FieldType, value: Any) -> None:
    stored, problem = normalise(field(kind), value)

    if problem is None:
        assert normalise(field(kind), stored) == (stored, None)
        guard_value(field(kind), stored)
    else:
        assert stored is None
        assert input_message(problem, "en").encode()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(value=st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_keeps_its_value_or_is_refused(value: Decimal) -> None:
    stored, problem = normalise(field(FieldType.DECIMAL), str(value))

    fits = (
        abs(value) < 10**MAX_DIGITS and value == value.quantize(Decimal(1).scaleb(-SCALE))
        if value.adjusted() < 20
        else False
    )
    assert (problem is None) == fits
    if problem is None:
        assert Decimal(stored) == value
