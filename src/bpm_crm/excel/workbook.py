"""Makes a workbook of figures: read in one snapshot, written in a thread, kept for who asked for it."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from bpm_crm.analytics.frames import FIRST_INSTANT, LAST_INSTANT
from bpm_crm.excel.export_facts import Facts, read_facts
from bpm_crm.excel.export_figures import FigureSheets
from bpm_crm.excel.export_input import ExportInput, input_of
from bpm_crm.excel.export_kpis import KpiSheet
from bpm_crm.excel.export_names import Names
from bpm_crm.excel.export_rows import RowSheets, loss_numbers
from bpm_crm.excel.export_words import Words
from bpm_crm.excel.job_files import keep_workbook
from bpm_crm.excel.sheets import Book
from bpm_crm.operations.access import Permission
from bpm_crm.operations.job_problems import JobCode, JobProblem, JobRefused
from bpm_crm.operations.job_runs import Run

SHEETS = ("funnel", "trend", "checkpoints", "losses", "kpis")
ROWS = ("cases", "steps", "clocks", "funnel_facts", "checkpoint_facts", "loss_facts")
PARTS = 2
"""Of the work: reading and writing."""


@dataclass(frozen=True, slots=True)
class Author:
    """For whom a workbook is made, and what of it they may see."""

    name: str
    company: str
    zone: str
    currency: str
    people: bool
    customers: bool


async def make_workbook(run: Run) -> UUID:
    """Make the workbook a job asks for; its id."""
    if not run.viewer.may(Permission.VIEW_CASES):
        raise JobRefused(JobProblem(JobCode.NOBODY))
    asked = input_of(run.job.input)
    await run.begin(PARTS)
    question = asked.question(run.tenant_id, run.scope)
    async with run.database.reader(run.tenant_id) as connection:
        facts = await read_facts(connection, asked, question)
    await run.advance(1, ())
    tenant, may = run.reference.tenant, run.viewer.may
    people, customers = may(Permission.VIEW_PEOPLE), may(Permission.VIEW_CUSTOMERS)
    author = Author(run.viewer.name, tenant.title, tenant.zone, tenant.currency, people, customers)
    words = Words(run.job.language)
    names = Names(run.reference, facts.frame.versions, words, people=author.people)
    content = await asyncio.to_thread(written, facts, asked, names, words, author)
    await run.advance(PARTS, ())
    day = facts.frame.as_of.date().isoformat()
    return await keep_workbook(run, f"{asked.process} {day}.xlsx", content)


def written(facts: Facts, asked: ExportInput, names: Names, words: Words, author: Author) -> bytes:
    """The workbook."""
    file = io.BytesIO()
    names.know_cases(facts.cases)
    book = Book(file, zone=author.zone, at=facts.frame.known_at)
    lines = _frame(facts, asked, names, words, author)
    _read_me(book, words, lines, author)
    numbers = loss_numbers(facts)
    figures = FigureSheets(book, facts, names, words)
    figures.funnel()
    figures.trend()
    figures.checkpoints()
    figures.losses(numbers)
    KpiSheet(book, names, words, author.currency).write(facts.kpis)
    RowSheets(book, facts, names, words, customers=author.customers).write(numbers)
    said = "; ".join(f"{name}: {value}" for name, value in lines)
    book.close(title=f"{asked.process}: {words['funnel']}", subject=said[:255], author=author.name, comments=said)
    return file.getvalue()


def _frame(facts: Facts, asked: ExportInput, names: Names, words: Words, author: Author) -> Sequence[tuple[str, str]]:
    """What the workbook was asked of, as (name, value)."""
    frame = facts.frame
    ends = (
        "…" if asked.since == FIRST_INSTANT else asked.since.isoformat(),
        "…" if asked.until == LAST_INSTANT else asked.until.isoformat(),
    )
    period = words["ever"] if ends == ("…", "…") else f"[{ends[0]}, {ends[1]})"
    versions = sorted({version.number for version in frame.versions})
    return (
        (words["company"], author.company),
        (words["process"], asked.process),
        (words["versions"], ", ".join(str(number) for number in versions)),
        (words["as_of"], frame.as_of.isoformat()),
        (words["known_at"], frame.known_at.isoformat()),
        (words["period"], period),
        (words["filter"], "—" if asked.filter is None else orjson.dumps(asked.filter).decode()),
        (words["group_by"], ", ".join(item.value for item in asked.dimensions) or "—"),
        (words["made_by"], author.name),
    )


def _read_me(book: Book, words: Words, lines: Sequence[tuple[str, str]], author: Author) -> None:
    sheet = book.sheet(words["readme"])
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, words["readme"], book.title)
    row = 2
    for name, value in lines:
        sheet.write_string(row, 0, name, book.strong)
        sheet.write_string(row, 1, value, book.wrapped)
        row += 1
    sheet.write_string(row + 1, 1, words["how"].format(zone=author.zone), book.note)
    row += 3
    sheet.write_string(row, 0, words["sheets"], book.strong)
    for key in (*SHEETS, *ROWS):
        about = words[f"about_{key}"] if key in SHEETS or key in {"cases", "steps", "clocks"} else words["about_facts"]
        sheet.write_url(row, 1, f"internal:'{words[key]}'!A1", string=f"{words[key]} — {about}")
        row += 1
    sheet.hide_gridlines(2)
