"""What resolvers find in `info.context`: who asks, in which language, and the services that answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID

import strawberry

from bpm_crm.api.faults import Code, Fault
from bpm_crm.api.links import LinkSigner
from bpm_crm.api.loaders import Loaders
from bpm_crm.engine.definition import Title
from bpm_crm.engine.process import Process
from bpm_crm.operations.access import Permission, Scope, Viewer
from bpm_crm.operations.events import EventHub
from bpm_crm.operations.job_watch import JobWatch
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.listings import CustomerRecord, DealRecord
from bpm_crm.records.reference import Reference


class Views(Protocol):
    """Makes the types that refer to each other in a circle; put together in `schema.py`, above all of them."""

    def deal(self, context: "RequestContext", record: DealRecord) -> Any:
        """A deal as the API shows it."""

    def customer(self, record: CustomerRecord) -> Any:
        """A customer as the API shows it."""


TABLES_AT_ONCE = 2
"""How many tables one process reads at a time: each may take much memory."""
NO_TOKEN = Title(
    "Send a token: `Authorization: Bearer …`.", "Передайте токен: `Authorization: Bearer …`."
)  # a text, not a token


@dataclass(frozen=True, slots=True)
class Services:
    """What one process shares among all requests. `now` is the wall clock of the entry point, `reading` lets few read tables at once.

    Without a secret there are no `links`.
    """

    database: Database
    writer: Writer
    reference: ReferenceCache
    hub: EventHub
    jobs: JobWatch
    views: Views
    now: Callable[[], datetime]
    links: LinkSigner | None = None
    reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TABLES_AT_ONCE))


@dataclass(slots=True)
class RequestContext:
    """One operation of one caller. Without credentials `viewer` is None and only the schema may be read.

    `revive` finds the caller again in newer reference data; `memo` keeps what the operation made and may need again.
    """

    services: Services
    request_id: str
    language: str = "en"
    viewer: Viewer | None = None
    reference: Reference | None = None
    expires_at: datetime | None = None
    revive: Callable[[Reference], Viewer | None] = field(default=lambda _reference: None)
    loaders: Loaders | None = None
    memo: dict[Any, Any] = field(default_factory=dict)

    def for_operation(self, request_id: str) -> Self:
        """The context of another operation of the same caller, as the caller is now."""
        return replace(self.refreshed(), request_id=request_id, loaders=None, memo={})

    def refreshed(self) -> Self:
        """The same caller with the roles and reference data of this moment; without permissions once deactivated or revoked."""
        if self.viewer is None:
            return self
        reference = self.services.reference.current(self.viewer.tenant_id)
        if reference is None or reference is self.reference:
            return self
        return replace(self, reference=reference, viewer=self.revive(reference), loaders=None, memo={})

    def require(self, permission: Permission) -> tuple[Viewer, Scope]:
        """The viewer and the cases over which they have a permission; a fault without credentials or permission."""
        viewer = self.caller
        scope = viewer.scope(permission)
        if scope is None:
            raise Fault(
                Code.FORBIDDEN,
                Title("Your role does not allow this.", "Ваша роль этого не позволяет."),
                permission=permission.value,
            )
        return viewer, scope

    def scope(self, permission: Permission) -> Scope | None:
        """The cases over which the viewer has a permission; None without it."""
        return None if self.viewer is None else self.viewer.scope(permission)

    @property
    def known(self) -> Reference:
        """The reference data of the viewer's tenant."""
        if self.reference is None:
            raise Fault(Code.UNAUTHENTICATED, NO_TOKEN)
        return self.reference

    @property
    def people(self) -> Reference:
        """The same with the users and teams the viewer may see: all of them or none."""
        known = self.known
        if self.caller.may(Permission.VIEW_PEOPLE):
            return known
        hidden: Reference = self.memo.setdefault("people", replace(known, users={}, teams={}))
        return hidden

    @property
    def caller(self) -> Viewer:
        """Who asks; a fault without credentials."""
        if self.viewer is None:
            raise Fault(Code.UNAUTHENTICATED, NO_TOKEN)
        return self.viewer

    @property
    def loader(self) -> Loaders:
        """The loaders of this operation, made when they are first asked for."""
        if self.loaders is None:
            self.loaders = Loaders(self.services.database, self.caller.tenant_id)
        return self.loaders

    def deal(self, record: DealRecord | None) -> Any:
        """A deal as the API shows it."""
        return None if record is None else self.services.views.deal(self, record)

    def customer(self, record: CustomerRecord | None) -> Any:
        """A customer as the API shows it."""
        return None if record is None else self.services.views.customer(record)

    async def process(self, definition_id: UUID, version: int) -> Process:
        """A version made ready to run."""
        tenant_id = self.known.tenant.id
        processes = self.services.writer.processes
        found = processes.known(tenant_id, definition_id, version)
        if found is not None:
            return found
        async with self.services.database.reader(tenant_id) as connection:
            return await processes.get(connection, tenant_id, definition_id, version)


Info = strawberry.Info[RequestContext, None]
