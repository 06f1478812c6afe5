"""Writes an object-centric event log in OCEL 2.0 JSON: cases, deals, customers, users, and the events they take part in."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.analytics.log_pages import (
    LinkedObject,
    LoggedCase,
    LoggedEvent,
    LogRequest,
    cases_by_page,
    objects_by_page,
)
from bpm_crm.exchange.log_words import Words
from bpm_crm.records.database import Database, Row
from bpm_crm.records.reference import Reference

MEDIA_TYPE = "application/json"
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""The instant of values that never changed."""
_OBJECTS = {
    "case": ("number", "channel", "campaign", "region", "version", "status"),
    "deal": ("key", "amount", "currency", "region"),
    "customer": ("name", "region"),
    "user": ("name",),
}
_EVENT_ATTRIBUTES = ("activity", "resource", "reason", "forced")


async def write_ocel(database: Database, request: LogRequest, reference: Reference) -> AsyncGenerator[bytes, None]:
    """The document in pieces: types, then objects, then events; memory does not grow with the number of cases."""
    words = Words(request, reference)
    types = {
        "objectTypes": [_type(name, _OBJECTS[name]) for name in _told(request)],
        "eventTypes": [_type(title, _EVENT_ATTRIBUTES) for title in words.activities.values()],
    }
    yield orjson.dumps(types)[:-1] + b',"objects":['
    joint = b""
    async for objects in _objects(database, request, reference, words):
        if objects:
            yield joint + _joined(objects)
            joint = b",\n"
    yield b'],"events":['
    joint = b""
    async for cases in cases_by_page(database, request):
        events = [
            _event(case, event, place, words, request) for case in cases for place, event in enumerate(case.events)
        ]
        if events:
            yield joint + _joined(events)
            joint = b",\n"
    yield b"]}\n"


def _told(request: LogRequest) -> list[str]:
    """The types of objects that the request may be told of."""
    hidden = {"customer": not request.customers, "user": not request.people}
    return [name for name in _OBJECTS if not hidden.get(name, False)]


async def _objects(
    database: Database, request: LogRequest, reference: Reference, words: Words
) -> AsyncIterator[list[dict[str, Any]]]:
    if request.people:
        yield [_object("user", user.id, _ALWAYS, {"name": user.name}) for user in reference.users.values()]
    if request.customers:
        async for rows in objects_by_page(database, request, LinkedObject.CUSTOMER):
            yield [_customer(row) for row in rows]
    async for rows in objects_by_page(database, request, LinkedObject.DEAL):
        yield [_deal(row, request) for row in rows]
    async for cases in cases_by_page(database, request):
        yield [_case(case, words, request) for case in cases]


def _customer(row: Row) -> dict[str, Any]:
    return _object("customer", row["id"], row["created_at"], {"name": row["name"], "region": row["region"]})


def _deal(row: Row, request: LogRequest) -> dict[str, Any]:
    values = {name: row[name] for name in ("key", "currency", "region")}
    values["amount"] = None if row["amount"] is None else format(row["amount"].normalize(), "f")
    related = _related({"belongs to": ("customer", row["customer_id"]), "owned by": ("user", row["owner_id"])}, request)
    return _object("deal", row["id"], row["started_at"], values, related)


def _case(case: LoggedCase, words: Words, request: LogRequest) -> dict[str, Any]:
    values = {
        "number": case.external_id,
        "channel": words.channel(case.channel_id),
        "campaign": words.campaign(case.campaign_id),
        "region": case.region,
        "version": case.version,
        "status": case.status,
    }
    links = {
        "runs over": ("deal", case.deal_id),
        "concerns": ("customer", case.customer_id),
        "owned by": ("user", case.owner_id),
    }
    return _object("case", case.id, case.started_at, values, _related(links, request))


def _event(case: LoggedCase, event: LoggedEvent, place: int, words: Words, request: LogRequest) -> dict[str, Any]:
    kind, _, performer = (event.performer or "").partition(":")
    links = {
        "of": ("case", case.id),
        "about": ("deal", case.deal_id),
        "for": ("customer", case.customer_id),
        "by": ("user", UUID(performer) if kind == "user" else None),
    }
    values = {
        "activity": event.activity,
        "resource": words.resource(event),
        "reason": event.reason,
        "forced": "true" if event.is_forced else None,
    }
    return {
        "id": f"{case.id}/{event.sequence}/{place}",
        "type": words.activity(event.activity),
        "time": _time(event.occurred_at),
        "attributes": [{"name": name, "value": value} for name, value in values.items() if value is not None],
        "relationships": _related(links, request),
    }


def _object(
    kind: str, key: UUID, at: datetime, values: Mapping[str, Any], related: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    attributes = [
        {"name": name, "time": _time(at), "value": str(value)} for name, value in values.items() if value is not None
    ]
    return {"id": f"{kind}:{key}", "type": kind, "attributes": attributes, "relationships": list(related)}


def _related(links: Mapping[str, tuple[str, UUID | None]], request: LogRequest) -> list[dict[str, str]]:
    told = _told(request)
    return [
        {"objectId": f"{kind}:{key}", "qualifier": qualifier}
        for qualifier, (kind, key) in links.items()
        if key is not None and kind in told
    ]


def _type(name: str, attributes: Sequence[str]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"name": attribute, "type": "string"} for attribute in attributes]}


def _joined(items: Sequence[dict[str, Any]]) -> bytes:
    return b",\n".join(map(orjson.dumps, items))


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
