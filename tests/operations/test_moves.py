"""Moves in one statement: written only where what they were decided by is so still; all others with locks, and none twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import asyncpg
import pytest

from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Assign, Fire, KeyReused, NotAllowed, Record, Recorded, Work
from bpm_crm.operations.writer import FLUSHERS, Unavailable, Writer
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.notices import parse_notice
from bpm_crm.records.sessions import Session
from bpm_crm.records.writing import CHANNEL
from tests.operations.test_rebuild import faults
from tests.operations.test_writer import WON
from tests.world import World, customer, found, tamper

NOTE = Record(Activity("note"))


@pytest.fixture
async def other(world: World) -> AsyncIterator[Writer]:
    """The writer of another process."""
    writer = Writer(world.database, world.writer.processes)
    writer.start()
    yield writer
    await writer.stop()


async def captured(world: World, count: int) -> list[UUID]:
    """New cases, which the writer knows from now on."""
    return [(await world.done(None, world.capture(external_id=str(n)))).instance.id for n in range(count)]


@asynccontextmanager
async def heard(database: Database) -> AsyncIterator[list[str]]:
    """The statements meanwhile."""
    statements: list[str] = []
    database.log_statements(statements.append)
    yield statements
    database.log_statements(None)


def work(world: World, case: UUID, *commands: Fire | Record, **options: object) -> Work:
    return Work(world.tenant_id, commands, world.actor("ann"), case, **options)  # type: ignore[arg-type]


def is_at_once(statements: list[str]) -> bool:
    """Whether nothing was sent but one statement that writes known cases."""
    return len(statements) == 1 and "fresh AS" in statements[0]


async def test_a_move_of_a_known_case_is_one_statement(world: World) -> None:
    first, second = await captured(world, 2)
    await world.done(first, Fire("contact"))
    async with heard(world.database) as statements:
        done = await world.done(second, Fire("contact"), idempotency_key="k", fingerprint=b"a")
    assert is_at_once(statements)
    assert (done.instance.state.stage, done.instance.state.sequence) == ("qualification", 2)
    async with world.owner.reader(world.tenant_id) as connection:
        key = await connection.fetchrow("SELECT key, sequence FROM idempotency_key WHERE instance_id = $1", second)
        changes = await connection.fetchval("SELECT count(*) FROM case_change WHERE instance_id = $1", second)
    assert tuple(key) == ("k", 2)
    assert changes == 2


async def test_effects_are_asked_for_with_the_move(world: World) -> None:
    case = (await world.done(None, world.capture(customer=customer(1)))).instance.id
    await world.done(case, NOTE)
    asked = []
    async with heard(world.database) as statements:
        for command in WON:
            before = await world.counts(["outbox"])
            done = await world.done(case, command)
            asked.append(await world.counts(["outbox"]) != before)
    moves = [statement for statement in statements if "moved AS" in statement]
    assert [is_at_once([statement]) for statement in moves] == [True] * len(WON)
    assert (done.instance.state.stage, asked.count(True)) == ("won", 1)
    async with world.owner.reader(world.tenant_id) as connection:
        effect = await connection.fetchrow(
            "SELECT kind, payload ->> 'instance_id', unique_key, run_at <= now() FROM outbox"
        )
    assert tuple(effect) == ("start_process", str(case), f"start_process:{case}:post-payment", True)


async def test_effects_of_a_case_moved_elsewhere_are_not_asked_for(world: World, other: Writer) -> None:
    cases = await captured(world, 2)
    paying = next(
        number for number, command in enumerate(WON) if isinstance(command, Fire) and command.trigger == "pay"
    )
    for case in cases:
        for command in WON[:paying]:
            await world.done(case, command)
    assert isinstance(await other.submit(work(world, cases[0], Fire("lose", reason="competitor"))), Recorded)
    outcomes = await world.writer.submit_all([work(world, case, WON[paying]) for case in cases])
    assert [isinstance(outcome, Recorded) for outcome in outcomes] == [False, True]
    async with world.owner.reader(world.tenant_id) as connection:
        asked = await connection.fetch("SELECT payload ->> 'instance_id' FROM outbox")
    assert [row[0] for row in asked] == [str(cases[1])]


async def test_a_case_moved_elsewhere_is_read_and_its_neighbours_are_not(world: World, other: Writer) -> None:
    cases = await captured(world, 5)
    await world.done(cases[4], NOTE)
    assert isinstance(await other.submit(work(world, cases[1], NOTE)), Recorded)
    async with heard(world.database) as statements:
        outcomes = await world.writer.submit_all([work(world, case, Fire("contact")) for case in cases[:4]])
    assert [outcome.instance.state.sequence for outcome in outcomes if isinstance(outcome, Recorded)] == [2, 3, 2, 2]
    assert [statement.startswith("BEGIN") for statement in statements[:2]] == [False, True]
    assert (await world.counts())["history"] == 5 + 2 + 4


async def test_only_what_was_written_is_announced(world: World, other: Writer) -> None:
    cases = await captured(world, 3)
    await world.done(cases[2], NOTE)
    notices: list[str] = []
    connection = await asyncpg.connect(world.access.app)
    await connection.add_listener(CHANNEL, lambda *given: notices.append(given[3]))
    assert isinstance(await other.submit(work(world, cases[0], NOTE)), Recorded)
    await world.writer.submit_all([work(world, case, NOTE) for case in cases])
    async with asyncio.timeout(20):
        while len(notices) < 3:  # noqa: ASYNC110  # the event is in another process
            await asyncio.sleep(0.01)
    await connection.close()
    told = [parse_notice(text).steps for text in notices]
    assert told[:1] + told[2:] == [((cases[0], 2, 2),), ((cases[0], 3, 3),)]
    assert sorted(told[1] or ()) == [(cases[1], 2, 2), (cases[2], 3, 3)]


async def test_a_connection_that_cannot_be_given_back_does_not_undo_what_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = (await captured(world, 1))[0]
    await world.done(case, NOTE)

    async def lost(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(asyncpg.pool.PoolConnectionHolder, "release", lost)
    done = await world.done(case, NOTE)
    monkeypatch.undo()
    assert done.instance.state.sequence == 3
    assert (await world.done(case, NOTE)).instance.state.sequence == 4


async def test_without_a_session_cases_are_locked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = (await captured(world, 1))[0]

    async def lost(*_: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")

    monkeypatch.setattr(Session, "enter", lost)
    for number in range(FLUSHERS + 1):
        assert (await world.done(case, NOTE)).instance.state.sequence == 2 + number


async def test_a_refusal_is_judged_by_what_is_not_by_what_was_known(world: World, other: Writer) -> None:
    case = (await captured(world, 1))[0]
    assert isinstance(await other.submit(work(world, case, WON[0])), Recorded)
    assert isinstance(await world.do(case, WON[1]), Recorded)
    assert isinstance(await other.submit(work(world, case, WON[1])), NotAllowed)


async def test_a_key_sent_again_is_answered_as_the_first_time(world: World) -> None:
    cases = await captured(world, 3)
    key = {"idempotency_key": "k", "fingerprint": b"a"}
    first = await world.done(cases[0], NOTE, **key)
    works = [work(world, cases[0], NOTE, **key), work(world, cases[1], NOTE)]
    again, neighbour = await world.writer.submit_all(works)
    assert isinstance(again, Recorded)
    assert again.repeated
    assert again.entries[0].sequence == first.entries[0].sequence
    assert isinstance(neighbour, Recorded)
    before = await world.counts()
    assert isinstance(await world.do(cases[2], NOTE, idempotency_key="k", fingerprint=b"b"), KeyReused)
    assert await world.counts() == before


async def test_a_key_that_somebody_else_is_about_to_write_is_found(world: World) -> None:
    mine, theirs = await captured(world, 2)
    row = "INSERT INTO idempotency_key VALUES ($1, $2, 'k', '\\x62', $3, 1, now())"
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(row, world.tenant_id, world.actor("ann").id, theirs)
        asked = asyncio.create_task(world.do(mine, NOTE, idempotency_key="k", fingerprint=b"a"))
        await waiting(world, "transactionid", "tuple")
    assert isinstance(await asked, KeyReused)
    assert (await world.counts())["history"] == 2


async def test_who_leads_the_team_now_is_known(world: World) -> None:
    case = (await captured(world, 1))[0]
    await world.done(case, NOTE)
    async with world.owner.transaction(world.tenant_id) as connection:
        lead = await connection.fetchval(
            "UPDATE team SET lead_id = $2 WHERE tenant_id = $1 AND key = 'north' RETURNING lead_id",
            world.tenant_id,
            world.founded.users["ann@example.org"],
        )
    await world.done(case, NOTE)
    kept = world.writer.known.get(case)
    assert kept is not None
    assert kept.record.lead_id == lead
    south = next(team.id for team in world.reference.teams.values() if team.key == "south")
    await world.done(case, Assign(None, south))
    await world.done(case, NOTE)
    kept = world.writer.known.get(case)
    assert kept is not None
    assert kept.record.lead_id == world.founded.users["south@example.org"]


@pytest.mark.parametrize("ahead", [timedelta(seconds=5), timedelta(seconds=-5), timedelta(days=1)])
async def test_steps_are_recorded_at_the_time_of_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    case = (await captured(world, 1))[0]
    monkeypatch.setattr(world.writer.known.clock, "now", lambda: datetime.now(UTC) + ahead)
    done = await world.done(case, NOTE)
    async with world.owner.reader(world.tenant_id) as connection:
        now = await connection.fetchval("SELECT clock_timestamp()")
    assert now - timedelta(seconds=3) < done.instance.recorded_at < now


async def test_time_never_goes_back_within_a_case(world: World, other: Writer) -> None:
    case = (await captured(world, 1))[0]
    for number in range(40):
        outcome = await (world.writer, other)[number % 3 == 0].submit(work(world, case, NOTE))
        assert isinstance(outcome, Recorded)
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT recorded_at, clock_timestamp() AS now FROM history WHERE instance_id = $1 ORDER BY sequence", case
        )
    recorded = [row["recorded_at"] for row in rows]
    assert recorded == sorted(recorded)
    assert recorded[-1] < rows[-1]["now"]


async def test_what_was_interrupted_may_have_been_done(world: World) -> None:
    case = (await captured(world, 1))[0]
    await world.done(case, NOTE)
    key = {"idempotency_key": "k", "fingerprint": b"a"}
    await tamper(world, *on_insert("PERFORM pg_sleep(20)"))
    asked = asyncio.create_task(world.do(case, NOTE, **key))
    sleeping = await waiting(world, "PgSleep")
    async with world.database.across_tenants() as ending:
        await ending.execute("SELECT pg_terminate_backend($1)", sleeping)
    with pytest.raises(Unavailable) as caught:
        await asked
    assert caught.value.uncertain
    await tamper(world, "DROP TRIGGER met ON history")
    done = await world.done(case, NOTE, **key)
    assert (done.repeated, done.instance.state.sequence) == (False, 3)


async def test_what_the_server_has_no_room_for_was_not_done(world: World) -> None:
    case = (await captured(world, 1))[0]
    await world.done(case, NOTE)
    await tamper(world, *on_insert("RAISE EXCEPTION 'no space' USING ERRCODE = '53100'"))
    with pytest.raises(Unavailable) as caught:
        await world.do(case, NOTE)
    assert not caught.value.uncertain
    await tamper(world, "DROP TRIGGER met ON history")
    assert (await world.done(case, NOTE)).instance.state.sequence == 3


async def test_no_report_misses_what_was_recorded_before_it_because_a_case_was_locked(world: World) -> None:
    cases = await captured(world, 3)
    await world.done(cases[2], NOTE)
    known = "SELECT count(*) FROM history WHERE recorded_at <= $1"
    async with world.owner.transaction(world.tenant_id) as holding:
        await holding.execute("SELECT FROM process_instance WHERE id = $1 FOR UPDATE", max(cases[:2]))
        asked = asyncio.create_task(world.writer.submit_all([work(world, case, NOTE) for case in cases[:2]]))
        await waiting(world, "transactionid", "tuple")
        await asyncio.sleep(0.5)
        async with world.owner.reader(world.tenant_id) as reading:
            now = await reading.fetchval("SELECT clock_timestamp()")
            told = await reading.fetchval(known, now)
        await asyncio.sleep(0.5)
    assert all(isinstance(outcome, Recorded) for outcome in await asked)
    async with world.owner.reader(world.tenant_id) as reading:
        assert await reading.fetchval(known, now) == told == 4


async def test_what_cannot_be_decided_fails_alone_and_the_writer_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = await captured(world, 3)
    await world.done(cases[2], NOTE)
    for _ in range(FLUSHERS + 1):
        bad = work(world, cases[0], Record(Activity("note"), comment="\ud800"))
        asked = [asyncio.create_task(world.writer.submit(item)) for item in (bad, work(world, cases[1], NOTE))]
        failed, done = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(failed, TypeError)
        assert isinstance(done, Recorded)

    def broken(_: Sequence[Work]) -> None:
        raise LookupError("broken")

    monkeypatch.setattr(world.writer, "_move", broken)
    for _ in range(FLUSHERS + 1):
        with pytest.raises(LookupError, match="broken"):
            await world.do(cases[1], NOTE)
    monkeypatch.undo()
    assert (await world.done(cases[1], NOTE)).instance.state.sequence == FLUSHERS + 3


async def test_a_transaction_whose_number_was_given_out_again_is_told_from_the_known_one(world: World) -> None:
    case = (await captured(world, 1))[0]
    await world.done(case, NOTE)
    known = world.writer.known.get(case)
    assert known is not None
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE process_instance SET head = '\\x00', region = 'Perm' WHERE id = $1", case)
        again = await connection.fetchval("SELECT xmin FROM process_instance WHERE id = $1", case)
    world.writer.known.keep([known.record], again)
    async with heard(world.database) as statements:
        done = await world.done(case, NOTE)
    assert [statement.startswith("BEGIN") for statement in statements[:2]] == [False, True]
    assert done.instance.region == "Perm"


async def test_what_fails_after_the_commit_is_not_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await captured(world, 2)
    await world.done(first, NOTE)

    def broken(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(world.writer.known, "keep", broken)
    with pytest.raises(ValueError, match="broken"):
        await world.do(second, NOTE)
    assert (await world.counts())["history"] == 4


async def test_tenants_share_connections_and_see_nothing_of_each_other(world: World) -> None:
    single = await Database.connect(world.access.app, size=1)
    another = (await found(world.owner, "other", ["web-form"])).tenant_id
    await captured(world, 1)
    seen = []
    for tenant_id in (world.tenant_id, another, another, world.tenant_id, new_id()):
        async with single.by_statement(tenant_id) as connection:
            tenants = await connection.fetch("SELECT DISTINCT tenant_id FROM team UNION SELECT tenant_id FROM deal")
            seen.append({row["tenant_id"] for row in tenants})
    await single.close()
    assert seen == [{world.tenant_id}, {another}, {another}, {world.tenant_id}, set()]


async def test_through_a_pooler_cases_are_locked(world: World) -> None:
    pooled = await Database.connect(world.access.app, through_pooler=True)
    writer = Writer(pooled, world.writer.processes)
    writer.start()
    case = (await captured(world, 1))[0]
    async with heard(pooled) as statements:
        for _ in range(2):
            assert isinstance(await writer.submit(work(world, case, NOTE)), Recorded)
    await writer.stop()
    with pytest.raises(LookupError):
        async with pooled.by_statement(world.tenant_id):
            pass
    await pooled.close()
    assert [statement.startswith("BEGIN") for statement in statements].count(True) == 2


async def test_nothing_is_lost_or_done_twice_while_sessions_are_killed(world: World, other: Writer) -> None:
    cases, writers, random = await captured(world, 12), (world.writer, other), Random(7)

    async def client(number: int, case: UUID) -> int:
        failed = 0
        for step in range(30):
            key = {"idempotency_key": f"{number}-{step}", "fingerprint": b"a"}
            while True:
                try:
                    outcome = await writers[random.random() < 0.2].submit(work(world, case, NOTE, **key))
                    break
                except Unavailable:
                    failed += 1
            assert isinstance(outcome, Recorded)
        return failed

    async def kill() -> None:
        killer = await asyncpg.connect(world.access.app)
        try:
            while True:
                await asyncio.sleep(random.uniform(0, 0.05))
                await killer.execute(_KILL)
        finally:
            killer.terminate()

    killing = asyncio.create_task(kill())
    failed = await asyncio.gather(*(client(number, case) for number, case in enumerate(cases)))
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    assert sum(failed) > 0
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT k.instance_id, count(*) AS keys, count(DISTINCT k.sequence) AS steps, max(h.last) AS last"
            " FROM idempotency_key AS k JOIN (SELECT instance_id, count(*) AS last FROM history GROUP BY 1) AS h USING (instance_id)"
            " GROUP BY k.instance_id"
        )
    assert [(row["keys"], row["steps"], row["last"]) for row in rows] == [(30, 30, 31)] * len(cases)
    assert await faults(world) == []


def on_insert(statement: str) -> tuple[str, str]:
    """What has the server do something whenever a step is written, until the trigger `met` is dropped."""
    return (
        f"CREATE OR REPLACE FUNCTION met() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$",
        "CREATE TRIGGER met BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION met()",
    )


async def waiting(world: World, *events: str) -> int:
    """The session that waits for one of these events, once one does."""
    async with world.database.across_tenants() as watching, asyncio.timeout(20):
        while not (sessions := await watching.fetch(_WAITING, events)):  # noqa: ASYNC110  # the event is in another process
            await asyncio.sleep(0.01)
    session: int = sessions[0]["pid"]
    return session


_KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
"""
_WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = ANY($1::text[]) AND datname = current_database()"
