"""Bad documents by the ways there are to bring one in: every fault is named with its place, and nothing is written."""

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from typer.testing import CliRunner

from bpm_crm.cli import app
from bpm_crm.embedded.server import Server
from bpm_crm.engine.problems import DefinitionInvalid, Problem, ProblemCode
from bpm_crm.exchange.log_import import import_log
from bpm_crm.exchange.sources import xes_source
from bpm_crm.exchange.xes import XesCode, XesInvalid
from bpm_crm.operations.publishing import prove, publish
from bpm_crm.processes import library
from bpm_crm.processes.includes import resolve_includes
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.database import Connection
from tests.databases import cloned
from tests.world import World, a_world

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SOUND = """process: door-bell
title: {en: Door bell, ru: Звонок в дверь}
channels: [door-bell]
calendar:
  zone: Europe/Moscow
  week:
    mon-fri: 09:00-18:00
fields:
  name:
    type: string
    title: {en: Name, ru: Имя}
stages:
  new:
    kind: initial
    title: {en: New, ru: Новый}
  talk:
    kind: open
    title: {en: Talk, ru: Разговор}
    waiver: {en: Nobody waits here, ru: Здесь не ждут}
  won:
    kind: won
    title: {en: Won, ru: Выиграно}
  lost:
    kind: lost
    title: {en: Lost, ru: Проиграно}
transitions:
  open:
    title: {en: Open, ru: Открыть}
    from: new
    to: talk
  sell:
    title: {en: Sell, ru: Продать}
    from: talk
    to: won
    guard: {when: data.name != null}
  lose:
    title: {en: Lose, ru: Проиграть}
    from: "*"
    to: lost
    reason: required
checkpoints:
  lead:
    title: {en: Lead, ru: Обращение}
    order: 1
    reached: {started: true}
clocks:
  response:
    title: {en: Response, ru: Ответ}
    start: {started: true}
    stop: {leaving: new}
    target: PT1H
reasons:
  silence:
    title: {en: Silence, ru: Тишина}
    for: [lose]
"""
ATTIC = "  attic:\n    kind: open\n    title: {en: Attic, ru: Чердак}\n"
CLIMB = "  climb:\n    title: {en: Climb, ru: Подняться}\n    from: talk\n    to: attic\n"
BAD: dict[str, tuple[tuple[str, str], ProblemCode, str, str]] = {
    "a stage that nothing leads to": (("  won:\n", ATTIC + "  won:\n"), ProblemCode.UNREACHABLE_STAGE, "attic", "add"),
    "a stage with no way out": (
        ("  sell:\n", CLIMB + "  sell:\n"),
        ProblemCode.DEAD_END,
        "attic",
        "won, lost or cancelled",
    ),
    "a clock of an unknown checkpoint": (
        ("stop: {leaving: new}", "stop: {checkpoint: nirvana}"),
        ProblemCode.UNKNOWN_REFERENCE,
        "nirvana",
        "lead",
    ),
    "a calendar without working time": (("    mon-fri: 09:00-18:00", "    {}"), ProblemCode.CALENDAR_INVALID, "", ""),
    "a guard that does not compile": (
        ("data.name != null", "data.name !="),
        ProblemCode.EXPRESSION_INVALID,
        "guard",
        "",
    ),
    "a guard over an unknown field": (
        ("data.name != null", "data.age > 1"),
        ProblemCode.EXPRESSION_INVALID,
        "guard",
        "",
    ),
    "a transition to an unknown stage": (("to: won", "to: moon"), ProblemCode.UNKNOWN_REFERENCE, "moon", "talk"),
    "a loss without a reason": (("    reason: required\n", ""), ProblemCode.LOSS_WITHOUT_REASON, "lose", "required"),
    "a checkpoint that is never reached": (
        ("reached: {started: true}\nclocks", "reached: {transition: sleep}\nclocks"),
        ProblemCode.UNKNOWN_REFERENCE,
        "sleep",
        "sell",
    ),
    "a guard that never holds": (
        ("data.name != null", "data.name == '' && data.name.size() > 1"),
        ProblemCode.TRANSITION_NEVER_FIRES,
        "sell",
        "mend its guard",
    ),
    "an open stage that no clock watches": (
        ("    waiver: {en: Nobody waits here, ru: Здесь не ждут}\n", ""),
        ProblemCode.STAGE_WITHOUT_CLOCK,
        "talk",
        "waiver",
    ),
    "a claim that guards do not keep": (
        ("reasons:\n", "alternatives: {sell: exhaustive}\nreasons:\n"),
        ProblemCode.ALTERNATIVES_INCOMPLETE,
        "sell",
        "drop the claim",
    ),
    "a target in bare days": (("target: PT1H", "target: P1D"), ProblemCode.DURATION_INVALID, "P1D", ""),
    "no initial stage": (("kind: initial", "kind: open"), ProblemCode.NO_INITIAL, "", "initial"),
    "a role that does not exist": (
        ("    from: talk\n    to: won", "    from: talk\n    to: won\n    roles: [king]"),
        ProblemCode.UNKNOWN_REFERENCE,
        "king",
        "manager",
    ),
    "no YAML": (("stages:", "stages: ]["), ProblemCode.SYNTAX, "", ""),
    "a key twice": (("  talk:\n", "  new:\n"), ProblemCode.SYNTAX, "new", ""),
    "a member that no process has": (
        ("title: {en: Door", "colour: red\ntitle: {en: Door"),
        ProblemCode.SHAPE,
        "colour",
        "",
    ),
}


