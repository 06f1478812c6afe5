"""Logs in CSV: what is told from the file, what a mapping makes of its rows, and every refusal with its line."""

import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bpm_crm.exchange.csv_log import CsvCode, CsvInvalid, Mapping, Role, csv_source, form_of, preview_of
from bpm_crm.exchange.csv_log import rows as rows_module
from bpm_crm.exchange.csv_log.times import Times
from bpm_crm.exchange.xes import Trace

COLUMNS = {Role.CASE: "case", Role.ACTIVITY: "activity", Role.TIMESTAMP: "time"}
HEADER = "case,activity,time\n"
RUSSIAN = "номер;действие;время\n1;Заявка принята;02.01.2026 10:00\n1;Перезвонили;02.01.2026 11:00\n"


def written(folder: Path, data: str | bytes) -> Path:
    file = folder / "log.csv"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def mapping(*attributes: str, times: Times | None = None, **columns: str) -> Mapping:
    named = {**COLUMNS, **{Role(role): name for role, name in columns.items()}}
    return Mapping(named, attributes, times or Times(zone=ZoneInfo("UTC")))


def read(folder: Path, data: str | bytes, asked: Mapping | None = None, **form: str) -> list[Trace]:
    file = written(folder, data)
    with csv_source(file, form_of(file, **form), asked or mapping(), lambda *_: None) as source, source() as log:
        return list(log)


def refused(folder: Path, data: str | bytes, asked: Mapping | None = None, **form: str) -> CsvInvalid:
    with pytest.raises(CsvInvalid) as found:
        read(folder, data, asked, **form)
    return found.value


def told(traces: list[Trace]) -> list[tuple[str, list[str]]]:
    return [(trace.name, [str(event.attributes["concept:name"]) for event in trace.events]) for trace in traces]


# What is read


def test_rows_of_a_case_are_put_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    data = HEADER + "2,a,2026-01-02\n1,a,2026-01-01\n2,c,2026-01-01\n2,b,2026-01-01\n"
    traces = read(tmp_path, data)
    assert told(traces) == [("2", ["a", "c", "b"]), ("1", ["a"])]
    assert [event.line for event in traces[0].events] == [2, 4, 5]
    assert [event.position for event in traces[0].ordered_events()] == [2, 3, 1], "ties keep the order of the file"


def test_every_role_has_its_attribute_and_case_attributes_are_the_first_that_are_told(tmp_path: Path) -> None:
    data = "case,activity,time,who,team,phase,source,town\n1,a,2026-01-01,,,start,,\n1,b,2026-01-02,Ann,north,complete,Site,Tula\n1,c,2026-01-03,,,,Shop,Omsk\n"
    asked = mapping("town", resource="who", group="team", lifecycle="phase", channel="source")
    (trace,) = read(tmp_path, data, asked)
    assert (trace.attributes["channel"], trace.attributes["town"]) == ("Site", "Tula")
    second = trace.events[1].attributes
    assert (second["org:resource"], second["org:group"], second["lifecycle:transition"]) == ("Ann", "north", "complete")
    assert "org:resource" not in trace.events[0].attributes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r", "cp866"])
def test_encoding_and_delimiter_are_told_from_the_file(tmp_path: Path, encoding: str) -> None:
    columns = {Role.CASE: "номер", Role.ACTIVITY: "действие", Role.TIMESTAMP: "время"}
    asked = Mapping(columns, (), Times("%d.%m.%Y %H:%M", ZoneInfo("Europe/Moscow")))
    (trace,) = read(tmp_path, RUSSIAN.encode(encoding), asked)
    assert told([trace]) == [("1", ["Заявка принята", "Перезвонили"])]
    assert trace.events[0].attributes["time:timestamp"] == datetime(2026, 1, 2, 7, tzinfo=UTC)


