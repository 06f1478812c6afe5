"""What is made of published versions, which never change: read once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

from bpm_crm.records.database import Connection

V = TypeVar("V")

VersionKey = tuple[UUID, int]
"""A definition and the number of a version."""


class VersionCache(Generic[V]):
    """Things made of versions before. Keeps at most `most`; what would be more begins anew."""

    def __init__(
        self, most: int, load: Callable[[Connection, UUID, Sequence[VersionKey]], Awaitable[dict[VersionKey, V]]]
    ) -> None:
        self._most = most
        self._load = load
        self._kept: dict[tuple[UUID, VersionKey], V] = {}

    async def read(self, connection: Connection, tenant_id: UUID, wanted: Sequence[VersionKey]) -> tuple[V, ...]:
        """What is made of these versions of a tenant, in their order."""
        found = {key: self._kept[tenant_id, key] for key in wanted if (tenant_id, key) in self._kept}
        if missing := [key for key in wanted if key not in found]:
            found |= await self._load(connection, tenant_id, missing)
            kept = self._kept if len(self._kept) + len(missing) <= self._most else {}
            self._kept = {**kept, **{(tenant_id, key): value for key, value in found.items()}}
        return tuple(found[key] for key in wanted)
