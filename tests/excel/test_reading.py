"""Tables of every kind are read by their content, within limits; what cannot be read is refused with its reason and a cure."""

import csv
import io
import random
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bpm_crm.excel.addresses import cell, column_of, letters
from bpm_crm.excel.cells import CellError, Head, Row
from bpm_crm.excel.limits import TableLimits
from bpm_crm.excel.problems import TableCode, TableProblem, TableRefused
from bpm_crm.excel.reader import table_of
from bpm_crm.excel.reading import read_head, read_rows
from bpm_crm.operations.job_problems import JobCode, JobProblem
from tests.excel.desk import xlsx

LIMITS = TableLimits()
ROWS = [["Имя", "Телефон"], ["Нина", "+79161234567"], ["Олег", "007"]]


def read(content: bytes, sheet: str | None = None, limits: TableLimits = LIMITS) -> tuple[Head, list[Row]]:
    head, rows = table_of(content, sheet, limits)
    return head, [list(row) for row in rows]


def code_of(content: bytes, limits: TableLimits = LIMITS, sheet: str | None = None) -> TableCode:
    with pytest.raises(TableRefused) as refused:
        read(content, sheet, limits)
    return refused.value.problem.code


def written(fill: Any, **options: Any) -> bytes:
    """A workbook filled by a function of (book, sheet)."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, **options})
    fill(book, book.add_worksheet("S"))
    book.close()
    return file.getvalue()


def xls(rows: Sequence[Sequence[Any]]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write(number, place, value)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


MANIFEST = (
    '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/>'
    "</manifest:manifest>"
)


def ods(rows: Sequence[Sequence[str]], extra: str = "") -> bytes:
    """The smallest OpenDocument sheet."""
    table = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>' for value in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="S">{table}{extra}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": content,
            "META-INF/manifest.xml": MANIFEST,
        }
    )


def zipped(parts: dict[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return file.getvalue()


def delimited(rows: Sequence[Sequence[str]], delimiter: str, encoding: str) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue().encode(encoding)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (xlsx(ROWS), "xlsx"),
        (xls(ROWS), "xls"),
        (ods(ROWS), "ods"),
        (delimited(ROWS, ";", "cp1251"), "csv"),
        (delimited(ROWS, ";", "koi8-r"), "csv"),
        (delimited(ROWS, ";", "cp866"), "csv"),
        (delimited(ROWS, ",", "utf-8"), "csv"),
        (delimited(ROWS, "\t", "utf-16"), "csv"),
        (delimited(ROWS, "|", "utf-8-sig"), "csv"),
        (b"sep=;\r\n" + delimited(ROWS, ";", "utf-8"), "csv"),
    ],
)
def test_the_same_table_reads_the_same_from_every_format(content: bytes, kind: str) -> None:
    head, rows = read(content)
    assert (head.kind, head.height, head.width) == (kind, 3, 2)
    assert rows == ROWS


async def test_the_process_apart_says_the_same_as_the_reader_itself() -> None:
    content = xlsx(
        [["a", 1.5, True, None, date(2026, 1, 2), datetime.fromisoformat("2026-01-02 03:04")], *[["x"] * 6] * 500]
    )
    head, rows = read(content)
    told = await read_head(content, rows=10_000)
    assert [list(row) for row in told.rows] == rows
    assert (told.kind, told.sheet, told.height, told.width) == (head.kind, head.sheet, head.height, head.width)
    assert [number async for number, _ in read_rows(content, "Leads")] == list(range(1, 502))
    with pytest.raises(TableRefused, match="no sheet"):
        await read_head(content, "Nope")


def test_errors_of_cells_are_named_and_formulas_give_their_values() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["h", "i"])
        sheet.write_formula(1, 0, "=NA()", None, "#N/A")
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(2, 0, "=1+1", None, 2)
        sheet.write_formula(2, 1, '="a"&"b"', None, "ab")
        sheet.write_formula(4, 3, "=NA()", None, "#N/A")

    _, rows = read(written(fill))
    assert rows[1][:2] == [CellError("#N/A"), CellError("#DIV/0!")]
    assert rows[2][:2] == [2, "ab"]
    assert rows[4][3] == CellError("#N/A"), "also where nothing else reaches so far"


@pytest.mark.parametrize("is_1904", [False, True])
def test_dates_are_dates_in_both_calendars_of_excel(is_1904: bool) -> None:
    def fill(book: Any, sheet: Any) -> None:
        sheet.write_datetime(
            0, 0, datetime.fromisoformat("2026-01-02 03:04"), book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        )
        sheet.write_datetime(1, 0, datetime.fromisoformat("2026-01-02"), book.add_format({"num_format": "dd.mm.yyyy"}))

    _, rows = read(written(fill, date_1904=is_1904))
    assert rows == [[datetime.fromisoformat("2026-01-02 03:04")], [date(2026, 1, 2)]]


def test_hidden_sheets_are_named_and_passed_over_and_read_when_asked_for() -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    hidden, empty, shown = (book.add_worksheet(name) for name in ("hidden", "empty", "shown"))
    hidden.write(0, 0, "secret")
    shown.write(0, 0, "open")
    shown.activate()
    hidden.hide()
    empty.write_blank(0, 0, None)
    book.close()
    head, rows = read(file.getvalue())
    assert [(item.name, item.is_hidden) for item in head.sheets] == [
        ("hidden", True),
        ("empty", False),
        ("shown", False),
    ]
    assert (head.sheet, rows) == ("shown", [["open"]])
    assert read(file.getvalue(), "hidden")[1] == [["secret"]]


def test_merged_cells_have_their_value_once_and_are_named() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["h", "i"])
        sheet.merge_range(1, 0, 2, 0, "both")

    head, rows = read(written(fill))
    assert head.merged == ("A2:A3",)
    assert [row[0] for row in rows] == ["h", "both"]


def test_a_table_that_begins_in_the_middle_keeps_its_addresses() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write(4, 2, "h")
        sheet.write(5, 2, "v")

    head, rows = read(written(fill))
    assert (head.height, head.width) == (6, 3)
    assert rows[4] == [None, None, "h"]


REFUSED = [
    (b"", TableCode.EMPTY_FILE),
    (b" \r\n ", TableCode.EMPTY_FILE),
    (b"%PDF-1.7", TableCode.UNKNOWN_FORMAT),
    (b"<html><table><tr><td>1</td></tr></table></html>", TableCode.UNKNOWN_FORMAT),
    (b'<?xml version="1.0"?><Workbook/>', TableCode.UNKNOWN_FORMAT),
    (b"\x89PNG\r\n\x1a\n" + bytes(100), TableCode.UNKNOWN_FORMAT),
    (b"a,b\n1,\x00\x00\n", TableCode.UNKNOWN_FORMAT),
    (zipped({"a.txt": "x"}), TableCode.UNKNOWN_FORMAT),
    (zipped({"xl/workbook.xml": "no xml at all"}), TableCode.BROKEN_FILE),
    (b"PK\x03\x04 nothing", TableCode.BROKEN_FILE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), TableCode.UNKNOWN_FORMAT),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100) + "EncryptedPackage".encode("utf-16-le"),
        TableCode.PASSWORD_PROTECTED,
    ),
    (
        zipped(
            {
                "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
                "META-INF/manifest.xml": "<m><encryption-data/></m>",
                "content.xml": "x",
            }
        ),
        TableCode.PASSWORD_PROTECTED,
    ),
    (b'a,b\n"1,2\n', TableCode.BROKEN_FILE),
    ("я".encode("utf-16")[:3], TableCode.BROKEN_FILE),
]


@pytest.mark.parametrize(("content", "code"), REFUSED)
async def test_what_is_no_table_is_refused_as_what_it_is(content: bytes, code: TableCode) -> None:
    if code is TableCode.BROKEN_FILE:  # the process apart turns whatever the reader fails with into this
        with pytest.raises(TableRefused) as refused:
            await read_head(content)
        assert refused.value.problem.code is code
    else:
        assert code_of(content) is code


async def test_a_truncated_workbook_is_broken_wherever_it_is_cut() -> None:
    whole = xlsx([["a", "b"], *[[f"text {n}", n] for n in range(300)]])
    for share in (0.1, 0.5, 0.9, 0.99):
        with pytest.raises(TableRefused) as refused:
            await read_head(whole[: int(len(whole) * share)])
        assert refused.value.problem.code is TableCode.BROKEN_FILE


async def test_one_cell_far_away_does_not_make_a_reader_keep_room_for_all_between() -> None:
    def far(_book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "h")
        sheet.write(1_048_575, 16_383, "far")

    with pytest.raises(TableRefused) as refused:
        await read_head(written(far))
    assert refused.value.problem.code is TableCode.TOO_MANY_ROWS
    assert "XFD1048576" in str(refused.value)


async def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zipped({"xl/workbook.xml": "<workbook/>", "xl/worksheets/sheet1.xml": b" " * 500_000_000})
    assert len(bomb) < 1_000_000
    with pytest.raises(TableRefused) as refused:
        await read_head(bomb)
    assert refused.value.problem.code is TableCode.UNPACKS_TOO_LARGE


async def test_repeated_cells_of_an_open_document_do_not_take_the_machines_memory() -> None:
    row = '<table:table-row table:number-rows-repeated="1000000">'
    row += '<table:table-cell table:number-columns-repeated="16000" office:value-type="string"><text:p>x</text:p></table:table-cell></table:table-row>'
    with pytest.raises(TableRefused) as refused:
        await read_head(ods(ROWS, row), limits=TableLimits(memory_bytes=1_000_000_000, cpu_seconds=20))
    assert refused.value.problem.code in {
        TableCode.TOO_COSTLY,
        TableCode.TOO_MANY_ROWS,
        TableCode.TOO_MANY_CELLS,
        TableCode.BROKEN_FILE,
    }


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (TableLimits(rows=2), TableCode.TOO_MANY_ROWS),
        (TableLimits(columns=1), TableCode.TOO_MANY_COLUMNS),
        (TableLimits(cells=5), TableCode.TOO_MANY_CELLS),
    ],
)
@pytest.mark.parametrize("content", [xlsx(ROWS), xls(ROWS), ods(ROWS), delimited(ROWS, ",", "utf-8")])
def test_every_limit_holds_for_every_format(content: bytes, limits: TableLimits, code: TableCode) -> None:
    assert code_of(content, limits) is code


async def test_a_file_larger_than_may_be_sent_is_not_read() -> None:
    with pytest.raises(TableRefused) as refused:
        await read_head(b"a,b\n" * 100, limits=TableLimits(file_bytes=10))
    assert refused.value.problem.code is TableCode.FILE_TOO_LARGE


def test_macros_are_not_looked_at() -> None:
    content = xlsx(ROWS)
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 a macro")
    assert read(file.getvalue())[1] == ROWS


async def test_broken_files_never_do_more_than_be_refused() -> None:
    """Bytes of real files changed at random: read or refused with a code, and the process that asked lives on."""
    rng = random.Random(7)
    originals = [xlsx(ROWS), xls(ROWS), ods(ROWS), delimited(ROWS, ";", "cp1251")]
    outcomes = set()
    for number in range(40):
        content = bytearray(originals[number % len(originals)])
        for _ in range(rng.choice((1, 5, 50))):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            await read_head(bytes(content))
            outcomes.add("read")
        except TableRefused as refused:
            outcomes.add(refused.problem.code)
    assert "read" in outcomes
    assert len(outcomes) > 1


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    try:
        read(content)
    except TableRefused as refused:
        told = (refused.problem.message("en"), refused.problem.cure("ru"))
        if not all(told):
            raise


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r\n", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
).filter(lambda text: text.strip() == text and not text.startswith("sep="))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=2, max_size=6)
    )
)
def test_texts_come_back_as_they_were_written(rows: list[list[str]]) -> None:
    def fill(_book: Any, sheet: Any) -> None:
        for number, row in enumerate(rows):
            for place, text in enumerate(row):
                sheet.write_string(number, place, text)

    assert read(written(fill))[1] == rows


@given(st.integers(0, 16_383), st.integers(1, 1_048_576))
def test_addresses_go_there_and_back(column: int, row: int) -> None:
    assert column_of(letters(column)) == column
    assert cell(row, column) == f"{letters(column)}{row}"


def test_columns_are_counted_as_people_do() -> None:
    assert [letters(number) for number in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert [column_of(text) for text in ("a", " XFD ", "", "A1", "АБ")] == [0, 16_383, None, None, None]


@pytest.mark.parametrize(("problem", "codes"), [(TableProblem, TableCode), (JobProblem, JobCode)])
def test_every_code_has_its_texts_in_both_languages(problem: type[JobProblem], codes: type[StrEnum]) -> None:
    assert set(problem.texts) == set(codes)
    for message, cure in problem.texts.values():
        assert message.en and message.ru and cure.en and cure.ru  # noqa: PT018  # one property


def test_openpyxl_and_xlsxwriter_make_what_the_tests_mean() -> None:
    assert openpyxl.load_workbook(io.BytesIO(xlsx(ROWS))).sheetnames == ["Leads"]
    assert datetime(2026, 1, 1, tzinfo=UTC).year == 2026
