"""Targets in writing: what is read, what is written back, and what is refused with which cure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpm_crm.engine.duration import (
    MOST_DAYS,
    MOST_HOURS,
    BusinessDays,
    DurationInvalid,
    WorkingTime,
    format_duration,
    parse_span,
)
from bpm_crm.engine.instants import SECOND

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


@pytest.mark.parametrize(
    ("text", "expected", "written"),
    [
        ("PT15M", WorkingTime(15 * MINUTE), "PT15M"),
        ("PT4H30M", WorkingTime(4 * HOUR + 30 * MINUTE), "PT4H30M"),
        ("PT90S", WorkingTime(90 * SECOND), "PT1M30S"),
        ("PT1H0M0S", WorkingTime(HOUR), "PT1H"),
        ("PT24H", WorkingTime(24 * HOUR), "PT24H"),
        (f"PT{MOST_HOURS}H", WorkingTime(MOST_HOURS * HOUR), f"PT{MOST_HOURS}H"),
        ("1 business day", BusinessDays(1), "1 business day"),
        ("2 business days", BusinessDays(2), "2 business days"),
        (f"{MOST_DAYS} business days", BusinessDays(MOST_DAYS), f"{MOST_DAYS} business days"),
    ],
)
def test_a_target_is_read_and_written_back(text: str, expected: WorkingTime | BusinessDays, written: str) -> None:
    assert parse_span(text) == expected
    assert str(parse_span(text)) == written


@pytest.mark.parametrize(
    ("code", "cure", "texts"),
    [
        ("AMBIGUOUS", "PT24H", ["P1D", "P1W", "P1M", "P1Y", "P2DT4H", "P1Y2M10DT2H30M", "-P1D", "P0D"]),
        ("NOT_POSITIVE", "PT1S", ["PT0S", "PT0H0M", "-PT4H", "0 business days", "-2 business days"]),
        (
            "TOO_LARGE",
            "ten years",
            [f"PT{MOST_HOURS}H1S", f"{MOST_DAYS + 1} business days", f"PT{'9' * 6000}H", f"{'9' * 6000} business days"],
        ),
        (
            "UNREADABLE",
            "PT4H30M",
            [
                "",
                "P",
                "PT",
                "4h",
                "pt4h",
                "PT4H ",
                "PT4H\n",
                "PT1.5H",
                "PT30M4H",
                "2 days",
                "two business days",
                "PT٤H",
                "P1DT",
            ],
        ),
    ],
)
def test_what_is_no_target_is_refused_with_its_cure(code: str, cure: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(DurationInvalid, match=re.escape(cure)) as caught:
            parse_span(text)
        assert (text, caught.value.code) == (text, code)
        assert caught.value.text == text[:80]
        assert len(str(caught.value)) < 300


@given(
    st.one_of(
        st.integers(1, MOST_HOURS * 3600).map(lambda seconds: WorkingTime(seconds * SECOND)),
        st.builds(BusinessDays, st.integers(1, MOST_DAYS)),
    )
)
def test_every_target_survives_writing_and_reading(span: WorkingTime | BusinessDays) -> None:
    assert parse_span(str(span)) == span


@pytest.mark.parametrize(
    ("microseconds", "expected"),
    [
        (0, "PT0S"),
        (75 * MINUTE, "PT1H15M"),
        (100 * HOUR, "PT100H"),
        (59 * SECOND, "PT59S"),
        (HOUR + SECOND, "PT1H1S"),
        (1, "PT0.000001S"),
        (10 * SECOND + 500_000, "PT10.5S"),
        (-15 * MINUTE, "-PT15M"),
        (-1, "-PT0.000001S"),
    ],
)
def test_a_duration_is_written_in_hours_minutes_and_seconds(microseconds: int, expected: str) -> None:
    assert format_duration(microseconds) == expected


@given(st.integers(-(10**18), 10**18))
def test_a_written_duration_says_exactly_what_it_was(microseconds: int) -> None:
    found = re.fullmatch(r"(-?)PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?", format_duration(microseconds))

    assert found is not None
    sign, hours, minutes, seconds, fraction = found.groups(default="0")
    amount = int(hours) * HOUR + int(minutes) * MINUTE + int(seconds) * SECOND + int(f"{fraction:0<6}")
    assert (-amount if sign == "-" else amount) == microseconds
