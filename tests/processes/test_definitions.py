"""From the words of a document to the engine: shorthands, hours, durations, and what does not fit the notation."""

from decimal import Decimal

import pytest

from bpm_crm.engine.definition import ProcessDefinition, SlaPolicy, SlaWarning
from bpm_crm.engine.duration import BusinessDays, WorkingTime
from bpm_crm.engine.occasions import RESPONSE, ActivityMatch, Condition, Occasion, OccasionKind
from bpm_crm.engine.problems import DefinitionInvalid, Problem
from bpm_crm.engine.weekly_hours import Hours
from bpm_crm.processes.document import CalendarPart
from bpm_crm.processes.hours import week_of, written_spans
from bpm_crm.processes.library import resolve
from tests.engine.build import HOUR, MINUTE, ROLES, SMALL, YEARS, changed, definition_from, problems_of, with_clock

OFFICE: Hours = ((32_400, 64_800),)
SHORT: Hours = ((32_400, 61_200),)


def week(**entries: str | list[str]) -> dict[int, Hours]:
    return week_of(CalendarPart(zone="UTC", week={name.replace("_", "-"): text for name, text in entries.items()}))


def policy(clock: str) -> SlaPolicy:
    return definition_from(with_clock(clock)).policies["task"]


def with_calendar(lines: str) -> str:
    return changed(SMALL, "  week: {mon-fri: 09:00-18:00}\n", lines)


def published(text: str) -> ProcessDefinition:
    return resolve(text, years=YEARS, roles=ROLES).definition


def the_fault(text: str) -> Problem:
    problems = problems_of(text)
    assert len(problems) == 1, [(item.path, item.text()) for item in problems]
    return problems[0]


@pytest.mark.parametrize(
    ("entries", "days"),
    [
        ({"mon": "09:00-18:00"}, {0}),
        ({"mon_fri": "09:00-18:00"}, {0, 1, 2, 3, 4}),
        ({"fri_mon": "09:00-18:00"}, {4, 5, 6, 0}),
        ({"sun_sun": "09:00-18:00"}, {6}),
        ({"tue_mon": "09:00-18:00"}, set(range(7))),
        ({"Mon_FRI": "09:00-18:00"}, {0, 1, 2, 3, 4}),
    ],
)
def test_weekdays_may_be_ranges_that_pass_sunday(entries: dict[str, str], days: set[int]) -> None:
    assert week(**entries) == dict.fromkeys(days, OFFICE)


@pytest.mark.parametrize("entries", [{"mon_fri": "09:00-18:00", "fri": "09:00-17:00"}, {"fri": "09:00-17:00", "mon_fri": "09:00-18:00"}])  # fmt: skip
def test_a_day_named_alone_goes_before_a_range_whatever_their_order(entries: dict[str, str]) -> None:
    assert week(**entries) == {**dict.fromkeys(range(4), OFFICE), 4: SHORT}


def test_a_channel_changes_one_day_of_the_hours_it_includes() -> None:
    text = "process: x\ntitle: {en: X, ru: Х}\ninclude: [office_hours]\ncalendar: {holidays: null, week: {fri: 09:00-17:00}}\n"
    text += SMALL.partition("fields:")[2].join(["fields:", ""])

    week_days = published(text).calendar.week

    assert (week_days[3], week_days[4]) == (OFFICE, SHORT)


