"""Two documents of a process side by side: published versions, its draft, or a text at hand."""

from dataclasses import dataclass
from uuid import UUID

from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused
from bpm_crm.operations.leads import unknown_version
from bpm_crm.processes.definitions import parse_document
from bpm_crm.processes.differences import Difference, differences
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.library import read_document
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.definitions import find_definition, load_version
from bpm_crm.records.drafts import load_drafts


@dataclass(frozen=True, slots=True)
class Side:
    """One of two documents: a version, a text, or (neither) the draft."""

    version: int | None = None
    document: str | None = None


DRAFT = Side()


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs; the numbers are those of the versions, where the sides are such."""

    differences: tuple[Difference, ...]
    before: int | None
    after: int | None


ComparingRefusal = Missing | NotUnderstood | DocumentRefused


async def compare_documents(
    database: Database, tenant_id: UUID, process: str, before: Side | None, after: Side
) -> Compared | ComparingRefusal:
    """What differs between two documents of a process; `before` None: its newest version (nothing of a new process)."""
    async with database.reader(tenant_id) as connection:
        definition = await find_definition(connection, tenant_id, process)
        if before is None:
            if definition is None:
                return Missing()
            before = Side(version=definition["latest_version"])
        found = []
        for name, side in (("before", before), ("after", after)):
            document = await _document(connection, tenant_id, process, side, name)
            if not isinstance(document, ProcessDocument):
                return document
            found.append(document)
    try:
        return Compared(differences(*found), before.version, after.version)
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)


async def _document(
    connection: Connection, tenant_id: UUID, process: str, side: Side, name: str
) -> ProcessDocument | ComparingRefusal:
    text = side.document
    if side.version is not None:
        definition = await find_definition(connection, tenant_id, process)
        if definition is None:
            return Missing()
        row = await load_version(connection, tenant_id, definition["id"], side.version)
        if row is None:
            return NotUnderstood((unknown_version(side.version, definition["latest_version"], (name, "version")),))
        return parse_document(row["document"])
    if text is None:
        draft = (await load_drafts(connection, tenant_id, [process])).get(process)
        text = None if draft is None else draft.document
    if text is None:
        return Missing()
    try:
        return read_document(text)
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)
