"""The tenant wall is in the database: no statement of one tenant ever sees or touches a row of another."""

import asyncio
import random
from uuid import UUID, uuid4

import asyncpg
import pytest

from bpm_crm.operations.commands import Fire
from bpm_crm.operations.compactor import compact
from bpm_crm.records.bootstrap import Access
from bpm_crm.records.database import Database, DatabaseUnfit
from bpm_crm.records.tables import SQLModel
from tests.world import World, a_world, customer, found

TENANT_TABLES = sorted(SQLModel.metadata.tables)
GLOBAL_TABLES = {"alembic_version"}


def superuser(access: Access) -> str:
    return access.owner.replace("bpm_crm_owner@", "postgres@")


async def test_every_table_has_the_wall_and_forces_it_on_its_owner(access: Access) -> None:
    connection = await asyncpg.connect(superuser(access))
    tables = await connection.fetch(
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
        "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    walls = await connection.fetch(
        "SELECT tablename, roles::text[] AS roles FROM pg_policies WHERE policyname = 'tenant_wall' AND permissive = 'RESTRICTIVE' "
        "AND qual LIKE '%app.tenant_id%' AND with_check LIKE '%app.tenant_id%' AND cmd = 'ALL'"
    )
    await connection.close()
    assert {row["relname"] for row in tables} - GLOBAL_TABLES == set(TENANT_TABLES)
    walled = {row["tablename"]: set(row["roles"]) for row in walls}
    for row in tables:
        if row["relname"] not in GLOBAL_TABLES:
            assert row["relrowsecurity"] and row["relforcerowsecurity"], row["relname"]  # noqa: PT018  # one property
            assert {"bpm_crm_app", "bpm_crm_worker"} <= walled[row["relname"]], row["relname"]


async def test_every_key_begins_with_the_tenant(access: Access) -> None:
    connection = await asyncpg.connect(superuser(access))
    keys = await connection.fetch(
        "SELECT conrelid::regclass::text AS table, conname, contype::text, "
        "(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]) AS first "
        "FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND connamespace = 'public'::regnamespace"
    )
    await connection.close()
    assert {row["first"] for row in keys if row["table"] not in GLOBAL_TABLES} == {"tenant_id"}


async def test_no_role_of_the_product_can_bypass_the_wall(access: Access) -> None:
    connection = await asyncpg.connect(superuser(access))
    roles = await connection.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname LIKE 'bpm_crm_%'"
    )
    owned = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND pg_get_userbyid(relowner) IN ('bpm_crm_app', 'bpm_crm_worker')"
    )
    await connection.close()
    assert len(roles) == 4
    assert not any(row["rolsuper"] or row["rolbypassrls"] or row["rolcreaterole"] for row in roles)
    assert owned == []


async def test_a_superuser_is_refused_as_the_role_of_a_process(access: Access) -> None:
    with pytest.raises(DatabaseUnfit, match="can bypass row security"):
        await Database.connect(superuser(access))


@pytest.mark.parametrize("table", TENANT_TABLES)
async def test_another_tenants_rows_are_neither_seen_nor_changed_nor_made(world: World, table: str) -> None:
    await world.done(None, world.capture(customer=customer(1), comment="hello"), Fire("contact"), idempotency_key="k")
    worker = await Database.connect(world.access.worker, size=1)
    while await compact(worker, world.tenant_id):
        pass
    await worker.close()
    await world.done(None, world.capture())
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(
            "INSERT INTO outbox SELECT $1, gen_random_uuid(), 'x', '{}', 'x', now(), 0", world.tenant_id
        )
        await connection.execute("INSERT INTO lease VALUES ($1, gen_random_uuid(), now())", world.tenant_id)
        if table in {"case_change", "case_part", "cell", "cell_sheet", "compaction"}:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") > 0
    stranger = uuid4()
    for database in (world.database, world.owner):
        if table == "tenant" and database is world.owner:
            continue
        async with database.reader(stranger) as connection:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0
        for statement in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
            try:
                async with database.transaction(stranger) as connection:
                    assert (await connection.execute(statement)).endswith(" 0")
            except asyncpg.InsufficientPrivilegeError:
                continue


