"""Faults that only a look at guards and ways finds: each is refused once, at its place, with a trace that the engine plays."""

import pytest

from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.certificate import Certificate, certificate_data, certificate_of
from bpm_crm.engine.soundness.certify import certify
from bpm_crm.engine.soundness.play import replay
from bpm_crm.engine.soundness.undecided import Property
from bpm_crm.engine.state import InstanceState
from bpm_crm.engine.traces import Act
from tests.engine.build import ROLES, SMALL, changed, definition_from, with_clock

FIELDS = """
  age: {type: integer, title: {en: Age, ru: Возраст}, min: 0, max: 120}
  size: {type: choice, title: {en: Size, ru: Размер}, options: {s: {en: S, ru: М}, l: {en: L, ru: Б}}}
  name: {type: string, title: {en: Name, ru: Имя}, max_length: 20}
  day: {type: date, title: {en: Day, ru: День}}
"""
WIDE = changed(SMALL, "min: 0, max: 1000}\n", "min: 0, max: 1000}" + FIELDS)
WIN = "from: work, to: won"


def guarded(guard: str, more: str = "") -> str:
    """The small process whose only way to win has a guard."""
    return changed(WIDE, WIN, f'{WIN}, guard: "{guard}"{more}')


def alternatives(first: str, second: str, claim: str, more: str = "") -> str:
    """The small process that is won in one of two ways."""
    text = guarded(first, more)
    other = f'  win2: {{title: {{en: W, ru: В}}, trigger: win, {WIN}, guard: "{second}"{more}}}\n'
    return changed(text, "  lose: {", other + "  lose: {") + f"alternatives: {{win: {claim}}}\n"


def certified(text: str) -> Certificate:
    return certify(definition_from(text), ROLES)


def told(text: str) -> list[tuple[str, str]]:
    return [(problem.code.value, ".".join(problem.path)) for problem in certified(text).problems]


def played(text: str, code: str) -> tuple[InstanceState, ...]:
    """The states of the trace that comes with a fault."""
    definition = definition_from(text)
    problem = next(item for item in certify(definition, ROLES).problems if item.code == code)
    assert problem.trace[0].act is Act.START
    return replay(Process(definition), problem.trace)


OPENABLE = [
    "data.amount > 999.5",
    "data.amount == 0.1",
    "data.amount == null",
    "data.amount * 2.0 == data.amount + 1.0",
    "data.age % 7 == 3 && data.age > 100",
    "data.age / 2 == 30",
    "data.size == 'l' || data.size == 'xl'",
    "data.size in ['xl', 's']",
    "data.name.startsWith('Ann') && data.name.endsWith('z') && data.name.size() == 9",
    "data.name.contains('1') && !data.name.contains('0')",
    "data.name == 'ёж'",
    "data.day > timestamp('2030-01-01T00:00:00Z') && data.day < timestamp('2030-01-03T00:00:00Z')",
    "data.day - now > duration('240h')",
    "now - instance.entered_at >= duration('72h')",
    "now - instance.started_at < duration('1m')",
    "now > timestamp('2031-05-05T00:00:00Z')",
    "instance.channel == 'fax' && instance.region == 'omsk'",
    "instance.owner == 'ann' && actor.id != 'ann'",
    "instance.owner == actor.id",
    "'manager' in actor.roles && !('admin' in actor.roles)",
    "actor.roles.exists(r, r.startsWith('sales'))",
    "actor.roles.all(r, r == 'manager') && actor.roles.size() == 1",
    "visits.work == 3",
    "visits.waiting >= 2 && activities.call > 1",
    "activities.meeting == 2 && activities.call == 0",
    "reached.worked ? data.age > 3 : data.age < 1",
    "data.age > 5 ? data.amount > 1.0 : data.name != null",
]
BARRED = [
    "data.amount > 1000.0",
    "data.amount < 0.0",
    "data.amount > 5.0 && data.amount < 3.0",
    "data.amount == null && data.amount > 1.0",
    "data.age > 3 && data.age < 4",
    "data.age * 2 == 7",
    "data.size == 'xl'",
    "data.size == 's' && data.size == 'l'",
    "data.name.size() > 20",
    "data.name.startsWith('a') && data.name.startsWith('b')",
    "data.day < now && data.day > now",
    "now < instance.entered_at",
    "instance.entered_at < instance.started_at",
    "instance.stage == 'new'",
    "!reached.lead",
    "visits.work == 0",
    "visits.new > 1",
    "activities.call < 0",
    "'king' in actor.roles",
    "actor.roles.exists(r, r == 'admin') && !('admin' in actor.roles)",
    "10 / (visits.work - visits.work) > 1",
    "false",
]


