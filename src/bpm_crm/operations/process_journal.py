"""Everything done to a process is written down with it; by its idempotency key a repetition is recognised."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.operations.commands import NOBODY, KeyReused
from bpm_crm.operations.requests import Request, first_change
from bpm_crm.records.database import Connection
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.process_changes import ProcessChangeRecord, find_change, insert_change


class ProcessChangeKind(StrEnum):
    """What was done to a process."""

    DRAFT_SAVED = "draft_saved"
    DRAFT_DISCARDED = "draft_discarded"
    PUBLISHED = "published"
    RETIRED = "retired"
    REINSTATED = "reinstated"
    INSTALLED = "installed"
    ROLLOUT_STARTED = "rollout_started"
    ROLLOUT_CHANGED = "rollout_changed"
    ROLLOUT_STOPPED = "rollout_stopped"
    ROLLOUT_TRIPPED = "rollout_tripped"
    ROLLOUT_FINISHED = "rollout_finished"


@dataclass(frozen=True, slots=True)
class Repeated:
    """The request was answered before: what was written down then."""

    process: str
    values: Mapping[str, Any]


def author_of(request: Request) -> UUID | None:
    """The user who asks; None for a command of the installation."""
    return None if request.actor_id == NOBODY else request.actor_id


async def first_answer(connection: Connection, request: Request) -> Repeated | KeyReused | None:
    """What a request with this key was answered before; None for a new one."""
    found = await first_change(find_change, connection, request)
    if found is None or isinstance(found, KeyReused):
        return found
    return Repeated(found["process"], found["values"])


async def write_down(
    connection: Connection,
    request: Request,
    kind: ProcessChangeKind,
    process: str,
    at: datetime,
    values: Mapping[str, Any],
) -> None:
    """Note what was done to a process."""
    change = ProcessChangeRecord(new_id(), process, kind.value, values, request.comment, request.actor_id, at)
    await insert_change(connection, request.tenant_id, change, request.idempotency_key, request.fingerprint)
