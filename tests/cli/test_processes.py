"""`bpm-crm process publish`, as a process owner runs it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bpm_crm.engine.drawing.mermaid import mermaid
from bpm_crm.operations.commands import Fire
from tests.cli.shell import Shell
from tests.engine.build import shipped_process
from tests.exchange.bpmn_files import a_file
from tests.world import World, customer

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


def written(folder: Path, text: str) -> str:
    """The path of a file with a text."""
    path = folder / "written"
    path.write_text(text, encoding="utf-8")
    return str(path)


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


async def ran(shell: Shell, *arguments: str, status: int = 0) -> str:
    done = await shell.run("process", *arguments, "--tenant", "acme")
    assert done.exit_code == status, done.output
    return done.output


async def test_an_owner_goes_from_the_draft_to_the_rollout_by_commands(
    shell: Shell, world: World, tmp_path: Path
) -> None:
    text = tmp_path / "email.yaml"
    text.write_text(await ran(shell, "export", "email"), encoding="utf-8")
    changed = "# ours\n" + text.read_text(encoding="utf-8").replace("PT4H", "PT3H")
    text.write_text(changed, encoding="utf-8")
    assert "saved at revision 1; no problems" in await ran(shell, "draft", "save", "email", str(text))
    assert "revision 1" in await ran(shell, "draft", "save", "email", str(text), status=1)
    assert await ran(shell, "draft", "show", "email") == changed
    assert "changed clocks.response.target.default: 'PT4H' -> 'PT3H'" in await ran(shell, "diff", "email")
    assert "nothing was written" in await ran(shell, "publish", "--draft", "email", "--dry-run")
    assert "version 2 is published" in await ran(shell, "publish", "--draft", "email", "--held")
    assert "1 *" in await ran(shell, "versions", "email")
    started = await ran(shell, "rollout", "start", "email", "--version", "2", "--share", "20", "--clock", "response")
    assert "20 % of the new cases take version 2, the others 1; running." in started
    assert "being rolled out" in await ran(shell, "retire", "email", status=1)
    assert "30 %" in await ran(shell, "rollout", "share", "email", "--share", "30")
    assert "conversion: version 1: 0 of 0; version 2: 0 of 0; not_enough" in await ran(
        shell, "rollout", "show", "email"
    )
    assert "version 2: 0 of 0" in await ran(shell, "rollout", "show", "email", "--as-of", "2026-01-01")
    assert "finished." in await ran(shell, "rollout", "finish", "email")
    assert "2 *" in await ran(shell, "versions", "email")
    assert await ran(shell, "export", "email") == changed
    assert "retired since" in await ran(shell, "retire", "email")
    assert "in use again" in await ran(shell, "reinstate", "email")
    assert "skipped  email: version 2" in await ran(shell, "install")
    assert "nothing of this kind" in await ran(shell, "rollout", "stop", "email", status=1)
    await world.refresh()
    assert (await world.done(None, world.capture("email"))).instance.version == 2


async def test_an_unsound_draft_is_kept_with_its_problems_and_discarded(
    shell: Shell, document: Path, world: World
) -> None:
    rewrite(document, "kind: initial", "kind: open")
    assert "NO_INITIAL: stages" in await ran(shell, "draft", "save", "trade-in", str(document))
    assert "NO_INITIAL" in await ran(shell, "publish", "--draft", "trade-in", status=1)
    await ran(shell, "draft", "discard", "trade-in", "--revision", "1")
    assert "no draft" in await ran(shell, "draft", "show", "trade-in", status=1)


async def test_a_published_version_goes_out_as_bpmn_and_comes_back(
    shell: Shell, document: Path, tmp_path: Path
) -> None:
    await shell.run("process", "publish", str(document), "--tenant", "acme")
    rewrite(document, "To be called", "To be rung up")
    await shell.run("process", "publish", str(document), "--tenant", "acme")
    newest = await shell.run("process", "export-bpmn", "trade-in", "--tenant", "acme")
    first = await shell.run("process", "export-bpmn", "trade-in", "--tenant", "acme", "--version", "1")
    assert (newest.exit_code, first.exit_code) == (0, 0)
    assert ("To be rung up" in newest.stdout, "To be rung up" in first.stdout) == (True, False)
    assert "BPMN has no working calendar" in newest.stderr
    back = await shell.run("process", "import-bpmn", written(tmp_path, newest.stdout))
    assert back.exit_code == 0, back.output
    again = await shell.run("process", "publish", written(tmp_path, back.stdout), "--tenant", "acme")
    assert "version 2 says the same already" in again.output


async def test_a_process_is_drawn_bare_with_figures_and_with_the_way_of_a_case(
    shell: Shell, document: Path, world: World
) -> None:
    async def drawn(*arguments: str) -> str:
        done = await shell.run("process", "diagram", *arguments, "--tenant", "acme", "--format", "mermaid")
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    case = await world.done(None, world.capture(customer=customer(1)), Fire("contact"))
    await world.done(None, world.capture(customer=customer(2)))
    async with world.owner.reader(world.tenant_id) as connection:
        deal = await connection.fetchval("SELECT key FROM deal WHERE instance_id = $1", case.instance.id)
    bare, counted, slow, way = [
        await drawn("callback-request", *more)
        for more in ((), ("--overlay", "counts"), ("--overlay", "bottlenecks"), ("--deal", deal))
    ]
    assert bare == mermaid(shipped_process("callback-request").definition, "en")
    assert ("1 now" in bare, counted.count("1 now")) == (False, 2)
    assert "working time" in way
    assert len({bare, counted, slow, way}) == 4
    then = await drawn("callback-request", "--overlay", "counts", "--as-of", "2026-01-01")
    assert ("1 now" in then, then == bare) == (False, False)
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    known = [
        await drawn("callback-request", "--overlay", "counts", "--as-of", tomorrow, "--known-at", day)
        for day in ("2026-01-01", tomorrow)
    ]
    assert [text.count("1 now") + text.count("1 then") for text in known] == [0, 2]
    picture = await shell.run("process", "diagram", str(document), "--language", "ru")
    assert picture.stdout.startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "has no process “nothing”"),
        (("web-form", "--version", "7"), "There is no version 7; there are 1 to 1."),
        (("web-form", "--deal", "D-1"), "No case of this process runs a deal “D-1”."),
        (("web-form", "--deal", "D-1", "--overlay", "counts"), "not both"),
        (("trade-in.yaml", "--overlay", "counts"), "A file has no cases."),
        (("web-form", "--as-of", "2026-01-01"), "give `--overlay` with them"),
        (("web-form", "--known-at", "2026-01-01"), "give `--overlay` with them"),
    ],
)
async def test_what_cannot_be_drawn_is_told(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = await shell.run("process", "diagram", *arguments, "--tenant", "acme")
    assert (done.exit_code, done.stdout, said in done.output) == (1, "", True), done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "has no process “nothing”"),
        (("web-form", "--version", "7"), "has no version 7 of a process “web-form”"),
    ],
)
async def test_what_is_not_published_cannot_go_out(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    done = await shell.run("process", "export-bpmn", *arguments, "--tenant", "acme")
    assert (done.exit_code, done.stdout, said in done.output) == (1, "", True)


async def test_bpmn_that_is_refused_has_status_1_and_no_draft(shell: Shell, tmp_path: Path) -> None:
    elements = ('<parallelGateway id="x" name="Both"/><task id="b"/>', "a>x", "x>b", "x>end")
    text = a_file('<startEvent id="start"/><task id="a"/><endEvent id="end"/>', "start>a", *elements)
    done = await shell.run("process", "import-bpmn", written(tmp_path, text))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "parallelGateway “Both”" in done.output
    done = await shell.run("process", "import-bpmn", written(tmp_path, "<!DOCTYPE d><d/>"))
    assert (done.exit_code, done.stdout, "DOCTYPE" in done.output) == (1, "", True)
