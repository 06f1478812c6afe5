"""Publishing: a document is proved, frozen and numbered; new cases take the newest version."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from bpm_crm.engine.soundness.certificate import Certificate, certificate_data, certificate_of
from bpm_crm.engine.soundness.certify import certify
from bpm_crm.operations.access import ROLES
from bpm_crm.processes.definitions import restore
from bpm_crm.processes.library import ResolvedProcess, resolve, resolve_data
from bpm_crm.records.channels import adopt_channels, insert_channel
from bpm_crm.records.database import Connection, Row
from bpm_crm.records.definitions import advance_definition, insert_definition, insert_version, lock_definition
from bpm_crm.records.identifiers import new_id

HOLIDAY_YEARS_BACK = 10
HOLIDAY_YEARS_AHEAD = 10
INSTALLED = "Installed with the product."
"""The changelog of shipped processes."""


@dataclass(frozen=True, slots=True)
class Published:
    """A published version; `is_new` is false when the newest version said the same already."""

    definition_id: UUID
    version: int
    checksum: str
    is_new: bool
    process: ResolvedProcess


def prove(text: str, at: datetime) -> ResolvedProcess:
    """Resolve a document and prove it sound, as publishing at `at` would; `DefinitionInvalid` with every problem."""
    return resolve(text, years=_holiday_years(at), roles=ROLES)


def prove_data(data: Mapping[str, Any], at: datetime) -> ResolvedProcess:
    """Prove a document that is plain data and stands alone; `DefinitionInvalid` with every problem, of which none has a line."""
    return resolve_data(data, years=_holiday_years(at), roles=ROLES)


def _holiday_years(at: datetime) -> range:
    return range(at.year - HOLIDAY_YEARS_BACK, at.year + HOLIDAY_YEARS_AHEAD + 1)


async def publish(
    connection: Connection,
    tenant_id: UUID,
    text: str,
    *,
    changelog: str,
    at: datetime,
    by: UUID | None,
    process: ResolvedProcess | None = None,
    is_held: bool = False,
) -> Published:
    """Publish a document as the next version of its definition, and let it handle its channels that have no process yet.

    Channels that the company lacks are opened, under the title of the process. A document equal to the newest version publishes
    nothing. `process` is what `prove` made of the text, where that was done already. A version that is held is not taken by new cases
    until it is rolled out. `DefinitionInvalid` when it is not sound; then nothing is written.
    """
    process = process or prove(text, at)
    definition = process.definition
    checksum = checksum_of(process)
    titles = (definition.title.en, definition.title.ru)
    known = await lock_definition(connection, tenant_id, definition.key)
    if known is not None and known["checksum"] == checksum:
        return Published(known["id"], known["latest_version"], checksum, is_new=False, process=process)
    if known is None:
        definition_id, version = new_id(), 1
        await insert_definition(connection, tenant_id, definition_id, definition.key, titles, at)
    else:
        definition_id, version = known["id"], known["latest_version"] + 1
        await advance_definition(connection, tenant_id, definition_id, version, titles, is_held=is_held)
    values = {"definition_id": definition_id, "version": version, "document": process.data, "source": text}
    values |= {"checksum": checksum, "changelog": changelog, "published_at": at, "published_by": by}
    values["origin"] = process.origin
    values["certificate"] = certificate_data(process.certificate)
    await insert_version(connection, tenant_id, values)
    for channel in definition.channels:
        await insert_channel(connection, tenant_id, new_id(), channel, titles, None, at)
    await adopt_channels(connection, tenant_id, definition_id, definition.channels)
    return Published(definition_id, version, checksum, is_new=True, process=process)


def certificate_of_version(row: Row) -> Certificate:
    """The certificate stored with a version; for one older than certificates, made now, with the problems it may have."""
    stored = row["certificate"]
    return certify(restore(row["document"]), ROLES) if stored is None else certificate_of(stored)


def checksum_of(process: ResolvedProcess) -> str:
    """The SHA-256 of the document, whose order counts: of two transitions by one trigger the first that may go goes."""
    return checksum_of_data(process.data)


def checksum_of_data(data: Mapping[str, Any]) -> str:
    """The checksum of a document in its stored form."""
    return hashlib.sha256(orjson.dumps(data)).hexdigest()
