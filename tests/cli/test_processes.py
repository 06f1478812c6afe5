"""`bpm-crm process publish`, as a process owner runs it."""

from pathlib import Path

import pytest

from bpm_crm.operations.commands import Fire
from tests.cli.shell import Shell
from tests.world import World

TRADE_IN = """
process: trade-in
title: {en: Trade-in request, ru: Заявка на обмен}
channels: [trade-in]
include: [office_hours, response, contact, sale]
stages:
  new: {kind: initial, title: {en: To be called, ru: Нужно перезвонить}}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "trade-in.yaml"
    path.write_text(TRADE_IN, encoding="utf-8")
    return path


def rewrite(document: Path, old: str, new: str) -> None:
    document.write_text(TRADE_IN.replace(old, new), encoding="utf-8")


async def test_a_published_process_takes_the_leads_of_its_new_channel(
    shell: Shell, world: World, document: Path
) -> None:
    done = await shell.run("process", "publish", str(document), "--tenant", "acme")
    assert done.exit_code == 0, done.output
    assert "trade-in: version 1 is published" in done.output
    await world.refresh()
    assert (await world.done(None, world.capture("trade-in"))).instance.state.stage == "new"


async def test_cases_under_way_stay_with_their_version(shell: Shell, world: World, document: Path) -> None:
    await shell.run("process", "publish", str(document), "--tenant", "acme")
    await world.refresh()
    old = (await world.done(None, world.capture("trade-in"))).instance
    rewrite(document, "To be called", "To be called back")
    done = await shell.run("process", "publish", str(document), "--tenant", "acme")
    assert "version 2 is published" in done.output
    await world.refresh()
    assert (await world.done(None, world.capture("trade-in"))).instance.version == 2
    assert (await world.done(old.id, Fire("contact"))).instance.version == 1


async def test_the_same_document_again_publishes_nothing(shell: Shell, document: Path) -> None:
    await shell.run("process", "publish", str(document), "--tenant", "acme")
    done = await shell.run("process", "publish", str(document), "--tenant", "acme")
    assert (done.exit_code, "version 1 says the same already" in done.output) == (0, True)


async def test_an_unsound_document_is_refused_and_nothing_is_written(
    shell: Shell, world: World, document: Path
) -> None:
    tables = ("process_definition", "process_version", "channel")
    before = await world.counts(tables)
    rewrite(document, "kind: initial", "kind: open")
    done = await shell.run("process", "publish", str(document), "--tenant", "acme")
    assert (done.exit_code, await world.counts(tables)) == (1, before)
    assert "stages" in done.output


async def test_an_unknown_company_is_refused(shell: Shell, document: Path) -> None:
    done = await shell.run("process", "publish", str(document), "--tenant", "nobody")
    assert (done.exit_code, "There is no company “nobody”" in done.output) == (1, True)
