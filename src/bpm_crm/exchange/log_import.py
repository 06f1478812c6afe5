"""Imports a foreign event log: its cases become instances of a definition derived for it, with their own timestamps.

The whole log is read and checked before anything is written. A case is known again by its channel and its number in the log, so an
interrupted import goes on, and a second one writes nothing.
"""

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bpm_crm.exchange.derivation import (
    FINISH,
    GROUP,
    RESOURCE,
    channel_key,
    derive_document,
    field_key,
    stage_key,
)
from bpm_crm.exchange.profile import LONGEST_TEXT, Happening, LogProfile, channel_of, happenings_of, profile_log
from bpm_crm.exchange.sources import LogSource
from bpm_crm.exchange.xes import Trace
from bpm_crm.operations.clocks import SYSTEM
from bpm_crm.operations.commands import AlreadyCaptured, Capture, Fire, Recorded, Work
from bpm_crm.operations.publishing import Published, publish
from bpm_crm.operations.writer import Writer
from bpm_crm.records.channels import channels_by_key, insert_channel
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.notices import announce_reference

AT_ONCE = 64

Progress = Callable[[str, int, int | None], None]
"""Hears what is being done (`READING`, `CHECKING`, `IMPORTING`), bytes read and bytes in all."""

READING, CHECKING, IMPORTING = "Reading", "Checking", "Importing"


class CaseRefused(Exception):
    """A case of the log does not fit the definition derived from the same log; a fault of ours, nothing of the case was written."""


@dataclass(slots=True)
class Imported:
    """What an import did."""

    profile: LogProfile
    published: Published
    new: int = 0
    known: int = 0
    different: list[str] = field(default_factory=list)
    by_channel: dict[str, int] = field(default_factory=dict)


async def import_log(
    source: LogSource,
    *,
    owner: Database,
    writer: Writer,
    tenant_id: UUID,
    key: str,
    title: str,
    channel_attribute: str,
    at: datetime,
    progress: Progress,
) -> Imported:
    """Import a log.

    `XesInvalid` for a broken log and `DefinitionInvalid` for one that gives no sound definition: then nothing is written.
    """
    profile = profile_log(source, channel_attribute, at, functools.partial(progress, CHECKING))
    text = derive_document(profile, key=key, title=title)
    async with owner.transaction(tenant_id) as connection:
        for name, item in profile.channels.items():
            await insert_channel(connection, tenant_id, new_id(), channel_key(key, item), (name, name), None, at)
        published = await publish(connection, tenant_id, text, changelog=f"Derived from {title}.", at=at, by=None)
        channels = await channels_by_key(connection, tenant_id)
        await announce_reference(connection, tenant_id)
    imported = Imported(profile, published)
    with source() as log:
        for chunk in _chunks(iter(log)):
            works = [_work(trace, profile, published, channels, tenant_id, key, channel_attribute) for trace in chunk]
            outcomes = await writer.submit_all(works)
            for trace, outcome in zip(chunk, outcomes, strict=True):
                _count(imported, trace, outcome, channel_attribute)
            progress(IMPORTING, log.bytes_read, log.total_bytes)
    return imported


def _work(
    trace: Trace,
    profile: LogProfile,
    published: Published,
    channels: Mapping[str, UUID],
    tenant_id: UUID,
    key: str,
    channel_attribute: str,
) -> Work:
    """The commands that replay one case."""
    happenings = happenings_of(trace)
    channel = channel_key(key, profile.channels[channel_of(trace, channel_attribute)])
    capture = Capture(
        definition_id=published.definition_id,
        version=published.version,
        channel_id=channels[channel],
        channel_key=channel,
        data=_data(trace, profile),
        external_id=trace.name,
        fingerprint=_fingerprint(trace, happenings),
        opens_deal=False,
        occurred_at=happenings[0].at,
    )
    moves = (
        Fire(stage_key(profile.activities[item.activity]), _performer(item), occurred_at=item.at) for item in happenings
    )
    return Work(tenant_id, (capture, *moves, Fire(FINISH, occurred_at=happenings[-1].at)), SYSTEM)


def _data(trace: Trace, profile: LogProfile) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, (key, _) in profile.attributes.items():
        value = trace.attributes.get(name)
        if value is None or isinstance(value, tuple):
            continue
        values[field_key(key)] = value.isoformat() if isinstance(value, datetime) else value
        if isinstance(value, str):
            values[field_key(key)] = str(value)[:LONGEST_TEXT]
    return values


def _performer(item: Happening) -> dict[str, object]:
    return {RESOURCE: item.resource, GROUP: item.group}


def _fingerprint(trace: Trace, happenings: list[Happening]) -> bytes:
    digest = hashlib.sha256(trace.name.encode())
    for item in happenings:
        digest.update(f"{item.activity}\0{item.at.isoformat()}\0{item.resource}\0{item.group}\n".encode())
    return digest.digest()


def _count(imported: Imported, trace: Trace, outcome: object, channel_attribute: str) -> None:
    channel = channel_of(trace, channel_attribute)
    imported.by_channel[channel] = imported.by_channel.get(channel, 0) + 1
    if isinstance(outcome, AlreadyCaptured):
        imported.different.append(trace.name)
    elif isinstance(outcome, Recorded):
        imported.known += outcome.repeated
        imported.new += not outcome.repeated
    else:
        raise CaseRefused(f"case {trace.name} (line {trace.line}): {outcome}")


def _chunks(traces: Iterator[Trace]) -> Iterator[list[Trace]]:
    chunk: list[Trace] = []
    for trace in traces:
        chunk.append(trace)
        if len(chunk) == AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
