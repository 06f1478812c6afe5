"""The page on soundness: its examples are what it says, and its counter-example is what the command prints."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bpm_crm.cli.main import app
from bpm_crm.engine.problems import ProblemCode
from bpm_crm.engine.soundness.undecided import Property
from bpm_crm.processes.library import shipped_text
from bpm_crm.processes.schema import process_schema
from bpm_crm.processes.yaml_reader import read_yaml

PAGE = (Path(__file__).parents[2] / "docs" / "soundness.md").read_text(encoding="utf-8")
BARRED = shipped_text("messenger").replace("from: chatting\n", "from: chatting\n    guard: reached.offer\n", 1)


def test_the_table_has_a_row_for_every_property_and_names_faults_that_exist() -> None:
    section = PAGE.split("## What is proved\n")[1].split("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ") and "`" in row.rpartition("|")[0]]

    assert len([row for row in rows if "refused as" not in row]) == len(Property)
    assert {code for row in rows for code in re.findall(r"`([A-Z_]+)`", row)} <= set(ProblemCode)


def test_the_examples_are_of_the_notation() -> None:
    claims, waiver = (read_yaml(text).data for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    properties = process_schema()["$defs"]["ProcessDocument"]["properties"]

    assert claims == {"alternatives": {"agree": ["exclusive", "exhaustive"]}}
    assert "alternatives" in properties
    assert set(waiver["stages"]["archive_check"]) <= set(process_schema()["$defs"]["StagePart"]["properties"])


def test_the_counter_example_is_what_the_command_prints(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "messenger.yaml"
    file.write_text(BARRED, encoding="utf-8")
    run = CliRunner().invoke(app, ["process", "prove", str(file)])

    assert run.exit_code == 1
    assert shown in run.stderr


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_command_prints_the_certificate(tmp_path: Path, language: str) -> None:
    file = tmp_path / "messenger.yaml"
    file.write_text(shipped_text("messenger"), encoding="utf-8")
    run = CliRunner().invoke(app, ["process", "prove", str(file), "--language", language])
    stored = CliRunner().invoke(app, ["process", "prove", str(file), "--json"])

    assert (run.exit_code, stored.exit_code) == (0, 0)
    assert ("every stage can be entered (13)" in run.stdout) is (language == "en")
    assert ("в каждую стадию можно попасть (13)" in run.stdout) is (language == "ru")
    assert "1. start channel='messenger' → new" in run.stdout
    assert "Worst case by the clocks: 41 business days and PT4H of business time" in run.stdout
    assert '"solver": "z3' in stored.stdout
