"""Workbooks of figures: formulas that come to the API's values, texts that stay texts, dates that are dates."""

import io
import random
import re
import zipfile
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isinf
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from bpm_crm.analytics import own_facts
from bpm_crm.analytics.checkpoints import read_checkpoints
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.formulas import Measurement
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.kpi_catalogue import CATALOGUE, Better
from bpm_crm.analytics.losses import read_losses
from bpm_crm.analytics.measures import measure
from bpm_crm.analytics.own_kpi import OwnKind, OwnKpi
from bpm_crm.analytics.snapshots import kpis_of
from bpm_crm.excel import export_kpis
from bpm_crm.excel.export_input import ExportInput
from bpm_crm.operations.access import EVERYTHING
from bpm_crm.operations.commands import CustomerDetails, Fire, Recorded, Work
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.own_kpis import publish_kpi
from bpm_crm.records.jobs import JobRecord
from bpm_crm.records.selection import All, Compare, Condition, Operator
from tests.analytics.leads import call, fire, hour, lead, lose, up_to
from tests.excel.desk import Desk
from tests.excel.office import computed

PROCESS = "callback-request"
LOSSES = ("no_need", "no_response", "competitor")
EVIL = ("=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "=1+1", "%0A=1")


OWN = OwnKpi(
    "paid_share", PROCESS, OwnKind.SHARE, "=1+1", "=1+2", "It.", "Это.", Better.HIGHER, condition="reached.paid"
)


async def own(desk: Desk, title: str = "=1+1") -> None:
    """Publish a KPI of the company, with a title that looks like a formula."""
    async with desk.world.database.transaction(desk.world.tenant_id) as connection:
        await publish_kpi(
            connection,
            desk.world.tenant_id,
            replace(OWN, title_en=title),
            changelog="first",
            at=hour(0),
            by=None,
            idempotency_key=None,
        )


@pytest.fixture
async def told(desk: Desk) -> Desk:
    """A company with 120 leads, of which some go all the way and some are lost."""
    rng = random.Random(5)
    works = []
    world = desk.world
    for number in range(120):
        steps, arrives = rng.choice((1, 1, 2, 3, 4, 5, 6)), rng.randrange(6, 100)
        lead = Lead(
            channel=PROCESS,
            external_id=f"x{number}",
            customer=CustomerDetails(f"Customer {number}", f"+7916{number:07}"),
            region=rng.choice(("Tula", "Омск", None, "*", "?ula", "~tula", ">5", "=5")),
            campaign=rng.choice((None, "spring")),
            team="north",
            occurred_at=hour(arrives),
        )
        capture = capture_of(world.reference, world.viewer("admin"), EVERYTHING, lead)
        moves = list(up_to(steps, begins=arrives))
        if steps in {1, 2, 3} and rng.random() < 0.7:
            moves.append(fire("lose", arrives + 9, rng.choice(LOSSES)))
        works.append(Work(world.tenant_id, (capture, *moves), world.actor(rng.choice(("ann", "bob")))))  # type: ignore[arg-type]
    for outcome in await world.writer.submit_all(works):
        assert isinstance(outcome, Recorded), outcome
    await own(desk)
    return desk


async def exported(desk: Desk, by: str = "admin", condition: Condition | None = None, **options: Any) -> JobRecord:
    asked = ExportInput(process=PROCESS, condition=condition or All(), **options)
    return await desk.done(await desk.asked(JobKind.WORKBOOK, asked.as_json(), by))


async def book_of(desk: Desk, job: JobRecord) -> bytes:
    assert job.failure is None, job.failure
    return await desk.file(job.file_id)


def table(sheet: Worksheet, top: int = 5) -> list[dict[str, Any]]:
    """The rows below the headers in a row, until the first empty one."""
    headers = [cell.value for cell in sheet[top]]
    found = []
    for row in sheet.iter_rows(min_row=top + 1, values_only=True):
        if all(value in (None, "") for value in row[:4]):
            break
        found.append(dict(zip(headers, row, strict=False)))
    return found


def same(cell: Any, value: Any) -> bool:
    """Whether a cell shows a value; an empty one stands for none."""
    if value is None:
        return cell in (None, "")
    if isinstance(value, Fraction | float | Decimal):
        return cell is not None and cell != "" and abs(float(cell) - float(value)) < 1e-9
    return bool(cell == value)


async def check_figures(desk: Desk, book: Workbook, question: Any, asked: ExportInput) -> int:
    """Compare every figure of a workbook with the API's readers, asked for the same instant; how many."""
    checked = 0
    async with desk.world.database.reader(desk.world.tenant_id) as connection:
        frame = await read_frame(
            connection, desk.world.tenant_id, process=PROCESS, as_of=asked.as_of, known_at=asked.known_at
        )
        funnel = await read_funnel(connection, frame, question)
        checkpoints = await read_checkpoints(connection, frame, question)
        losses = await read_losses(connection, frame, question)
    split = [item for item in funnel.segments if item.segment is not None]
    blocks = [funnel.total, *sorted(split, key=lambda item: in_order(item.segment))]
    rows = table(book["Funnel"])
    steps = [(block, step) for block in blocks for step in block.steps]
    assert len(rows) == len(steps)
    for row, (block, step) in zip(rows, steps, strict=True):
        expected = {
            "Reached": step.count("reached"),
            "Step conversion": step.step_conversion,
            "Overall conversion": step.overall_conversion,
            "Loss": step.loss,
            "Loss rate": step.loss_rate,
            "Lost": step.count("lost"),
            "Open": step.count("open"),
            "Missed": step.count("missed"),
            "Cancelled": step.count("cancelled"),
            "Forced": step.count("forced"),
            "Reworked": step.count("reworked"),
            "Lower bound": step.bounds[0],
            "Upper bound": step.bounds[1],
        }
        if block.segment is None and step.seconds is not None:
            expected |= {"Median, seconds": round(step.seconds[0]), "90 %, seconds": int(step.seconds[1] + 0.5)}
        for name, value in expected.items():
            assert same(row[name], value), (block.segment, step.step.checkpoint, name, row[name], value)
            checked += 1
    rows = table(book["Checkpoints"])
    figures = sorted(checkpoints.figures, key=lambda item: (in_order(item.segment), item.number))
    assert len(rows) == len(figures)
    for row, item in zip(rows, figures, strict=True):
        found = item.attainment
        values = (
            item.started,
            item.reached,
            item.rate,
            found.met,
            found.breached,
            found.overdue,
            found.not_yet_due,
            found.cancelled,
            found.rate,
        )
        names = ("Started", "Reached", "Rate", "Met", "Breached", "Overdue", "Not yet due", "Cancelled", "Attainment")
        for name, value in zip(names, values, strict=True):
            assert same(row[name], value), (item.checkpoint, item.segment, name, row[name], value)
            checked += 1
    rows = table(book["Losses"])
    assert len(rows) == len(losses.losses)
    for row, loss in zip(rows, losses.losses, strict=True):
        assert (row["Cases"], row["Of the stage"]) == (loss.cases, loss.of_stage)
        assert same(row["Share"], Fraction(loss.cases, loss.of_stage))
        for currency, amount in loss.amounts.items():
            assert same(row[f"Amount, {currency}"], amount)
            checked += 1
        checked += 3
    checked += await check_kpis(desk, book, question, asked)
    assert sum(row["Begun"] for row in table(book["Trend"])) == checkpoints_started(checkpoints)
    return checked


async def check_kpis(desk: Desk, book: Workbook, question: Question, asked: ExportInput) -> int:
    """Compare the sheet of KPIs with what the API measures for the process: over the frame of all processes, filtered; how many."""
    definition = desk.world.reference.definition(PROCESS)
    assert definition is not None
    condition = Compare("i.definition_id", Operator.EQ, definition.id, "uuid")
    only = replace(asked, condition=All((asked.condition, condition)))
    rows = table(book["KPIs"])
    checked = 0
    async with desk.world.database.reader(desk.world.tenant_id) as connection:
        frame = await read_frame(connection, desk.world.tenant_id, as_of=asked.as_of, known_at=asked.known_at)
        known = await kpis_of(connection, desk.world.tenant_id, PROCESS)
        assert len({row["Key"] for row in rows}) == len(asked.kpis or known)
        for key in asked.kpis or sorted(known):
            dimensions = tuple(item for item in asked.dimensions if item in known[key].dimensions)
            narrowed = replace(only, dimensions=dimensions).question(question.tenant_id, EVERYTHING)
            measured = await measure(connection, known[key], frame, narrowed)
            mine = [row for row in rows if row["Key"] == key]
            assert mine[0]["KPI"] == known[key].titles["en"]
            assert len(mine) == 1 + len(measured.segments), key
            shown = [kpi_cells(row) for row in mine]
            expected = [kpi_numbers(item) for item in (measured.total, *measured.segments)]
            assert close(shown[0], expected[0]), (key, shown[0], expected[0])
            assert all(any(close(row, numbers) for numbers in expected[1:]) for row in shown[1:]), key
            assert all(any(close(row, numbers) for row in shown[1:]) for numbers in expected[1:]), key
            checked += len(mine)
    return checked


NUMBERS = (
    *("Value", "Numerator", "Denominator", "Interval of 95 %, from", "Interval of 95 %, to", "Nine tenths within"),
    *("Ended", "Not ended yet", "Left out"),
)


def kpi_cells(row: dict[str, Any]) -> list[float | None]:
    """The numbers of a row of the sheet of KPIs, durations in seconds."""
    values = [row[name] for name in NUMBERS]
    return [
        None if value in (None, "") else value.total_seconds() if isinstance(value, timedelta) else float(value)
        for value in (seconds_of(item) for item in values)
    ]


def seconds_of(value: Any) -> Any:
    """A duration as such: below a day openpyxl takes it for a time."""
    if isinstance(value, time):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return value


def kpi_numbers(item: Measurement) -> list[float | None]:
    """What the API says; an end that was not seen is none."""
    lower, upper = item.interval or (None, None)
    found = (item.value, item.numerator, item.denominator, lower, upper, item.p90, item.seen, item.censored)
    numbers = [None if number is None or isinf(number) else float(number) for number in found]
    return [*numbers, float(item.left_out)]


def close(shown: list[float | None], expected: list[float | None]) -> bool:
    """Whether numbers are the same, to the microsecond."""
    return shown == [None if number is None else pytest.approx(number, rel=1e-9, abs=1e-5) for number in expected]


def in_order(segment: Any) -> list[tuple[bool, str]]:
    """Segments by their values, those without one last."""
    return [(value is None, value or "") for value in segment]


def checkpoints_started(checkpoints: Any) -> int:
    """Cases begun: each counts at every checkpoint of its segment."""
    first = min(item.number for item in checkpoints.figures)
    return sum(item.started for item in checkpoints.figures if item.number == first)


QUESTIONS = [
    {},
    {"dimensions": (Dimension.REGION,)},
    {"dimensions": (Dimension.OWNER, Dimension.CAMPAIGN)},
    {
        "since": hour(10),
        "until": hour(60),
        "as_of": hour(70),
        "known_at": datetime.fromisoformat("2999-01-01T00:00:00+00:00"),
    },
]


@pytest.mark.parametrize("options", QUESTIONS)
async def test_values_kept_beside_formulas_are_the_apis(told: Desk, options: dict[str, Any]) -> None:
    job = await exported(told, **options)
    asked = ExportInput(process=PROCESS, condition=All(), **options)
    book = openpyxl.load_workbook(io.BytesIO(await book_of(told, job)), data_only=True)
    question = asked.question(told.world.tenant_id, EVERYTHING)
    assert await check_figures(told, book, question, asked) > 60


@pytest.mark.slow
@pytest.mark.parametrize("options", QUESTIONS)
async def test_formulas_come_to_the_apis_values(told: Desk, options: dict[str, Any], tmp_path: Path) -> None:
    """The values kept beside them are taken away first, so that LibreOffice has to compute each."""
    job = await exported(told, **options)
    asked = ExportInput(process=PROCESS, condition=All(), **options)
    book = computed(await book_of(told, job), tmp_path)
    question = asked.question(told.world.tenant_id, EVERYTHING)
    assert await check_figures(told, book, question, asked) > 60


def by_key(content: bytes, segment: str = "All") -> dict[str, dict[str, Any]]:
    book = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    return {row["Key"]: row for row in table(book["KPIs"]) if row["Segment"] == segment}


async def test_kpis_of_a_few_leads_worked_by_hand(desk: Desk) -> None:
    """Four leads: one goes all the way, two are lost, one waits; the first is called after an hour, the second after three."""
    world = desk.world
    await lead(world, 0, call(1), *up_to(6))
    await lead(world, 0, call(3), lose(4))
    await lead(world, 0, lose(4))
    await lead(world, 0)
    await own(desk)
    keys = ("win_rate_closed", "new_cases", "cycle_time", "paid_share", "leads_per_sale")
    content = await book_of(desk, await exported(desk, kpis=keys, dimensions=(Dimension.CHANNEL,)))
    rows = by_key(content)
    assert tuple(rows) == keys, "in the order they were asked for"
    won = rows["win_rate_closed"]
    assert (won["Numerator"], won["Denominator"], won["Unit"], won["Better is"]) == (1, 3, "share", "higher")
    assert won["Value"] == pytest.approx(1 / 3)
    assert (won["Interval of 95 %, from"], won["Interval of 95 %, to"]) == (
        pytest.approx(0.0615, abs=1e-4),
        pytest.approx(0.7923, abs=1e-4),
    )
    assert (rows["new_cases"]["Value"], rows["new_cases"]["Denominator"]) == (4, None)
    assert (rows["paid_share"]["Numerator"], rows["paid_share"]["Denominator"]) == (1, 4)
    assert rows["leads_per_sale"]["Value"] == 4
    assert (rows["cycle_time"]["Ended"], rows["cycle_time"]["Not ended yet"]) == (3, 1)
    assert seconds_of(rows["cycle_time"]["Value"]) == timedelta(hours=4)
    sheet = openpyxl.load_workbook(io.BytesIO(content))["KPIs"]
    formats = {row[14].value: row[4].number_format for row in sheet.iter_rows(min_row=6)}
    assert [formats[key] for key in keys] == ["0.00%", "#,##0", "[h]:mm:ss", "0.00%", "#,##0.00"]
    formulas = {row[14].value: str(row[4].value) for row in sheet.iter_rows(min_row=6, max_row=6)}
    assert formulas == {"win_rate_closed": '=IF(G6=0,"",F6/G6)'}
    evil = [row[0] for row in sheet.iter_rows(min_row=6) if row[14].value == "paid_share"]
    assert [(cell.value, cell.data_type, bool(cell.quotePrefix)) for cell in evil] == [("=1+1", "s", True)] * 2
    assert {row["Segment"] for row in table(sheet)} == {"All", PROCESS}


async def test_a_kpi_of_nothing_is_empty(desk: Desk) -> None:
    rows = by_key(await book_of(desk, await exported(desk)))
    assert set(rows) == set(CATALOGUE)
    assert rows["win_rate_closed"]["Value"] in (None, "")
    assert rows["win_rate_closed"]["Denominator"] == 0
    assert rows["new_cases"]["Value"] == 0


async def test_kpis_that_cannot_be_written_make_the_export_fail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that went between asking and making, and more than a workbook takes."""
    job = await exported(desk, kpis=("win_rate_close",))
    assert job.failure is not None
    assert (job.file_id, job.failure["code"]) == (None, "UNKNOWN_KPI")
    assert "win_rate_closed" in job.failure["message"]["en"]
    monkeypatch.setattr(export_kpis, "MOST_KPIS", 3)
    job = await exported(desk)
    assert job.failure is not None
    assert job.failure["code"] == "TOO_MANY_KPIS"
    monkeypatch.setattr(own_facts, "MOST_CASES", 0)
    await lead(desk.world, 0)
    await own(desk)
    job = await exported(desk, kpis=("paid_share",))
    assert job.failure is not None
    assert job.failure["code"] == "KPI_TOO_BROAD"


@pytest.mark.slow
@pytest.mark.parametrize(("sheet", "shows"), [("Funnel facts", "Reached"), ("KPIs", "win_rate_closed")])
async def test_a_wrong_fact_is_seen_in_the_computed_figures(told: Desk, tmp_path: Path, sheet: str, shows: str) -> None:
    """The negative control: one row of the facts, or one numerator, is changed, and the comparison fails."""
    content = await book_of(told, await exported(told))
    book = openpyxl.load_workbook(io.BytesIO(content))
    if sheet == "Funnel facts":
        changed = next(row for row in book[sheet].iter_rows(min_row=2) if row[1].value == "reached")
        changed[1].value = "open"
    else:
        changed = next(row for row in book[sheet].iter_rows(min_row=6) if row[14].value == "win_rate_closed")
        changed[5].value += 1
    file = io.BytesIO()
    book.save(file)
    question = ExportInput(process=PROCESS, condition=All()).question(told.world.tenant_id, EVERYTHING)
    with pytest.raises(AssertionError, match=shows):
        await check_figures(
            told, computed(file.getvalue(), tmp_path), question, ExportInput(process=PROCESS, condition=All())
        )


async def test_a_filter_and_the_reach_of_who_asked_hold(told: Desk) -> None:
    condition = Compare("k.region", Operator.EQ, "Tula", "text")
    book = openpyxl.load_workbook(io.BytesIO(await book_of(told, await exported(told, condition=condition))))
    assert {row["Region"] for row in table(book["Cases"], 1)} == {"Tula"}
    job = await exported(told, by="south")
    empty = openpyxl.load_workbook(io.BytesIO(await book_of(told, job)), data_only=True)
    assert table(empty["Cases"], 1) == []
    assert {row["Reached"] for row in table(empty["Funnel"])} == {0}


async def test_people_and_customers_are_in_it_only_for_those_who_may_see_them(told: Desk) -> None:
    for by, sees in (("admin", True), ("analyst", False), ("owner", False)):
        content = await book_of(told, await exported(told, by=by))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = b"".join(archive.read(name) for name in archive.namelist()).decode("utf-8", "replace")
        assert ("+7916" in text) is sees, by
        assert ("Customer 1" in text) is sees, by


def cells_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("xl/")}


@pytest.mark.parametrize("evil", EVIL)
async def test_no_text_is_ever_a_formula(desk: Desk, evil: str) -> None:
    """A dangerous text in every place a text can come from: it stays a text, and is marked as one, wherever it is shown."""
    world = desk.world
    async with world.owner.transaction(world.tenant_id) as connection:
        for table_, column in (
            ("app_user", "name"),
            ("team", "name"),
            ("campaign", "title"),
            ("tenant", "title"),
            ("channel", "title_en"),
        ):
            await connection.execute(f"UPDATE {table_} SET {column} = $1", evil)
    await world.refresh()
    lead = Lead(
        PROCESS, f"{evil} id", CustomerDetails(evil, None), evil, {}, "spring", evil, "north", occurred_at=hour(6)
    )
    capture = capture_of(world.reference, world.viewer("admin"), EVERYTHING, lead)
    await world.done(None, capture, Fire("lose", reason="competitor", comment=evil), by="ann")  # type: ignore[arg-type]
    await own(desk, evil)
    content = await book_of(desk, await exported(desk, dimensions=(Dimension.REGION,)))
    book = openpyxl.load_workbook(io.BytesIO(content))
    shown = 0
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and evil.strip() in cell.value and cell.data_type != "f":
                    shown += 1
                    dangerous = cell.value[:1] in "=+-@\t\r|%"
                    assert not dangerous or cell.quotePrefix, (sheet.title, cell.coordinate)
                if cell.data_type == "f":
                    assert re.match(r"=(COUNTIFS|SUMIFS|IF\(|E\d+-F\d+|0$)", str(cell.value)) or not isinstance(
                        cell.value, str
                    )
    assert shown >= 8, "the dangerous text is in the workbook at all"
    assert not any(b"<ddeLink" in part or b"<externalReference" in part for part in cells_of(content).values())


async def test_the_workbook_is_one_that_people_can_work_with(told: Desk) -> None:
    content = await book_of(told, await exported(told))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == [
        "Read me",
        "Funnel",
        "Trend",
        "Checkpoints",
        "Losses",
        "KPIs",
        "Cases",
        "Steps",
        "Clock cycles",
        "Funnel facts",
        "Checkpoint facts",
        "Loss facts",
    ]
    for name in book.sheetnames[6:]:
        sheet = book[name]
        assert len(sheet.tables) == 1, name
        assert sheet.freeze_panes == "B2", name
    begun = book["Cases"]["E2"]
    assert isinstance(begun.value, datetime)
    assert begun.number_format == "yyyy-mm-dd hh:mm:ss"
    assert book["Cases"].column_dimensions["E"].width >= 19
    assert book.properties.creator == "Ada Admin"
    assert "As of: " in (book.properties.subject or "")
    assert [len(book[name]._charts) for name in ("Funnel", "Trend", "Losses")] == [1, 1, 1]  # type: ignore[attr-defined]
    cases = table(book["Cases"], 1)
    assert len(cases) == 120
    assert {row["Status"] for row in cases} >= {"running", "lost"}


async def test_a_workbook_in_russian(told: Desk) -> None:
    job = await told.asked(JobKind.WORKBOOK, ExportInput(process=PROCESS, condition=All()).as_json())
    async with told.world.owner.transaction(told.world.tenant_id) as connection:
        await connection.execute("UPDATE job SET language = 'ru' WHERE id = $1", job.id)
    book = openpyxl.load_workbook(io.BytesIO(await book_of(told, await told.done(job))), data_only=True)
    assert book.sheetnames[:3] == ["О книге", "Воронка", "Динамика"]
    assert "Дошли" in [cell.value for cell in book["Воронка"][5]]


async def test_grouping_is_kept_with_the_job() -> None:
    asked = ExportInput(process=PROCESS, condition=All(), dimensions=(Dimension.OWNER,))
    assert asked.as_json()["dimensions"] == ["owner"]
    assert Grouping(asked.dimensions).dimensions == (Dimension.OWNER,)
