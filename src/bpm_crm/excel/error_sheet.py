"""The sheet of refused rows: each fault with its cell, what the cell holds, the reason and the cure, beside the whole row."""

import asyncio
import io
from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from bpm_crm.excel.addresses import column_of, letters
from bpm_crm.excel.cells import Row, shown_cell
from bpm_crm.excel.job_files import keep_workbook
from bpm_crm.excel.outcomes import REFUSED
from bpm_crm.excel.reading import read_rows
from bpm_crm.excel.row_problems import RowProblem
from bpm_crm.excel.settings import Settings
from bpm_crm.excel.sheets import Book, Column, Style
from bpm_crm.operations.job_runs import Run
from bpm_crm.records.jobs import rows_of_job

MOST_PROBLEMS = 50_000
_PAGE = 1_000
_HEADERS = {
    "en": ("Refused rows", "Row", "Cell", "Value", "Reason", "Cure"),
    "ru": ("Отклонённые строки", "Строка", "Ячейка", "Значение", "Причина", "Что сделать"),
}


@dataclass(frozen=True, slots=True)
class _Line:
    problem: RowProblem
    row: Row

    @property
    def value(self) -> str:
        """What the cell at fault holds."""
        address = self.problem["cell"]
        column = None if address is None else column_of(address.rstrip("0123456789"))
        return "" if column is None or column >= len(self.row) else shown_cell(self.row[column])


async def keep_error_sheet(run: Run, settings: Settings, content: bytes) -> UUID | None:
    """Keep the sheet of what was refused; None when nothing was."""
    problems = await _problems(run)
    if not problems:
        return None
    async with aclosing(read_rows(content, settings.sheet)) as read:
        rows: dict[int, Row] = {number: row async for number, row in read if number in problems}
    lines = [_Line(problem, rows.get(number, ())) for number in sorted(problems) for problem in problems[number]]
    made = await asyncio.to_thread(_written, lines, settings, run.job.language)
    return await keep_workbook(run, "errors.xlsx", made)


async def _problems(run: Run) -> dict[int, list[RowProblem]]:
    found: dict[int, list[RowProblem]] = defaultdict(list)
    after, count = 0, 0
    while count < MOST_PROBLEMS:
        async with run.database.reader(run.tenant_id) as connection:
            page = await rows_of_job(connection, run.tenant_id, run.job.id, [REFUSED], after=after, most=_PAGE)
        if not page:
            break
        for row in page:
            for problem in row.problems or ():
                found[problem["row"]].append(problem)
                count += 1
        after = page[-1].row
    return found


def _written(lines: list[_Line], settings: Settings, language: str) -> bytes:
    title, row, cell, value, reason, cure = _HEADERS[language]
    file = io.BytesIO()
    book = Book(file)
    columns = [
        Column(row, Style.WHOLE, lambda line: line.problem["row"], 9),
        Column(cell, Style.TEXT, lambda line: line.problem["cell"]),
        Column(value, Style.TEXT, lambda line: line.value),
        Column(reason, Style.TEXT, lambda line: line.problem["message"][language], 50),
        Column(cure, Style.TEXT, lambda line: line.problem["cure"][language], 50),
        *(_original(place, header) for place, header in enumerate(settings.headers)),
    ]
    book.table(book.sheet(title), "errors", columns, lines)
    book.close(title=title, subject=settings.sheet, author="bpm_crm", comments="")
    return file.getvalue()


def _original(place: int, header: str | None) -> Column:
    """A column of the table that was imported, under its letters and header, which may repeat."""

    def value(line: _Line) -> str | None:
        return shown_cell(line.row[place]) if place < len(line.row) else None

    return Column(f"{letters(place)}: {header or ''}".strip(), Style.TEXT, value)
