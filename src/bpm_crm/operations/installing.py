"""The shipped library installed again: what a company has changed is left alone, what it has not is brought up to date."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bpm_crm.operations.commands import KeyReused
from bpm_crm.operations.process_journal import ProcessChangeKind, Repeated, author_of, first_answer, write_down
from bpm_crm.operations.publishing import INSTALLED, prove, publish
from bpm_crm.operations.requests import Request
from bpm_crm.processes.library import origin_of, shipped_keys, shipped_origin, shipped_text
from bpm_crm.records.database import Connection, Database, Row
from bpm_crm.records.definitions import lock_definition
from bpm_crm.records.notices import announce_reference
from bpm_crm.records.rollouts import running_rollout

ALL = "*"
"""Stands in the journal for the whole library."""


class InstallState(StrEnum):
    """How a shipped process stands to that of the company."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class InstalledProcess:
    """A shipped process: `NEW` and `CHANGED` are published as `version`; of the others it is the newest there is."""

    process: str
    state: InstallState
    version: int


@dataclass(frozen=True, slots=True)
class Installed:
    """What was installed, or would be."""

    processes: tuple[InstalledProcess, ...]
    is_repeated: bool = False


async def install_processes(
    database: Database,
    request: Request,
    at: datetime,
    *,
    keys: Sequence[str] | None = None,
    is_dry_run: bool = False,
) -> Installed | KeyReused:
    """Publish the shipped processes (None: all of them) that the company lacks, or has as an earlier release shipped them.

    What the company changed is skipped, and so is what is being rolled out.
    """
    async with database.transaction(request.tenant_id, dry_run=is_dry_run) as connection:
        if isinstance(answer := await first_answer(connection, request), KeyReused):
            return answer
        if isinstance(answer, Repeated):
            return _recalled(answer)
        found = [await _install(connection, request, key, at) for key in keys or shipped_keys()]
        values = {"processes": [[item.process, item.state.value, item.version] for item in found]}
        now = await connection.fetchval("SELECT clock_timestamp()")
        await write_down(connection, request, ProcessChangeKind.INSTALLED, ALL, now, values)
        await announce_reference(connection, request.tenant_id)
    return Installed(tuple(found))


async def _install(connection: Connection, request: Request, key: str, at: datetime) -> InstalledProcess:
    known = await lock_definition(connection, request.tenant_id, key)
    state = await _state(connection, request, key, known)
    if known is not None and state in {InstallState.SAME, InstallState.SKIPPED}:
        return InstalledProcess(key, state, known["latest_version"])
    text, by = shipped_text(key), author_of(request)
    process = await asyncio.to_thread(prove, text, at)
    done = await publish(connection, request.tenant_id, text, changelog=INSTALLED, at=at, by=by, process=process)
    return InstalledProcess(key, state if done.is_new else InstallState.SAME, done.version)


async def _state(connection: Connection, request: Request, key: str, known: Row | None) -> InstallState:
    if known is None:
        return InstallState.NEW
    if shipped_origin(key) in {known["origin"], origin_of(key, known["source"])}:
        return InstallState.SAME
    is_ours = known["origin"] is not None or (known["published_by"] is None and known["changelog"] == INSTALLED)
    is_split = await running_rollout(connection, request.tenant_id, known["id"]) is not None
    return InstallState.CHANGED if is_ours and not is_split else InstallState.SKIPPED


def _recalled(answer: Repeated) -> Installed:
    found = (InstalledProcess(key, InstallState(state), version) for key, state, version in answer.values["processes"])
    return Installed(tuple(found), is_repeated=True)
