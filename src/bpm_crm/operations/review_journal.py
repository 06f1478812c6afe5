"""Every change of a review schedule or corrective action is written down with it; by its idempotency key a repetition is recognised."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from bpm_crm.operations.commands import KeyReused
from bpm_crm.operations.requests import Request, first_change
from bpm_crm.records.database import Connection
from bpm_crm.records.reviews import ChangeRecord, find_change, insert_change


class ReviewChangeKind(StrEnum):
    """What was done to a schedule or action."""

    ADDED = "added"
    CHANGED = "changed"
    COMMENTED = "commented"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Saved:
    """What was asked for is so now, or was made so by the first request with this idempotency key."""

    subject_id: UUID
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Revised:
    """Somebody changed it since the caller looked. Nothing was written."""

    current: int
    expected: int


async def first_answer(connection: Connection, request: Request) -> Saved | KeyReused | None:
    """What a request with this key was answered before; None for a new one."""
    found = await first_change(find_change, connection, request)
    if found is None or isinstance(found, KeyReused):
        return found
    return Saved(found["subject_id"], is_repeated=True)


async def write_down(
    connection: Connection,
    request: Request,
    kind: ReviewChangeKind,
    before: Any,
    after: Any,
    at: datetime,
) -> None:
    """Note a change of a record, `before` being None for a new one."""
    values = differences(before, after)
    change = ChangeRecord(after.id, after.revision, kind.value, values, request.comment, request.actor_id, at)
    await insert_change(connection, request.tenant_id, change, request.idempotency_key, request.fingerprint)


def differences(before: Any, after: Any) -> Mapping[str, list[Any]]:
    """Of each field that differs, what it was and what it is, as JSON; `revision` always differs and is left out."""
    names = (name for name in after.__slots__ if name not in {"id", "revision"})
    pairs = {name: (getattr(before, name, None), getattr(after, name)) for name in names}
    return {name: [_plain(old), _plain(new)] for name, (old, new) in pairs.items() if old != new}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
