"""The life of a definition after its draft: a version is published, the process is retired and brought back."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bpm_crm.engine.blockers import InputCode, InputProblem
from bpm_crm.engine.problems import DefinitionInvalid
from bpm_crm.engine.texts import shown
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.drafts import DocumentRefused, StaleDraft, close_draft
from bpm_crm.operations.process_journal import ProcessChangeKind, Repeated, author_of, first_answer, write_down
from bpm_crm.operations.publishing import prove, publish
from bpm_crm.operations.requests import Request
from bpm_crm.operations.rollouts import RolloutRuns
from bpm_crm.processes.library import ResolvedProcess
from bpm_crm.records.database import Connection, Database, Row, hold
from bpm_crm.records.definitions import lock_definition, set_retired
from bpm_crm.records.drafts import DraftRecord, lock_draft
from bpm_crm.records.notices import announce_reference
from bpm_crm.records.rollouts import running_rollout


@dataclass(frozen=True, slots=True)
class AskedRelease:
    """What is to be published: a document, or (None) the draft of `process` at `expected_revision`.

    `base_version` is the newest version that the author of the document knew; None: it is not asked. A held version waits for a rollout.
    """

    process: str | None
    document: str | None
    changelog: str
    base_version: int | None = None
    expected_revision: int | None = None
    is_held: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """The version is published, would be (on a dry run), or was by the first request with this idempotency key.

    `is_new` is false where the newest version said the same already: then nothing was published.
    """

    process: str
    version: int
    checksum: str
    is_new: bool
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class StaleBase:
    """Somebody published since the author looked: the newest version, by whom, when. Nothing was written."""

    process: str
    expected: int | None
    latest: int | None
    published_by: UUID | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retired:
    """The process is retired since `at`, or (None) in use again."""

    process: str
    at: datetime | None
    is_repeated: bool = False


ReleaseRefusal = KeyReused | Missing | NotUnderstood | StaleBase | StaleDraft | DocumentRefused | RolloutRuns


@dataclass(frozen=True, slots=True)
class _Text:
    """The text to publish, and the draft it was found in."""

    text: str
    draft: DraftRecord | None = None


async def publish_process(
    database: Database, request: Request, asked: AskedRelease, at: datetime
) -> Released | ReleaseRefusal:
    """Publish a document or a draft as the next version of its process; a dry run keeps nothing.

    The proof is made before anything is locked, since it may take long.
    """
    async with database.transaction(request.tenant_id) as connection:
        found = await _repeated(connection, request) or await _text(connection, request, asked)
    if not isinstance(found, _Text):
        return found
    try:
        process = await asyncio.to_thread(prove, found.text, at)
    except DefinitionInvalid as error:
        return DocumentRefused(error.problems)
    key = process.definition.key
    if asked.process not in {None, key}:
        params = {"expected": str(asked.process)}
        return NotUnderstood((InputProblem(InputCode.OTHER_PROCESS, ("document",), shown(key), params=params),))
    async with database.transaction(request.tenant_id, dry_run=asked.is_dry_run) as connection:
        return await _publish(connection, request, asked, found, process, at)


async def retire_process(
    database: Database, request: Request, process: str
) -> Retired | KeyReused | Missing | RolloutRuns:
    """Let no case of a process begin any more; those under way go on. Retired already, it stays so."""
    return await _retire(database, request, process, is_retired=True)


async def reinstate_process(
    database: Database, request: Request, process: str
) -> Retired | KeyReused | Missing | RolloutRuns:
    """Let cases of a retired process begin again."""
    return await _retire(database, request, process, is_retired=False)


async def _repeated(connection: Connection, request: Request) -> Released | KeyReused | None:
    answer = await first_answer(connection, request)
    if isinstance(answer, Repeated):
        return Released(answer.process, **dict(answer.values), is_repeated=True)
    return answer


async def _text(connection: Connection, request: Request, asked: AskedRelease) -> _Text | Missing | StaleDraft:
    """The text to publish, and the draft it is."""
    if asked.document is not None:
        return _Text(asked.document)
    draft = None if asked.process is None else await lock_draft(connection, request.tenant_id, asked.process)
    if draft is None:
        return Missing()
    if asked.expected_revision is not None and draft.open_revision != asked.expected_revision:
        return StaleDraft(draft, asked.expected_revision)
    return Missing() if draft.document is None else _Text(draft.document, draft)


async def _publish(
    connection: Connection,
    request: Request,
    asked: AskedRelease,
    found: _Text,
    process: ResolvedProcess,
    at: datetime,
) -> Released | ReleaseRefusal:
    key = process.definition.key
    await hold(connection, f"process/{request.tenant_id}/{key}")
    if (repeated := await _repeated(connection, request)) is not None:
        return repeated
    if found.draft is not None:
        draft = await lock_draft(connection, request.tenant_id, key)
        if draft is not None and draft.revision != found.draft.revision:
            return StaleDraft(draft, found.draft.revision)
    known = await lock_definition(connection, request.tenant_id, key)
    if refused := await _in_the_way(connection, request, asked, key, known, found.draft):
        return refused
    done = await publish(
        connection,
        request.tenant_id,
        found.text,
        changelog=asked.changelog,
        at=at,
        by=author_of(request),
        process=process,
        is_held=asked.is_held,
    )
    if found.draft is not None:
        await close_draft(connection, request, found.draft)
    values = {"version": done.version, "checksum": done.checksum, "is_new": done.is_new}
    now = await connection.fetchval("SELECT clock_timestamp()")
    await write_down(connection, request, ProcessChangeKind.PUBLISHED, key, now, values)
    await announce_reference(connection, request.tenant_id)
    return Released(key, done.version, done.checksum, done.is_new)


async def _in_the_way(
    connection: Connection,
    request: Request,
    asked: AskedRelease,
    key: str,
    known: Row | None,
    draft: DraftRecord | None,
) -> StaleBase | RolloutRuns | None:
    latest = None if known is None else known["latest_version"]
    base = draft.base_version if draft is not None else asked.base_version
    if (draft is not None or base is not None) and base != latest:
        who = {} if known is None else {name: known[name] for name in ("published_by", "published_at")}
        return StaleBase(key, base, latest, **who)
    if known is None or asked.is_held:
        return None
    running = await running_rollout(connection, request.tenant_id, known["id"])
    return None if running is None else RolloutRuns(key, running.version_b)


async def _retire(
    database: Database, request: Request, process: str, *, is_retired: bool
) -> Retired | KeyReused | Missing | RolloutRuns:
    async with database.transaction(request.tenant_id) as connection:
        if isinstance(answer := await first_answer(connection, request), KeyReused):
            return answer
        known = await lock_definition(connection, request.tenant_id, process)
        if known is None:
            return Missing()
        at: datetime | None = known["retired_at"]
        if isinstance(answer, Repeated):
            return Retired(process, at, is_repeated=True)
        running = await running_rollout(connection, request.tenant_id, known["id"])
        if running is not None:
            return RolloutRuns(process, running.version_b)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        if is_retired is not (at is not None):
            at = now if is_retired else None
            await set_retired(connection, request.tenant_id, known["id"], at, author_of(request))
        kind = ProcessChangeKind.RETIRED if is_retired else ProcessChangeKind.REINSTATED
        await write_down(connection, request, kind, process, now, {})
        await announce_reference(connection, request.tenant_id)
    return Retired(process, at)