def spoilt(name: str) -> str:
    (old, new), *_ = BAD[name]
    if name == "a stage with no way out":
        assert "  won:\n" in SOUND
        return SOUND.replace("  won:\n", ATTIC + "  won:\n").replace(old, new).replace('from: "*"', "from: [new, talk]")
    assert old in SOUND
    return SOUND.replace(old, new)


def many_stages(number: int) -> str:
    stages = "".join(f"  s{index}:\n    kind: open\n    title: {{en: S, ru: С}}\n" for index in range(number))
    return SOUND.replace("  won:\n", stages + "  won:\n", 1)


def many_alternatives(number: int) -> str:
    head = "    title: {en: A, ru: Б}\n    from: talk\n    to: won\n    trigger: sell\n"
    moves = (f"  x{index}:\n{head}    guard: data.name == 'n{index}'\n" for index in range(number))
    return SOUND.replace("  lose:\n", "".join(moves) + "  lose:\n", 1)


def guarded(guard: str) -> str:
    return SOUND.replace("{when: data.name != null}", f'"{guard}"')


TITLE = "title: {en: Talk, ru: Разговор}"
HOSTILE: dict[str, tuple[Callable[[], str], ProblemCode, int, str]] = {
    "five megabytes": (lambda: SOUND + "# " + "x" * 5_000_000, ProblemCode.SYNTAX, 1, "divide the process"),
    "five megabytes in one text": (
        lambda: SOUND.replace("Door bell,", "x" * 5_000_000 + ",", 1),
        ProblemCode.SYNTAX,
        1,
        "divide the process",
    ),
    "a bomb of aliases": (
        lambda: "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + SOUND,
        ProblemCode.SYNTAX,
        1,
        "use `include`",
    ),
    "a tag that would run": (
        lambda: SOUND.replace("Europe/Moscow", "!!python/object/apply:os.system ['id']"),
        ProblemCode.SYNTAX,
        5,
        "leave it out",
    ),
    "a tag of its own": (lambda: SOUND.replace("kind: won", "kind: !won won"), ProblemCode.SYNTAX, 21, "leave it out"),
    "nothing but brackets": (lambda: "[" * 400_000, ProblemCode.SYNTAX, 1, "flatten it"),
    "a hundred thousand values": (
        lambda: "a: [" + "1," * 100_000 + "1]\n" + SOUND,
        ProblemCode.SYNTAX,
        1,
        "divide the process",
    ),
    "a part that is a path": (
        lambda: "include: [../../etc/passwd]\n" + SOUND,
        ProblemCode.UNKNOWN_PART,
        1,
        "Known: contact",
    ),
    "seventeen parts": (
        lambda: "include: [" + ",".join(["sale"] * 17) + "]\n" + SOUND,
        ProblemCode.SHAPE,
        1,
        "at most 16",
    ),
    "a thousand stages": (lambda: many_stages(1000), ProblemCode.TOO_MANY_PARTS, 12, "divide the process"),
    "as many stages as there may be": (lambda: many_stages(590), ProblemCode.UNREACHABLE_STAGE, 20, "remove the stage"),
    "a thousand alternatives": (
        lambda: many_alternatives(1000),
        ProblemCode.TOO_MANY_PARTS,
        0,
        "divide the process",
    ),
    "a key twice": (lambda: SOUND.replace("  talk:\n", "  new:\n"), ProblemCode.SYNTAX, 16, "keep one"),
    "a guard of 10,000 terms": (
        lambda: guarded(" || ".join(["data.name != null"] * 10_000)),
        ProblemCode.EXPRESSION_INVALID,
        35,
        "Split it",
    ),
    "a guard of parentheses": (
        lambda: guarded("(" * 900 + "true" + ")" * 900),
        ProblemCode.EXPRESSION_INVALID,
        35,
        "Write it flatter",
    ),
    "an unknown language": (
        lambda: SOUND.replace(TITLE, "title: {en: Talk, ru: Разговор, de: Gespräch}"),
        ProblemCode.SHAPE,
        18,
        "remove it",
    ),
    "an unknown language alone": (
        lambda: SOUND.replace(TITLE, "title: {de: Gespräch}"),
        ProblemCode.SHAPE,
        18,
        "add it",
    ),
    "no language": (lambda: SOUND.replace(TITLE, "title: Talk"), ProblemCode.SHAPE, 18, "write keys with values"),
}
"""Documents meant to do harm: how they are made, what is told, on which line (0: whichever), and the cure."""
MOST_TIMES = 25
"""How many times the work of checking the largest shipped document a refusal may take."""