def test_western_texts_of_old_spreadsheets_are_read(tmp_path: Path) -> None:
    data = "case;activity;time\n1;Prüfung geändert;2026-01-01\n2;Große Überprüfung;2026-01-01\n".encode("cp1252")
    assert told(read(tmp_path, data)) == [("1", ["Prüfung geändert"]), ("2", ["Große Überprüfung"])]


@pytest.mark.parametrize("form", [{}, {"delimiter": "^"}])
def test_a_first_line_that_states_the_delimiter_is_no_header_and_lines_count_on(
    tmp_path: Path, form: dict[str, str]
) -> None:
    (trace,) = read(tmp_path, "sep=^\r\ncase^activity^time\r\n1^a,b;c^2026-01-01\r\n", **form)
    assert told([trace]) == [("1", ["a,b;c"])]
    assert trace.events[0].line == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_the_one_that_parts_every_row_alike(tmp_path: Path, delimiter: str) -> None:
    others = "".join(mark for mark in ",;\t|" if mark != delimiter)
    rows = [["case", "activity", "time"], ["1", f'"{others}{others}{others}"', "2026-01-01"]]
    data = "\n".join(delimiter.join(row) for row in rows)
    assert told(read(tmp_path, data)) == [("1", [(others * 3).strip()])]


def test_quoted_fields_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    data = HEADER + '1,"a, ""b""\r\nc",2026-01-01\r\n\r\n1,d,2026-01-02'
    (trace,) = read(tmp_path, data)
    assert told([trace]) == [("1", ['a, "b"\r\nc', "d"])]
    assert [event.line for event in trace.events] == [2, 5]


@pytest.mark.parametrize(
    ("text", "times", "hour"),
    [
        ("2026-01-01T10:00:00+03:00", Times(), 7),
        ("2026-01-01 10:00:00Z", Times(), 10),
        ("2026-01-01 10:00", Times(zone=ZoneInfo("Europe/Moscow")), 7),
        ("2026-01-01T10:00:00+03:00", Times(zone=ZoneInfo("UTC"), wall_time=True), 10),
        ("01/01/2026 10:00 AM", Times("%m/%d/%Y %I:%M %p", ZoneInfo("UTC")), 10),
        ("01.01.2026 10:00 +0300", Times("%d.%m.%Y %H:%M %z"), 7),
        ("1767261600", Times("epoch"), 10),
        ("1767261600000", Times("epoch-ms"), 10),
    ],
)
def test_times_are_read_in_the_form_stated(tmp_path: Path, text: str, times: Times, hour: int) -> None:
    (trace,) = read(tmp_path, f"case;activity;time\n1;a;{text}\n", mapping(times=times))
    assert trace.events[0].attributes["time:timestamp"] == datetime(2026, 1, 1, hour, tzinfo=UTC)


def test_a_wall_time_that_comes_twice_is_the_first(tmp_path: Path) -> None:
    times = Times(zone=ZoneInfo("Europe/Berlin"))
    (trace,) = read(tmp_path, HEADER + "1,a,2026-10-25 02:30\n", mapping(times=times))
    assert trace.events[0].attributes["time:timestamp"] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


