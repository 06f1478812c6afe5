"""Corrective actions: what is done where, by whom, and which KPI it is expected to move; adding, changing and closing them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bpm_crm.operations.access import Reach, Scope
from bpm_crm.operations.action_problems import Draft, draft_problems, term_problems
from bpm_crm.operations.commands import KeyReused, Missing, NotUnderstood
from bpm_crm.operations.requests import Request
from bpm_crm.operations.review_journal import ReviewChangeKind, Revised, Saved, first_answer, write_down
from bpm_crm.operations.reviews import unknown_process
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reference import Reference
from bpm_crm.records.reviews import ActionRecord, lock_action, save_action


class CorrectiveActionStatus(StrEnum):
    """What has become of an action."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to change in an action: the new values by field, and, for closing, the status it gets."""

    values: Mapping[str, Any] = field(default_factory=dict)
    status: CorrectiveActionStatus | None = None
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The action was closed before; only comments can be added. Nothing was written."""

    status: CorrectiveActionStatus


Answer = Saved | KeyReused | NotUnderstood | Missing | Revised | Closed


def covers(scope: Scope, action: ActionRecord) -> bool:
    """Whether an action is inside a scope: with the reach of a team, those of its cases, and those that one is responsible for."""
    return scope.reach is Reach.ALL or action.owner_id == scope.user_id or action.team_id in scope.team_ids


async def add_action(database: Database, known: Reference, scope: Scope, request: Request, asked: Draft) -> Answer:
    """Add an action to a process. Those who reach a team only add actions for the cases of that team."""
    definition = known.definition(asked.process)
    if definition is None:
        return NotUnderstood((unknown_process(known, asked.process),))
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await first_answer(connection, request)) is not None:
            return answer
        if problems := await draft_problems(connection, known, scope, definition.id, asked):
            return NotUnderstood(problems)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        action = ActionRecord(
            id=new_id(),
            definition_id=definition.id,
            status=CorrectiveActionStatus.OPEN.value,
            created_at=now,
            revision=1,
            **asked.columns(known),
        )
        await save_action(connection, request.tenant_id, action)
        await write_down(connection, request, ReviewChangeKind.ADDED, None, action, now)
    return Saved(action.id)


async def change_action(
    database: Database, known: Reference, scope: Scope, request: Request, action_id: UUID, changes: Changes
) -> Answer:
    """Change, comment or close an action; a closed one takes comments only."""
    async with database.transaction(request.tenant_id) as connection:
        if (answer := await first_answer(connection, request)) is not None:
            return answer
        before = await lock_action(connection, request.tenant_id, action_id)
        if before is None or not covers(scope, before):
            return Missing()
        if changes.expected_revision not in {None, before.revision}:
            return Revised(before.revision, changes.expected_revision or 0)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        after = _changed(before, changes, now.astimezone(ZoneInfo(known.tenant.zone)).date())
        if problems := term_problems(known, before, after):
            return NotUnderstood(problems)
        if before.status != CorrectiveActionStatus.OPEN and _kind(before, after) is not ReviewChangeKind.COMMENTED:
            return Closed(CorrectiveActionStatus(before.status))
        await save_action(connection, request.tenant_id, after)
        await write_down(connection, request, _kind(before, after), before, after, now)
    return Saved(after.id)


def _changed(before: ActionRecord, changes: Changes, today: date) -> ActionRecord:
    """An action with its changes; one that is cancelled has no effect from today on, unless a day is given."""
    after = replace(before, **changes.values, revision=before.revision + 1)
    if changes.status is None:
        return after
    if changes.status is CorrectiveActionStatus.CANCELLED and after.ends_on is None:
        after = replace(after, ends_on=max(today, after.starts_on))
    return replace(after, status=changes.status.value)


def _kind(before: ActionRecord, after: ActionRecord) -> ReviewChangeKind:
    if after.status != before.status:
        return ReviewChangeKind(after.status)
    return (
        ReviewChangeKind.COMMENTED if replace(after, revision=before.revision) == before else ReviewChangeKind.CHANGED
    )