@pytest.fixture(scope="module")
async def workshop(postgres: Server, template: str) -> AsyncIterator[World]:
    """A company that all tests of this module share, since none of them changes it."""
    async with cloned(postgres, template) as access, a_world(access) as found:
        yield found


async def rows(world: World) -> dict[str, int]:
    """The number of rows of every table of the company."""
    async with world.owner.reader(world.tenant_id) as connection:
        tables = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        )
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for (table,) in tables}


def test_the_document_that_is_spoilt_below_is_sound() -> None:
    assert prove(SOUND, NOW).definition.key == "door-bell"


@pytest.mark.parametrize("name", BAD)
async def test_publishing_an_unsound_document_names_every_fault_and_writes_nothing(workshop: World, name: str) -> None:
    _, code, value, cure = BAD[name]
    before = await rows(workshop)
    with pytest.raises(DefinitionInvalid) as refused:
        async with workshop.owner.transaction(workshop.tenant_id) as connection:
            await published(connection, workshop, spoilt(name))
    problem = next(problem for problem in refused.value.problems if problem.code is code)
    told = f"{'.'.join(problem.path)} {problem.text()}"
    assert value in told
    assert cure in problem.text()
    assert problem.path or code is ProblemCode.SYNTAX or problem.line
    assert re.search("[а-яё]", problem.text("ru"), re.IGNORECASE)
    assert await rows(workshop) == before


async def published(connection: Connection, world: World, text: str) -> None:
    await publish(connection, world.tenant_id, text, changelog="bad", at=NOW, by=None)


@pytest.mark.parametrize("name", BAD)
def test_the_command_that_validates_prints_code_place_and_cure_in_a_line_each(tmp_path: Path, name: str) -> None:
    _, code, value, cure = BAD[name]
    file = tmp_path / "bad.yaml"
    file.write_text(spoilt(name), encoding="utf-8")
    run = CliRunner().invoke(app, ["process", "validate", str(file)])
    assert run.exit_code == 1
    lines = [line for line in run.stderr.splitlines() if line.startswith(f"{code}: ")]
    assert any(value in line and cure in line for line in lines), run.stderr
    assert "Traceback" not in run.output


TRIES = 3
"""A collection of what other tests left behind may fall into one of them."""


@pytest.fixture(scope="module")
def usual() -> float:
    """The seconds of work that the largest shipped document takes."""
    largest = max((shipped_text(key) for key in shipped_keys()), key=len)
    prove(largest, NOW)
    library._proved.cache_clear()
    return work_of(lambda: prove(largest, NOW))


def work_of(does: Callable[[], object]) -> float:
    """The seconds of processor that something takes."""
    began = process_time()
    does()
    return process_time() - began


def the_problem(text: str, code: ProblemCode) -> Problem:
    with pytest.raises(DefinitionInvalid) as refused:
        prove(text, NOW)
    return next(problem for problem in refused.value.problems if problem.code is code)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_quickly_with_line_and_cure(name: str, usual: float) -> None:
    make, code, line, cure = HOSTILE[name]
    text = make()
    problem = the_problem(text, code)

    assert any(work_of(lambda: the_problem(text, code)) < MOST_TIMES * usual for _ in range(TRIES))
    assert problem.line == line or (not line and problem.line)
    assert cure in problem.text()
    assert len(problem.text()) < 1_000
    assert re.search("[а-яё]", problem.text("ru"), re.IGNORECASE)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_commands_refuse_a_hostile_document_in_a_line(tmp_path: Path, name: str) -> None:
    make, code, *_ = HOSTILE[name]
    file = tmp_path / "hostile.yaml"
    file.write_text(make(), encoding="utf-8")
    for command in ("validate", "prove"):
        run = CliRunner().invoke(app, ["process", command, str(file)])
        assert run.exit_code == 1
        assert f"{code}: " in run.stderr
        assert "Traceback" not in run.output
        assert len(run.output) < 200_000


