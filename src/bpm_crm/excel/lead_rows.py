"""From a row to a lead: each cell read by what its column is mapped to; what cannot be read is named by its cell."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from bpm_crm.engine.definition import ProcessDefinition
from bpm_crm.excel.cells import Cell, Row
from bpm_crm.excel.people import Directory
from bpm_crm.excel.problems import TableCode, TableProblem
from bpm_crm.excel.row_problems import RowProblem, of_cell
from bpm_crm.excel.settings import Settings
from bpm_crm.excel.targets import DATA
from bpm_crm.excel.values import email_of, field_value, flag_of, instant_of, phone_of, text_of
from bpm_crm.operations.commands import CustomerDetails
from bpm_crm.operations.leads import MOST_TEXT, Lead, fingerprint_of

MOST_COMMENT = 4_000
OWN_ID = "row-"
"""How the id begins of a lead whose table has none: the digest of its row follows."""


class LeadReader:
    """Reads the rows of one table."""

    def __init__(self, settings: Settings, definition: ProcessDefinition, directory: Directory) -> None:
        self._settings = settings
        self._fields = definition.fields
        self._directory = directory

    def read(self, number: int, row: Row) -> Lead | list[RowProblem] | None:
        """The lead of a row; None for a row without anything in the columns that are mapped."""
        values: dict[str, Any] = {}
        problems: list[RowProblem] = []
        for item in self._settings.mapping:
            cell = row[item.column] if item.column < len(row) else None
            value = self._value(item.target, cell)
            if isinstance(value, TableProblem):
                problems.append(of_cell(number, item.column, value))
            elif value is not None:
                values[item.target] = value
        if problems:
            return problems
        return self._lead(values) if values else None

    def _value(self, target: str, cell: Cell) -> Any:
        customs = self._settings.customs
        if target.startswith(DATA):
            return field_value(self._fields[target.removeprefix(DATA)], cell, customs)
        match target:
            case "phone":
                return phone_of(cell, customs)
            case "email":
                return email_of(cell, customs)
            case "occurredAt":
                return instant_of(cell, customs)
            case "isTest":
                return flag_of(cell, customs)
            case "owner":
                return owner_of(self._directory, cell)
            case _:
                return text_of(cell, MOST_COMMENT if target == "comment" else MOST_TEXT)

    def _lead(self, values: Mapping[str, Any]) -> Lead:
        customer = CustomerDetails(*(values.get(name) for name in ("name", "phone", "email", "region")))
        named = customer.name or customer.contacts
        lead = Lead(
            channel=self._settings.channel,
            external_id=values.get("externalId"),
            customer=customer if named else None,
            title=values.get("title"),
            data={key.removeprefix(DATA): value for key, value in values.items() if key.startswith(DATA)},
            campaign=self._directory.campaign(values["campaign"]) if "campaign" in values else None,
            region=values.get("region"),
            team=self._directory.team(values["team"]) if "team" in values else None,
            owner_id=values.get("owner"),
            is_test=values.get("isTest", False),
            comment=values.get("comment"),
            occurred_at=values.get("occurredAt"),
        )
        return lead if lead.external_id is not None else replace(lead, external_id=own_id(lead))


def own_id(lead: Lead) -> str:
    """The id of a lead whose table has none: the same content is the same lead."""
    digest = fingerprint_of(lead).hex()[:32]
    return OWN_ID + digest


def owner_of(directory: Directory, cell: Cell) -> UUID | TableProblem | None:
    """The active user a cell names."""
    text = text_of(cell, MOST_TEXT)
    if not isinstance(text, str):
        return text
    return directory.user_id(text) or TableProblem(TableCode.UNKNOWN_PERSON, {"value": text[:60]})
