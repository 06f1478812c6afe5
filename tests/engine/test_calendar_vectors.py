"""The published cases of other libraries: ours agree, but for the conventions `docs/business-time.md` lists as the other ones."""

import json
import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bpm_crm.engine.calendar import CLOSED, BusinessCalendar, CalendarFault, CalendarInvalid, CalendarSpec
from bpm_crm.engine.instants import SECOND, instant_of
from bpm_crm.engine.weekly_hours import parse_hours

REPOSITORY = Path(__file__).parents[2]
FILE = Path(os.environ.get("BPM_CRM_TEST_DATA", REPOSITORY / "../shared/data")) / "calendars/business_time_vectors.json"
DATA: dict[str, Any] = json.loads(FILE.read_text()) if FILE.is_file() else {"vectors": [], "calendars": {}}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

WITHOUT_WORKING_TIME = "utc_9_9_empty"
OTHER_CONVENTION = {"Intrepidd/working_hours-64": 90_000}
"""Working seconds where we count the 25 hours that pass on the day of the change, and the source the 24 of the wall clock."""

needs_vectors = pytest.mark.skipif(not FILE.is_file(), reason=f"the cases are not at {FILE}")


@needs_vectors
def test_there_are_112_cases_and_every_convention_is_met_or_documented() -> None:
    conventions = {vector["id"] for vector in DATA["vectors"] if "policy" in vector}
    page = (REPOSITORY / "docs/business-time.md").read_text()

    assert len(DATA["vectors"]) == 112
    assert len(conventions) == 3
    assert [vector for vector in conventions if vector not in page] == []


@needs_vectors
@pytest.mark.parametrize("vector", DATA["vectors"], ids=lambda vector: vector["id"])
def test_a_published_case_gives_its_result(vector: Mapping[str, Any]) -> None:
    described = DATA["calendars"][vector["calendar"]]
    spec = spec_of(described, vector.get("paused", ()))
    if vector["calendar"] == WITHOUT_WORKING_TIME:
        spec = opened_once(spec)
    zone = ZoneInfo(described["tz"])
    expected = "open" if "open" in vector else "result" if "result" in vector else "seconds"

    answer = answer_of(BusinessCalendar(spec), vector, zone)

    assert answer == (instant(vector["result"], zone) if expected == "result" else expectation(vector, expected))


@needs_vectors
def test_the_case_on_a_calendar_without_working_time_is_refused_as_it_stands() -> None:
    with pytest.raises(CalendarInvalid) as caught:
        BusinessCalendar(spec_of(DATA["calendars"][WITHOUT_WORKING_TIME]))

    assert [problem.code for problem in caught.value.problems] == [CalendarFault.NO_WORKING_TIME]


def answer_of(calendar: BusinessCalendar, vector: Mapping[str, Any], zone: ZoneInfo) -> int | bool:
    start = instant(vector.get("start", vector.get("at")), zone)
    match vector["op"]:
        case "duration":
            return calendar.between(start, instant(vector["end"], zone)) // SECOND
        case "add" | "sla_deadline":
            return calendar.add(start, vector["seconds"] * SECOND)
        case "next_open":
            return calendar.next_open(start)
        case "prev_open":
            return calendar.previous_open(start)
        case "is_open":
            return calendar.is_open(start)
        case "sla_elapsed":
            alive_from, alive_until = (instant(text, zone) for text in vector["alive"])
            end = min(instant(vector["end"], zone), alive_until)
            return calendar.between(max(start, alive_from), end) // SECOND
        case unknown:
            raise AssertionError(f"the legend has no {unknown}")


def expectation(vector: Mapping[str, Any], key: str) -> Any:
    return OTHER_CONVENTION.get(vector["id"], vector[key])


def instant(text: str, zone: ZoneInfo) -> int:
    at = datetime.fromisoformat(text)
    return instant_of(at if at.tzinfo else at.replace(tzinfo=zone))


def spec_of(described: Mapping[str, Any], paused: Any = ()) -> CalendarSpec:
    assert not described["breaks"]
    assert not described["closed"]
    zone = ZoneInfo(described["tz"])
    exceptions = {date.fromisoformat(day): parse_hours(pairs) for day, pairs in described["special"].items()}
    return CalendarSpec(
        zone=described["tz"],
        week={WEEKDAYS.index(day): parse_hours(pairs) for day, pairs in described["hours"].items()},
        exceptions=exceptions | dict.fromkeys(map(date.fromisoformat, described["holidays"]), CLOSED),
        closures=tuple((instant(begins, zone), instant(ends, zone)) for begins, ends in paused),
    )


def opened_once(spec: CalendarSpec) -> CalendarSpec:
    """The same calendar, made acceptable by one working hour in another year."""
    return CalendarSpec(spec.zone, spec.week, {date(2000, 1, 1) + timedelta(days=1): ((0, 3600),)})
