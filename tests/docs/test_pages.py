"""Every page of the documentation: its links lead somewhere, the commands and files it names exist, its YAML is sound."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from bpm_crm.cli import app
from tests.docs.pages import PAGES, ROOT, anchors, blocks, headings, links, prose, tables

IDS = [str(page.relative_to(ROOT)) for page in PAGES]
FILES = ("src", "tests", "docs", "migrations", "benchmarks")
PACKAGES = tuple(path.name for path in (ROOT / "src/bpm_crm").iterdir() if (path / "__init__.py").is_file())


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for target in links(page):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    assert broken(page) == []


def test_a_link_that_leads_nowhere_would_be_found(tmp_path: Path) -> None:
    """Negative control."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A page, here\n[a](gone.md) [b](#a-page-here) [c](#gone) [d](https://example.org)\n", encoding="utf-8"
    )
    assert broken(page) == ["gone.md", "#gone"]


def code(page: Path) -> str:
    """What a page shows as commands: its shell blocks and its inline code, a line each."""
    shell = [block.text for block in blocks(page, "bash")]
    return "\n".join([*shell, *re.findall(r"`([^`\n]+)`", prose(page))])


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def unknown_commands(text: str) -> list[str]:
    """The `make` and `bpm-crm` commands of a text that do not exist, options included."""
    found = [
        f"make {name}"
        for name in re.findall(r"^(?:[A-Z_]+=\S+ )*make ([a-z]+)", text, re.MULTILINE)
        if name not in targets()
    ]
    for line in re.findall(r"^(?:\.venv/bin/)?bpm-crm (.+)$", text, re.MULTILINE):
        command: Any = typer.main.get_command(app)
        for word in line.replace("…", "").split():
            if isinstance(command, click.Group) or hasattr(command, "commands"):
                if word not in command.commands:
                    found.append(f"bpm-crm {line}")
                    break
                command = command.commands[word]
            elif word.startswith("--") and word not in options_of(command):
                found.append(f"bpm-crm {line}")
    return found


def options_of(command: Any) -> set[str]:
    """The options that a command takes."""
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_named_exists(page: Path) -> None:
    assert unknown_commands(code(page)) == []


@pytest.mark.parametrize(
    "line", ["make nothing", "bpm-crm nothing", "bpm-crm process nothing", "bpm-crm verify --nothing"]
)
def test_a_command_that_does_not_exist_would_be_found(line: str) -> None:
    """Negative control."""
    assert unknown_commands(line) == [line]


def test_every_command_is_described_where_operators_look() -> None:
    text = code(ROOT / "docs/operations.md") + code(ROOT / "README.md") + code(ROOT / "docs/access.md")
    top: Any = typer.main.get_command(app)
    unnamed = {name for name in top.commands if not re.search(rf"bpm-crm {name}\b", text)}
    assert unnamed == {"schema", "version"}, "these two are for developers and explain themselves"


def unknown_files(text: str) -> list[str]:
    """The files and folders of this repository that a text names in backticks and that do not exist."""
    found = []
    for name in re.findall(r"`([\w./-]+/[\w./-]*)`", text):
        first = name.split("/")[0]
        inside = ROOT / "src/bpm_crm" / name if first in PACKAGES else ROOT / name
        if first in FILES + PACKAGES and not inside.exists():
            found.append(name)
    return found


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_file_named_exists(page: Path) -> None:
    made_by_the_reader = {"src/bpm_crm/processes/trade-in.yaml"}
    assert set(unknown_files(prose(page))) - made_by_the_reader == set()


def test_a_file_that_does_not_exist_would_be_found() -> None:
    """Negative control."""
    assert unknown_files("`engine/gone.py` `engine/step.py` `docs/gone.md` `tests/docs`") == [
        "engine/gone.py",
        "docs/gone.md",
    ]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_yaml_snippet_is_yaml(page: Path) -> None:
    for block in blocks(page, "yaml"):
        assert yaml.safe_load(block.text) is not None, block.heading


def test_every_decision_and_page_is_in_the_list_of_pages() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / target).resolve() for target in links(index)}
    assert {page for page in PAGES if page != index} <= listed
    for number, title in tables(index, "Decisions")[1:]:
        digits = re.sub(r"\D.*", "", number.strip("["))
        (page,) = ROOT.glob(f"docs/decisions/{int(digits):04}-*.md")
        assert headings(page)[0] == f"{digits}. {title}"


def test_the_layers_told_are_those_of_the_contract() -> None:
    contract = re.search(
        r"^layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert contract is not None
    layers = [set(line.split(" | ")) for line in re.findall(r'"(.+?)"', contract[1])]
    told = [set(row[0].split(", ")) for row in tables(ROOT / "CONTRIBUTING.md", "Layers")[1:]]
    assert told == layers


def test_the_targets_told_are_those_of_the_makefile() -> None:
    told = {
        name for row in tables(ROOT / "CONTRIBUTING.md", "Set up")[1:] for name in re.findall(r"make (\w+)", row[0])
    }
    assert told == targets() - {"graphiql"}


def test_every_folder_of_tests_is_told() -> None:
    told = {name for row in tables(ROOT / "CONTRIBUTING.md", "Tests")[1:] for name in row[0].split(", ")}
    assert told == {f"tests/{path.parent.name}" for path in ROOT.glob("tests/*/test_*.py")}
