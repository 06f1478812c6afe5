"""Leads come in from tables: each row once, what is wrong named by its cell, an import undone as a whole."""

import asyncio
import io
from datetime import UTC, datetime

import openpyxl
import pytest

from bpm_crm.operations.commands import Fire
from bpm_crm.operations.job_runs import JobTaken, run_job
from bpm_crm.works import WORKS
from tests.excel.desk import Desk, xlsx

HEADERS = ["№", "ФИО", "Телефон", "Эл. почта", "Город", "Дата создания", "Ответственный", "Комментарий"]
ROWS = [
    HEADERS,
    [
        "A-1",
        "Нина",
        "8 (916) 123-45-67",
        "Nina@Example.com",
        "Тула",
        datetime.fromisoformat("2026-11-02 12:30"),
        "Ann Seller",
        "Перезвонить",
    ],
    ["A-2", "Олег", 79161234568.0, None, None, "03.11.2026 09:15", "bob@example.org", None],
    [None] * 8,
    ["A-3", "Пётр", "+7 916 123-45-69", None, "Орёл", "2026-11-04T10:00:00+03:00", None, None],
]


async def test_rows_become_cases_with_what_their_cells_say(desk: Desk) -> None:
    job = await desk.imported(xlsx(ROWS))
    assert (job.failure, dict(job.counts), job.total, job.position) == (None, {"accepted": 3, "blank": 1}, 4, 4)
    first, second, third = await desk.cases()
    assert (first["external_id"], first["name"], first["phone"], first["email"], first["region"]) == (
        "A-1",
        "Нина",
        "+79161234567",
        "nina@example.com",
        "Тула",
    )
    assert first["started_at"] == datetime(2026, 11, 2, 9, 30, tzinfo=UTC), "the wall clock of the company, in UTC"
    assert first["owner_id"] == desk.user("ann")
    assert (second["phone"], second["owner_id"]) == ("+79161234568", desk.user("bob"))
    assert second["started_at"] == datetime(2026, 11, 3, 6, 15, tzinfo=UTC)
    assert third["started_at"] == datetime(2026, 11, 4, 7, tzinfo=UTC)
    assert {case["stage"] for case in (first, second, third)} == {"new"}


async def test_the_same_table_again_begins_nothing(desk: Desk) -> None:
    await desk.imported(xlsx(ROWS))
    before = await desk.world.counts()
    again = await desk.imported(xlsx(ROWS))
    assert dict(again.counts) == {"duplicate": 3, "blank": 1}
    assert await desk.world.counts() == before


async def test_without_ids_the_same_content_is_the_same_lead_within_a_table_and_across(desk: Desk) -> None:
    rows = [["Name", "Phone"], ["Ann", "+79160000001"], ["Ann", "+79160000001"], ["Bob", "+79160000002"]]
    job = await desk.imported(xlsx(rows))
    assert dict(job.counts) == {"accepted": 2, "duplicate": 1}
    shuffled = [rows[0], rows[3], ["Eve", "+79160000003"], rows[1]]
    assert dict((await desk.imported(xlsx(shuffled))).counts) == {"accepted": 1, "duplicate": 2}
    assert len(await desk.cases()) == 3


async def test_one_id_with_two_contents_is_refused_naming_the_first_row(desk: Desk) -> None:
    rows = [["ID", "Name"], ["1", "Ann"], ["1", "Anna"], ["2", "Bob"]]
    job = await desk.imported(xlsx(rows))
    assert dict(job.counts) == {"accepted": 2, "refused": 1}
    (refused,) = [row for row in await desk.rows(job) if row.outcome == "refused"]
    assert refused.problems is not None
    assert (refused.problems[0]["cell"], refused.problems[0]["code"]) == ("A3", "OTHER_CONTENT_IN_FILE")
    assert "row 2" in refused.problems[0]["message"]["en"]
    other = await desk.imported(xlsx([["ID", "Name"], ["2", "Bobby"]]))
    assert await desk.problems(other) == [("A2", "OTHER_CONTENT")]


