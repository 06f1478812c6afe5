"""Sessions that stay behind the wall of one tenant, for statements that are transactions of their own."""

from typing import Any
from uuid import UUID

import asyncpg


class Session(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that names its tenant once, until it is asked for another; before that the wall refuses every table to it."""

    __slots__ = ("_tenant_id",)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._tenant_id: UUID | None = None

    async def enter(self, tenant_id: UUID) -> None:
        """Go behind the wall of a tenant."""
        if self._tenant_id != tenant_id:
            self._tenant_id = None
            await self.execute(f"SET app.tenant_id = '{UUID(str(tenant_id))}'")
            self._tenant_id = tenant_id