# What is refused


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", CsvCode.EMPTY_FILE, None),
        (b" \n \n", CsvCode.EMPTY_FILE, None),
        (b"sep=;", CsvCode.EMPTY_FILE, None),
        (b"\xef\xbb\xbf\n", CsvCode.EMPTY_FILE, None),
        (HEADER, CsvCode.EMPTY_FILE, None),
        (b"PK\x03\x04 and more", CsvCode.BINARY, None),
        (HEADER + "1,a\0b,2026-01-01\n", CsvCode.BINARY, 2),
        ("case\n1\n", CsvCode.UNKNOWN_DELIMITER, 1),
        ("case,activity,time,time\n1,a,2026-01-01,x\n", CsvCode.DUPLICATE_COLUMN, 1),
        ("case,what,time\n1,a,2026-01-01\n", CsvCode.MISSING_COLUMN, 1),
        (HEADER + "1,a,2026-01-01\n1,b\n", CsvCode.WRONG_NUMBER_OF_FIELDS, 3),
        (HEADER + "1,a,2026-01-01\n1,b,2026-01-01,x\n", CsvCode.WRONG_NUMBER_OF_FIELDS, 3),
        (HEADER + "1,a,2026-01-01\n ,b,2026-01-01\n", CsvCode.EMPTY_VALUE, 3),
        (HEADER + "1,,2026-01-01\n", CsvCode.EMPTY_VALUE, 2),
        (HEADER + "1,a,\n", CsvCode.BAD_TIME, 2),
        (HEADER + "1,a,yesterday\n", CsvCode.BAD_TIME, 2),
        (HEADER + "1,a,0001-01-01T00:00:00+09:00\n", CsvCode.BAD_TIME, 2),
        (HEADER + '1,a,2026-01-01\n1,"b,2026-01-01\n1,c,2026-01-01\n', CsvCode.UNCLOSED_QUOTE, 3),
        (HEADER + '1,"a"b,2026-01-01\n', CsvCode.BROKEN_ROW, 2),
        (HEADER + f"1,{'a' * 140_000},2026-01-01\n", CsvCode.FIELD_TOO_LONG, 2),
        (
            HEADER.encode() + "1,ж,2026-01-01\n".encode() * 20_000 + "1,ж,2026-01-01\n".encode("cp1251"),
            CsvCode.MIXED_ENCODINGS,
            20_002,
        ),
    ],
)
def test_bad_input_is_refused_with_its_line_and_cure(
    tmp_path: Path, data: str | bytes, code: CsvCode, line: int | None
) -> None:
    found = refused(tmp_path, data)
    assert (found.problems[0].code, found.problems[0].line) == (code, line), found
    assert found.problems[0].cure in str(found)


def test_every_bad_row_is_listed_up_to_a_hundred_and_all_are_counted(tmp_path: Path) -> None:
    bad = [f"{number},a,{'2026-01-01' if number % 2 else 'never'}\n" for number in range(300)]
    found = refused(tmp_path, HEADER + "".join(bad))
    assert (len(found.problems), found.found) == (100, 150)
    assert [problem.line for problem in found.problems[:3]] == [2, 4, 6]
    assert str(found).endswith("… and 50 more.")


def test_a_column_that_is_needed_and_not_named_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    found = refused(tmp_path, "case_id,activity,timestamp\n1,a,2026-01-01\n", Mapping({}))
    assert [problem.code for problem in found.problems] == [CsvCode.COLUMN_NOT_GIVEN] * 3
    assert "--case 'case_id'" in str(found)


def test_one_column_cannot_say_two_things(tmp_path: Path) -> None:
    found = refused(tmp_path, HEADER + "1,a,2026-01-01\n", mapping(resource="activity"))
    assert found.problems[0].code is CsvCode.COLUMN_TWICE


def test_a_time_without_an_offset_needs_a_zone(tmp_path: Path) -> None:
    found = refused(tmp_path, HEADER + "1,a,2026-01-01 10:00\n", mapping(times=Times()))
    assert (found.problems[0].code, found.problems[0].column) == (CsvCode.MISSING_OFFSET, "time")


@pytest.mark.parametrize(
    ("option", "value"), [("encoding", "klingon"), ("encoding", "hex"), ("delimiter", "::"), ("delimiter", '"')]
)
def test_a_form_that_cannot_be_is_refused(tmp_path: Path, option: str, value: str) -> None:
    found = refused(tmp_path, HEADER + "1,a,2026-01-01\n", **{option: value})
    assert found.problems[0].code in {CsvCode.UNKNOWN_ENCODING, CsvCode.UNKNOWN_DELIMITER}


