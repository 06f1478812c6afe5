"""What imports are asked with."""

import strawberry

from bpm_crm.api.checks import KEY_DESCRIPTION
from bpm_crm.api.exposing import expose
from bpm_crm.excel.headers import ColumnType
from bpm_crm.excel.settings import Wish
from bpm_crm.excel.targets import ImportKind
from bpm_crm.excel.values import DateOrder

expose(
    ImportKind,
    "What the rows of a table are.",
    {
        ImportKind.LEADS: "Each row is a lead; a case begins with it.",
        ImportKind.HISTORY: "Each row is a step of a case; the steps of a case are replayed in the order of time.",
    },
)
expose(
    ColumnType,
    "What most cells of a column hold.",
    {
        ColumnType.EMPTY: "Nothing.",
        ColumnType.TEXT: "Texts of any kind.",
        ColumnType.NUMBER: "Numbers, of the cell or written as text.",
        ColumnType.DATE: "Dates, with a time or without; of the cell or written as text.",
        ColumnType.FLAG: "Yes or no.",
        ColumnType.PHONE: "Phone numbers.",
        ColumnType.EMAIL: "E-mail addresses.",
    },
)
expose(
    DateOrder,
    "How dates written as text begin. Dates that are dates in the file do not need it.",
    {DateOrder.DMY: "Day, month, year: 31.12.2026.", DateOrder.MDY: "Month, day, year: 12/31/2026."},
)

_FILE = "Id that `POST /files` answered."
_CHANNEL = "Key of the channel the cases come by; its process is the one they run."
_SHEET = "Name of the sheet; default: the first that is shown and has rows. Of a csv leave it out."
_HEADER = "Row with the headers, from 1; default: as the preview found."


@strawberry.input(description="Which table to look at. Nothing is written.")
class PreviewImportInput:
    """Which table to look at."""

    file: strawberry.ID = strawberry.field(description=_FILE)
    channel: str = strawberry.field(description=_CHANNEL)
    kind: ImportKind = strawberry.field(default=ImportKind.LEADS, description="What the rows are.")
    sheet: str | None = strawberry.field(default=None, description=_SHEET)
    header_row: int | None = strawberry.field(default=None, description=_HEADER)


@strawberry.input(description="What a column is.")
class ColumnMappingInput:
    """What a column is."""

    column: str = strawberry.field(description="Letters of the column: `A`, `AB`.")
    target: str = strawberry.field(description="Key of one of the preview's `targets`: `phone`, `data.amount`.")


@strawberry.input(
    description="Import leads from a table. Rows that were imported before are found again and begin nothing."
)
class ImportLeadsInput:
    """Import leads from a table."""

    file: strawberry.ID = strawberry.field(description=_FILE)
    channel: str = strawberry.field(description=_CHANNEL)
    sheet: str | None = strawberry.field(default=None, description=_SHEET)
    header_row: int | None = strawberry.field(default=None, description=_HEADER)
    mapping: list[ColumnMappingInput] | None = strawberry.field(
        default=None, description="What the columns are; default: as the preview proposes. Others are not read."
    )
    date_order: DateOrder | None = strawberry.field(default=None, description="Default: as the preview found.")
    country: str = strawberry.field(
        default="RU", description="Country of phone numbers without a country code, ISO 3166 in two letters."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Decide every row and make the sheet of errors, but begin no case."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(
    description="Import the history of cases from a table: a row for each step. All rows of a case come in, or none of them."
)
class ImportHistoryInput(ImportLeadsInput):
    """Import the history of cases from a table."""


@strawberry.input(
    description="Undo an import: the cases it began are left out of figures, as `UNDONE`. Nothing is deleted."
)
class UndoImportInput:
    """Undo an import."""

    job: strawberry.ID = strawberry.field(description="Global id of the import.")
    force: bool = strawberry.field(
        default=False, description="Leave out also the cases that people have worked on since."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


def wish_of(asked: ImportLeadsInput) -> Wish:
    """What somebody asks for, as the importer knows it."""
    mapping = None if asked.mapping is None else [(item.column, item.target) for item in asked.mapping]
    return Wish(
        sheet=asked.sheet,
        header_row=asked.header_row,
        mapping=mapping,
        date_order=asked.date_order,
        country=asked.country.upper(),
    )