BROKEN = [
    ["ID", "Name", "Phone", "E-mail", "Date", "Owner", "Amount"],
    ["1", "a", "12", None, None, None, None],
    ["2", "b", "7,9E+10", None, None, None, None],
    ["3", "c", None, "nobody at all", None, None, None],
    ["4", "d", None, None, "31.02.2026", None, None],
    ["5", "e", None, None, None, "Somebody Else", None],
    ["6", "f", None, None, None, None, "1,234"],
    ["7", "g", None, None, None, None, "many"],
    ["8", "h", None, None, datetime.fromisoformat("2999-01-01"), None, None],
    ["9", "i", "+79161234567", "i@example.com", "02.11.2026", "Ann Seller", "12 500,50"],
    ["10", "j" * 500, "12", "x", None, None, "-5"],
]
EXPECTED = [
    ("C2", "NOT_A_PHONE"),
    ("C3", "DIGITS_LOST"),
    ("D4", "NOT_AN_EMAIL"),
    ("E5", "NOT_A_DATE"),
    ("F6", "UNKNOWN_PERSON"),
    ("G7", "AMBIGUOUS_NUMBER"),
    ("G8", "NOT_A_NUMBER"),
    ("E9", "IN_THE_FUTURE"),
    ("B11", "CELL_TOO_LONG"),
    ("C11", "NOT_A_PHONE"),
    ("D11", "NOT_AN_EMAIL"),
]
MAPPING = [
    ("A", "externalId"),
    ("B", "name"),
    ("C", "phone"),
    ("D", "email"),
    ("E", "occurredAt"),
    ("F", "owner"),
    ("G", "data.amount"),
]


async def test_what_is_wrong_is_named_by_its_cell_and_the_rest_comes_in(desk: Desk) -> None:
    job = await desk.imported(xlsx(BROKEN), mapping=MAPPING)
    assert sorted(await desk.problems(job)) == sorted(EXPECTED)
    assert dict(job.counts) == {"accepted": 1, "refused": 9}
    (case,) = await desk.cases()
    assert case["data"] == {"amount": "12500.50"}


async def test_the_sheet_of_refused_rows_has_cell_value_reason_cure_and_the_row(desk: Desk) -> None:
    job = await desk.imported(xlsx(BROKEN), mapping=MAPPING)
    sheet = openpyxl.load_workbook(io.BytesIO(await desk.file(job.file_id))).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][:5] == ("Row", "Cell", "Value", "Reason", "Cure")
    assert rows[0][5:8] == ("A: ID", "B: Name", "C: Phone")
    assert len(rows) == 1 + len(EXPECTED)
    lost = next(row for row in rows if row[1] == "C3")
    assert lost[:3] == (3, "C3", "7,9E+10")
    assert "last digits are lost" in lost[3]
    assert "as text" in lost[4]
    assert lost[5:8] == ("2", "b", "7,9E+10")


async def test_a_dry_run_says_the_same_and_writes_nothing(desk: Desk) -> None:
    before = await desk.world.counts()
    rehearsed = await desk.imported(xlsx(BROKEN), mapping=MAPPING, dry_run=True)
    assert await desk.world.counts() == before
    real = await desk.imported(xlsx(BROKEN), mapping=MAPPING)
    assert dict(rehearsed.counts) == dict(real.counts)
    assert await desk.problems(rehearsed) == await desk.problems(real)
    assert rehearsed.file_id is not None


