"""Reading YAML: what looks one way and reads another is refused, with its line; size and depth are bounded while reading."""

import json
import time

import pytest

from bpm_crm.engine.problems import DefinitionInvalid, Problem
from bpm_crm.processes.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_yaml
from tests.engine.build import SMALL, changed, problems_of

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def refused(text: str) -> Problem:
    with pytest.raises(DefinitionInvalid) as caught:
        read_yaml(text)
    (problem,) = caught.value.problems
    assert problem.code == "SYNTAX"
    assert problem.text("ru") != problem.text("en")
    return problem


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: 1\nb: [x, 1.5, true, null, ~]", {"a": 1, "b": ["x", 1.5, True, None, None]}),
        ("a:\nb: ''", {"a": None, "b": ""}),
        ("a: 09:00-18:00", {"a": "09:00-18:00"}),
        ("2026-01-02: closed", {"2026-01-02": "closed"}),
        ("a: 2026-01-02\nb: '10'\nc: \"no\"", {"a": "2026-01-02", "b": "10", "c": "no"}),
        ("no: 1\n1: x", {"no": 1, "1": "x"}),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        ("a: Ёлка 🎄", {"a": "Ёлка 🎄"}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: [-0, +1, -12.50, y, 08, 1e3]", {"a": [0, 1, -12.5, "y", "08", "1e3"]}),
    ],
)
def test_plain_data_is_read_as_it_looks(text: str, data: object) -> None:
    assert read_yaml(text).data == data


def test_json_is_read_as_json() -> None:
    data = {"a": ["x", 1, -2.5, None, True, {"ключ": "значение"}], "b": {}, "c": []}

    assert read_yaml(json.dumps(data)).data == data
    assert read_yaml(json.dumps(data, ensure_ascii=False, indent=2)).data == data


def test_every_place_has_its_line_and_a_missing_one_that_above_it() -> None:
    source = read_yaml("a: 1\nb:\n  - x\n  - c: 2\n\nd: {e: 3}\n")

    lines = {
        ("a",): 1,
        ("b",): 2,
        ("b", "0"): 3,
        ("b", "1", "c"): 4,
        ("d", "e"): 6,
        ("d", "none"): 6,
        ("b", "7"): 2,
        ("z",): 1,
    }
    assert {path: source.line_of(path) for path in lines} == lines


@pytest.mark.parametrize(
    "word",
    [
        "no",
        "Yes",
        "ON",
        "off",
        "True",
        "NULL",
        "010",
        "0x1F",
        "0b1",
        "1_000",
        "12:30",
        "190:20:30",
        ".5",
        "5.",
        ".inf",
        ".nan",
        "1.5e+3",
        "00",
        "=",
        "<<",
    ],
)
def test_words_that_are_read_differently_than_they_look_are_refused(word: str) -> None:
    problem = refused(f"a: 1\nb: {word}\n")

    assert (problem.path, problem.line) == (("b",), 2)
    assert "put a text in quotes" in problem.text()
    assert read_yaml(f"a: 1\nb: '{word}'\n").data["b"] == word


@pytest.mark.parametrize(
    ("text", "line", "cure"),
    [
        ("a: 1\na: 2", 2, "the key “a” is written twice; keep one"),
        ("x:\n  a: 1\n  b: 2\n  a: 3", 4, "the key “a” is written twice; keep one"),
        ("{a: 1, 'a': 2}", 1, "the key “a” is written twice; keep one"),
        ("a: 1\n---\nb: 2", 2, "another document follows; keep one"),
        ("", 1, "write a process"),
        ("# only this\n", 1, "write a process"),
        ("---\n", 1, "write a process"),
        ("&x a: 1", 1, "write the value out or use `include`"),
        ("a: 1\nb: &x 1", 2, "write the value out or use `include`"),
        ("a: *x", 1, "write the value out or use `include`"),
        (BOMB, 1, "write the value out or use `include`"),
        ("a: !!python/object:os.system x", 1, "leave it out"),
        ("a: !!binary aGk=", 1, "leave it out"),
        ("!x {a: 1}", 1, "leave it out"),
        ("? [a]\n: 1", 1, "a key must be a plain word"),
        ("a: 1\n<<: {b: 1}", 2, "a key must be a plain word"),
        ("'': 1", 1, "a key must be a plain word"),
        ("a: 1\nb: \x00", 2, "control character; remove it"),
        ("a: '\ud800'", 0, "surrogate pair; remove it"),
        ("a: [1,\n", 2, "check the indentation, the brackets and the quotes"),
        ("a: 1\n  b: 2", 2, "check the indentation"),
        ("a: 1\n\tb: 2", 2, "check the indentation"),
        ("a: b: c", 1, "check the indentation"),
        ("a: 'x", 1, "check the indentation"),
    ],
)
def test_what_is_no_plain_document_is_refused_with_line_and_cure(text: str, line: int, cure: str) -> None:
    problem = refused(text)

    assert problem.line == line
    assert cure in problem.text()


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "a:\n".replace("\n", " [")])
def test_depth_is_bounded_while_reading(opening: str) -> None:
    assert "nested too deeply" in refused(opening * 100_000).text()


def test_a_document_of_the_greatest_depth_is_read() -> None:
    assert read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH).data
    assert "flatten it" in refused("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)).text()


def test_the_size_of_a_document_is_bounded() -> None:
    text = "a: " + "x" * (MAX_BYTES - 3)

    assert len(read_yaml(text).data["a"]) == MAX_BYTES - 3
    assert "longer than 512 KiB; divide the process" in refused(text + "x").text()
    assert "longer than 512 KiB" in refused("a: " + "ё" * (MAX_BYTES // 2)).text()


def test_the_number_of_values_is_bounded() -> None:
    assert len(read_yaml("[" + "1," * (MAX_NODES - 1) + "]").data) == MAX_NODES - 1
    assert f"more than {MAX_NODES} values; divide" in refused("[" + "1," * MAX_NODES + "]").text()


def test_a_bomb_of_aliases_costs_nothing() -> None:
    began = time.process_time()

    refused(BOMB)

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (changed(SMALL, "  wait: {title", "  begin: {title"), "transitions.begin"),
        (changed(SMALL, "  worked: {title", "  lead: {title"), "checkpoints.lead"),
        (changed(SMALL, "stages:\n", "stages:\n  won: {kind: won, title: {en: Won, ru: Успех}}\n"), "stages.won"),
    ],
)
def test_a_key_given_twice_is_refused_when_a_process_is_published(text: str, place: str) -> None:
    (problem,) = problems_of(text)

    assert (problem.code, ".".join(problem.path)) == ("SYNTAX", place)
    assert "written twice; keep one" in problem.text()