@pytest.mark.parametrize(
    ("lines", "place", "cure"),
    [
        ("  week: {monday: 09:00-18:00}\n", "week.monday", "use mon, tue, wed, thu, fri, sat, sun or a range"),
        ("  week: {mon-: 09:00-18:00}\n", "week.mon-", "or a range such as mon-fri"),
        ("  week: {mon-fri-sun: 09:00-18:00}\n", "week.mon-fri-sun", "or a range such as mon-fri"),
        ("  week: {mon-wed: 09:00-18:00, tue-thu: 10:00-18:00}\n", "week.tue-thu", "keep one of them, or name the day"),
        ("  week: {mon: 09:00-18:00, Mon: 10:00-18:00}\n", "week.Mon", "“mon” and “Mon” give the same day"),
        ("  week: {mon: 9-18}\n", "week.mon", "write wall times as HH:MM"),
        ("  week: {mon: 09:00-25:00}\n", "week.mon", "from 00:00 to 24:00"),
        ("  week: {mon: always}\n", "week.mon", "give the open and the close of each span"),
        ("  week: {mon: [09:00-12:00, '13:00']}\n", "week.mon", "span 1"),
        ("  week: {mon: 09:00-18:00}\n  exceptions: {2026-01-02: 9-18}\n", "exceptions.2026-01-02", "HH:MM"),
        ("  week: {mon: 09:00-18:00}\n  holidays: {country: XX}\n", "holidays", "XX"),
    ],
)
def test_hours_that_cannot_be_read_are_refused_with_place_and_cure(lines: str, place: str, cure: str) -> None:
    problem = the_fault(with_calendar(lines))

    assert (problem.code, ".".join(problem.path)) == ("CALENDAR_INVALID", f"calendar.{place}")
    assert problem.line > 5
    assert cure in problem.text()


def test_every_fault_of_hours_is_reported() -> None:
    text = with_calendar("  week: {mon: 9-18, noday: closed}\n  exceptions: {2026-01-02: never}\n")

    assert sorted(problem.path[-1] for problem in problems_of(text)) == ["2026-01-02", "mon", "noday"]


@pytest.mark.parametrize(
    "spans",
    [
        "09:00-18:00",
        ["09:00-13:00", "14:00-18:00"],
        "22:00-06:00",
        "00:00-24:00",
        ["00:00-24:00", "20:00-19:00"],
        ["01:00-24:00", "23:00-01:00"],
        "closed",
        "09:00–18:00",
        "00:00-00:01:30",
    ],
)
def test_hours_written_out_are_read_back_as_they_were(spans: str | list[str]) -> None:
    hours = week(mon=spans)[0]

    assert week(mon=written_spans(hours))[0] == hours


def test_hours_of_a_transferred_working_day_are_those_of_the_weekday_even_if_they_pass_a_whole_day() -> None:
    text = with_calendar("  week: {mon-fri: [00:00-24:00, 20:00-19:00]}\n  holidays: {country: RU}\n")
    definition = published(text)
    opened = {day: hours for day, hours in definition.calendar.exceptions.items() if hours}

    assert set(opened.values()) <= {((0, 154_800),)}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("PT2H", {"": WorkingTime(2 * HOUR)}),
        ("2 business days", {"": BusinessDays(2)}),
        ("{default: PT2H, work: 1 business day}", {"": WorkingTime(2 * HOUR), "work": BusinessDays(1)}),
        ("{work: PT1H}", {"work": WorkingTime(HOUR)}),
    ],
)
def test_a_target_is_one_span_or_one_for_each_stage(target: str, expected: dict[str, object]) -> None:
    assert policy(f"start: {{started: true}}\nstop: {{ended: true}}\ntarget: {target}").targets == expected


