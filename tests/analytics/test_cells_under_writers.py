"""Cells under concurrent writers, a compactor that is killed, steps dated ahead, and damage: no reader ever sees another figure than history's."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bpm_crm.analytics.cells import settled
from bpm_crm.analytics.cells.bodies import joined_bodies, unpack_columns
from bpm_crm.analytics.cells.reading import read_answers
from bpm_crm.analytics.dimensions import Dimension, Grouping
from bpm_crm.analytics.frames import Question, read_frame
from bpm_crm.analytics.funnel import read_funnel
from bpm_crm.analytics.kept_funnels import KEPT_COHORT
from bpm_crm.analytics.losses import read_losses
from bpm_crm.engine.step import Activity
from bpm_crm.operations import compacting
from bpm_crm.operations.cell_rebuild import rebuild_cells
from bpm_crm.operations.commands import Exclude, Fire, Record, Recorded, Work
from bpm_crm.operations.compactor import compact
from bpm_crm.operations.rebuild import Rebuilder
from bpm_crm.records import cell_bodies, cells
from bpm_crm.records.database import Database
from tests.analytics.kept_answers import compare
from tests.analytics.leads import database_now
from tests.analytics.test_cells import settle
from tests.analytics.walks import Walks
from tests.world import World, tamper


@pytest.fixture
async def worker(world: World) -> AsyncIterator[Database]:
    """The worker's database."""
    database = await Database.connect(world.access.worker, size=4)
    yield database
    await database.close()


def by(*dimensions: Dimension) -> Grouping:
    return Grouping(dimensions)


async def stored(world: World) -> list[tuple[Any, ...]]:
    """Every cell and every part, but for the ids of sheets."""
    async with world.owner.reader(world.tenant_id) as connection:
        sheets = "JOIN cell_sheet AS s ON s.tenant_id = c.tenant_id AND s.id = c.sheet_id WHERE c.tenant_id = $1"
        kept = "s.report, s.checkpoints, s.definitions, c.dimensions, c.level, c.starts_on, c.body"
        bodies: dict[tuple[Any, ...], list[bytes]] = {}
        for row in await connection.fetch(
            f"SELECT {kept} FROM cell AS c {sheets} ORDER BY 1, 2, 3, 4, 5, 6", world.tenant_id
        ):
            bodies.setdefault(tuple(map(str, row))[:-1], []).append(row["body"])
        parts = await connection.fetch(
            "SELECT instance_id, parts FROM case_part WHERE tenant_id = $1 ORDER BY instance_id", world.tenant_id
        )
    whole = ((*key, joined_bodies(some)) for key, some in bodies.items())
    return [*(tuple(row) for row in parts), *(cell for cell in whole if unpack_columns(cell[-1]).size)]


async def refill(world: World, worker: Database) -> None:
    """Throw the cells away and fill them anew."""
    async with world.owner.transaction(world.tenant_id) as connection:
        for table in ("cell", "cell_sheet", "case_part"):
            await connection.execute(f"DELETE FROM {table} WHERE tenant_id = $1", world.tenant_id)
    await settle(world, worker)