async def test_a_row_for_another_tenant_cannot_be_made(world: World) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with world.database.transaction(world.tenant_id) as connection:
            await connection.execute(
                "INSERT INTO customer (tenant_id, id, created_at) VALUES ($1, gen_random_uuid(), now())", uuid4()
            )


async def test_a_statement_outside_a_tenant_fails_instead_of_seeing_nothing(world: World) -> None:
    async with world.database.across_tenants() as connection:
        with pytest.raises(asyncpg.PostgresError, match=r"app\.tenant_id|invalid input syntax for type uuid"):
            await connection.fetch("SELECT * FROM process_instance")


async def leaks(world: World, tenants: list[UUID], transactions: int, seed: int) -> int:
    """Run transactions of many tenants over one small pool, with errors and cancellations mixed in; count foreign rows seen."""
    rng = random.Random(seed)
    seen = 0

    async def one(tenant: UUID, mishap: str) -> None:
        nonlocal seen
        async with world.database.transaction(tenant) as connection:
            rows = await connection.fetch("SELECT tenant_id FROM channel LIMIT 3")
            seen += sum(row["tenant_id"] != tenant for row in rows)
            if mishap == "error":
                await connection.execute("SELECT 1 / 0")
            if mishap == "sleep":
                await connection.execute("SELECT pg_sleep(0.05)")

    async def careful(tenant: UUID, mishap: str) -> None:
        task = asyncio.create_task(one(tenant, mishap))
        if mishap == "sleep":
            await asyncio.sleep(rng.random() * 0.03)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for begin in range(0, transactions, 50):
        batch = range(begin, min(begin + 50, transactions))
        mishaps = rng.choices(["", "error", "sleep"], [90, 7, 3], k=len(batch))
        await asyncio.gather(*(careful(rng.choice(tenants), mishap) for mishap in mishaps))
    return seen


async def test_pooled_transactions_of_many_tenants_never_leak(world: World) -> None:
    tenants = [world.tenant_id, *[(await found(world.owner, f"t{n}", ())).tenant_id for n in range(7)]]
    assert await leaks(world, tenants, 10_000, seed=1) == 0


async def test_the_leak_is_found_once_the_wall_is_removed(world: World) -> None:
    """Negative control: the same check must fail without the wall."""
    tenants = [world.tenant_id, (await found(world.owner, "t1", ())).tenant_id]
    admin = await asyncpg.connect(superuser(world.access))
    await admin.execute("DROP POLICY tenant_wall ON channel")
    await admin.close()
    assert await leaks(world, tenants, 200, seed=2) > 0


async def test_every_statement_of_the_write_path_names_the_tenant_of_every_table(access: Access) -> None:
    """Under a sharded server the planner must see the tenant of each table; row security alone is not enough."""
    statements: set[str] = set()
    async with a_world(access) as world:
        world.database.log_statements(statements.add)
        case = (
            await world.done(None, world.capture(customer=customer(1), external_id="1", comment="x"), Fire("contact"))
        ).instance.id
        await world.done(case, Fire("qualify", {"need": "x"}), idempotency_key="k", fingerprint=b"k")
        await world.done(case, Fire("qualify", {"need": "x"}), idempotency_key="k", fingerprint=b"k")
        await world.done(case, Fire("make_offer", {"amount": "5"}))
    checked = 0
    for statement in statements:
        named = [
            table for table in TENANT_TABLES if f" {table} " in f" {' '.join(statement.split())} ".replace("\n", " ")
        ]
        if named:
            checked += 1
            assert statement.count("tenant_id") >= len(named), statement
            assert "$1" in statement, statement
    assert checked >= 8
