"""Migrations: from empty to head and back again, without a difference to the tables in code."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from bpm_crm.analytics.cells.sheets import evaluation_of
from bpm_crm.embedded.server import Server
from bpm_crm.records import migrations
from bpm_crm.records.bootstrap import Access, prepare_server
from bpm_crm.records.database import Database
from bpm_crm.records.revision import HEAD, current
from tests.world import World, a_world, customer


@pytest.fixture
async def empty(postgres: Server, template: str) -> AsyncIterator[Access]:
    """A database without any table."""
    name = f"empty_{uuid4().hex[:8]}"
    await prepare_server(postgres.dsn(postgres.superuser, "postgres"), name)
    yield Access(*(postgres.dsn(role, name) for role in ("bpm_crm_owner", "bpm_crm_app", "bpm_crm_worker")))
    admin = await asyncpg.connect(postgres.dsn(postgres.superuser, "postgres"))
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def tables(access: Access) -> set[str]:
    connection = await asyncpg.connect(access.owner)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return {row["tablename"] for row in rows}


async def revision_of(access: Access) -> str | None:
    connection = await asyncpg.connect(access.owner)
    try:
        return await current(connection)
    finally:
        await connection.close()


def test_the_code_needs_the_newest_migration() -> None:
    assert migrations.head() == HEAD


async def test_an_empty_database_has_no_revision(empty: Access) -> None:
    assert await revision_of(empty) is None


async def test_an_empty_database_goes_up_down_and_up_again(empty: Access) -> None:
    await migrations.upgrade(empty.owner)
    first = await tables(empty)
    assert await revision_of(empty) == migrations.head()
    await migrations.downgrade(empty.owner, "base")
    assert await tables(empty) == {"alembic_version"}
    await migrations.upgrade(empty.owner)
    assert await tables(empty) == first


async def test_the_product_works_after_down_and_up(empty: Access) -> None:
    await migrations.upgrade(empty.owner)
    await migrations.downgrade(empty.owner, "base")
    await migrations.upgrade(empty.owner)
    async with a_world(empty) as world:
        await world.done(None, world.capture(customer=customer(1)))


async def test_sheets_of_before_they_could_grow_are_fed_under_the_same_name(empty: Access) -> None:
    await migrations.upgrade(empty.owner, "0016")
    owner, tenant = await Database.connect(empty.owner), uuid4()
    async with owner.transaction(tenant) as connection:
        await connection.execute(
            "INSERT INTO tenant (tenant_id, key, title, zone, currency, created_at) VALUES ($1, 'old', 'Old', 'Europe/Moscow', 'RUB', now())",
            tenant,
        )
        for steps in (["lead", "приём"], []):
            await connection.execute(
                "INSERT INTO cell_sheet (tenant_id, id, report, checkpoints, definitions, zone, filled_to, is_filled)"
                " VALUES ($1, $2, 'losses@1', $3, '{}', 'Europe/Moscow', $2, true)",
                tenant,
                uuid4(),
                steps,
            )
    await owner.close()
    await migrations.upgrade(empty.owner)
    owner = await Database.connect(empty.owner)
    async with owner.reader(tenant) as connection:
        rows = await connection.fetch("SELECT checkpoints, evaluation FROM cell_sheet")
    await owner.close()
    assert len(rows) == 2
    for row in rows:
        assert row["evaluation"] == evaluation_of("losses@1", "Europe/Moscow", row["checkpoints"])


async def test_the_migrations_make_the_tables_of_the_code(access: Access) -> None:
    assert await migrations.drift(access.owner) == []


async def test_a_difference_would_be_found(access: Access) -> None:
    """Negative control."""
    connection = await asyncpg.connect(access.owner)
    await connection.execute("ALTER TABLE customer DROP COLUMN region")
    await connection.close()
    assert await migrations.drift(access.owner) != []


async def test_history_cannot_be_changed_by_anyone_who_works_with_it(world: World) -> None:
    await world.done(None, world.capture())
    for url in (world.access.app, world.access.worker, world.access.owner):
        connection = await asyncpg.connect(url)
        await connection.execute(f"SET app.tenant_id = '{world.tenant_id}'")
        for statement in ("UPDATE history SET kind = 'x'", "DELETE FROM history", "TRUNCATE history"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.close()
