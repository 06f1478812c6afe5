"""The page on process definitions: its examples are sound, and its tables name every key, fault and part."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bpm_crm.cli.main import app
from bpm_crm.engine.problems import TEXTS
from bpm_crm.processes.library import shared_parts, shipped_keys, shipped_text
from bpm_crm.processes.schema import process_schema
from tests.engine.build import problems_of

PAGE = (Path(__file__).parents[2] / "docs" / "process-definitions.md").read_text(encoding="utf-8")
CALLBACK, COMPLAINT, CHANGES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PARTS = {
    "The document": "ProcessDocument",
    "calendar": "CalendarPart",
    "fields": "FieldPart",
    "stages": "StagePart",
    "transitions": "TransitionPart",
    "Conditions": "ConditionPart",
    "checkpoints": "CheckpointPart",
    "pauses": "PausePart",
    "clocks": "ClockPart",
    "reasons": "ReasonPart",
}


def table(heading: str) -> dict[str, str]:
    """The first table under a heading: what the first column names, with the rest of the row."""
    section = re.split(rf"^#+ {heading}$", PAGE, flags=re.MULTILINE)[1]
    rows = re.search(r"^\| --- .*\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert rows is not None
    cells = (row.strip("| ").split(" | ", 1) for row in rows.group(1).splitlines())
    return {name: text for names, text in cells for name in re.findall(r"`([^`]+)`", names)}


def test_the_first_example_is_the_shipped_process_and_the_second_is_sound() -> None:
    assert shipped_text("callback-request") == CALLBACK
    assert problems_of(CALLBACK) == ()
    assert problems_of(COMPLAINT) == ()


def test_the_example_of_changing_shared_parts_is_sound() -> None:
    head, _, _ = CALLBACK.partition("clocks:\n")

    assert problems_of(head + CHANGES) == ()


@pytest.mark.parametrize(("heading", "part"), PARTS.items())
def test_a_table_names_every_key_of_its_part_and_no_other(heading: str, part: str) -> None:
    schema: dict[str, Any] = process_schema()["$defs"][part]
    keys = set(schema["properties"]) | ({"include"} if part == "ProcessDocument" else set())

    assert set(table(heading)) == keys


@pytest.mark.parametrize(("heading", "part", "key"), [("calendar", "HolidaysPart", "holidays"), ("transitions", "GuardPart", "guard"), ("transitions", "ApprovalPart", "approval"), ("Conditions", "ActivityPart", "activity"), ("clocks", "EscalationPart", "escalate")])  # fmt: skip
def test_the_row_of_a_nested_part_names_its_keys(heading: str, part: str, key: str) -> None:
    row = table(heading)[key]

    assert set(process_schema()["$defs"][part]["properties"]) <= set(re.findall(r"`([^`]+)`", row))


def test_every_value_of_a_closed_list_is_on_the_page() -> None:
    for name in ("FieldType", "StageKind", "ReasonRule", "Reopening"):
        for value in process_schema()["$defs"][name]["enum"]:
            assert f"`{value}`" in PAGE, value


def test_the_table_of_faults_is_that_of_the_engine() -> None:
    assert table("Checking a document") == {code.value: f"{text.en}" for code, text in TEXTS.items()}


def test_the_table_of_shared_parts_names_those_that_ship() -> None:
    assert set(table("Shared parts")) == set(shared_parts())


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path) -> None:
    good, bad = tmp_path / "complaint.yaml", tmp_path / "bad.yaml"
    good.write_text(COMPLAINT, encoding="utf-8")
    bad.write_text(COMPLAINT.replace("from: question, to: review", "from: question, to: rewiev"), encoding="utf-8")
    runner = CliRunner()

    validated = runner.invoke(app, ["process", "validate", str(good)])
    refused = runner.invoke(app, ["process", "validate", str(bad)])
    listed = runner.invoke(app, ["process", "list"], env={"COLUMNS": "200"})
    shown = runner.invoke(app, ["process", "show", "callback-request"])

    assert (validated.exit_code, refused.exit_code, listed.exit_code) == (0, 1, 0)
    assert "UNKNOWN_REFERENCE: transitions.answer.to (line " in refused.output
    assert "stage “rewiev”" in refused.output
    assert all(key[:12] in listed.output for key in shipped_keys())
    assert shown.output == CALLBACK
