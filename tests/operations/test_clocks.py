"""Clocks in the database: found when due, passed once however many workers sweep, corrected by late records."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from bpm_crm.engine.clock import ClockState
from bpm_crm.engine.step import Activity
from bpm_crm.operations.clocks import sweep_due
from bpm_crm.operations.commands import Fire, Record, Tick, Work
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.writer import Writer
from bpm_crm.records.database import Database
from bpm_crm.records.instances import load
from bpm_crm.records.sweeping import Subject, claim_due, until_next_due
from tests.world import World

MONDAY = datetime(2026, 11, 16, 7, 0, tzinfo=UTC)
"""10:00 in Moscow, inside office hours."""
RESPONSE = Record(Activity("call", "outbound"))


@pytest.fixture
async def worker(world: World) -> AsyncIterator[tuple[Database, Writer]]:
    """The worker's database and a writer over it."""
    database = await Database.connect(world.access.worker)
    writer = Writer(database, ProcessCache())
    writer.start()
    yield database, writer
    await writer.stop()
    await database.close()


async def clock_events(world: World, case: UUID, policy: str = "response") -> list[tuple[str, str]]:
    """What a clock of a case went through: (event, state after it)."""
    async with world.database.reader(world.tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT clocks FROM history WHERE tenant_id = $1 AND instance_id = $2 ORDER BY sequence",
            world.tenant_id,
            case,
        )
    events = [event for row in rows for event in row["clocks"] or ()]
    return [(event["event"], event["state"]) for event in events if event["clock"] == policy]


async def test_a_breach_is_found_without_anyone_touching_the_case(
    world: World, worker: tuple[Database, Writer]
) -> None:
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    assert await sweep_due(*worker) == 1
    assert await clock_events(world, case) == [
        ("started", "running"),
        ("warned", "running"),
        ("warned", "running"),
        ("breached", "breached"),
        ("escalated", "breached"),
        ("escalated", "breached"),
    ]
    async with world.database.reader(world.tenant_id) as connection:
        record = (await load(connection, world.tenant_id, [case]))[case]
        overdue = await connection.fetchval(
            "SELECT overdue_since FROM process_instance WHERE id = $1 AND tenant_id = $2", case, world.tenant_id
        )
    assert record.state.clocks["response"].state is ClockState.BREACHED
    assert overdue == MONDAY + timedelta(minutes=15)


async def test_an_escalation_names_the_team_lead(world: World, worker: tuple[Database, Writer]) -> None:
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    await sweep_due(*worker)
    async with world.database.reader(world.tenant_id) as connection:
        clocks = await connection.fetchval(
            "SELECT clocks FROM history WHERE tenant_id = $1 AND instance_id = $2 AND kind = 'clock'",
            world.tenant_id,
            case,
        )
    escalated = [event for event in clocks if event["event"] == "escalated" and event["to"] == "team_lead"]
    assert {event["user"] for event in escalated} == {str(world.founded.users["north@example.org"])}


async def test_a_second_sweep_finds_nothing(world: World, worker: tuple[Database, Writer]) -> None:
    await world.done(None, world.capture(occurred_at=MONDAY))
    assert await sweep_due(*worker) == 1
    assert await sweep_due(*worker) == 0


async def test_many_sweepers_pass_every_threshold_exactly_once(world: World) -> None:
    cases = [
        (await world.done(None, world.capture(external_id=str(n), occurred_at=MONDAY))).instance.id for n in range(60)
    ]
    databases = [await Database.connect(world.access.worker, size=4) for _ in range(4)]
    writers = [Writer(database, ProcessCache()) for database in databases]
    for writer in writers:
        writer.start()

    async def sweep(database: Database, writer: Writer) -> None:
        while await sweep_due(database, writer, most=7):
            pass

    await asyncio.gather(*(sweep(*pair) for pair in zip(databases, writers, strict=True)))
    for case in cases:
        counted = Counter(await clock_events(world, case))
        assert counted["breached", "breached"] == 1
        assert counted["escalated", "breached"] == 2
    for writer, database in zip(writers, databases, strict=True):
        await writer.stop()
        await database.close()


