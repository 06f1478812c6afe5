"""The page on guards: its process is sound, its tables say what the engine does."""

import json
import re
from pathlib import Path

import pytest

from bpm_crm.engine import guard
from bpm_crm.engine.blockers import BlockerCode, Refused
from bpm_crm.engine.process import Process, variables
from bpm_crm.processes.schema import process_schema
from tests.engine.build import begun, blockers, changed, definition_from, fired, problems_of, process_of

PAGE = (Path(__file__).parents[2] / "docs" / "guards.md").read_text(encoding="utf-8")
(DOCUMENT,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without the quotes of code."""
    section = re.split(rf"^## {heading}$", PAGE, flags=re.MULTILINE)[1].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip(" `").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def guarded(expression: str) -> str:
    return changed(DOCUMENT, "GUARD", json.dumps(expression))


def answer(process: Process, data: str) -> str:
    outcome = fired(process, begun(process, "2026-11-16 09:00"), "finish", "2026-11-16 10:00", **json.loads(data))
    return "+".join(blocker.code.value for blocker in blockers(outcome)) if isinstance(outcome, Refused) else "open"


@pytest.mark.parametrize(("expression", "data", "expected"), rows("What can be written"))
def test_an_expression_of_the_page_is_answered_as_it_says(expression: str, data: str, expected: str) -> None:
    assert problems_of(guarded(expression)) == ()
    assert answer(process_of(guarded(expression)), data) == expected


@pytest.mark.parametrize(("expression", "fault"), rows("What is refused"))
def test_an_expression_that_the_page_calls_refused_is_refused_for_that(expression: str, fault: str) -> None:
    (problem,) = problems_of(guarded(expression))

    assert (problem.code, problem.path) == ("EXPRESSION_INVALID", ("transitions", "finish", "guard"))
    assert fault in problem.text()


def test_the_table_of_variables_names_all_and_no_others() -> None:
    named = {name for row in rows("Variables") for name in re.findall(r"[a-z]+(?:\.[a-z_<>]+)?", row[0])}
    families = {"data.": "data.<field>", "reached.": "reached.<checkpoint>", "visits.": "visits.<stage>"}
    families["activities."] = "activities.<kind>"
    known = set()
    for variable in variables(definition_from(guarded("true"))):
        family = next((name for start, name in families.items() if variable.startswith(start)), variable)
        known.add(family)

    assert named == known


def test_the_limits_of_the_page_are_those_of_the_engine() -> None:
    limits = [re.findall(r"[0-9]+", row[1])[0] for row in rows("Limits")]

    assert limits == [
        str(number)
        for number in (guard.MAX_SOURCE, guard.MAX_WALKS, guard.MAX_PATTERNS, guard.MAX_TEXT, guard.MAX_ITEMS)
    ]


def test_the_codes_of_the_page_are_those_of_guards() -> None:
    assert [row[0] for row in rows("How a move is answered")] == [
        code.value for code in BlockerCode if code.value.startswith("GUARD_")
    ]


def test_the_longest_text_of_a_field_can_be_read_by_a_guard() -> None:
    longest = process_schema()["$defs"]["FieldPart"]["properties"]["max_length"]["maximum"]
    text = changed(guarded("data.name.size() > 1"), "{type: string,", f"{{type: string, max_length: {longest},")

    assert longest <= guard.MAX_TEXT
    assert answer(process_of(text), json.dumps({"name": "ё" * longest})) == "open"