def many(count: int) -> bytes:
    return xlsx([["ID", "Name", "Phone"], *([str(n), f"Name {n}", f"+7916{n:07}"] for n in range(count))])


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
async def test_an_import_that_is_killed_goes_on_where_it_stopped_and_begins_nothing_twice(desk: Desk, cut: int) -> None:
    """Killed between the commit of cases and the note of them, which is the worst moment."""
    job = await desk.ask(many(700))
    submitted = 0
    submit = desk.bench.writer.submit_all

    async def dying(works):  # type: ignore[no-untyped-def]
        nonlocal submitted
        answers = await submit(works)
        submitted += 1
        if submitted == cut:
            raise asyncio.CancelledError
        return answers

    desk.bench.writer.submit_all = dying  # type: ignore[method-assign]
    with pytest.raises(asyncio.CancelledError):
        await run_job(desk.bench, WORKS, desk.world.tenant_id, job.id)
    desk.bench.writer.submit_all = submit  # type: ignore[method-assign]
    half = await desk.job(job.id)
    assert half.done_at is None
    assert half.position == (cut - 1) * 128
    await run_job(desk.bench, WORKS, desk.world.tenant_id, job.id)
    done = await desk.job(job.id)
    assert dict(done.counts) == {"accepted": 700}, "those that it had begun itself are its own, and no duplicates"
    assert len(await desk.cases()) == 700
    assert len({row.instance_id for row in await desk.rows(done)}) == 700


async def test_two_workers_at_one_job_begin_nothing_twice(desk: Desk) -> None:
    job = await desk.ask(many(300))
    await asyncio.gather(
        *(run_job(desk.bench, WORKS, desk.world.tenant_id, job.id) for _ in range(2)), return_exceptions=True
    )
    done = await desk.job(job.id)
    assert done.position == 300
    assert sum(done.counts.values()) == 300
    assert len(await desk.cases()) == 300


async def test_undoing_leaves_out_what_the_import_began_and_names_what_people_worked_on(desk: Desk) -> None:
    job = await desk.imported(xlsx(ROWS))
    touched = (await desk.cases())[1]
    await desk.world.done(touched["id"], Fire("contact"), by="bob")
    undoing = await desk.undone(job)
    assert dict(undoing.counts) == {"excluded": 2, "moved_on": 1}
    assert [case["exclusion"] for case in await desk.cases()] == ["undone", None, "undone"]
    (stayed,) = [row for row in await desk.rows(undoing) if row.outcome == "moved_on"]
    assert (stayed.instance_id, stayed.row) == (touched["id"], 3)
    again = await desk.undone(job)
    assert dict(again.counts) == {"left": 2, "moved_on": 1}
    forced = await desk.undone(job, force=True)
    assert dict(forced.counts) == {"left": 2, "excluded": 1}
    assert {case["exclusion"] for case in await desk.cases()} == {"undone"}


async def test_after_undoing_a_corrected_table_with_the_same_ids_comes_in(desk: Desk) -> None:
    first = await desk.imported(xlsx([["ID", "Name"], ["1", "Anm"], ["2", "Bob"]]))
    await desk.undone(first)
    corrected = xlsx([["ID", "Name"], ["1", "Ann"], ["2", "Bob"]])
    second = await desk.imported(corrected)
    assert dict(second.counts) == {"accepted": 2}
    assert dict((await desk.imported(corrected)).counts) == {"duplicate": 2}
    await desk.undone(second)
    assert dict((await desk.imported(corrected)).counts) == {"accepted": 2}
    counted = [case for case in await desk.cases() if case["exclusion"] is None]
    assert [case["name"] for case in counted] == ["Ann", "Bob"]


async def test_an_undoing_by_somebody_without_reach_leaves_the_cases_and_says_so(desk: Desk) -> None:
    rows = [["ID", "Name", "Team"], ["1", "Ann", "North"], ["2", "Bob", "South"]]
    job = await desk.imported(xlsx(rows))
    undoing = await desk.undone(job, by="north")
    assert dict(undoing.counts) == {"excluded": 1, "moved_on": 1}
    assert await desk.problems(undoing) == [(None, "OUT_OF_REACH")]


async def test_who_is_no_longer_permitted_no_longer_imports(desk: Desk) -> None:
    job = await desk.ask(many(3), by="ann")
    done = await desk.done(job)
    assert done.failure is not None
    assert done.failure["code"] == "NOBODY"
    assert await desk.cases() == []


async def test_a_job_that_was_taken_by_another_worker_is_left_to_it(desk: Desk) -> None:
    assert issubclass(JobTaken, Exception)
    job = await desk.imported(many(3))
    await run_job(desk.bench, WORKS, desk.world.tenant_id, job.id)
    assert (await desk.job(job.id)).counts == job.counts
