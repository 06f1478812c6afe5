"""Shared parts: what a document says comes first, a null takes out, and what cannot be included is refused."""

from typing import Any

import pytest

from bpm_crm.engine.problems import DefinitionInvalid, Problem
from bpm_crm.processes.includes import MAX_INCLUDES, resolve_includes
from tests.engine.build import SMALL, changed, problems_of

PARTS: dict[str, dict[str, Any]] = {
    "base": {"clocks": {"a": {"target": "PT1H", "stop": 1}, "b": {"target": "PT2H"}}, "channels": ["x", "y"]},
    "tail": {"include": ["base"], "clocks": {"b": {"target": "PT3H"}, "c": {"target": "PT4H"}}},
    "without": {"include": ["base"], "clocks": {"a": None}},
    "other": {"clocks": {"a": {"target": "PT9H", "start": 2}}},
    "one": {"include": ["two"]},
    "two": {"include": ["three"]},
    "three": {"include": ["one"]},
    "self": {"include": ["self"]},
    "broken": {"include": "base"},
}


def refused(document: Any) -> Problem:
    with pytest.raises(DefinitionInvalid) as caught:
        resolve_includes(document, PARTS)
    (problem,) = caught.value.problems
    assert problem.text("ru") != problem.text("en")
    return problem


def test_a_document_without_includes_stays_as_it_is() -> None:
    document = {"process": "x", "clocks": {"a": {"target": "PT1H"}}}

    assert resolve_includes(document, PARTS) == document


def test_what_the_document_says_wins_key_by_key_and_lists_are_replaced() -> None:
    document = {"include": ["base"], "clocks": {"a": {"target": "PT5M"}}, "channels": ["z"]}

    assert resolve_includes(document, PARTS) == {
        "clocks": {"a": {"target": "PT5M", "stop": 1}, "b": {"target": "PT2H"}},
        "channels": ["z"],
    }


def test_of_several_parts_the_first_wins_and_parts_include_parts() -> None:
    clocks = resolve_includes({"include": ["other", "tail"]}, PARTS)["clocks"]

    assert clocks == {
        "a": {"target": "PT9H", "start": 2, "stop": 1},
        "b": {"target": "PT3H"},
        "c": {"target": "PT4H"},
    }
    assert list(clocks) == ["a", "b", "c"]


def test_a_key_set_to_null_is_taken_out_of_every_part() -> None:
    document = {"include": ["other", "base"], "clocks": {"a": None, "b": {"target": None}}, "channels": None}

    assert resolve_includes(document, PARTS) == {"clocks": {"b": {}}}
    assert resolve_includes({"include": ["without"]}, PARTS)["clocks"] == {"b": {"target": "PT2H"}}


def test_a_document_may_put_back_what_a_part_takes_out() -> None:
    document = {"include": ["without"], "clocks": {"a": {"target": "PT7H"}}}

    assert resolve_includes(document, PARTS)["clocks"]["a"] == {"target": "PT7H"}


def test_a_null_that_takes_nothing_out_is_left_to_be_complained_of() -> None:
    assert resolve_includes({"include": ["base"], "fields": {"x": None}}, PARTS)["fields"] == {"x": None}
    (problem,) = problems_of(changed(SMALL, "ru: Малый}", "ru: Малый, скромный}"))

    assert (problem.code, problem.path, problem.line) == ("SHAPE", ("title", "скромный"), 3)
    assert "in quotes because of its comma" in problem.text()


def test_resolving_changes_neither_the_document_nor_the_parts() -> None:
    document = {"include": ["tail"], "clocks": {"b": {"x": 1}, "c": None}}
    before = repr((document, PARTS))

    resolve_includes(document, PARTS)

    assert repr((document, PARTS)) == before


@pytest.mark.parametrize("name", ["sail", "", "../sale", 5, None, ["base"], {"a": 1}])
def test_a_part_that_does_not_exist_is_refused_with_those_that_do(name: Any) -> None:
    problem = refused({"include": [name]})

    assert (problem.code, problem.path) == ("UNKNOWN_PART", ("include",))
    assert "Known: base, broken, one" in problem.text()


@pytest.mark.parametrize(("name", "trail"), [("self", "self → self"), ("one", "one → two → three → one")])
def test_parts_that_include_each_other_are_refused_with_the_circle(name: str, trail: str) -> None:
    problem = refused({"include": [name]})

    assert (problem.code, problem.path) == ("SHAPE", ("include",))
    assert f"The parts {trail} include each other; take one `include` out." in problem.text()


@pytest.mark.parametrize("include", ["base", None, 5, {"base": 1}, ["base"] * (MAX_INCLUDES + 1)])
def test_an_include_that_is_no_short_list_is_refused(include: Any) -> None:
    problem = refused({"include": include})

    assert (problem.code, problem.path) == ("SHAPE", ("include",))
    assert "write one such as [sale]" in problem.text()


def test_a_part_with_a_faulty_include_is_refused() -> None:
    assert "write one such as [sale]" in refused({"include": ["broken"]}).text()


@pytest.mark.parametrize("document", [None, 5, "text", [], [{"process": "x"}]])
def test_what_is_no_mapping_is_no_document(document: Any) -> None:
    assert "begin with `process: <key>`" in refused(document).text()


def test_a_missing_part_is_refused_with_its_line_when_a_process_is_published() -> None:
    (problem,) = problems_of("process: x\ntitle: {en: X, ru: Х}\ninclude: [office_hours, sail]\n")

    assert (problem.code, problem.path, problem.line) == ("UNKNOWN_PART", ("include",), 3)
    assert "“sail”. Known: contact, office_hours, response, sale." in problem.text()
