"""An event log read page by page: each page is a short transaction, and all pages together are one log.

They are: history is append-only, and every page is asked with the same `as_of` and `known_at`. Memory holds one page.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from bpm_crm.analytics.event_log import EventClassifier, event_values, has_performers, reports_of
from bpm_crm.analytics.frames import Frame, Question
from bpm_crm.analytics.statements import Statement, report, statement
from bpm_crm.records.database import Database, Row

_CASES = reports_of("event_log")
_OBJECTS = report("event_log_objects")

PAGE = 200
"""Cases, or objects, of a page."""


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Which event log: the cases of a question as of a frame, their events by a classifier, and how much of it may be told.

    Names of users and performers are told with `people`, customers with `customers`.
    """

    frame: Frame
    question: Question
    classifier: EventClassifier
    language: str = "en"
    people: bool = False
    customers: bool = False


class LinkedObject(StrEnum):
    """What a case is about."""

    DEAL = "deal"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event. `performer` is `user:` with an id or `name:` with a name; `data` are the fields that it changed."""

    activity: str
    occurred_at: datetime
    sequence: int
    performer: str | None
    reason: str | None
    is_forced: bool
    team_id: UUID | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LoggedCase:
    """A case with its events. `data` are the fields it began with; personal ones are in no history."""

    id: UUID
    external_id: str | None
    version: int
    status: str
    started_at: datetime
    channel_id: UUID
    campaign_id: UUID | None
    region: str | None
    owner_id: UUID | None
    deal_id: UUID | None
    deal_key: str | None
    customer_id: UUID | None
    data: Mapping[str, Any]
    events: Sequence[LoggedEvent] = field(default_factory=tuple)


async def cases_by_page(database: Database, request: LogRequest) -> AsyncIterator[list[LoggedCase]]:
    """The cases of a log in the order of their ids, some at a time."""
    values = event_values(request.frame, request.classifier)
    text = _CASES[has_performers(request.frame)]
    async for rows in _pages(database, request, text, values):
        yield [_case(list(some)) for key, some in groupby(rows, lambda row: row["instance_id"]) if key is not None]


async def objects_by_page(database: Database, request: LogRequest, kind: LinkedObject) -> AsyncIterator[list[Row]]:
    """The deals, or customers, of the cases of a log in the order of their ids, some at a time; rows of their table."""
    values = {"definitions": request.frame.definitions}
    fragments = {"object": kind.value, "link": f"{kind.value}_id"}
    async for rows in _pages(database, request, _OBJECTS, values, **fragments):
        yield [row for row in rows if row["id"] is not None]


async def _pages(
    database: Database, request: LogRequest, text: str, values: Mapping[str, Any], **fragments: str
) -> AsyncIterator[Sequence[Row]]:
    after: UUID | None = None
    while True:
        found = _statement(request, text, {**values, "after": after, "most": PAGE}, fragments)
        async with database.reader(request.question.tenant_id) as connection:
            rows = await connection.fetch(found.text, *found.values)
        yield rows
        if rows[0]["scanned"] < PAGE:
            return
        after = rows[0]["last_id"]


def _statement(request: LogRequest, text: str, values: Mapping[str, Any], fragments: Mapping[str, str]) -> Statement:
    question = request.question
    everything = {**question.values(request.frame), **values}
    return statement(text, question.tenant_id, everything, cases=question.cases, **fragments)


def _case(rows: Sequence[Row]) -> LoggedCase:
    first = rows[0]
    return LoggedCase(
        id=first["instance_id"],
        external_id=first["external_id"],
        version=first["version"],
        status=first["status"],
        started_at=first["started_at"],
        channel_id=first["channel_id"],
        campaign_id=first["campaign_id"],
        region=first["region"],
        owner_id=first["owner_id"],
        deal_id=first["deal_id"],
        deal_key=first["deal_key"],
        customer_id=first["customer_id"],
        data=first["first_data"] or {},
        events=tuple(_event(row) for row in rows if row["event"] is not None),
    )


def _event(row: Row) -> LoggedEvent:
    return LoggedEvent(
        activity=row["event"],
        occurred_at=row["occurred_at"],
        sequence=row["sequence"],
        performer=row["performer"],
        reason=row["reason"],
        is_forced=row["kind"] == "forced",
        team_id=row["team_id"],
        data={} if row["sequence"] == 1 else row["data"] or {},
    )