async def test_readers_see_the_figures_of_history_while_others_write_and_fold(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With some bodies settled, and others not."""
    monkeypatch.setattr(settled, "SETTLED_FROM", (2_000, 2_000))
    walks = Walks(world, 5)
    await walks.run(rounds=1, arrivals=20, steps=2)
    is_over = False
    compared = folded = 0

    async def write() -> None:
        for number in range(60):
            if number >= 6 and compared > 5 and folded > 20:
                return
            for _ in range(5):
                await walks._arrive()
            await walks._step_all()

    async def fold() -> None:
        nonlocal folded
        while not is_over:
            folded += await compact(worker, world.tenant_id, most=7)
            await asyncio.sleep(0)

    async def read() -> None:
        nonlocal compared
        rng = random.Random(5)
        while not is_over:
            several = by(Dimension.CHANNEL, Dimension.REGION)
            grouping = rng.choice((by(), by(Dimension.OWNER), by(Dimension.TEAM), by(Dimension.CHANNEL), several))
            await compare(world, Question(world.tenant_id, grouping=grouping), rng.choice((None, "inbound-call")))
            compared += 1

    await settle(world, worker)
    others = [asyncio.create_task(task) for task in (fold(), fold(), read(), read())]
    writing = asyncio.create_task(write())
    await asyncio.wait([writing, *others], return_when=asyncio.FIRST_COMPLETED)
    await writing
    is_over = True
    await asyncio.gather(*others)
    assert compared > 5
    assert folded > 20
    await settle(world, worker)
    await compare(world, Question(world.tenant_id), None)
    before = await stored(world)
    await refill(world, worker)
    assert await stored(world) == before
    assert len(before) > 200


@pytest.mark.parametrize("place", ["load_parts", "dated_ahead", "save_parts", "sizes", "take", "save"])
async def test_a_compactor_cut_off_at_any_place_has_done_nothing(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    walks = Walks(world, 6)
    await walks.run(rounds=1, arrivals=8, steps=2)
    await settle(world, worker)
    await walks._step_all()
    before = await stored(world)
    module: Any = cells if hasattr(cells, place) else cell_bodies
    original = getattr(module, place)

    async def cut_off(connection: Any, *arguments: Any) -> Any:
        await original(connection, *arguments)
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        admin = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
        await admin.close()
        await connection.fetchval("SELECT 1")

    with monkeypatch.context() as patched:
        patched.setattr(module, place, cut_off)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)):
            await compact(worker, world.tenant_id)
    assert await stored(world) == before
    await compare(world, Question(world.tenant_id), None)
    assert await compact(worker, world.tenant_id) > 0
    await compare(world, Question(world.tenant_id), None)
    folded = await stored(world)
    assert folded != before
    await refill(world, worker)
    assert await stored(world) == folded


async def test_a_step_that_comes_while_its_case_is_folded_is_folded_again(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = (await world.done(None, world.capture())).instance.id
    await settle(world, worker)
    await world.done(case, Fire("contact"))
    original = cells.load_parts

    async def after_a_step(*arguments: Any) -> Any:
        monkeypatch.undo()
        await world.done(case, Fire("qualify", {"need": "x"}))
        return await original(*arguments)

    monkeypatch.setattr(cells, "load_parts", after_a_step)
    assert await compact(worker, world.tenant_id) == 1
    async with worker.reader(world.tenant_id) as connection:
        assert await cells.dirty_cases(connection, world.tenant_id, await database_now(world)) == [case]
    await compare(world, Question(world.tenant_id), None)
    await settle(world, worker)
    await compare(world, Question(world.tenant_id), None)


async def test_a_step_dated_ahead_counts_from_its_instant_on(world: World, worker: Database) -> None:
    """The engine dates nothing ahead, but the clock of a server may be set back."""
    at = await database_now(world)
    case = (await world.done(None, world.capture(occurred_at=at - timedelta(hours=1)), Fire("contact"))).instance.id
    ahead = at + timedelta(seconds=5)
    admin = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await admin.execute("SET session_replication_role = replica")
    await admin.execute("UPDATE history SET occurred_at = $1 WHERE sequence = 2", ahead)
    await admin.close()
    await settle(world, worker)
    for is_ahead in (True, False):
        async with worker.reader(world.tenant_id) as connection:
            found = (await cells.load_parts(connection, world.tenant_id, [case]))[case]
            dirty = await cells.dirty_cases(connection, world.tenant_id, await database_now(world))
        assert (found.valid_until == ahead, dirty) == (is_ahead, [])
        await compare(world, Question(world.tenant_id), None)
        if is_ahead:
            await asyncio.sleep(max(0.0, (ahead - await database_now(world)).total_seconds() + 0.1))
            async with worker.reader(world.tenant_id) as connection:
                assert await cells.dirty_cases(connection, world.tenant_id, await database_now(world)) == [case]
            await compare(world, Question(world.tenant_id), None)
            await settle(world, worker)


async def test_a_case_of_a_version_dated_ahead_is_folded_again_when_its_instant_comes(
    world: World, worker: Database
) -> None:
    """The clock of who publishes may be ahead of the database's."""
    walks = Walks(world, 11)
    await walks._publish()
    ahead = await database_now(world) + timedelta(seconds=5)
    await tamper(world, f"UPDATE process_version SET published_at = '{ahead.isoformat()}' WHERE version = 2")
    case = (await world.done(None, world.capture(), Fire("contact"))).instance
    assert case.version == 2
    await settle(world, worker)
    await compare(world, Question(world.tenant_id), None)
    async with worker.reader(world.tenant_id) as connection:
        assert (await cells.load_parts(connection, world.tenant_id, [case.id]))[case.id].valid_until == ahead
    await asyncio.sleep(max(0.0, (ahead - await database_now(world)).total_seconds() + 0.1))
    await settle(world, worker)
    await compare(world, Question(world.tenant_id), None)
    await compare(world, Question(world.tenant_id), "callback-request")


async def test_every_step_leaves_a_change_and_only_a_step_does(world: World, worker: Database) -> None:
    await settle(world, worker)
    captured = await world.done(None, world.capture(), Fire("contact"))
    case = captured.instance.id
    await world.done(case, Record(Activity("note")))
    await world.done(case, Exclude("test"), by="admin")
    assert not isinstance(await world.do(case, Fire("pay")), Recorded)
    dry = Work(world.tenant_id, (Fire("qualify", {"need": "x"}),), world.actor("ann"), instance_id=case, dry_run=True)
    await world.writer.submit(dry)
    async with world.owner.reader(world.tenant_id) as connection:
        found = await connection.fetch("SELECT instance_id FROM case_change WHERE tenant_id = $1", world.tenant_id)
    assert [row["instance_id"] for row in found] == [case] * 3


async def test_a_lost_change_is_noticed_by_the_comparison(world: World, worker: Database) -> None:
    """The negative control."""
    case = (await world.done(None, world.capture())).instance.id
    await settle(world, worker)
    await world.done(case, Fire("contact"), Fire("qualify", {"need": "x"}))
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("DELETE FROM case_change WHERE tenant_id = $1", world.tenant_id)
    with pytest.raises(AssertionError):
        await compare(world, Question(world.tenant_id), None)


async def answered(world: World, question: Question, **instants: Any) -> bool:
    async with world.database.reader(world.tenant_id) as connection:
        frame = await read_frame(connection, world.tenant_id, **instants)
        return await read_answers(connection, KEPT_COHORT, frame, question) is not None


async def test_a_new_sheet_is_not_read_before_it_is_filled(
    world: World, worker: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "FILLED_AT_ONCE", 3)
    cases: list[UUID] = [(await world.done(None, world.capture())).instance.id for _ in range(8)]
    question = Question(world.tenant_id)
    assert not await answered(world, question)
    passes = 0
    while not await answered(world, question):
        await compact(worker, world.tenant_id)
        passes += 1
        if passes < 6:
            await world.done(cases[passes], Fire("contact"))
            await world.done(None, world.capture())
    assert passes > 3
    await compare(world, question, None)
    await settle(world, worker)
    await compare(world, question, None)
    before = await stored(world)
    await refill(world, worker)
    assert await stored(world) == before


WHOLE = "dimensions LIKE '%stage%'"
"""The cells of whole segments."""
DAMAGE = {
    "another cell": "UPDATE cell SET body = (SELECT max(c.body) FROM cell AS c WHERE c.dimensions = 'process,owner') WHERE dimensions = 'process,owner'",
    "a missing cell": "DELETE FROM cell WHERE dimensions = 'process,owner'",
    "a missing month": "DELETE FROM cell WHERE dimensions = 'process' AND level = 'month'",
    "a missing quarter": "DELETE FROM cell WHERE dimensions = 'process,channel' AND level = 'quarter'",
    "whole segments": f"UPDATE cell SET body = (SELECT max(c.body) FROM cell AS c WHERE {WHOLE}) WHERE {WHOLE}",
    "a missing day": f"DELETE FROM cell WHERE {WHOLE} AND starts_on = (SELECT max(starts_on) FROM cell)",
    "the parts of a case": "UPDATE case_part SET parts = (SELECT max(p.parts) FROM case_part AS p)",
    "lost parts": "DELETE FROM case_part",
}


@pytest.mark.parametrize("kind", DAMAGE)
async def test_a_rebuild_names_and_mends_damaged_cells_and_a_dry_run_only_names_them(
    world: World, worker: Database, kind: str
) -> None:
    walks = Walks(world, 8)
    await walks.run(rounds=1, arrivals=10, steps=3)
    await settle(world, worker)
    whole = await stored(world)
    assert await rebuild_cells(worker, world.tenant_id, dry_run=True) == 0
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(DAMAGE[kind])
    damaged = await stored(world)
    assert damaged != whole
    assert await rebuild_cells(worker, world.tenant_id, dry_run=True) > 0
    assert await stored(world) == damaged
    assert await rebuild_cells(worker, world.tenant_id) > 0
    assert await stored(world) == whole
    assert await rebuild_cells(worker, world.tenant_id) == 0
    await compare(world, Question(world.tenant_id), None)


async def test_cases_that_were_rebuilt_are_folded_again(world: World, worker: Database) -> None:
    case = (await world.done(None, world.capture())).instance.id
    await settle(world, worker)
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE process_instance SET started_at = started_at - interval '1 day'")
    rebuilder = Rebuilder(world.database, world.writer.processes, world.tenant_id)
    assert [item async for item in rebuilder.run(progress=lambda _cases: None)]
    async with worker.reader(world.tenant_id) as connection:
        assert await cells.dirty_cases(connection, world.tenant_id, await database_now(world)) == [case]


async def test_a_dashboard_reads_neither_history_nor_cases(world: World, worker: Database) -> None:
    await Walks(world, 9).run(rounds=1, arrivals=5, steps=2)
    await settle(world, worker)
    heard: list[str] = []
    world.database.log_statements(heard.append)
    for read in (read_funnel, read_losses):
        async with world.database.reader(world.tenant_id) as connection:
            frame = await read_frame(connection, world.tenant_id)
            await read(connection, frame, Question(world.tenant_id, grouping=by(Dimension.OWNER)))
    world.database.log_statements(None)
    assert any("FROM cell AS" in text for text in heard)
    assert not [text for text in heard if "history" in text or "process_instance" in text]
