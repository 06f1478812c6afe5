"""Published versions made ready to run, each built once and shared by all tenants that run the same document."""

from uuid import UUID

from bpm_crm.engine.process import Process
from bpm_crm.processes.definitions import restore
from bpm_crm.records.database import Connection
from bpm_crm.records.definitions import load_version

Key = tuple[UUID, UUID, int]


class ProcessCache:
    """Keeps every version that was asked for; versions are immutable, so nothing here ever goes stale."""

    def __init__(self) -> None:
        self._by_version: dict[Key, Process] = {}
        self._by_checksum: dict[str, Process] = {}

    async def get(self, connection: Connection, tenant_id: UUID, definition_id: UUID, version: int) -> Process:
        """The process of a version; `LookupError` when the tenant has no such version."""
        key = (tenant_id, definition_id, version)
        found = self._by_version.get(key)
        if found is None:
            row = await load_version(connection, tenant_id, definition_id, version)
            if row is None:
                raise LookupError(f"version {version} of definition {definition_id} is not published")
            found = self._by_checksum.get(row["checksum"])
            if found is None:
                found = Process(restore(row["document"]))
                self._by_checksum[row["checksum"]] = found
            self._by_version[key] = found
        return found

    def known(self, tenant_id: UUID, definition_id: UUID, version: int) -> Process | None:
        """The process of a version that was asked for before."""
        return self._by_version.get((tenant_id, definition_id, version))
