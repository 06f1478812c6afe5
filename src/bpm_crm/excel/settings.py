"""How a table is to be imported: as it was asked for, checked against the file, and as it is stored with the job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.excel.cells import Head, Row
from bpm_crm.excel.headers import date_order, header_row, required_headers
from bpm_crm.excel.mappings import Mapped, checked_mapping, proposed, required
from bpm_crm.excel.problems import TableCode, TableRefused
from bpm_crm.excel.targets import ImportKind, targets_of
from bpm_crm.excel.values import Customs, DateOrder
from bpm_crm.operations.contacts import has_phones

DATED = ("occurredAt", "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asks for; None means: as the file suggests."""

    sheet: str | None = None
    header_row: int | None = None
    mapping: Sequence[tuple[str, str]] | None = None
    date_order: DateOrder | None = None
    country: str = "RU"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a table is imported, in full."""

    file_id: UUID
    channel: str
    sheet: str
    header_row: int
    mapping: tuple[Mapped, ...]
    customs: Customs
    is_dry_run: bool = False
    headers: tuple[str | None, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """As it is stored with the job."""
        return {
            "file": str(self.file_id),
            "channel": self.channel,
            "sheet": self.sheet,
            "header_row": self.header_row,
            "mapping": [[item.column, item.target] for item in self.mapping],
            "customs": [self.customs.order.value, self.customs.country, self.customs.zone],
            "dry_run": self.is_dry_run,
            "headers": self.headers,
        }


def settings_of(values: Mapping[str, Any]) -> Settings:
    """The settings stored with a job."""
    order, country, zone = values["customs"]
    return Settings(
        file_id=UUID(values["file"]),
        channel=values["channel"],
        sheet=values["sheet"],
        header_row=values["header_row"],
        mapping=tuple(Mapped(column, target) for column, target in values["mapping"]),
        customs=Customs(DateOrder(order), country, zone),
        is_dry_run=values["dry_run"],
        headers=tuple(values["headers"]),
    )


def settle(
    kind: ImportKind,
    definition: ProcessDefinition,
    head: Head,
    wish: Wish,
    *,
    file_id: UUID,
    channel: str,
    zone: str,
    is_dry_run: bool,
) -> Settings:
    """The settings a wish and a file come to. `TableRefused` when they do not fit."""
    if not has_phones(wish.country):
        raise TableRefused(TableCode.UNKNOWN_COUNTRY, country=wish.country[:20])
    targets = targets_of(kind, definition)
    number = header_row(head.rows, targets) if wish.header_row is None else wish.header_row
    headers = required_headers(head.rows, number, head.sheet)
    if head.height <= number:
        raise TableRefused(TableCode.EMPTY_SHEET, sheet=head.sheet)
    if wish.mapping is None:
        mapping = required(proposed(headers, targets), targets)
    else:
        mapping = checked_mapping(wish.mapping, targets, head.width)
    order = wish.date_order or suggested_order(head.rows[number:], mapping)
    customs = Customs(order, wish.country, zone)
    return Settings(file_id, channel, head.sheet, number, mapping, customs, is_dry_run, tuple(headers))


def suggested_order(rows: Sequence[Row], mapping: Sequence[Mapped]) -> DateOrder:
    """The order of dates that the first rows suggest, over the columns with instants."""
    columns = [item.column for item in mapping if item.target in DATED]
    return date_order([row[column] for row in rows for column in columns if column < len(row)])