def test_warnings_are_shares_of_the_target_or_time_before_it() -> None:
    clock = 'start: {started: true}\nstop: {ended: true}\ntarget: PT2H\nwarnings: ["75%", "12.5%", PT30M]'

    assert policy(clock).warnings == (
        SlaWarning(Decimal("0.75"), None),
        SlaWarning(Decimal("0.125"), None),
        SlaWarning(None, 30 * MINUTE),
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("{started: true}", Condition((Occasion(OccasionKind.STARTED),))),
        ("{ended: true}", Condition((Occasion(OccasionKind.ENDED),))),
        ("{entering: [won, lost]}", Condition((Occasion(OccasionKind.ENTERING, "won"), Occasion(OccasionKind.ENTERING, "lost")))),
        ("{leaving: '*'}", Condition(tuple(Occasion(OccasionKind.LEAVING, key) for key in ("new", "work", "waiting")))),
        ("{transition: win}", Condition((Occasion(OccasionKind.TRANSITION, "win"),))),
        ("{checkpoint: lead, activity: call}", Condition((Occasion(OccasionKind.CHECKPOINT, "lead"),), (ActivityMatch("call"),))),
        ("{activity: response}", Condition((), (RESPONSE,))),
        ("{activity: {kind: email, direction: inbound, automated: false}}", Condition((), (ActivityMatch("email", "inbound", False),))),
        ("[{activity: call}, {entering: work}]", Condition((Occasion(OccasionKind.ENTERING, "work"),), (ActivityMatch("call"),))),
    ],
)  # fmt: skip
def test_a_condition_says_what_it_looks_like(words: str, expected: Condition) -> None:
    assert policy(f"start: {{started: true}}\nstop: {words}\ntarget: PT2H").stop == expected


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("min: 0", "min: low", "fields.amount.min", "“low” does not fit here; write a number such as 15.5."),
        ("type: decimal", "type: money", "fields.amount.type", "write one of: 'string', 'integer', 'decimal'"),
        ("kind: won", "kind: finished", "stages.won.kind", "write one of: 'initial', 'open'"),
        ("channels: [small]", "channels: small", "channels", "“small” does not fit here; write a list."),
        ("channels: [small]", "channels: {a: 1}", "channels", "write a list"),
        ("title: {en: Small, ru: Малый}", "title: Small", "title", "write keys with values"),
        ("title: {en: Small, ru: Малый}", "title: {en: Small}", "title.ru", "“ru” is missing; add it."),
        ("title: {en: Small, ru: Малый}", "title: {en: 5, ru: Малый}", "title.en", "“5” does not fit here; write a text."),
        ("title: {en: Small, ru: Малый}", 'title: {en: "", ru: Малый}', "title.en", "write a text of the right length"),
        ("  zone: Europe/Moscow\n", "", "calendar.zone", "“zone” is missing; add it."),
        ("process: small\n", "", "process", "“process” is missing; add it."),
        ("process: small", "process: Small One", "process", "it must match ^[a-z]"),
        ("  won: {kind", "  Won: {kind", "stages.Won", "it must match ^[a-z]"),
        ("order: 2", "order: 0", "checkpoints.worked.order", "write a number not below 1"),
        ("order: 2", "order: second", "checkpoints.worked.order", "write a whole number"),
        ("order: 2", "ordre: 2", "checkpoints.worked.ordre", "There is no key “ordre” here; correct its spelling"),
        ("reached: {started: true}", "reached: {started: false}", "checkpoints.lead.reached.started", "write one of: True"),
        ("from: new, to: work", "from: new", "transitions.begin.to", "“to” is missing; add it."),
        ("from: new, to: work", "from: [], to: work", "transitions.begin.from", "write a list of the right length"),
        ("from: new, to: work", "from: new, to: work, effects: [{call: x}]", "transitions.begin.effects.0", "{set: …}, {assign: …}, {start: …}"),
        ("from: new, to: work", "from: new, to: work, effects: {set: {a: b}}", "transitions.begin.effects", "write a list"),
        ("from: new, to: work", "from: new, to: work, guard: {wen: x}", "transitions.begin.guard.wen", "correct its spelling"),
        ("from: new, to: work", "from: new, to: work, approval: {roles: []}", "transitions.begin.approval.roles", "write a list of the right length"),
        ("  week: {mon-fri: 09:00-18:00}\n", "  week: {mon: 5}\n", "calendar.week.mon", "“5” does not fit here"),
        ("  week: {mon-fri: 09:00-18:00}\n", "  week: {mon: closed}\n  exceptions: {tomorrow: closed}\n", "calendar.exceptions.tomorrow", "write a date such as 2026-12-31"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_notation_is_refused_with_place_line_and_cure(
    old: str, new: str, place: str, words: str
) -> None:
    problems = {".".join(problem.path): problem for problem in problems_of(changed(SMALL, old, new))}

    assert place in problems
    assert {problem.code for problem in problems.values()} == {"SHAPE"}
    assert words in problems[place].text()
    assert problems[place].text("ru") != problems[place].text("en")


def test_all_problems_are_in_the_error_with_their_places() -> None:
    with pytest.raises(DefinitionInvalid, match=r"stages\.won\.kind: .*; transitions\.begin\.to: ") as caught:
        definition_from(changed(changed(SMALL, "kind: won", "kind: end"), "from: new, to: work", "from: new"))

    assert len(caught.value.problems) == 2
