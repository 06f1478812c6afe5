"""The published JSON Schema: it is the model's, takes every shipped document, and refuses what the model refuses."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.processes.definitions import parse_document
from bpm_crm.processes.library import shared_parts, shipped_keys, shipped_text
from bpm_crm.processes.schema import process_schema, schema_text
from bpm_crm.processes.yaml_reader import read_yaml
from tests.engine.build import SMALL, changed, shipped

PUBLISHED = Path(__file__).parents[2] / "docs" / "process.schema.json"
SCHEMA: dict[str, Any] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def places(data: Any) -> set[str]:
    """Where the schema finds a fault, dotted; places that hold a fault count as faulty themselves."""
    faults: set[str] = set()
    pending = list(VALIDATOR.iter_errors(data))
    while pending:
        error = pending.pop()
        faults.add(".".join(map(str, error.absolute_path)))
        pending += error.context or ()
    return faults


def test_the_published_schema_is_that_of_the_model() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema_and_is_printed_the_same_every_time() -> None:
    Draft202012Validator.check_schema(process_schema())
    printed = subprocess.run(
        [sys.executable, "-m", "bpm_crm.processes.schema"], capture_output=True, text=True, check=True, encoding="utf-8"
    )

    assert printed.stdout == schema_text()
    assert printed.stdout.endswith("}\n")
    assert printed.stderr == ""


@pytest.mark.parametrize("key", shipped_keys())
def test_a_shipped_process_fits_the_schema_as_written_and_as_published(key: str) -> None:
    assert list(VALIDATOR.iter_errors(read_yaml(shipped_text(key)).data)) == []
    assert list(VALIDATOR.iter_errors(shipped(key).data)) == []
    assert "include" not in shipped(key).data


@pytest.mark.parametrize("name", sorted(shared_parts()))
def test_a_shared_part_fits_the_schema_of_parts(name: str) -> None:
    part = Draft202012Validator({**SCHEMA, "if": True, "then": {"$ref": "#/$defs/SharedPart"}})

    assert list(part.iter_errors(shared_parts()[name])) == []


def test_a_document_that_includes_may_leave_out_and_take_out_what_parts_say() -> None:
    document = {
        "process": "short",
        "include": ["sale"],
        "clocks": {"stuck": {"target": "PT1H"}, "payment": None},
        "stages": {"new": {"title": {"ru": "Новый"}}},
        "calendar": {"holidays": None},
    }

    assert list(VALIDATOR.iter_errors(document)) == []
    del document["include"]
    assert {"clocks.stuck", "clocks.payment", "stages.new"} <= places(document)


MISSING = [
    ("from: new, to: work", "to: work", "transitions.begin"),
    ("  zone: Europe/Moscow\n", "", "calendar"),
    ("process: small", "channels: []", ""),
]
FAULTS = [
    ("kind: won", "kind: finished", "stages.won.kind"),
    ("  won: {kind", "  Won: {kind", "stages"),
    ("min: 0", "min: low", "fields.amount.min"),
    ("type: decimal", "typ: decimal", "fields.amount"),
    ("from: new, to: work", "from: [], to: work", "transitions.begin.from"),
    ("from: new, to: work", "from: new, to: 5", "transitions.begin.to"),
    ("reason: required", "reason: perhaps", "transitions.lose.reason"),
    ("order: 1", "order: 0", "checkpoints.lead.order"),
    ("reached: {started: true}", "reached: {begun: true}", "checkpoints.lead.reached"),
    ("channels: [small]", "channels: small", "channels"),
    ("title: {en: Small, ru: Малый}", "title: Small", "title"),
    ("process: small", "process: Small One", "process"),
    ("during: waiting", "during: 3", "pauses.customer.during"),
]


@pytest.mark.parametrize(("old", "new", "place"), FAULTS)
def test_what_the_model_refuses_the_schema_refuses_in_the_same_place(old: str, new: str, place: str) -> None:
    data = read_yaml(changed(SMALL, old, new)).data

    assert place in places(data)
    assert place in places({**data, "include": ["sale"]})
    with pytest.raises(DefinitionInvalid):
        parse_document(data)


@pytest.mark.parametrize(("old", "new", "place"), MISSING)
def test_what_is_missing_is_refused_where_nothing_is_included(old: str, new: str, place: str) -> None:
    data = read_yaml(SMALL.replace("channels: [small]\n", "").replace(old, new)).data

    assert place in places(data)
    assert places({"process": "small", **data, "include": ["sale"]}) == set()
    with pytest.raises(DefinitionInvalid):
        parse_document(data)
