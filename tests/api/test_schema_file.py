"""The committed `schema.graphql` against the code: equal, and where it is not, what would break clients is named."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes, find_dangerous_changes
from typer.testing import CliRunner

from bpm_crm.api import schema as api
from bpm_crm.cli import app

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schema.graphql"
CURE = "Run `make schema`, look at the difference, and commit it."


@pytest.fixture(scope="module")
def code() -> str:
    return api.sorted_sdl(api.build_schema())


@pytest.fixture(scope="module")
def committed() -> str:
    if not COMMITTED.is_file():
        pytest.skip(f"{COMMITTED.name} has not been written yet: `make schema` does")
    return COMMITTED.read_text(encoding="utf-8")


def changes(old: GraphQLSchema, new: GraphQLSchema) -> str:
    """What clients of the old schema would notice in the new one, one change a line."""
    breaking = [f"BREAKING {change.type.name}: {change.description}" for change in find_breaking_changes(old, new)]
    dangerous = [f"dangerous {change.type.name}: {change.description}" for change in find_dangerous_changes(old, new)]
    return "\n".join([*breaking, *dangerous]) or "nothing that clients would notice (descriptions, additions)"


def test_the_committed_schema_is_that_of_the_code(committed: str, code: str) -> None:
    assert committed == code, f"{CURE}\n{changes(build_schema(committed), build_schema(code))}"


def test_a_field_that_is_gone_is_named_as_a_breaking_change(code: str) -> None:
    old = build_schema(code)
    without = build_schema(code)
    del without.type_map["ProcessInstance"].fields["sequence"]
    del without.type_map["FireTransitionInput"].fields["dryRun"]
    told = changes(old, without)
    assert "BREAKING FIELD_REMOVED: Field ProcessInstance.sequence was removed." in told
    assert "FireTransitionInput.dryRun" in told
    assert changes(old, build_schema(code)).startswith("nothing")


def test_the_command_compares_a_file_with_the_schema_of_the_code(tmp_path: Path, code: str) -> None:
    same, other = tmp_path / "same.graphql", tmp_path / "other.graphql"
    same.write_text(code, encoding="utf-8")
    other.write_text(code.replace("sequence: Int!", "sequence: Int"), encoding="utf-8")
    runs = {path: CliRunner().invoke(app, ["schema", "--check", str(path)]) for path in (same, other)}
    assert (runs[same].exit_code, runs[same].stderr) == (0, "")
    assert runs[other].exit_code == 1
    assert "make schema" in runs[other].stderr