@pytest.mark.parametrize("name", ["a bomb of aliases", "a thousand stages", "a guard of 10,000 terms"])
async def test_publishing_a_hostile_document_writes_nothing(workshop: World, name: str) -> None:
    before = await rows(workshop)
    with pytest.raises(DefinitionInvalid):
        async with workshop.owner.transaction(workshop.tenant_id) as connection:
            await published(connection, workshop, HOSTILE[name][0]())
    assert await rows(workshop) == before


def test_parts_that_include_each_other_are_refused() -> None:
    parts = {"a": {"include": ["b"]}, "b": {"include": ["c"]}, "c": {"include": ["a"]}}
    with pytest.raises(DefinitionInvalid) as refused:
        resolve_includes({"include": ["a"]}, parts)
    assert "a → b → c → a" in refused.value.problems[0].text()


def test_a_file_that_is_no_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_bytes(SOUND.encode("cp1251", "replace"))
    run = CliRunner().invoke(app, ["process", "validate", str(file)])
    assert run.exit_code == 1
    assert "(line 2): this is not UTF-8" in run.stderr


def log_of(events: str, name: str = "7") -> str:
    return f'<log><trace><string key="concept:name" value="{name}"/>{events}</trace></log>'


def event(at: str, name: str = "call") -> str:
    return f'<event><string key="concept:name" value="{name}"/><date key="time:timestamp" value="{at}"/></event>'


TODAY = "2026-11-01T10:00:00Z"
BROKEN: dict[str, tuple[str, XesCode]] = {
    "cut off": (log_of(event(TODAY))[:-20], XesCode.TRUNCATED),
    "not XML": ("case;activity\n1;call\n", XesCode.NOT_XML),
    "another root": ("<WorkflowLog/>", XesCode.WRONG_ROOT),
    "an entity bomb": ('<!DOCTYPE log [<!ENTITY a "b">]>' + log_of(event(TODAY)), XesCode.DTD_FORBIDDEN),
    "a date that is none": (log_of(event("yesterday")), XesCode.BAD_DATE),
    "an event without a name": (log_of(event(TODAY) + event(TODAY, "")), XesCode.EVENT_WITHOUT_NAME),
    "a case without a name": ("<log><trace>" + event(TODAY) + "</trace></log>", XesCode.TRACE_WITHOUT_NAME),
    "a case without events": (log_of(""), XesCode.NO_TRACES),
    "no case": ("<log></log>", XesCode.NO_TRACES),
    "a second case that is broken": (
        log_of(event(TODAY)).replace("</log>", "") + "<trace>" + event(TODAY) + "</trace></log>",
        XesCode.TRACE_WITHOUT_NAME,
    ),
    "an event before all times": (log_of(event("0001-06-01T00:00:00Z")), XesCode.BAD_DATE),
    "an event that is yet to come": (log_of(event(TODAY) + event("2999-01-01T00:00:00Z")), XesCode.BAD_DATE),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_importing_a_broken_log_names_the_place_and_writes_nothing(
    workshop: World, tmp_path: Path, name: str
) -> None:
    text, code = BROKEN[name]
    file = tmp_path / "broken.xes"
    file.write_text(text, encoding="utf-8")
    before = await rows(workshop)
    with pytest.raises(XesInvalid) as refused:
        await import_log(
            xes_source(file),
            owner=workshop.owner,
            writer=workshop.writer,
            tenant_id=workshop.tenant_id,
            key="broken",
            title="Broken",
            channel_attribute="channel",
            at=NOW,
            progress=lambda _step, _read, _total: None,
        )
    assert refused.value.code is code
    assert refused.value.where or refused.value.line
    assert refused.value.cure
    assert await rows(workshop) == before


def test_the_command_that_imports_a_broken_log_says_so_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.xes"
    file.write_text(BROKEN["cut off"][0], encoding="utf-8")
    run = CliRunner().invoke(app, ["import-log", str(file), "--dry-run"])
    assert run.exit_code == 1
    assert "its end is missing" in run.stderr
    assert "Traceback" not in run.output
