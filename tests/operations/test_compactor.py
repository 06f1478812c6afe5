"""The compactor folds a company when many of its cases have changed or some time has passed, and companies apart."""

from collections.abc import AsyncIterator

import pytest

from bpm_crm.engine.step import Activity
from bpm_crm.operations import compacting, compactor
from bpm_crm.operations.commands import Fire, Record
from bpm_crm.operations.compactor import Compactor
from bpm_crm.records.database import Database
from bpm_crm.records.readiness import readiness
from bpm_crm.records.sweeping import changed_tenants, unfilled_tenants
from tests.analytics.walks import Walks
from tests.world import World, a_world


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=2)
    yield database
    await database.close()


async def test_changes_gather_until_they_are_many_or_have_waited(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compactor, "ENOUGH_CHANGES", 4)
    keeper = Compactor(worker)
    case = (await world.done(None, world.capture())).instance.id
    while await keeper.run(1_000.0):
        pass
    assert await changed_tenants(worker) == {}
    await world.done(case, Fire("contact"))
    await keeper.run(1_014.0)
    assert await changed_tenants(worker) == {world.tenant_id: 1}
    assert (await readiness(world.database)).changes_waiting == 1
    await keeper.run(1_015.0)
    assert await changed_tenants(worker) == {}
    for _ in range(4):
        await world.done(case, Record(Activity("note")))
    await keeper.run(1_016.0)
    assert await changed_tenants(worker) == {}


async def test_filling_goes_on_without_a_pause(world: World, worker: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "FILLED_AT_ONCE", 2)
    keeper = Compactor(worker)
    for _ in range(7):
        await world.done(None, world.capture())
    passes = 1
    while await keeper.run(1_000.0):
        passes += 1
    assert passes >= 4
    async with worker.reader(world.tenant_id) as connection:
        states = await connection.fetch("SELECT is_filled FROM cell_sheet WHERE tenant_id = $1", world.tenant_id)
    assert {row["is_filled"] for row in states} == {True}


async def test_companies_are_folded_apart(world: World, worker: Database) -> None:
    async with a_world(world.access, "globex") as other:
        await world.done(None, world.capture())
        await other.done(None, other.capture())
        assert set(await changed_tenants(worker)) == {world.tenant_id, other.tenant_id}
        keeper = Compactor(worker)
        while await keeper.run(1_000.0):
            pass
        assert await changed_tenants(worker) == {}
        for one in (world, other):
            async with worker.reader(one.tenant_id) as connection:
                assert await connection.fetchval("SELECT count(*) FROM case_part") == 1


async def test_missing_sheets_are_filled_though_no_case_moves(world: World, worker: Database) -> None:
    await world.done(None, world.capture())
    keeper = Compactor(worker)
    while await keeper.run(1_000.0):
        pass
    assert await unfilled_tenants(worker) == set()
    async with world.owner.transaction(world.tenant_id) as connection:
        for table in ("cell", "cell_sheet", "case_part", "compaction"):
            await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", world.tenant_id)
    assert (await changed_tenants(worker), await unfilled_tenants(worker)) == ({}, {world.tenant_id})
    while await keeper.run(1_015.0):
        pass
    assert await unfilled_tenants(worker) == set()
    async with worker.reader(world.tenant_id) as connection:
        states = await connection.fetch("SELECT is_filled FROM cell_sheet WHERE tenant_id = $1", world.tenant_id)
        assert await connection.fetchval("SELECT count(*) FROM case_part") == 1
    assert {row["is_filled"] for row in states} == {True}


async def test_a_process_published_since_is_filled_though_no_case_moves(world: World, worker: Database) -> None:
    keeper = Compactor(worker)
    while await keeper.run(1_000.0):
        pass
    walks = Walks(world, 1)
    await walks._publish()
    assert await unfilled_tenants(worker) == {world.tenant_id}
    async with worker.reader(world.tenant_id) as connection:
        before = await connection.fetchval(
            "SELECT count(*) FROM cell_sheet WHERE report LIKE 'funnel_cohort@%' AND 'met' = ANY (checkpoints)"
        )
    while await keeper.run(1_015.0):
        pass
    async with worker.reader(world.tenant_id) as connection:
        after = await connection.fetchval(
            "SELECT count(*) FROM cell_sheet WHERE report LIKE 'funnel_cohort@%' AND 'met' = ANY (checkpoints) AND is_filled"
        )
    assert (before, after > 0) == (0, True)
