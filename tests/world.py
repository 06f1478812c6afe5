"""A small company to test with: two teams, every role, all shipped processes, a writer that works its queue off."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from bpm_crm.engine.state import Actor
from bpm_crm.operations.access import EVERYTHING, Role, Viewer
from bpm_crm.operations.commands import Capture, Command, CustomerDetails, Outcome, Recorded, Work
from bpm_crm.operations.companies import Company, Founded, Person, found_company
from bpm_crm.operations.leads import Lead, capture_of
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.viewers import viewer_of_user
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.bootstrap import Access
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.reference import Reference, load_reference

PUBLISHED_AT = datetime(2026, 11, 1, tzinfo=UTC)

PEOPLE = (
    Person("admin@example.org", "Ada Admin", (Role.ADMIN,)),
    Person("owner@example.org", "Olga Owner", (Role.PROCESS_OWNER,)),
    Person("north@example.org", "Mira Manager", (Role.MANAGER,), team="north", leads="north"),
    Person("south@example.org", "Max Manager", (Role.MANAGER,), team="south", leads="south"),
    Person("ann@example.org", "Ann Seller", (Role.SALESPERSON,), team="north"),
    Person("bob@example.org", "Bob Seller", (Role.SALESPERSON,), team="north"),
    Person("eve@example.org", "Eve Seller", (Role.SALESPERSON,), team="south"),
    Person("analyst@example.org", "Ivan Analyst", (Role.ANALYST,)),
)


def company(key: str = "acme") -> Company:
    """A company with two teams and a channel for every shipped process."""
    return Company(
        key=key,
        title=key.title(),
        zone="Europe/Moscow",
        currency="RUB",
        people=PEOPLE,
        teams={"north": "North", "south": "South"},
        channels=tuple((name, name, name) for name in shipped_keys()),
        campaigns={"spring": "Spring"},
    )


@dataclass
class World:
    """A company in a database, with the write path running as the API's role."""

    access: Access
    owner: Database
    database: Database
    writer: Writer
    founded: Founded
    reference: Reference

    @property
    def tenant_id(self) -> UUID:
        return self.founded.tenant_id

    def viewer(self, name: str) -> Viewer:
        """The viewer a person is, by the part of their address before the @."""
        found = viewer_of_user(self.reference, self.founded.users[f"{name}@example.org"])
        assert found is not None
        return found

    def actor(self, name: str) -> Actor:
        return self.viewer(name).actor

    async def refresh(self) -> None:
        async with self.owner.reader(self.tenant_id) as connection:
            found = await load_reference(connection, self.tenant_id)
        assert found is not None
        self.reference = found

    def capture(self, channel: str = "callback-request", **values: Any) -> Capture:
        """The command that captures a lead into the queue of the north team."""
        lead = Lead(channel=channel, **{"team": "north", **values})
        found = capture_of(self.reference, self.viewer("admin"), EVERYTHING, lead)
        assert isinstance(found, Capture), found
        return found

    async def do(self, instance_id: UUID | None, *commands: Command, by: str = "ann", **options: Any) -> Outcome:
        """Carry out commands together on a case (None: a new one)."""
        work = Work(self.tenant_id, commands, self.actor(by), instance_id=instance_id, **options)
        return await self.writer.submit(work)

    async def done(self, instance_id: UUID | None, *commands: Command, by: str = "ann", **options: Any) -> Recorded:
        """Carry out commands that must succeed."""
        outcome = await self.do(instance_id, *commands, by=by, **options)
        assert isinstance(outcome, Recorded), outcome
        return outcome

    async def counts(
        self, tables: Iterable[str] = ("process_instance", "history", "deal", "customer", "outbox")
    ) -> dict[str, int]:
        """The number of rows of some tables."""
        async with self.owner.reader(self.tenant_id) as connection:
            return {
                table: await connection.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", self.tenant_id)
                for table in tables
            }


async def found(owner: Database, key: str = "acme", processes: Iterable[str] | None = None) -> Founded:
    """Set a company up with published processes (default: all shipped)."""
    tenant_id = new_id()
    async with owner.transaction(tenant_id) as connection:
        founded = await found_company(connection, tenant_id, company(key), PUBLISHED_AT)
        for name in shipped_keys() if processes is None else processes:
            await publish(connection, tenant_id, shipped_text(name), changelog="first", at=PUBLISHED_AT, by=None)
    return founded


@asynccontextmanager
async def a_world(
    access: Access, key: str = "acme", processes: Iterable[str] | None = None, **options: Any
) -> AsyncIterator[World]:
    """A company in a database of its own, ready to work, with published processes (default: all shipped)."""
    owner, database = await Database.connect(access.owner), await Database.connect(access.app, **options)
    writer = Writer(database, ProcessCache())
    writer.start()
    try:
        founded = await found(owner, key, processes)
        async with owner.reader(founded.tenant_id) as connection:
            reference = await load_reference(connection, founded.tenant_id)
        assert reference is not None
        yield World(access, owner, database, writer, founded, reference)
    finally:
        await writer.stop()
        await database.close()
        await owner.close()


def customer(number: int) -> CustomerDetails:
    """A customer of their own."""
    return CustomerDetails(f"Customer {number}", f"+7999{number:07}", f"c{number}@example.com", "Moscow")


async def tamper(world: World, *statements: str) -> None:
    """What only who owns the whole server can do."""
    connection = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await connection.execute("SET session_replication_role = replica")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
