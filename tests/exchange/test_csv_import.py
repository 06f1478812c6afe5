"""Logs in CSV taken in: what becomes of their cases, that a second time nothing does, and that a bad file writes nothing."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from bpm_crm.analytics.event_log import EventClassifier
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.process_map import MapFigures, Section, read_process_map
from bpm_crm.analytics.variants import read_variants
from bpm_crm.cli import app
from bpm_crm.exchange.csv_log import CsvInvalid, Mapping, Role, csv_source, form_of
from bpm_crm.exchange.csv_log.times import Times
from bpm_crm.exchange.log_import import Imported, import_log
from bpm_crm.exchange.sources import xes_source
from bpm_crm.exchange.xes import XesInvalid
from tests.world import World

MAPPING = Mapping(
    {
        Role.CASE: "case",
        Role.ACTIVITY: "activity",
        Role.TIMESTAMP: "time",
        Role.RESOURCE: "who",
        Role.CHANNEL: "channel",
    },
    ("town",),
    Times(zone=ZoneInfo("UTC")),
)
LOG = """case,activity,time,who,channel,town
7,Asked,2026-01-01 10:00,Ann,Site,Tula
8,Asked,2026-01-01 10:00,Bob,Shop,
7,Answered,2026-01-01 10:00,Bob,,
7,Paid,2026-01-02 10:00,Bob,,
8,Answered,2026-01-01 11:00,Bob,,
"""


async def take_in(world: World, file: Path, mapping: Mapping = MAPPING, key: str = "foreign") -> Imported:
    with csv_source(file, form_of(file), mapping, lambda *_: None) as source:
        imported = await import_log(
            source,
            owner=world.owner,
            writer=world.writer,
            tenant_id=world.tenant_id,
            key=key,
            title=key,
            channel_attribute="channel",
            at=datetime.now(UTC),
            progress=lambda *_: None,
        )
    await world.refresh()
    return imported


def file_of(folder: Path, text: str) -> Path:
    file = folder / "log.csv"
    file.write_text(text, encoding="utf-8")
    return file


async def ways(world: World, key: str = "foreign") -> tuple[MapFigures, Counter[tuple[str, ...]]]:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, process=key)
        figures = await read_process_map(
            connection, frame, Question(world.tenant_id), EventClassifier.STAGE, tuple(Section)
        )
        page = await read_variants(connection, figures.members(Section.VARIANTS), 200)
    return figures, Counter({tuple(item.activities): item.cases for item in page.variants})


async def test_cases_of_a_csv_log_become_cases_whose_ties_keep_the_order_of_the_file(
    world: World, tmp_path: Path
) -> None:
    imported = await take_in(world, file_of(tmp_path, LOG))
    assert (imported.new, imported.known, imported.by_channel) == (2, 0, {"Site": 1, "Shop": 1})
    figures, found = await ways(world)
    assert found == {("asked", "answered", "paid"): 1, ("asked", "answered"): 1}
    handovers = {cell.parts[1:]: cell.times() for cell in figures.cells[Section.HANDOVERS]}
    assert handovers == {("name:Ann", "name:Bob"): 1}
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT external_id, data->>'town' AS town, outcome FROM process_instance WHERE external_id IS NOT NULL ORDER BY 1"
        )
    assert [tuple(row) for row in rows] == [("7", "Tula", "won"), ("8", None, "won")]


async def test_a_second_import_writes_nothing_and_a_changed_case_is_left_alone(world: World, tmp_path: Path) -> None:
    await take_in(world, file_of(tmp_path, LOG))
    before = await world.counts()
    again = await take_in(world, file_of(tmp_path, LOG))
    assert (again.new, again.known, again.different, again.published.is_new) == (0, 2, [], False)
    assert await world.counts() == before
    changed = await take_in(
        world, file_of(tmp_path, LOG + "9,Asked,2026-01-03 10:00,Bob,Site,\n8,Paid,2026-01-04 10:00,Bob,,\n")
    )
    assert (changed.new, changed.known, changed.different) == (1, 1, ["8"])


@pytest.mark.parametrize(
    "bad",
    [
        "7,Paid,never,Bob,,\n",
        '7,"Paid,2026-01-02 10:00,Bob,,\n',
        "7,Paid\n",
        ",Paid,2026-01-02 10:00,Bob,,\n",
    ],
)
async def test_of_a_file_with_one_bad_row_nothing_is_written(world: World, tmp_path: Path, bad: str) -> None:
    tables = ("process_instance", "history", "process_definition", "channel")
    before = await world.counts(tables)
    with pytest.raises(CsvInvalid) as refused:
        await take_in(world, file_of(tmp_path, LOG + bad))
    assert refused.value.problems[0].line == 7
    assert await world.counts(tables) == before


async def test_the_same_log_in_csv_and_in_xes_gives_the_same_ways(
    world: World, tmp_path: Path, test_data: Path
) -> None:
    truth = json.loads((test_data / "eventlogs" / "truth_running-example.json").read_text())
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["case", "activity", "time"])
    with xes_source(test_data / "eventlogs" / "running-example.xes", zone=ZoneInfo("UTC"), wall_time=True)() as log:
        for trace in log:
            for event in trace.events:
                rows.writerow([trace.name, *(event.attributes[key] for key in ("concept:name", "time:timestamp"))])
    columns = {Role.CASE: "case", Role.ACTIVITY: "activity", Role.TIMESTAMP: "time"}
    await take_in(world, file_of(tmp_path, text.getvalue()), Mapping(columns))
    _, found = await ways(world)
    expected = {tuple(name.replace(" ", "_") for name in top["trace"]): top["cases"] for top in truth["top_variants"]}
    assert found == expected


@pytest.mark.parametrize(("column", "most"), [("channel", 200), ("activity", 500)])
async def test_a_column_with_too_many_values_names_neither_channels_nor_activities(
    world: World, tmp_path: Path, column: str, most: int
) -> None:
    rows = ["case,activity,time,who,channel,town"]
    for number in range(most + 1):
        values = {"channel": "Site", "activity": "Asked", column: f"x{number}"}
        rows.append(f"{number},{values['activity']},2026-01-01 10:00,Ann,{values['channel']},")
    tables = ("process_instance", "process_definition", "channel")
    before = await world.counts(tables)
    with pytest.raises(XesInvalid, match=f"more than {most} different") as refused:
        await take_in(world, file_of(tmp_path, "\n".join(rows)))
    assert refused.value.line == most + 2
    assert await world.counts(tables) == before


async def test_a_case_number_longer_than_any_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(XesInvalid, match="longer than 400") as refused:
        await take_in(world, file_of(tmp_path, LOG + f"{'9' * 401},Asked,2026-01-01 10:00,Ann,Site,\n"))
    assert refused.value.line == 7


# The command


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["import-log", *words])
    return done.exit_code, done.output


OPTIONS = ("--case", "case", "--activity", "activity", "--timestamp", "time", "--zone", "Europe/Moscow")


def test_a_dry_run_says_what_would_come_of_it(tmp_path: Path) -> None:
    code, told = run(str(file_of(tmp_path, LOG)), *OPTIONS, "--dry-run")
    assert (code, "2 cases, 5 events, 5 stages" in told) == (0, True), told


def test_a_preview_needs_no_columns_and_writes_nothing(tmp_path: Path) -> None:
    code, told = run(str(file_of(tmp_path, LOG.replace("Asked", "[red]Asked[/x]"))), "--preview", "--zone", "UTC")
    assert code == 0, told
    assert "[red]Asked[/x]" in told
    assert "guessed" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dry-run",), "--case 'case'"),
        ((*OPTIONS[:-1], "Mars/Base", "--dry-run"), "Mars/Base"),
        ((*OPTIONS, "--resource", "nobody", "--dry-run"), "'nobody'"),
        ((*OPTIONS, "--time-format", "%d.%m.%Y", "--dry-run"), "Line 2"),
        ((*OPTIONS, "--encoding", "klingon", "--dry-run"), "klingon"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    code, told = run(str(file_of(tmp_path, LOG)), *words)
    assert (code, said in told) == (1, True), told
    assert "Traceback" not in told


def test_a_log_in_xml_has_no_preview(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("<log/>")
    code, told = run(str(file), "--preview")
    assert (code, "--dry-run" in told) == (1, True)
