"""`bpm-crm process replay` and `what-if`, as a process owner runs them."""

import csv
from pathlib import Path

from bpm_crm.processes.library import shipped_text
from tests.analytics.leads import call, lead, up_to
from tests.cli.shell import Shell
from tests.world import World

PERIOD = ("--since", "2026-09-01", "--until", "2026-10-01", "--tenant", "acme")


async def told(world: World) -> str:
    """A lead that was called after six minutes and got an offer."""
    return str(await lead(world, 6, call(6.1), *up_to(3, 6, 0.5), by="ann"))


async def test_a_document_is_replayed_at_once_and_its_cases_are_written(
    shell: Shell, world: World, tmp_path: Path
) -> None:
    case = await told(world)
    draft, cases = tmp_path / "draft.yaml", tmp_path / "cases.csv"
    text = shipped_text("callback-request") + "\ntransitions: {make_offer: {require: [amount, budget]}}\n"
    draft.write_text(text, encoding="utf-8")
    done = await shell.run(
        "process", "replay", "callback-request", "--file", str(draft), *PERIOD, "--cases", str(cases)
    )
    assert done.exit_code == 0, done.output
    assert "Cases: 1. Moves: 3. Cases that differ: 1. Steps blocked: 1 in 1 cases." in done.output
    assert "The field “budget” is required for this move." in done.output
    with cases.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["case"] for row in rows} == {case}
    assert "move blocked transition interest make_offer FIELD_REQUIRED budget" in {row["figure"] for row in rows}
    assert await world.counts(("job", "replay")) == {"job": 0, "replay": 0}


async def test_a_what_if_prints_breaches_and_whose(shell: Shell, world: World) -> None:
    await told(world)
    done = await shell.run("process", "what-if", "callback-request", *PERIOD, "--target", "response=PT5M")
    assert done.exit_code == 0, done.output
    response = next(line for line in done.output.splitlines() if line.split()[:1] == ["response"])
    assert response.split()[-2:] == ["1", "0"]
    assert "channel callback-request" in done.output
    assert "Cases that differ: 1. Steps all as recorded." in done.output


async def test_what_cannot_be_replayed_is_said_in_a_line(shell: Shell, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("process: callback-request\n", encoding="utf-8")
    for arguments, said in (
        (("replay", "nope", *PERIOD), "There is no process “nope”. Known: callback-request"),
        (("replay", "callback-request", *PERIOD), "The process has no draft."),
        (("replay", "callback-request", "--file", str(broken), *PERIOD), "SHAPE"),
        (("replay", "callback-request", "--version", "1", "--file", str(broken), *PERIOD), "not both"),
        (("what-if", "callback-request", *PERIOD), "Say what would be otherwise"),
        (("what-if", "callback-request", *PERIOD, "--target", "response"), "is not CLOCK=VALUE"),
        (("what-if", "callback-request", *PERIOD, "--target", "nope=PT5M"), "There is no clock “nope”"),
        (("what-if", "callback-request", *PERIOD, "--target", "response=P1D"), "clocks.response.target"),
    ):
        done = await shell.run("process", *arguments)
        assert done.exit_code == 1, arguments
        assert said in done.output, done.output
