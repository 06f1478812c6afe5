"""What a table looks like before it is imported."""

from collections.abc import Sequence

import strawberry

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.excel.addresses import letters
from bpm_crm.excel.cells import Cell, Head, Row, shown_cell
from bpm_crm.excel.headers import ColumnType, column_type, header_row, repeated, required_headers
from bpm_crm.excel.mappings import proposed
from bpm_crm.excel.settings import suggested_order
from bpm_crm.excel.targets import ImportKind, Target, targets_of
from bpm_crm.excel.values import DateOrder

SHOWN_ROWS = 10
SHOWN_COLUMNS = 100
SHOWN_CHARACTERS = 200
TRIED_ROWS = 150


@strawberry.type(description="A sheet of a workbook.")
class ImportSheet:
    """A sheet of a workbook."""

    name: str = strawberry.field(description="Name.")
    is_hidden: bool = strawberry.field(description="Whether the workbook hides it.")


@strawberry.type(description="Something a column can be mapped to.")
class ImportTarget:
    """Something a column can be mapped to."""

    key: str = strawberry.field(description="Key, for the mapping; data fields of the process begin with `data.`.")
    title: str = strawberry.field(description="Name people see, in the language of `Accept-Language`.")
    is_required: bool = strawberry.field(description="Whether a column must be mapped to it.")


@strawberry.type(description="A column of the table.")
class ImportColumn:
    """A column of the table."""

    column: str = strawberry.field(description="Its letters: `A`, `AB`.")
    header: str | None = strawberry.field(description="Its header.")
    type: ColumnType = strawberry.field(description="What most of its first cells hold.")
    target: str | None = strawberry.field(
        description="What it probably is: key of one of `targets`; null: not recognised."
    )


@strawberry.type(description="A row of the table as people see it.")
class ImportRow:
    """A row of the table as people see it."""

    row: int = strawberry.field(description="Row of the sheet, from 1.")
    cells: list[str] = strawberry.field(description="Its cells, shortened; empty ones as empty texts.")


@strawberry.type(description="What is in a table, and how it would be imported.")
class ImportPreview:
    """What is in a table."""

    format: str = strawberry.field(
        description="`xlsx`, `xlsb`, `xls`, `ods` or `csv`: what the content is, whatever the name says."
    )
    sheets: list[ImportSheet] = strawberry.field(description="The sheets of the workbook; one called `csv` of a csv.")
    sheet: str = strawberry.field(description="The sheet that is shown.")
    row_count: int = strawberry.field(description="Rows below the header.")
    column_count: int = strawberry.field(description="Columns.")
    header_row: int = strawberry.field(description="The row with the headers, from 1.")
    columns: list[ImportColumn] = strawberry.field(description=f"The columns, at most {SHOWN_COLUMNS}.")
    rows: list[ImportRow] = strawberry.field(description=f"The first rows below the header, at most {SHOWN_ROWS}.")
    targets: list[ImportTarget] = strawberry.field(description="What columns can be mapped to.")
    date_order: DateOrder = strawberry.field(
        description="How dates written as text begin, as far as the first rows tell."
    )
    repeated_headers: list[str] = strawberry.field(
        description="Headers that several columns have: only the first is proposed."
    )
    merged_cells: list[str] = strawberry.field(
        description="Merged cells, as ranges `A2:A5`: only the first of each has its value, the others count as empty."
    )
    encoding: str | None = strawberry.field(description="Of a csv: how its letters are written, for example `cp1251`.")
    delimiter: str | None = strawberry.field(description="Of a csv: what separates its cells.")


def preview_of(
    kind: ImportKind, definition: ProcessDefinition, head: Head, wished: int | None, language: str
) -> ImportPreview:
    """The preview of the beginning of a table. `TableRefused` for one without headers."""
    targets = targets_of(kind, definition)
    number = header_row(head.rows, targets) if wished is None else wished
    headers = required_headers(head.rows, number, head.sheet)
    mapping = proposed(headers, targets)
    below = head.rows[number:]
    target_of = {item.column: item.target for item in mapping}
    return ImportPreview(
        format=head.kind,
        sheets=[ImportSheet(name=item.name, is_hidden=item.is_hidden) for item in head.sheets],
        sheet=head.sheet,
        row_count=max(head.height - number, 0),
        column_count=head.width,
        header_row=number,
        columns=[
            _column(place, headers, below[:TRIED_ROWS], target_of.get(place))
            for place in range(min(head.width, SHOWN_COLUMNS))
        ],
        rows=[_row(number + 1 + place, row) for place, row in enumerate(below[:SHOWN_ROWS])],
        targets=[_target(item, language) for item in targets],
        date_order=suggested_order(below, mapping),
        repeated_headers=list(repeated(headers)),
        merged_cells=list(head.merged),
        encoding=head.encoding,
        delimiter=head.delimiter,
    )


def _column(place: int, headers: Sequence[str | None], rows: Sequence[Row], target: str | None) -> ImportColumn:
    cells: list[Cell] = [row[place] for row in rows if place < len(row)]
    header = headers[place] if place < len(headers) else None
    return ImportColumn(column=letters(place), header=header, type=column_type(cells), target=target)


def _row(number: int, row: Row) -> ImportRow:
    return ImportRow(row=number, cells=[shown_cell(cell)[:SHOWN_CHARACTERS] for cell in row[:SHOWN_COLUMNS]])


def _target(target: Target, language: str) -> ImportTarget:
    return ImportTarget(key=target.key, title=target.title.in_language(language), is_required=target.is_required)
