"""Drafts of process documents: saved however unsound, as long as they can be read; never over what somebody else saved meanwhile."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.problems import DefinitionInvalid, Problem
from bpm_crm.engine.texts import shown
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.leads import unknown_version
from bpm_crm.operations.process_journal import ProcessChangeKind, Repeated, author_of, first_answer, write_down
from bpm_crm.operations.publishing import prove
from bpm_crm.operations.requests import Request
from bpm_crm.processes.includes import resolve_includes
from bpm_crm.processes.yaml_reader import read_yaml
from bpm_crm.records.database import Connection, Database
from bpm_crm.records.definitions import find_definition
from bpm_crm.records.drafts import DraftRecord, lock_draft, save_draft

_KEY = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class AskedDraft:
    """What is to be saved. `expected_revision` is that of the draft the editor began with; None: there was none.

    `base_version` is the version it was edited from; None: that of the draft before, or the newest, or none of a new process.
    """

    process: str
    document: str
    base_version: int | None = None
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class DraftSaved:
    """The draft is saved, or was saved by the first request with this idempotency key; `draft` is what it is now."""

    draft: DraftRecord
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class DraftDiscarded:
    """There is no draft any more; `draft` tells its last revision."""

    draft: DraftRecord
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class StaleDraft:
    """Somebody saved, discarded or published the draft since the editor looked. Nothing was written."""

    draft: DraftRecord
    expected: int | None


@dataclass(frozen=True, slots=True)
class DocumentRefused:
    """The document cannot be taken: every problem with its place, line and cure. Nothing was written."""

    problems: tuple[Problem, ...]


DraftRefusal = KeyReused | NotUnderstood | StaleDraft | DocumentRefused


async def save_process_draft(database: Database, request: Request, asked: AskedDraft) -> DraftSaved | DraftRefusal:
    """Keep a document as the draft of its process; a new process if there is none of that key."""
    refused = await asyncio.to_thread(_unreadable, asked)
    if refused is not None:
        return refused
    async with database.transaction(request.tenant_id) as connection:
        if isinstance(answer := await first_answer(connection, request), KeyReused):
            return answer
        before = await lock_draft(connection, request.tenant_id, asked.process)
        if isinstance(answer, Repeated) and before is not None:
            return DraftSaved(before, is_repeated=True)
        if before is not None and before.open_revision != asked.expected_revision:
            return StaleDraft(before, asked.expected_revision)
        base = await _base_version(connection, request, asked, before)
        if isinstance(base, NotUnderstood):
            return base
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        revision = 1 if before is None else before.revision + 1
        draft = DraftRecord(asked.process, asked.document, base, revision, now, author_of(request))
        await save_draft(connection, request.tenant_id, draft)
        values = {"revision": revision, "base_version": base}
        await write_down(connection, request, ProcessChangeKind.DRAFT_SAVED, asked.process, now, values)
    return DraftSaved(draft)


async def discard_process_draft(
    database: Database, request: Request, process: str, expected_revision: int
) -> DraftDiscarded | KeyReused | StaleDraft | Missing:
    """Throw the draft of a process away."""
    async with database.transaction(request.tenant_id) as connection:
        if isinstance(answer := await first_answer(connection, request), KeyReused):
            return answer
        before = await lock_draft(connection, request.tenant_id, process)
        if before is None:
            return Missing()
        if isinstance(answer, Repeated):
            return DraftDiscarded(before, is_repeated=True)
        if before.open_revision != expected_revision:
            return StaleDraft(before, expected_revision)
        draft = await close_draft(connection, request, before)
        values = {"revision": draft.revision}
        await write_down(connection, request, ProcessChangeKind.DRAFT_DISCARDED, process, draft.saved_at, values)
    return DraftDiscarded(draft)


async def close_draft(connection: Connection, request: Request, draft: DraftRecord) -> DraftRecord:
    """Take the document out of a locked draft; its revision goes on."""
    now = await connection.fetchval("SELECT clock_timestamp()")
    closed = DraftRecord(draft.process, None, None, draft.revision + 1, now, author_of(request))
    await save_draft(connection, request.tenant_id, closed)
    return closed


def problems_of(document: str, at: datetime) -> tuple[Problem, ...]:
    """Everything for which publishing a document at `at` would be refused; nothing for a sound one."""
    try:
        prove(document, at)
    except DefinitionInvalid as error:
        return error.problems
    return ()


def _unreadable(asked: AskedDraft) -> DocumentRefused | NotUnderstood | None:
    """Why a text can be no draft of this process at all."""
    if not _KEY.fullmatch(asked.process):
        return NotUnderstood((InputProblem(InputCode.WRONG_KEY, ("process",), shown(asked.process)),))
    try:
        data = read_yaml(asked.document).data
        if not isinstance(data, Mapping):
            resolve_includes(data, {})
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)
    said = data.get("process")
    if said is not None and said != asked.process:
        params = {"expected": asked.process}
        return NotUnderstood((InputProblem(InputCode.OTHER_PROCESS, ("document",), shown(said), params=params),))
    return None


async def _base_version(
    connection: Connection, request: Request, asked: AskedDraft, before: DraftRecord | None
) -> int | NotUnderstood | None:
    definition = await find_definition(connection, request.tenant_id, asked.process)
    latest = 0 if definition is None else definition["latest_version"]
    if asked.base_version is None:
        kept = None if before is None or before.document is None else before.base_version
        return kept or latest or None
    if 1 <= asked.base_version <= latest:
        return asked.base_version
    return NotUnderstood((unknown_version(asked.base_version, latest, ("baseVersion",)),))
