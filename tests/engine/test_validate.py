"""What makes a definition unsound: each fault is found once, at its place, and its text names the cure in both languages."""

import pytest

from bpm_crm.engine.calendar import CalendarSpec
from bpm_crm.engine.problems import TEXTS, Problem, ProblemCode
from bpm_crm.engine.validate import MOST_PARTS, validate
from tests.engine.build import ROLES, SMALL, changed, definition_from, problems_of, with_clock

GOOD_CLOCK = """start: {started: true}
stop: {activity: response}
target: PT2H
pause: customer
warnings: ["50%"]
escalate: [{to: owner}]"""

OF_THE_PROOF = {
    "ALTERNATIVES_INCOMPLETE",
    "ALTERNATIVES_OVERLAP",
    "FIELD_UNFILLABLE",
    "FUNNEL_ORDER_REVERSED",
    "NO_WAY_OUT",
    "STAGE_NEVER_ENTERED",
    "STAGE_WITHOUT_CLOCK",
    "TRANSITION_NEVER_FIRES",
}
"""The faults that `soundness/test_faults.py` tries."""

# (text replaced in the small process, what stands there instead, code, place, words of the text)
FAULTS = [
    ("win: {title", "win: {trigger: state, title", "RESERVED_NAME", "transitions.win", "choose another"),
    ("win: {title", "win: {trigger: force, title", "RESERVED_NAME", "transitions.win", "“force” is reserved"),
    ("kind: initial", "kind: open", "NO_INITIAL", "stages", "make one of them so"),
    ("work: {kind: open", "work: {kind: initial", "SEVERAL_INITIAL", "stages", "(new, work); keep one"),
    ("from: work, to: waiting", "from: waiting, to: waiting", "UNREACHABLE_STAGE", "stages.waiting", "add one or remove"),
    ('from: "*", to: lost', "from: [new, work], to: lost", "DEAD_END", "stages.stuck", "add a way to a won, lost or"),
    ("reason: required", "reason: optional", "LOSS_WITHOUT_REASON", "transitions.lose", "set `reason: required`"),
    ("for: lose}", "for: lose, stages: [new, work]}", "NO_REASON_APPLIES", "transitions.lose.reason", "“waiting” none applies"),
    ("win: {title", "more: {trigger: begin, from: new, to: won, title: {en: A, ru: Б}}\n  win: {title", "SHADOWED_TRANSITION", "transitions.more", "“begin” has the same trigger"),
    ("reached: {entering: work}", "reached: []", "CHECKPOINT_UNREACHABLE", "checkpoints.worked", "say by which stage"),
    ("reached: {entering: work}", "reached: {checkpoint: worked}", "CHECKPOINT_UNREACHABLE", "checkpoints.worked", "never be reached"),
    ("order: 2", "order: 1", "FUNNEL_ORDER_TWICE", "checkpoints.worked.order", "give each its own"),
    ("during: waiting", "from: {entering: work}", "PAUSE_UNCLEAR", "pauses.customer", "`during` stages or both"),
    ("during: waiting", "during: waiting, from: {entering: work}", "PAUSE_UNCLEAR", "pauses.customer", "`from` and `until`"),
    ("max: 1000", "max: -1", "RANGE_EMPTY", "fields.amount.min", "exchange them"),
    ("type: decimal", "type: choice", "CHOICE_WITHOUT_OPTIONS", "fields.amount", "list them in `options`"),
    ("type: decimal", "type: integer, binds: amount", "BINDING_TYPE", "fields.amount.binds", "must be of type decimal"),
    ("type: decimal", "type: integer, binds: product", "BINDING_TYPE", "fields.amount.binds", "must be of type string / choice"),
    ("type: decimal", "type: decimal, binds: performer", "BINDING_TYPE", "fields.amount.binds", "must be of type string"),
    ("type: decimal", "type: decimal, binds: amount, personal: true", "BINDING_PERSONAL", "fields.amount.binds", "remove `personal` or `binds`"),
    ("max: 1000}", "binds: amount}\n  paid: {type: decimal, binds: amount, title: {en: A, ru: Б}}", "BINDING_TWICE", "fields.paid.binds", "bind one"),
    ("week: {mon-fri: 09:00-18:00}", "week: {}", "CALENDAR_INVALID", "calendar.week", "open at least one weekday"),
    ("week: {mon-fri: 09:00-18:00}", "week: {mon: closed}", "CALENDAR_INVALID", "calendar.week", "open at least one"),
    ("week: {mon-fri: 09:00-18:00}", "week: {mon: 09:00-09:00}", "CALENDAR_INVALID", "calendar.week", "open at least one"),
    ("week: {mon-fri: 09:00-18:00}", "week: {mon: closed}\n  exceptions: {2026-01-02: 09:00-10:00}", "CALENDAR_INVALID", "calendar.week", "open at least one weekday"),
    ("Europe/Moscow", "Europe/Moskow", "CALENDAR_INVALID", "calendar.zone", "for example Europe/Moscow"),
    ("Europe/Moscow", "localtime", "CALENDAR_INVALID", "calendar.zone", "IANA"),
]  # fmt: skip