@pytest.mark.parametrize("guard", OPENABLE)
def test_a_guard_that_can_hold_is_shown_to_hold(guard: str) -> None:
    certificate = certified(guarded(guard))

    assert certificate.problems == ()
    assert certificate.undecided == ()
    states = replay(Process(definition_from(guarded(guard))), certificate.shortest)
    assert states[-1].stage == "won"


@pytest.mark.parametrize("guard", BARRED)
def test_a_guard_that_can_never_hold_is_refused_with_a_vain_attempt(guard: str) -> None:
    text = guarded(guard)

    assert told(text) == [
        ("STAGE_NEVER_ENTERED", "stages.won"),
        ("TRANSITION_NEVER_FIRES", "transitions.win.guard"),
    ]
    assert played(text, "TRANSITION_NEVER_FIRES")[-1].stage == "work"
    trace = certified(text).problems[1].trace
    assert (trace[-1].name, trace[-1].transition) == ("win", None)


@pytest.mark.parametrize(
    ("guard", "obstacle"),
    [
        ("data.name.matches('^Q{12}$')", "matches"),
        ("now.getDayOfWeek('Europe/Moscow') == 6", "getDayOfWeek"),
        ("string(data.age) == '5'", "string"),
        ("data.amount * 0.1 == 12345.6789 && data.amount < 1.0", "decimals computed with"),
    ],
)
def test_what_cannot_be_decided_is_said_and_never_refused(guard: str, obstacle: str) -> None:
    certificate = certified(guarded(guard))

    assert certificate.problems == ()
    assert {(item.property, item.path) for item in certificate.undecided} >= {
        (Property.TRANSITIONS_FIRE, ("transitions", "win"))
    }
    assert all(obstacle in item.obstacle for item in certificate.undecided)
    assert "не решено" in certificate.undecided[0].text("ru")


def test_an_undecided_guard_that_the_engine_opens_counts_as_shown() -> None:
    for guard in ("data.name == null", "data.age == 3", "data.name == 'AB'"):
        certificate = certified(guarded(f"{guard} || data.name.matches('^[A-Z]+$')"))
        assert (certificate.problems, certificate.undecided) == ((), ())


def test_a_case_that_can_be_caught_is_refused() -> None:
    text = changed(WIDE, 'from: "*", to: lost', "from: [new, work], to: lost")
    text = changed(text, "from: waiting, to: work", 'from: waiting, to: work, guard: "visits.waiting < 2"')

    assert told(text) == [("NO_WAY_OUT", "stages.waiting")]
    states = played(text, "NO_WAY_OUT")
    assert (states[-1].stage, states[-1].visits["waiting"]) == ("waiting", 2)


def test_an_alternative_that_others_leave_nothing_is_refused() -> None:
    text = alternatives("data.amount != null", "data.amount > 10.0", "[]")

    assert told(text) == [("TRANSITION_NEVER_FIRES", "transitions.win2.guard")]
    assert certified(text).problems[0].trace[-1].transition != "win2"
    assert played(text, "TRANSITION_NEVER_FIRES")


