"""Bad documents by the ways there are to bring one in: every fault is named with its place, and nothing is written."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bpm_crm.cli import app
from bpm_crm.embedded.server import Server
from bpm_crm.engine.problems import DefinitionInvalid, ProblemCode
from bpm_crm.exchange.log_import import import_log
from bpm_crm.exchange.sources import xes_source
from bpm_crm.exchange.xes import XesCode, XesInvalid
from bpm_crm.operations.publishing import prove, publish
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
