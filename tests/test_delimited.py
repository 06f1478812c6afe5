"""The form of delimited text: its encoding and its delimiter, told from what is written."""

import pytest

from bpm_crm.delimited import GUESSED, SAMPLE, encoding_of, likeliest_delimiter, stated_delimiter

RUSSIAN = "номер;действие;время\n1;Заявка принята;02.01.2026\n2;Перезвонили клиенту;03.01.2026\n"
GERMAN = "id;Vorgang\n1;Prüfung geändert\n2;Große Überprüfung\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8_r", "cp866"])
def test_the_encoding_of_russian_is_told(encoding: str) -> None:
    assert encoding_of(RUSSIAN.encode(encoding), is_whole=True) == encoding


def test_western_letters_are_no_russian_ones() -> None:
    assert encoding_of(GERMAN.encode("cp1252"), is_whole=True) == "cp1252"


def test_letters_far_behind_plain_ones_are_still_seen() -> None:
    content = b"1;plain;row\n" * (SAMPLE // 4) + RUSSIAN.encode("cp1251")
    assert encoding_of(content, is_whole=True) == "cp1251"


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "cp866"])
def test_few_letters_among_many_plain_rows_tell_the_encoding(encoding: str) -> None:
    rows = [f"{number};call;{'клиент просит перезвонить' if number % 50 == 0 else 'plain'}" for number in range(5_000)]
    assert encoding_of("\n".join(rows).encode(encoding), is_whole=True) == encoding


def test_a_letter_cut_at_the_end_of_a_sample_is_no_fault_and_of_a_file_is_one() -> None:
    cut = RUSSIAN.encode() + "ж".encode()[:1]
    assert encoding_of(cut, is_whole=False) == "utf-8"
    assert encoding_of(cut, is_whole=True) in {None, *GUESSED}


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("sep=;\r\na;b\r\n", (";", 7)),
        ("SEP=\t\na\tb\n", ("\t", 6)),
        ("sep=|", ("|", 5)),
        ("sep=;;\na", (None, 0)),
        ('sep="\na', (None, 0)),
        ("sep=\na", (None, 0)),
        ("a;b\nsep=;\n", (None, 0)),
    ],
)
def test_a_first_line_may_state_the_delimiter(text: str, stated: tuple[str | None, int]) -> None:
    assert stated_delimiter(text) == stated


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("Leads of November\n\na,b,c\n1,2,3\n4,5,6\n", ","),
        ('a|b\n"1;2;3"|x\n"4;5;6"|y\n', "|"),
        ('a,b\n"1\n2;3",x\n"4\n5;6",y\n', ","),
        ("a\tb, c\n1\t2, 3\n4\t5\n", "\t"),
        ("one\ntwo\n", None),
        ("", None),
    ],
)
def test_the_delimiter_parts_most_rows_alike(text: str, delimiter: str | None) -> None:
    assert likeliest_delimiter(text) == delimiter