@pytest.mark.parametrize("pattern", ["day", "%Q", "%"])
def test_a_form_of_times_that_reads_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(CsvInvalid) as found:
        Times(pattern)
    assert found.value.problems[0].code is CsvCode.BAD_TIME_FORMAT


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "LONGEST_LINE", 200_000)
    found = refused(tmp_path, HEADER + "1," + "a,b" * 100_000)
    assert (found.problems[0].code, found.problems[0].line) == (CsvCode.FIELD_TOO_LONG, 2)


# The preview


def test_a_preview_suggests_columns_and_shows_what_they_would_say(tmp_path: Path) -> None:
    file = written(tmp_path, "Case ID;Activity;Timestamp;Resource;Town\n1;a;2026-01-01;Ann;Tula\n2;b;never;Bob;Omsk\n")
    preview = preview_of(file, form_of(file), Mapping({}, ("Town",), Times(zone=ZoneInfo("UTC"))))
    assert preview.guessed == {
        Role.CASE: "Case ID",
        Role.ACTIVITY: "Activity",
        Role.TIMESTAMP: "Timestamp",
        Role.RESOURCE: "Resource",
    }
    assert [(event.case, event.activity, event.attributes) for event in preview.events] == [
        ("1", "a", {"Town": "Tula"})
    ]
    assert [problem.line for problem in preview.problems] == [3]


# Damage

many = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6)


def good(encoding: str) -> bytes:
    rng = random.Random(5)
    rows = (f'{rng.randrange(5)},"шаг {rng.randrange(4)}",2026-01-0{rng.randrange(1, 9)} 10:00' for _ in range(40))
    return (HEADER + "\r\n".join(rows)).encode(encoding)


@given(encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"]), damage=damage)
@many
def test_flipped_bytes_give_cases_or_a_typed_refusal(
    tmp_path: Path, encoding: str, damage: list[tuple[float, int]]
) -> None:
    data = bytearray(good(encoding))
    for place, flip in damage:
        data[int(place * len(data))] ^= flip
    found = outcome(tmp_path, bytes(data))
    assert isinstance(found, CsvInvalid) or all(trace.name and trace.events for trace in found)


@given(
    data=st.binary(max_size=300) | st.text(alphabet='case,activity;time\t|"\r\n\0 é1-:', max_size=200).map(str.encode)
)
@example(data=b'"')
@example(data=b"\xff\xfe")
@example(data=b"\xef\xbb\xbf")
@many
def test_any_bytes_give_cases_or_a_typed_refusal(tmp_path: Path, data: bytes) -> None:
    found = outcome(tmp_path, data)
    assert not isinstance(found, CsvInvalid) or all(problem.cure for problem in found.problems)


def outcome(folder: Path, data: bytes) -> list[Trace] | CsvInvalid:
    """The cases, or a typed refusal; every other error is let through."""
    try:
        return read(folder, data)
    except CsvInvalid as error:
        return error


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["1", "2", "x y"]),
            st.text(
                st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=12
            ).filter(str.strip),
            st.datetimes(datetime(1990, 1, 1), datetime(2025, 1, 1)),  # noqa: DTZ001  # wall times
        ),
        min_size=1,
        max_size=30,
    ),
    delimiter=st.sampled_from(",;\t|"),
)
@many
def test_what_was_written_is_read(tmp_path: Path, rows: list[tuple[str, str, datetime]], delimiter: str) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [delimiter.join(("case", "activity", "time"))]
    lines += [delimiter.join((quoted(case), quoted(activity), at.isoformat())) for case, activity, at in rows]
    traces = read(tmp_path, "\n".join(lines) + "\n", encoding="utf-8", delimiter=delimiter)
    expected: dict[str, list[tuple[str, datetime]]] = {}
    for case, activity, at in rows:
        expected.setdefault(case, []).append((activity.strip(), at.replace(tzinfo=UTC)))
    found = {
        trace.name: [(event.attributes["concept:name"], event.attributes["time:timestamp"]) for event in trace.events]
        for trace in traces
    }
    assert list(found) == list(expected)
    assert found == expected