GUARDS = [
    ("data.amont > 10.0", "undeclared reference to 'data.amont'", "Known variables:"),
    ("reached.paid", "undeclared reference to 'reached.paid'", "reached.worked"),
    ("visits.nowhere > 1", "undeclared reference", "visits.work"),
    ("activities.dance > 1", "undeclared reference", "activities.call"),
    ("data.amount > 10", "no matching overload", "write 10.0, not 10"),
    ("data.amount", "yields double, not boolean", "yields boolean"),
    ("data.amount >", "Syntax error", "docs/guards.md"),
]

REFERENCES = [
    ("\nstages:\n", "\nkey_stage: moon\nstages:\n", "key_stage", "stage “moon”", "work"),
    ("from: new, to: work", "from: knew, to: work", "transitions.begin.from", "stage “knew”", "new"),
    ("from: new, to: work", "from: new, to: worked", "transitions.begin.to", "stage “worked”", "work"),
    ("from: work, to: won", "from: work, to: won, require: [amont]", "transitions.win.require", "field “amont”", "amount"),
    ("from: work, to: won", "from: work, to: won, roles: [boss]", "transitions.win.roles", "role “boss”", "manager"),
    ("from: work, to: won", "from: work, to: won, approval: {roles: [boss]}", "transitions.win.approval", "role “boss”", "manager"),
    ("from: work, to: won", "from: work, to: won, effects: [{set: {amont: '1.0'}}]", "transitions.win.effects", "field “amont”", "amount"),
    ("for: lose", "for: loose", "reasons.price.for", "transition “loose”", "lose"),
    ("for: lose", "for: lose, stages: [knew]", "reasons.price.stages", "stage “knew”", "new"),
    ("during: waiting", "during: weighting", "pauses.customer.during", "stage “weighting”", "waiting"),
    ("during: waiting", "from: {transition: weight}, until: {leaving: work}", "pauses.customer.from", "transition “weight”", "wait"),
    ("during: waiting", "from: {leaving: work}, until: {entering: wrok}", "pauses.customer.until", "stage “wrok”", "work"),
    ("reached: {entering: work}", "reached: {checkpoint: leads}", "checkpoints.worked.reached", "checkpoint “leads”", "lead"),
    ("reached: {entering: work}", "reached: {activity: dance}", "checkpoints.worked.reached", "activity “dance”", "call"),
    ("reached: {entering: work}", "reached: {leaving: wrok}", "checkpoints.worked.reached", "stage “wrok”", "work"),
]  # fmt: skip

CLOCK_REFERENCES = [
    ("start: {started: true}", "start: {entering: wrok}", "clocks.task.start", "stage “wrok”"),
    ("stop: {activity: response}", "stop: {checkpoint: leads}", "clocks.task.stop", "checkpoint “leads”"),
    ("target: PT2H", "target: PT2H\ncancel: {transition: lost}", "clocks.task.cancel", "transition “lost”"),
    ("target: PT2H", "target: {default: PT2H, wrok: PT1H}", "clocks.task.target", "stage “wrok”"),
    ("target: PT2H", "target: PT2H\ncheckpoint: leads", "clocks.task.checkpoint", "checkpoint “leads”"),
    ("pause: customer", "pause: client", "clocks.task.pause", "pause “client”"),
    ("{to: owner}", "{to: boss}", "clocks.task.escalate", "role “boss”"),
]

