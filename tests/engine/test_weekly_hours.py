"""Hours of a day in writing and in order."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bpm_crm.engine.weekly_hours import DAY_SECONDS, Hours, HoursInvalid, normalised, parse_hours, written_hours

HOUR = 3600


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], ()),
        ([["09:00", "18:00"]], ((9 * HOUR, 18 * HOUR),)),
        ([["13:00", "18:00"], ["09:00", "12:30"]], ((9 * HOUR, 12 * HOUR + 1800), (13 * HOUR, 18 * HOUR))),
        ([["09:00", "13:00"], ["12:00", "14:00"], ["14:00", "15:00"]], ((9 * HOUR, 15 * HOUR),)),
        ([["00:00", "24:00"]], ((0, DAY_SECONDS),)),
        ([["22:00", "06:00"]], ((22 * HOUR, 30 * HOUR),)),
        ([["22:00", "00:00"]], ((22 * HOUR, 24 * HOUR),)),
        ([["09:00", "09:00"]], ()),
        ([["08:59:59", "09:00:01"]], ((9 * HOUR - 1, 9 * HOUR + 1),)),
        ([("00:00", "24:00"), ("22:00", "06:00")], ((0, 30 * HOUR),)),
    ],
)
def test_written_hours_are_read_in_order_and_united(pairs: list[list[str]], expected: Hours) -> None:
    assert parse_hours(pairs) == expected


@pytest.mark.parametrize(
    ("pairs", "code", "index"),
    [
        ([["09:00", "25:00"]], "WALL_TIME_UNREADABLE", 0),
        ([["09:00", "24:01"]], "WALL_TIME_UNREADABLE", 0),
        ([["09:00", "18:00"], ["9:00", "18:00"]], "WALL_TIME_UNREADABLE", 1),
        ([["09:60", "18:00"]], "WALL_TIME_UNREADABLE", 0),
        ([["09:00", "18:00:61"]], "WALL_TIME_UNREADABLE", 0),
        ([["", "18:00"]], "WALL_TIME_UNREADABLE", 0),
        ([["24:00", "02:00"]], "SPAN_OPENS_OUTSIDE_DAY", 0),
        ([["09:00"]], "SPAN_NOT_A_PAIR", 0),
        ([["09:00", "12:00", "13:00"]], "SPAN_NOT_A_PAIR", 0),
        (["09"], "SPAN_NOT_A_PAIR", 0),
    ],
)
def test_what_is_no_span_of_a_day_is_refused_with_its_place(pairs: Any, code: str, index: int) -> None:
    with pytest.raises(HoursInvalid) as caught:
        parse_hours(pairs)

    assert (caught.value.code, caught.value.index) == (code, index)
    assert str(caught.value).startswith(f"span {index} ")


@given(st.lists(st.tuples(st.integers(0, DAY_SECONDS - 1), st.integers(0, 2 * DAY_SECONDS)), max_size=6).map(tuple))
def test_ordered_hours_say_the_same_and_stay_as_they_are(hours: Hours) -> None:
    ordered = normalised(hours)
    given_seconds = {
        moment for span in hours for moment in (span[0], closing_of(span) - 1) if span[0] < closing_of(span)
    }

    assert normalised(ordered) == ordered
    assert all(any(opens <= moment < closes for opens, closes in ordered) for moment in given_seconds)
    assert {moment for span in ordered for moment in (span[0], span[1] - 1)} <= given_seconds


WALL_TIMES = st.integers(0, DAY_SECONDS).map(
    lambda second: f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
)


@given(st.lists(st.tuples(WALL_TIMES.filter(lambda text: text < "24"), WALL_TIMES), max_size=4))
@example([("00:00", "24:00"), ("20:00", "19:00")])
@example([("00:00", "24:00"), ("23:59:59", "23:59:58")])
@example([("01:00", "24:00"), ("23:00", "01:00")])
@example([("22:00", "06:00")])
def test_hours_written_out_are_read_back_as_they_were(pairs: list[tuple[str, str]]) -> None:
    hours = parse_hours(pairs)

    assert parse_hours(written_hours(hours)) == hours


@pytest.mark.parametrize(
    ("hours", "written"),
    [
        ((), []),
        (((32_400, 64_800),), [("09:00", "18:00")]),
        (((0, 86_400),), [("00:00", "24:00")]),
        (((0, 90),), [("00:00", "00:01:30")]),
        (((79_200, 108_000),), [("22:00", "06:00")]),
        (((0, 154_800),), [("00:00", "24:00"), ("23:59:59", "19:00")]),
        (((3600, 90_000),), [("01:00", "24:00"), ("23:59:59", "01:00")]),
        (((36_000, 39_600), (32_400, 37_000)), [("09:00", "11:00")]),
    ],
)
def test_hours_are_written_as_pairs_of_wall_times(hours: Hours, written: list[tuple[str, str]]) -> None:
    assert written_hours(hours) == written


@pytest.mark.parametrize("hours", [((0, 2 * DAY_SECONDS),), ((32_400, 36_000), (50_000, 172_799))])
def test_hours_that_no_pairs_of_one_day_say_are_refused(hours: Hours) -> None:
    with pytest.raises(HoursInvalid, match="divide it between the days it covers") as caught:
        written_hours(hours)

    assert (caught.value.code, caught.value.index) == ("SPAN_CLOSES_OUTSIDE_DAY", len(hours) - 1)


def closing_of(span: tuple[int, int]) -> int:
    opens, closes = span
    return closes if closes >= opens else closes + DAY_SECONDS
