"""`bpm-crm import-log` and `bpm-crm export-log`, as an operator runs them."""

import json
from pathlib import Path

import pytest

from bpm_crm.exchange.xes import open_log
from tests.analytics.leads import assign, fire, lead
from tests.cli.shell import Shell
from tests.world import World, customer

LOG = """case;activity;time;who
7;Asked;01.01.2026 10:00;Ann
8;Asked;01.01.2026 10:00;Bob
7;Answered;01.01.2026 11:00;Bob
"""
OPTIONS = (
    *("--case", "case", "--activity", "activity", "--timestamp", "time", "--resource", "who", "--tenant", "acme"),
    *("--time-format", "%d.%m.%Y %H:%M", "--zone", "Europe/Moscow"),
)


async def test_a_log_in_csv_goes_in_and_comes_out_and_goes_in_again(world: World, shell: Shell, tmp_path: Path) -> None:
    file, out = tmp_path / "calls.csv", tmp_path / "out.xes"
    file.write_text(LOG, encoding="cp1251")
    done = await shell.run("import-log", str(file), *OPTIONS)
    assert (done.exit_code, "calls v1: 2 cases imported, 0 were here already; 3 events" in done.stdout) == (0, True), (
        done.output
    )
    again = await shell.run("import-log", str(file), *OPTIONS)
    assert "0 cases imported, 2 were here already" in again.stdout, again.output

    exported = await shell.run("export-log", "calls", "--tenant", "acme", "--output", str(out), "--with-people")
    assert (exported.exit_code, f"{out.stat().st_size} bytes" in exported.stdout) == (0, True), exported.output
    with open_log(out) as log:
        events = {trace.name: [event.attributes["org:resource"] for event in trace.events] for trace in log}
    assert events == {"7": ["Ann", "Bob"], "8": ["Bob"]}
    third = await shell.run("import-log", str(out), "--tenant", "acme", "--process", "calls-again")
    assert "2 cases imported" in third.stdout, third.output


async def test_an_export_tells_no_names_unless_it_is_asked_to(world: World, shell: Shell, tmp_path: Path) -> None:
    await lead(world, 0, fire("contact", 1), customer=customer(5))
    told = {}
    for options in ((), ("--with-people",), ("--with-customers",)):
        file = tmp_path / "log.json"
        arguments = ("callback-request", "--tenant", "acme", "--format", "ocel", "--output", str(file), *options)
        done = await shell.run("export-log", *arguments)
        assert done.exit_code == 0, done.output
        text = file.read_text()
        assert len(json.loads(text)["events"]) == 2
        told[options] = ("Ann Seller" in text, "Customer 5" in text)
    assert told == {(): (False, False), ("--with-people",): (True, False), ("--with-customers",): (False, True)}


async def test_the_period_of_an_export_is_that_in_which_cases_began(world: World, shell: Shell, tmp_path: Path) -> None:
    for at in (0, 23.9, 24):
        await lead(world, at)
    file = tmp_path / "log.xes"
    arguments = ("--tenant", "acme", "--output", str(file), "--from", "2026-09-07", "--to", "2026-09-08")
    done = await shell.run("export-log", "callback-request", *arguments)
    assert (done.exit_code, file.read_text().count("<trace>")) == (0, 2), done.output


async def test_of_what_does_not_exist_no_file_is_written(world: World, shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "log.xes"
    done = await shell.run("export-log", "no-such", "--tenant", "acme", "--output", str(file))
    assert (done.exit_code, "there are: callback-request" in done.output) == (1, True), done.output
    assert not file.exists()
    assert not file.with_name("log.xes.part").exists()


@pytest.mark.parametrize("bad", ["7;Paid;soon;Bob\n", '7;"Paid;01.01.2026 12:00;Bob\n'])
async def test_a_bad_line_is_named_and_nothing_is_written(world: World, shell: Shell, tmp_path: Path, bad: str) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(LOG + bad)
    tables = ("process_instance", "history", "process_definition", "channel")
    before = await world.counts(tables)
    done = await shell.run("import-log", str(file), *OPTIONS)
    assert (done.exit_code, "Line 5" in done.output) == (1, True), done.output
    assert await world.counts(tables) == before


async def test_an_export_is_narrowed_by_what_cases_are(world: World, shell: Shell, tmp_path: Path) -> None:
    await lead(world, 0, assign(world, "ann", 0), external_id="1", region="Tula")
    await lead(world, 0, assign(world, "bob", 0), external_id="2", region="Tula", by="admin")
    await lead(world, 0, external_id="3", region="Omsk")
    file = tmp_path / "log.xes"

    async def cases(*options: str) -> list[str | None]:
        arguments = ("--tenant", "acme", "--output", str(file), *options)
        done = await shell.run("export-log", "callback-request", *arguments)
        assert done.exit_code == 0, done.output
        with open_log(file) as log:
            return sorted(trace.name for trace in log)

    assert await cases("--region", "Tula") == ["1", "2"]
    assert await cases("--region", "Tula", "--region", "Omsk", "--owner", "ann@example.org") == ["1"]
    assert await cases("--channel", "callback-request", "--version", "1") == ["1", "2", "3"]
    file.unlink()
    for options in (("--owner", "nobody@example.org"), ("--channel", "fax"), ("--version", "x")):
        refused = await shell.run("export-log", "callback-request", "--tenant", "acme", "--output", str(file), *options)
        assert refused.exit_code != 0
        assert options[1] in refused.output
    assert not file.exists()