async def test_without_the_lock_on_the_case_nothing_but_the_lease_would_keep_ticks_apart(world: World) -> None:
    """Ticks sent blindly by two writers at once still pass each threshold once: the row lock decides, not the lease."""
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    other = Writer(world.database, world.writer.processes)
    other.start()
    ticks = [Work(world.tenant_id, (Tick(),), world.actor("admin"), case) for _ in range(10)]
    await asyncio.gather(*((world.writer, other)[n % 2].submit(tick) for n, tick in enumerate(ticks)))
    await other.stop()
    assert Counter(await clock_events(world, case))["breached", "breached"] == 1


async def test_a_claimed_case_is_not_claimed_again_until_the_lease_runs_out(world: World) -> None:
    await world.done(None, world.capture(occurred_at=MONDAY))
    database = await Database.connect(world.access.worker)
    first = await claim_due(database, Subject.INSTANCES, most=10, lease=timedelta(milliseconds=300))
    assert len(first) == 1
    assert await claim_due(database, Subject.INSTANCES, most=10, lease=timedelta(seconds=30)) == []
    await asyncio.sleep(0.4)
    assert await claim_due(database, Subject.INSTANCES, most=10, lease=timedelta(seconds=30)) == first
    await database.close()


async def test_a_call_made_in_time_but_recorded_after_the_breach_withdraws_it_with_a_trace(
    world: World, worker: tuple[Database, Writer]
) -> None:
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    await sweep_due(*worker)
    called = Record(Activity("call", "outbound"), occurred_at=MONDAY + timedelta(minutes=14))
    await world.done(case, called)
    events = await clock_events(world, case)
    assert events[-1] == ("stopped", "met")
    assert [event for event, _ in events].count("withdrawn") == 3


async def test_an_automatic_answer_does_not_stop_a_response_clock(world: World) -> None:
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    robot = Record(Activity("email", "outbound", automated=True), occurred_at=MONDAY + timedelta(minutes=1))
    note = Record(Activity("note", "internal"), occurred_at=MONDAY + timedelta(minutes=2))
    answered = await world.done(case, robot, note)
    assert answered.instance.state.clocks["response"].is_open


async def test_a_move_that_comes_late_brings_the_breach_with_it(world: World) -> None:
    """Nobody swept: the move itself records what fell before it."""
    case = (await world.done(None, world.capture(occurred_at=MONDAY))).instance.id
    moved = await world.done(case, Fire("contact", occurred_at=MONDAY + timedelta(hours=2)))
    events = [(event["clock"], event["event"]) for event in moved.entries[0].clocks]
    assert ("response", "breached") in events


async def test_the_worker_knows_how_long_it_may_sleep(world: World) -> None:
    database = await Database.connect(world.access.worker)
    assert await until_next_due(database) is None
    await world.done(None, world.capture(occurred_at=MONDAY))
    assert await until_next_due(database) == timedelta(0)
    await database.close()


CLONES = """
INSERT INTO process_instance
SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(), 'next_due_at', now() + n * interval '1 second'))).*
FROM process_instance AS i, generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("function", ["claim_due_instances", "next_due_instances"])
async def test_what_is_due_is_found_by_index_however_many_wait(world: World, function: str) -> None:
    """The probe is asked every time a worker goes to sleep: it must not read the rows that wait."""
    await world.done(None, world.capture(occurred_at=MONDAY))
    connection = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await connection.execute(CLONES)
    await connection.execute("ANALYZE process_instance")
    body = await connection.fetchval("SELECT prosrc FROM pg_proc WHERE proname = $1", function)
    body = body.replace("horizon", "now()").replace("most", "10").replace("lease_until", "now()")
    await connection.execute("SET ROLE bpm_crm_sweeper")
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {body}"))
    await connection.close()
    assert "process_instance_due_idx" in plan
    assert "Seq Scan on process_instance" not in plan


async def test_the_sweeper_sees_ids_and_due_times_and_nothing_else(world: World) -> None:
    await world.done(None, world.capture(occurred_at=MONDAY))
    worker = await asyncpg.connect(world.access.worker)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await worker.execute("SET ROLE bpm_crm_sweeper")
    with pytest.raises(asyncpg.UndefinedObjectError):
        await worker.fetch("SELECT id FROM process_instance")
    await worker.close()
    app = await asyncpg.connect(world.access.app)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.fetch("SELECT * FROM claim_due_instances(now(), 1, now())")
    await app.close()
