"""What histories are replayed through: a document, the draft of a process, a published version, or a version with clocks changed."""

import asyncio
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.engine.texts import shown
from bpm_crm.operations.commands import Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused
from bpm_crm.operations.leads import unknown_version
from bpm_crm.operations.publishing import prove, prove_data
from bpm_crm.records.database import Database
from bpm_crm.records.definitions import load_version
from bpm_crm.records.drafts import load_drafts
from bpm_crm.records.reference import DefinitionRecord, Reference
from bpm_crm.records.replays import Span


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What is changed in a clock; None: nothing. `targets` are by stage, as the document writes them; `calendar` `business` or `always`."""

    clock: str
    target: str | Mapping[str, str] | None = None
    calendar: str | None = None
    warnings: tuple[str, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """As it is stored: only what is changed."""
        said = {"target": self.target, "calendar": self.calendar, "warnings": self.warnings}
        return {"clock": self.clock, **{key: value for key, value in said.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which histories through what: a `document`, a `version`, or (neither) the draft of the process.

    With `changes` or `calendar` it is a what-if: these clocks, and the working hours, otherwise than in the version (None: the newest).
    """

    process: str
    since: datetime
    until: datetime
    document: str | None = None
    version: int | None = None
    changes: tuple[ClockChange, ...] | None = None
    calendar: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be replayed: the histories, and the document that stands alone, in its stored form."""

    definition: DefinitionRecord
    span: Span
    document: Mapping[str, Any]
    version: int | None = None
    changes: Sequence[Mapping[str, Any]] | None = None


Refusal = NotUnderstood | DocumentRefused | Missing


async def candidate_of(database: Database, reference: Reference, asked: Asked, now: datetime) -> Candidate | Refusal:
    """What is asked for, or why it cannot be: `Missing` where the process has no draft. No connection is held while it is proved."""
    problems = _problems(reference, asked)
    definition = reference.definition(asked.process)
    if problems or definition is None:
        return NotUnderstood(tuple(problems))
    span = Span(definition.id, asked.since, asked.until)
    if asked.changes is not None:
        return await _changed(database, reference.tenant.id, definition, span, asked, now)
    if asked.version is not None:
        document = await _version(database, reference.tenant.id, definition, asked.version)
        if isinstance(document, NotUnderstood):
            return document
        return Candidate(definition, span, document, asked.version)
    text = asked.document
    if text is None:
        async with database.reader(reference.tenant.id) as connection:
            draft = (await load_drafts(connection, reference.tenant.id, [asked.process])).get(asked.process)
        if draft is None or draft.document is None:
            return Missing()
        text = draft.document
    return await asyncio.to_thread(_proved, definition, span, text, now)


def _problems(reference: Reference, asked: Asked) -> list[InputProblem]:
    found = []
    if reference.definition(asked.process) is None:
        keys = tuple(sorted(record.key for record in reference.definitions.values()))
        found.append(InputProblem(InputCode.UNKNOWN_PROCESS, ("process",), shown(asked.process), keys))
    if asked.until <= asked.since:
        after = {"limit": f"{asked.since.isoformat()} + 1 µs"}
        found.append(InputProblem(InputCode.TOO_EARLY, ("until",), asked.until.isoformat(), params=after))
    return found


def _proved(definition: DefinitionRecord, span: Span, text: str, now: datetime) -> Candidate | Refusal:
    try:
        process = prove(text, now)
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)
    said = process.definition.key
    if said != definition.key:
        params = {"expected": definition.key}
        return NotUnderstood((InputProblem(InputCode.OTHER_PROCESS, ("document",), shown(said), params=params),))
    return Candidate(definition, span, process.data)


async def _version(
    database: Database, tenant_id: UUID, definition: DefinitionRecord, version: int
) -> Mapping[str, Any] | NotUnderstood:
    async with database.reader(tenant_id) as connection:
        row = await load_version(connection, tenant_id, definition.id, version) if version > 0 else None
    if row is None:
        return NotUnderstood((unknown_version(version, definition.latest_version, ("version",)),))
    document: Mapping[str, Any] = row["document"]
    return document


async def _changed(
    database: Database, tenant_id: UUID, definition: DefinitionRecord, span: Span, asked: Asked, now: datetime
) -> Candidate | Refusal:
    """A what-if: the version with clocks and hours changed, proved like any other document."""
    version = definition.latest_version if asked.version is None else asked.version
    base = await _version(database, tenant_id, definition, version)
    if isinstance(base, NotUnderstood):
        return base
    document: dict[str, Any] = deepcopy(dict(base))
    clocks = document.get("clocks", {})
    unknown = [
        InputProblem(InputCode.UNKNOWN_CLOCK, ("changes", str(place), "clock"), shown(change.clock), tuple(clocks))
        for place, change in enumerate(asked.changes or ())
        if change.clock not in clocks
    ]
    if unknown:
        return NotUnderstood(tuple(unknown))
    for change in asked.changes or ():
        said = change.as_json()
        clocks[said.pop("clock")] |= said
    if asked.calendar is not None:
        document["calendar"] = dict(asked.calendar)
    try:
        process = await asyncio.to_thread(prove_data, document, now)
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)
    changes: list[Mapping[str, Any]] = [change.as_json() for change in asked.changes or ()]
    if asked.calendar is not None:
        changes.append({"calendar": asked.calendar})
    return Candidate(definition, span, process.data, version, changes)
