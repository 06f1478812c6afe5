"""`bpm-crm import-leads`, as an administrator runs it."""

import io
from pathlib import Path

import openpyxl

from tests.cli.shell import Shell
from tests.excel.desk import xlsx
from tests.world import World

ROWS = [["ID", "Name", "Phone"], ["1", "Ann", "+79160000001"], ["2", "Bob", "12"]]


async def test_leads_are_imported_once_and_the_refused_ones_come_back_as_a_workbook(
    shell: Shell, world: World, tmp_path: Path
) -> None:
    file, errors = tmp_path / "leads.xlsx", tmp_path / "errors.xlsx"
    file.write_bytes(xlsx(ROWS))
    arguments = ("import-leads", str(file), "--tenant", "acme", "--channel", "callback-request")
    rehearsed = await shell.run(*arguments, "--dry-run")
    assert "1 would begin, 0 known before, 1 refused. Nothing written." in rehearsed.output
    assert (await world.counts())["process_instance"] == 0
    done = await shell.run(*arguments, "--errors", str(errors))
    assert done.exit_code == 1
    assert "1 begun, 0 known before, 1 refused." in done.output
    sheet = openpyxl.load_workbook(io.BytesIO(errors.read_bytes())).active
    assert sheet is not None
    assert (sheet["B2"].value, sheet["C2"].value) == ("C3", "12")
    again = await shell.run(*arguments)
    assert "0 begun, 1 known before, 1 refused." in again.output
    assert (await world.counts())["process_instance"] == 1


async def test_what_is_wrong_with_a_command_is_said_in_a_line(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "leads.xlsx"
    file.write_bytes(b"%PDF")
    for arguments, said in (
        (("--channel", "nope"), "There is no channel “nope”"),
        (("--channel", "callback-request"), "its content is PDF"),
        (("--channel", "callback-request", "--by", "x@example.org"), "no active user “x@example.org”"),
        (("--channel", "callback-request", "--column", "C"), "“C” is no column"),
    ):
        run = await shell.run("import-leads", str(file), "--tenant", "acme", *arguments)
        assert run.exit_code == 1, run.output
        assert said in run.output
