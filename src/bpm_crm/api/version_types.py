"""Versions of process definitions as the API shows them."""

import asyncio
from datetime import datetime
from enum import Enum
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from bpm_crm.api.certificates import CertificateType, certificate_type
from bpm_crm.api.context import Info
from bpm_crm.api.exposing import expose
from bpm_crm.api.ids import to_global
from bpm_crm.api.nodes import Node
from bpm_crm.api.people import User, user_of
from bpm_crm.operations.access import Permission
from bpm_crm.operations.publishing import certificate_of_version
from bpm_crm.records.database import Row
from bpm_crm.records.reference import DefinitionRecord, Reference


class VersionStatus(Enum):
    """What new cases have to do with a version."""

    CURRENT = "current"
    ROLLING_OUT = "rolling_out"
    HELD = "held"
    SUPERSEDED = "superseded"


expose(
    VersionStatus,
    "What new cases have to do with a version.",
    {
        VersionStatus.CURRENT: "New cases take it; unless the process is retired, then it is the one they would take.",
        VersionStatus.ROLLING_OUT: "Some of the new cases take it: it is being rolled out.",
        VersionStatus.HELD: "It is newer than what new cases take, and waits for a rollout.",
        VersionStatus.SUPERSEDED: "New cases take a newer one.",
    },
)


@strawberry.type(description="One immutable published version of a process definition.")
class ProcessVersion(Node):
    """One immutable published version."""

    version: int = strawberry.field(description="Number of the version.")
    checksum: str = strawberry.field(description="SHA-256 of the document.")
    changelog: str = strawberry.field(description="What changed, in the words of who published it.")
    published_at: datetime = strawberry.field(description="When it was published.")
    published_by: User | None = strawberry.field(
        description="Who published it; null when it was installed with the product."
    )
    is_shipped: bool = strawberry.field(description="Whether it says what the product ships under this key.")
    definition_id: strawberry.Private[UUID]

    @strawberry.field(description="What new cases have to do with it.")
    def status(self, info: Info) -> VersionStatus:
        """What new cases have to do with it."""
        info.context.require(Permission.VIEW_DEFINITIONS)
        return _status(info.context.known.definitions[self.definition_id], self.version)

    @strawberry.field(description="Cases that run or ran under it.")
    async def total_instances(self, info: Info) -> int:
        """Cases that run or ran under it."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return (await info.context.loader.instance_counts.load(self.definition_id)).get(self.version, (0, 0))[0]

    @strawberry.field(description="Cases under it that have not ended.")
    async def open_instances(self, info: Info) -> int:
        """Cases under it that have not ended."""
        info.context.require(Permission.MANAGE_PROCESSES)
        return (await info.context.loader.instance_counts.load(self.definition_id)).get(self.version, (0, 0))[1]

    @strawberry.field(description="The document that stands alone: shared parts and public holidays written out.")
    async def document(self, info: Info) -> JSON:
        """The document that stands alone."""
        return (await self._row(info))["document"]

    @strawberry.field(description="The YAML text it was published from, with its comments.")
    async def source(self, info: Info) -> str:
        """The YAML text it was published from."""
        return str((await self._row(info))["source"])

    @strawberry.field(
        description="The certificate of its soundness; of a version older than certificates, made for this answer."
    )
    async def certificate(self, info: Info) -> CertificateType:
        """The certificate of its soundness, proved in a thread where none is stored."""
        found = await asyncio.to_thread(certificate_of_version, await self._row(info))
        return certificate_type(found, info.context.language)

    async def _row(self, info: Info) -> Row:
        info.context.require(Permission.VIEW_DEFINITIONS)
        row = await info.context.loader.documents.load((self.definition_id, self.version))
        if row is None:
            raise LookupError(f"version {self.version} is gone")
        return row


async def version_of(info: Info, key: str) -> ProcessVersion | None:
    """The version that the key of a global id means: `definition.number`."""
    definition, _, number = key.partition(".")
    known = next((found for found in info.context.known.definitions if str(found) == definition), None)
    rows = [] if known is None else await info.context.loader.versions.load(known)
    return next((version_type(info.context.people, row) for row in rows if str(row["version"]) == number), None)


def _status(record: DefinitionRecord, version: int) -> VersionStatus:
    if version == record.taken_version:
        return VersionStatus.CURRENT
    if version == record.rollout_version:
        return VersionStatus.ROLLING_OUT
    return VersionStatus.HELD if version > record.taken_version else VersionStatus.SUPERSEDED


def version_type(reference: Reference, row: Row) -> ProcessVersion:
    """A version as the API shows it."""
    return ProcessVersion(
        id=to_global("ProcessVersion", f"{row['definition_id']}.{row['version']}"),
        definition_id=row["definition_id"],
        version=row["version"],
        checksum=row["checksum"],
        changelog=row["changelog"],
        published_at=row["published_at"],
        published_by=user_of(reference, row["published_by"]),
        is_shipped=row["origin"] is not None,
    )
