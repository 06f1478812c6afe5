"""Two documents of a process side by side: published versions, its draft, or a text at hand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused
from bpm_crm.operations.leads import unknown_version
from bpm_crm.processes.definitions import parse_document
from bpm_crm.processes.differences import Difference, differences
from bpm_crm.processes.document import ProcessDocument
from bpm_crm.processes.library import read_document
from bpm_crm.records.database import Connection, Database, Row
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


@dataclass(frozen=True, slots=True)
class SideRefused(DocumentRefused):
    """One of the documents cannot be read: `before` or `after`."""

    side: str


ComparingRefusal = Missing | NotUnderstood | SideRefused
Source = str | Mapping[str, Any]
"""A text, or the stored document of a version."""


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
        sources: dict[str, Source] = {}
        for name, side in (("before", before), ("after", after)):
            source = await _source(connection, tenant_id, process, definition, side, name)
            if isinstance(source, Missing | NotUnderstood):
                return source
            sources[name] = source
    return await asyncio.to_thread(_compared, sources, before.version, after.version)


async def _source(
    connection: Connection, tenant_id: UUID, process: str, definition: Row | None, side: Side, name: str
) -> Source | Missing | NotUnderstood:
    if side.version is not None:
        if definition is None:
            return Missing()
        row = await load_version(connection, tenant_id, definition["id"], side.version)
        if row is None:
            return NotUnderstood((unknown_version(side.version, definition["latest_version"], (name, "version")),))
        document: Mapping[str, Any] = row["document"]
        return document
    if side.document is not None:
        return side.document
    draft = (await load_drafts(connection, tenant_id, [process])).get(process)
    return Missing() if draft is None or draft.document is None else draft.document


def _compared(sources: Mapping[str, Source], before: int | None, after: int | None) -> Compared | SideRefused:
    """The documents read and compared: a thread's work."""
    documents: dict[str, ProcessDocument] = {}
    try:
        for name, source in sources.items():
            documents[name] = read_document(source) if isinstance(source, str) else parse_document(source)
        return Compared(differences(documents["before"], documents["after"]), before, after)
    except DefinitionInvalid as error:
        return SideRefused(error.problems, "after" if "before" in documents else "before")