CLOCK_FAULTS = [
    ("target: PT2H", "target: {}", "CLOCK_WITHOUT_TARGET", "clocks.task", "give `target` a span such as PT4H"),
    ("start: {started: true}", "start: {entering: won}", "CLOCK_NEVER_STARTS", "clocks.task", "while a case is open"),
    ("start: {started: true}", "start: []", "CLOCK_NEVER_STARTS", "clocks.task", "give `start` what happens"),
    ("stop: {activity: response}", "stop: []", "CLOCK_NEVER_STOPS", "clocks.task", "give `stop` a stage"),
    ('"50%"', '"100%"', "WARNING_AFTER_TARGET", "clocks.task.warnings", "use less than 100%"),
    ('"50%"', '"0%"', "WARNING_AFTER_TARGET", "clocks.task.warnings", "use less than 100%"),
    ('"50%"', '"early"', "DURATION_INVALID", "clocks.task.warnings", "PT4H30M"),
    ('"50%"', "1 business day", "DURATION_INVALID", "clocks.task.warnings", "in working time"),
    ("PT2H", "P1D", "DURATION_INVALID", "clocks.task.target", "1 business day"),
    ("PT2H", "2 hours", "DURATION_INVALID", "clocks.task.target", "PT4H30M"),
    ("PT2H", "PT0S", "DURATION_INVALID", "clocks.task.target", "at least PT1S"),
    ("PT2H", "PT99999999H", "DURATION_INVALID", "clocks.task.target", "at most ten years"),
    ("{to: owner}", "{to: owner, after: P1D}", "DURATION_INVALID", "clocks.task.escalate", "1 business day"),
    (
        "{to: owner}",
        "{to: owner, after: 1 business day}",
        "DURATION_INVALID",
        "clocks.task.escalate",
        "in working time",
    ),
]


def the_fault(text: str) -> Problem:
    """The only problem of a document."""
    problems = problems_of(text)
    assert len(problems) == 1, [(item.code, item.path, item.text()) for item in problems]
    return problems[0]


def assert_fault(text: str, code: str, place: str, words: str) -> None:
    problem = the_fault(text)
    assert (problem.code, ".".join(problem.path)) == (code, place)
    assert problem.line > 0
    assert words in problem.text("en")
    assert problem.text("ru") != problem.text("en")


def test_the_documents_that_faults_are_planted_in_are_sound() -> None:
    assert problems_of(SMALL) == ()
    assert problems_of(with_clock(GOOD_CLOCK)) == ()


@pytest.mark.parametrize(("old", "new", "code", "place", "words"), FAULTS)
def test_a_fault_is_reported_at_its_place_with_its_cure(old: str, new: str, code: str, place: str, words: str) -> None:
    text = changed(SMALL, old, new)
    if code == "DEAD_END":
        text = changed(text, "to: waiting}", "to: waiting}\n  jam: {title: {en: J, ru: Д}, from: work, to: stuck}")
        text = changed(text, "  won: {kind", "  stuck: {kind: open, title: {en: Stuck, ru: Тупик}}\n  won: {kind")

    assert_fault(text, code, place, words)


@pytest.mark.parametrize(("old", "new", "code", "place", "words"), CLOCK_FAULTS)
def test_a_fault_of_a_clock_is_reported_at_its_place_with_its_cure(
    old: str, new: str, code: str, place: str, words: str
) -> None:
    assert_fault(with_clock(changed(GOOD_CLOCK, old, new)), code, place, words)


@pytest.mark.parametrize(("guard", "fault", "cure"), GUARDS)
def test_a_guard_that_does_not_compile_is_reported_with_the_cure(guard: str, fault: str, cure: str) -> None:
    text = changed(SMALL, "from: work, to: won", f'from: work, to: won, guard: "{guard}"')
    problem = the_fault(text)

    assert (problem.code, problem.path) == ("EXPRESSION_INVALID", ("transitions", "win", "guard"))
    assert fault in problem.text()
    assert cure in problem.text()