@pytest.mark.parametrize(
    ("first", "second", "claim", "found"),
    [
        ("data.amount <= 10.0", "data.amount > 10.0", "exclusive", None),
        ("data.amount <= 10.0", "data.amount >= 10.0", "exclusive", "ALTERNATIVES_OVERLAP"),
        ("data.amount <= 10.0", "data.amount > 10.0", "exhaustive", "ALTERNATIVES_INCOMPLETE"),
        ("data.amount == null || data.amount <= 10.0", "data.amount > 10.0", "[exclusive, exhaustive]", None),
        ("data.size == 's'", "data.size == 'l' || data.size == null", "[exclusive, exhaustive]", None),
        ("data.size == 's'", "data.size != 's'", "[exclusive, exhaustive]", None),
        ("reached.lead", "!reached.lead || data.age == 1", "exclusive", "ALTERNATIVES_OVERLAP"),
        ("data.name.startsWith('a')", "data.name.startsWith('ab')", "exclusive", "ALTERNATIVES_OVERLAP"),
        ("data.name.size() > 3", "data.name.size() < 3", "exhaustive", "ALTERNATIVES_INCOMPLETE"),
        ("'manager' in actor.roles", "'admin' in actor.roles", "exclusive", "ALTERNATIVES_OVERLAP"),
        ("data.day > now", "data.day <= now || data.day == null", "[exclusive, exhaustive]", None),
    ],
)
def test_a_claim_on_alternatives_is_proved_or_broken(first: str, second: str, claim: str, found: str | None) -> None:
    text = alternatives(first, second, claim)
    codes = [code for code, _ in told(text) if code.startswith("ALTERNATIVES")]

    assert codes == ([] if found is None else [found])
    if found is not None:
        assert played(text, found)[0].stage == "new"
    else:
        assert not [item for item in certified(text).undecided if item.path[0] == "alternatives"]


def test_data_that_every_alternative_requires_is_there_when_one_must_hold() -> None:
    text = alternatives("data.amount <= 10.0", "data.amount > 10.0", "exhaustive", ", require: [amount]")

    assert told(text) == []


def test_a_claim_on_an_unknown_trigger_is_reported() -> None:
    assert told(WIDE + "alternatives: {fly: exclusive}\n") == [("UNKNOWN_REFERENCE", "alternatives.fly")]


def test_a_stage_of_ours_without_a_clock_or_a_waiver_is_refused() -> None:
    bare = changed(WIDE, "work: {kind: open, title: {en: Work, ru: Работа}, waiver: {en: Tried here, ru: Проба}}", "work: {kind: open, title: {en: Work, ru: Работа}}")  # fmt: skip

    assert told(bare) == [("STAGE_WITHOUT_CLOCK", "stages.work")]
    assert played(bare, "STAGE_WITHOUT_CLOCK")[-1].stage == "work"
    assert told(with_clock("start: {entering: work}\nstop: {leaving: work}\ntarget: PT2H", bare)) == []
    assert told(with_clock("start: {entering: work}\nstop: {leaving: work}\ntarget: {new: PT2H}", bare)) != []
    stopped = "start: {started: true}\nstop: {leaving: new}\ntarget: PT2H"
    assert told(with_clock(stopped, bare)) == [("STAGE_WITHOUT_CLOCK", "stages.work")]


def test_a_waiver_is_on_the_certificate() -> None:
    assert {stage: title.en for stage, title in certified(WIDE).waivers.items()} == {
        "new": "Tried here",
        "work": "Tried here",
    }


def test_a_funnel_that_runs_backwards_is_refused() -> None:
    text = changed(WIDE, "order: 2, reached: {entering: work}", "order: 3, reached: {entering: work}")
    text = changed(
        text, "pauses:", "  done: {title: {en: Done, ru: Готово}, order: 2, reached: {transition: win}}\npauses:"
    )

    assert told(text) == [("FUNNEL_ORDER_REVERSED", "checkpoints.worked.order")]
    states = played(text, "FUNNEL_ORDER_REVERSED")
    assert {"worked", "done"} <= states[-1].reached.keys()


