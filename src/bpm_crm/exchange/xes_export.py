"""Writes an event log in XES (IEEE 1849) with the extensions concept, time, lifecycle and org, page by page."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from datetime import datetime
from xml.sax.saxutils import quoteattr

from bpm_crm.analytics.log_pages import LoggedCase, LoggedEvent, LogRequest, cases_by_page
from bpm_crm.exchange.log_words import Words
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference

MEDIA_TYPE = "application/xml"
EXTENSIONS = {"Concept": "concept", "Time": "time", "Lifecycle": "lifecycle", "Organizational": "org"}
HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">
"""
_KINDS: tuple[tuple[type, str], ...] = ((bool, "boolean"), (int, "int"), (float, "float"), (datetime, "date"))


async def write_xes(database: Database, request: LogRequest, reference: Reference) -> AsyncGenerator[bytes, None]:
    """The document in pieces, each of them some cases; memory does not grow with their number."""
    words = Words(request, reference)
    yield _head(request).encode()
    async for cases in cases_by_page(database, request):
        yield "".join(line for case in cases for line in _trace(case, words, request)).encode()
    yield b"</log>\n"


def _head(request: LogRequest) -> str:
    lines = [
        HEAD,
        *(
            f'<extension name="{name}" prefix="{prefix}" uri="http://www.xes-standard.org/{prefix}.xesext"/>\n'
            for name, prefix in EXTENSIONS.items()
        ),
        '<global scope="trace">\n<string key="concept:name" value=""/>\n</global>\n',
        '<global scope="event">\n<string key="concept:name" value=""/>\n',
        '<date key="time:timestamp" value="1970-01-01T00:00:00+00:00"/>\n',
        '<string key="lifecycle:transition" value="complete"/>\n</global>\n',
        '<classifier name="Activity" keys="concept:name"/>\n',
        *_attributes(
            {
                "concept:name": request.frame.versions[0].process,
                "lifecycle:model": "standard",
                "bpm:classifier": request.classifier.value,
                "bpm:as_of": request.frame.as_of,
                "bpm:known_at": request.frame.known_at,
            }
        ),
    ]
    return "".join(lines)


def _trace(case: LoggedCase, words: Words, request: LogRequest) -> Iterator[str]:
    yield "<trace>\n"
    yield from _attributes(
        {
            **{f"data:{key}": value for key, value in words.data(case.data).items()},
            "concept:name": case.external_id or str(case.id),
            "channel": words.channel(case.channel_id),
            "campaign": words.campaign(case.campaign_id),
            "region": case.region,
            "bpm:case": str(case.id),
            "bpm:version": case.version,
            "bpm:status": case.status,
            "bpm:deal": case.deal_key,
            "bpm:customer": str(case.customer_id) if case.customer_id and request.customers else None,
        }
    )
    for event in case.events:
        yield from _event(event, words)
    yield "</trace>\n"


def _event(event: LoggedEvent, words: Words) -> Iterator[str]:
    yield "<event>\n"
    yield from _attributes(
        {
            **{f"data:{key}": value for key, value in words.data(event.data).items()},
            "concept:name": words.activity(event.activity),
            "time:timestamp": event.occurred_at,
            "lifecycle:transition": "complete",
            "org:resource": words.resource(event),
            "org:group": words.group(event),
            "bpm:activity": event.activity,
            "bpm:reason": event.reason,
            "bpm:forced": True if event.is_forced else None,
        }
    )
    yield "</event>\n"


def _attributes(values: Mapping[str, object]) -> Iterator[str]:
    """The elements of attributes that have a value."""
    for key, value in values.items():
        if value is not None:
            kind = next((kind for type_, kind in _KINDS if isinstance(value, type_)), "string")
            yield f"<{kind} key={_quoted(key)} value={_quoted(_text(value))}/>\n"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _quoted(text: str) -> str:
    """A text as the value of an XML attribute; characters that XML cannot hold are left out."""
    allowed = "".join(
        character
        for character in text
        if character in "\t\n\r"
        or " " <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character > "\uffff"
    )
    return quoteattr(allowed)