@pytest.mark.parametrize(
    ("expression", "fault"),
    [("data.amount > 1.0", "yields bool"), ("'1'", "yields string"), ("data.amont", "undeclared reference")],
)
def test_an_effect_that_does_not_compile_to_its_field_is_reported(expression: str, fault: str) -> None:
    text = changed(SMALL, "from: work, to: won", f'from: work, to: won, effects: [{{set: {{amount: "{expression}"}}}}]')
    problem = the_fault(text)

    assert (problem.code, problem.path) == ("EXPRESSION_INVALID", ("transitions", "win", "effects"))
    assert fault in problem.text()


@pytest.mark.parametrize(("old", "new", "place", "what", "known"), REFERENCES)
def test_a_name_that_leads_nowhere_is_reported_with_those_that_are_known(
    old: str, new: str, place: str, what: str, known: str
) -> None:
    problem = the_fault(changed(SMALL, old, new))

    assert (problem.code, ".".join(problem.path)) == ("UNKNOWN_REFERENCE", place)
    assert f"There is no {what}. Known: " in problem.text()
    assert known in problem.text().partition("Known: ")[2].rstrip(".").split(", ")


@pytest.mark.parametrize(("old", "new", "place", "what"), CLOCK_REFERENCES)
def test_a_name_in_a_clock_that_leads_nowhere_is_reported(old: str, new: str, place: str, what: str) -> None:
    problem = the_fault(with_clock(changed(GOOD_CLOCK, old, new)))

    assert (problem.code, ".".join(problem.path)) == ("UNKNOWN_REFERENCE", place)
    assert f"There is no {what}. Known: " in problem.text()


def test_every_fault_is_reported_not_only_the_first() -> None:
    text = changed(SMALL, "order: 2", "order: 1")
    text = changed(text, "max: 1000", "max: -1")
    text = changed(text, "reason: required", "reason: optional")

    assert sorted(problem.code for problem in problems_of(text)) == [
        "FUNNEL_ORDER_TWICE",
        "LOSS_WITHOUT_REASON",
        "RANGE_EMPTY",
    ]


def test_a_reserved_kind_of_activity_is_reported() -> None:
    for key in ("response", "call"):
        problem = the_fault(f"{SMALL}activities:\n  {key}: {{en: A, ru: Б}}\n")

        assert (problem.code, problem.path) == ("RESERVED_NAME", ("activities", key))


def test_a_target_that_the_calendar_can_never_fill_is_reported() -> None:
    clock = changed(GOOD_CLOCK, "PT2H", "PT80000H")
    problem = the_fault(changed(with_clock(clock), "mon-fri: 09:00-18:00", "mon: 09:00-09:01"))

    assert (problem.code, problem.path) == ("DURATION_INVALID", ("clocks", "task", "target"))
    assert "open more hours" in problem.text()


def test_a_calendar_that_is_no_calendar_is_reported_without_its_targets() -> None:
    definition = definition_from(with_clock(GOOD_CLOCK))
    broken = CalendarSpec("Nowhere/Nothing", {9: ((0, 10),)})
    object.__setattr__(definition, "calendar", broken)

    assert {problem.path[:2] for problem in validate(definition, ROLES)} == {("calendar", "zone"), ("calendar", "week")}


def test_all_texts_exist_in_both_languages() -> None:
    assert set(TEXTS) == set(ProblemCode)
    for text in TEXTS.values():
        assert text.en
        assert text.ru


def test_every_code_of_soundness_is_tried_here() -> None:
    tried = {row[2] for row in FAULTS} | {row[2] for row in CLOCK_FAULTS} | {"UNKNOWN_REFERENCE", "EXPRESSION_INVALID"}

    assert tried | {"TOO_MANY_PARTS"} | OF_THE_PROOF == set(ProblemCode) - {"SYNTAX", "SHAPE", "UNKNOWN_PART"}


def test_a_process_of_too_many_parts_is_refused_before_its_paths_are_looked_at() -> None:
    stages = "".join(
        f"  s{number}: {{kind: open, title: {{en: S, ru: С}}}}\n" for number in range(MOST_PARTS["stages"])
    )

    assert_fault(
        changed(SMALL, "transitions:\n", stages + "transitions:\n"), "TOO_MANY_PARTS", "stages", "divide the process"
    )