def test_steps_of_a_funnel_on_different_branches_do_not_contradict_it() -> None:
    text = changed(WIDE, "pauses:", "  lost: {title: {en: L, ru: П}, order: 3, reached: {entering: lost}}\n  won: {title: {en: W, ru: В}, order: 4, reached: {entering: won}}\npauses:")  # fmt: skip

    assert told(text) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("{type: integer, title: {en: F, ru: П}, min: 1.2, max: 1.8}", None),
        ("{type: date, title: {en: F, ru: П}, max_length: 9}", None),
        ("{type: decimal, title: {en: F, ru: П}, min: 0.0000001, max: 0.0000002}", None),
        ("{type: choice, title: {en: F, ru: П}, max_length: 1, options: {aa: {en: A, ru: А}}}", None),
        ("{type: integer, title: {en: F, ru: П}, min: 17, max: 17}", 17),
        ("{type: string, title: {en: F, ru: П}, max_length: 1}", "s"),
        ("{type: decimal, title: {en: F, ru: П}, min: -0.5, max: -0.25}", "-0.500000"),
    ],
)
def test_a_required_field_that_accepts_nothing_is_refused(field: str, value: object) -> None:
    text = changed(WIDE, "  age:", f"  seal: {field}\n  age:")
    text = changed(text, WIN, f"{WIN}, require: [seal]")

    if value is None:
        assert told(text) == [("FIELD_UNFILLABLE", "transitions.win.require")]
        assert played(text, "FIELD_UNFILLABLE")[-1].stage == "work"
    else:
        assert told(text) == []
        states = replay(Process(definition_from(text)), certified(text).shortest)
        assert states[-1].data["seal"] == value


@pytest.mark.parametrize(
    ("expression", "works"),
    [("5", True), ("121", False), ("data.age + 1", True), ("10 / (visits.work - visits.work)", False)],
)
def test_an_effect_that_can_never_be_computed_bars_its_transition(expression: str, works: bool) -> None:
    text = changed(WIDE, WIN, f'{WIN}, effects: [{{set: {{age: "{expression}"}}}}]')

    assert (told(text) == []) is works
    if not works:
        assert ("TRANSITION_NEVER_FIRES", "transitions.win") in told(text)


@pytest.mark.parametrize(
    ("old", "new", "code", "stage"),
    [
        ("reason: required", "reason: optional", "LOSS_WITHOUT_REASON", "lost"),
        ("for: lose}", "for: lose, stages: [new, work]}", "NO_REASON_APPLIES", "waiting"),
    ],
)
def test_a_plain_fault_comes_with_a_trace_as_well(old: str, new: str, code: str, stage: str) -> None:
    assert played(changed(WIDE, old, new), code)[-1].stage == stage


def test_a_dead_end_comes_with_the_way_into_it() -> None:
    text = changed(WIDE, 'from: "*", to: lost', "from: [new, work], to: lost")
    text = changed(text, "  resume: {title: {en: Resume, ru: Продолжить}, from: waiting, to: work}\n", "")

    assert played(text, "DEAD_END")[-1].stage == "waiting"


def test_a_trace_that_does_not_fit_the_process_is_not_played() -> None:
    trace = certified(WIDE).shortest
    other = Process(definition_from(guarded("data.amount > 5.0")))

    with pytest.raises(ValueError, match="fire win"):
        replay(other, trace)


def test_a_certificate_survives_storage() -> None:
    for text in (WIDE, guarded("data.name.matches('a')"), guarded("false"), changed(WIDE, "max: 1000", "max: -1")):
        certificate = certified(text)
        assert certificate_of(certificate_data(certificate)) == certificate


def test_the_same_document_gets_the_same_certificate() -> None:
    text = guarded(OPENABLE[8])

    assert certified(text) == certified(text)
