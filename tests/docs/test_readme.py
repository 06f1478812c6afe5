"""The README keeps its word: its queries give the answers it shows, its snippets make a sound process."""

import json
import re
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import yaml
from rich.console import Console

from bpm_crm.cli.demo import print_welcome
from bpm_crm.config import Settings
from bpm_crm.operations.publishing import prove, publish
from bpm_crm.processes.library import shipped_text
from tests.api.client import Api
from tests.docs.pages import README, ROOT, blocks

PLACEHOLDER = re.compile(r"<\w+>")
PICTURE = ROOT / "docs/callback-request.svg"


def examples() -> list[tuple[str, Any]]:
    """The queries of the README, each with the data it is said to give."""
    queries, answers = blocks(README, "graphql"), blocks(README, "json")
    assert len(queries) == len(answers) >= 3
    return [(query.text, json.loads(answer.text)) for query, answer in zip(queries, answers, strict=True)]


def filled(told: Any, given: Any) -> Any:
    """What the README tells, with each placeholder replaced by the text that was given in its place."""
    if isinstance(told, str) and PLACEHOLDER.fullmatch(told) and isinstance(given, str):
        return given
    if isinstance(told, dict) and isinstance(given, dict):
        return {key: filled(value, given.get(key)) for key, value in told.items()}
    if isinstance(told, list) and isinstance(given, list) and len(told) == len(given):
        return [filled(one, other) for one, other in zip(told, given, strict=True)]
    return told


def merged(upper: Any, lower: Any) -> Any:
    """Two documents as one, the upper one first."""
    if isinstance(upper, dict) and isinstance(lower, dict):
        return {key: merged(upper.get(key), lower.get(key)) for key in (*upper, *lower)}
    return lower if upper is None else upper


def document() -> str:
    """The process that the README builds up, snippet by snippet."""
    whole: Any = None
    for block in blocks(README, "yaml"):
        whole = merged(whole, yaml.safe_load(block.text))
    return yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)


async def test_the_queries_of_the_readme_give_the_answers_it_shows(api: Api) -> None:
    for query, told in examples():
        given = await api.data(query, by="admin")
        assert given == filled(told, given)


@pytest.mark.parametrize("wrong", [{"a": "1"}, {"a": "<time>", "b": 1}, {}])
def test_an_answer_that_differs_would_be_found(wrong: dict[str, Any]) -> None:
    """Negative control."""
    given = {"a": "2026-11-22T10:00:00Z"}
    assert filled(wrong, given) != given
    assert filled({"a": "<time>"}, given) == given


@pytest.mark.parametrize("index", [1, 2, 3])
def test_the_readmes_process_is_sound_after_each_of_its_snippets(index: int) -> None:
    whole: Any = None
    for block in blocks(README, "yaml")[:index]:
        whole = merged(whole, yaml.safe_load(block.text))
    prove(yaml.safe_dump(whole, allow_unicode=True, sort_keys=False), datetime(2026, 11, 1, tzinfo=UTC))


async def test_a_checkpoint_and_a_field_of_the_readme_appear_in_the_api_by_themselves(api: Api) -> None:
    world, at = api.world, datetime(2026, 11, 2, tzinfo=UTC)
    async with world.owner.transaction(world.tenant_id) as connection:
        await publish(connection, world.tenant_id, document(), changelog="The README.", at=at, by=None)
    await world.refresh()
    key = yaml.safe_load(document())["process"]
    period = '{fromDate: "2026-11-01", toDate: "2026-12-01"}'
    found = await api.data(
        f"""{{ checkpointKpis(process: "{key}", period: {period}) {{ checkpoint }}
               processDefinition(key: "{key}") {{ fields {{ key }} transitions {{ key requiredFields }} }} }}"""
    )
    assert "inspected" in [kpi["checkpoint"] for kpi in found["checkpointKpis"]]
    assert "mileage" in [field["key"] for field in found["processDefinition"]["fields"]]
    required = {item["key"]: item["requiredFields"] for item in found["processDefinition"]["transitions"]}
    assert required["qualify"] == ["need", "mileage"]


def test_the_start_prints_what_the_readme_shows() -> None:
    (said,) = blocks(README, "text", under="Start")
    shown = "eyJhbGciOiJFZERTQSIsI"
    console = Console(file=StringIO(), width=200)
    print_welcome(console, Settings(), [(role, f"{shown}nR5cCI6") for role in ("admin", "salesperson")])
    printed = console.file.getvalue().replace(f"{shown}nR5cCI6", f"{shown}…")  # type: ignore[attr-defined]  # a StringIO
    told = [line for line in said.text.splitlines() if line and line.strip() != "…"]
    assert told == [line for line in printed.splitlines() if line]


def test_the_picture_shows_the_process_as_it_is() -> None:
    process = prove(shipped_text("callback-request"), datetime(2026, 11, 1, tzinfo=UTC)).definition
    drawn = re.sub(r"<style>.*?</style>|<[^>]+>", "\n", PICTURE.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = {line.strip() for line in drawn.splitlines()}
    assert {stage.title.en for stage in process.stages.values()} <= words
    triggers = {transition.trigger for transition in process.transitions.values()}
    assert triggers - words == {"revise_offer", "agree_with_discount"}, (
        "second ways between the same stages are not drawn"
    )
    steps = sorted((item.order, item.title.en) for item in process.checkpoints.values() if item.order is not None)
    assert " · ".join(f"{order} {title}" for order, title in steps) in drawn


def test_the_readme_is_short() -> None:
    assert 120 <= len(README.read_text(encoding="utf-8").splitlines()) <= 220


def test_the_licence_named_is_the_one_given() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "[Apache 2.0](LICENSE)" in README.read_text(encoding="utf-8")
