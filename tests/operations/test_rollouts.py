"""Rollouts: shares that hold at every moment in every channel, repeated leads that stay, guard-rails that trip for cause and not for noise."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bpm_crm.analytics.rollouts import ArmCounts, ArmVerdict, compare_arms, total_of
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import NOBODY, Migrate, Missing, NotUnderstood, Record
from bpm_crm.operations.reference import ReferenceCache
from bpm_crm.operations.releasing import AskedRelease, Released, publish_process, retire_process
from bpm_crm.operations.requests import Request
from bpm_crm.operations.rollout_checks import arms_of, check_due
from bpm_crm.operations.rollouts import (
    AskedRollout,
    GuardRail,
    RolloutRuns,
    RolloutSaved,
    change_rollout,
    finish_rollout,
    start_rollout,
    stop_rollout,
)
from bpm_crm.operations.splitting import is_turn_of_b
from bpm_crm.processes.library import shipped_text
from bpm_crm.records.database import Database
from bpm_crm.records.identifiers import new_id
from bpm_crm.records.rollouts import RolloutRecord, load_rollouts
from tests.world import World

PROCESS = "web-form"
TEXT = shipped_text(PROCESS)
TABLES = ("process_rollout", "process_change", "process_definition", "process_version")


def request(world: World) -> Request:
    return Request(world.tenant_id, NOBODY)


@pytest.fixture
async def split(world: World) -> World:
    """The world with a second version of a process held back, and a second channel of that process."""
    text = TEXT.replace("channels: [web-form]", "channels: [web-form, landing]").replace("{en: ", "{en: Our ", 1)
    asked = AskedRelease(None, text, "second", is_held=True)
    done = await publish_process(world.database, request(world), asked, datetime.now(UTC))
    assert isinstance(done, Released)
    assert done.version == 2
    return world


async def started(world: World, share: int, guard: GuardRail | None = None) -> RolloutRecord:
    done = await start_rollout(world.database, request(world), AskedRollout(PROCESS, 2, share, guard))
    assert isinstance(done, RolloutSaved), done
    await world.refresh()
    return done.rollout


async def taken(world: World, channel: str, **values: Any) -> int:
    return (await world.done(None, world.capture(channel, **values))).instance.version


def rollout_of(share: int) -> RolloutRecord:
    at = datetime.now(UTC)
    return RolloutRecord(new_id(), new_id(), 1, 2, share, None, None, "running", at, None, None, None, 1, None)


@pytest.mark.parametrize("share", [1, 7, 10, 33, 50, 90, 99])
def test_turns_give_each_version_its_share_to_within_one_case_at_every_moment(share: int) -> None:
    for _ in range(5):
        rollout, channel, given = rollout_of(share), new_id(), 0
        for number in range(1, 501):
            given += is_turn_of_b(rollout, channel, number)
            assert abs(given - number * share / 100) < 1


def test_not_every_channel_begins_alike() -> None:
    def first_turn() -> int:
        rollout, channel = rollout_of(10), new_id()
        return next(number for number in range(1, 200) if is_turn_of_b(rollout, channel, number))

    assert {first_turn() for _ in range(300)} == set(range(1, 11))


async def test_new_cases_are_split_within_each_channel_and_running_ones_stay(split: World) -> None:
    old = (await split.done(None, split.capture(PROCESS))).instance
    rollout = await started(split, 30)
    random.seed(1)
    counts: dict[str, list[int]] = {PROCESS: [], "landing": []}
    for _ in range(60):
        channel = random.choice([PROCESS, "landing"])
        counts[channel].append(await taken(split, channel))
        found = counts[channel]
        assert abs(found.count(2) - 0.3 * len(found)) < 1
    assert all(2 in found and 1 in found for found in counts.values())
    assert rollout.version_a == 1
    async with split.database.reader(split.tenant_id) as connection:
        assert await connection.fetchval("SELECT version FROM process_instance WHERE id = $1", old.id) == 1


async def test_shares_hold_for_leads_that_arrive_at_once(split: World) -> None:
    await started(split, 50)
    versions = await asyncio.gather(*(taken(split, PROCESS) for _ in range(100)))
    assert versions.count(2) == 50


async def test_a_repeated_lead_and_a_dry_run_take_no_turn(split: World) -> None:
    await started(split, 50)
    first = await taken(split, PROCESS, external_id="L-1")
    for _ in range(5):
        assert await taken(split, PROCESS, external_id="L-1") == first
        await split.do(None, split.capture(PROCESS), dry_run=True)
    assert sorted([first, await taken(split, PROCESS)]) == [1, 2]


async def test_a_stated_version_and_a_case_that_began_before_take_no_turn(split: World) -> None:
    await started(split, 99)
    assert await taken(split, PROCESS, version=1) == 1
    long_ago = datetime.now(UTC) - timedelta(days=30)
    assert {await taken(split, PROCESS, occurred_at=long_ago) for _ in range(3)} == {1}


async def test_a_stopped_rollout_sends_everything_back_and_a_finished_one_on(split: World) -> None:
    await started(split, 99)
    stale = split.capture(PROCESS)
    done = await stop_rollout(split.database, request(split), PROCESS)
    assert isinstance(done, RolloutSaved)
    assert done.rollout.status == "stopped"
    assert (await split.done(None, stale)).instance.version == 1
    await split.refresh()
    assert {await taken(split, PROCESS) for _ in range(3)} == {1}
    assert isinstance(await stop_rollout(split.database, request(split), PROCESS), Missing)
    await started(split, 1)
    stale = split.capture(PROCESS)
    await finish_rollout(split.database, request(split), PROCESS)
    assert (await split.done(None, stale)).instance.version == 2
    await split.refresh()
    assert {await taken(split, PROCESS) for _ in range(3)} == {2}
    definition = split.reference.definition(PROCESS)
    assert definition is not None
    assert (definition.current_version, definition.latest_version) == (None, 2)


async def test_another_share_begins_its_turns_anew(split: World) -> None:
    await started(split, 1)
    for _ in range(10):
        await taken(split, PROCESS)
    done = await change_rollout(split.database, request(split), PROCESS, 50)
    assert isinstance(done, RolloutSaved)
    assert [await taken(split, PROCESS) for _ in range(20)].count(2) == 10


async def test_what_a_rollout_settles_cannot_be_changed_under_it(split: World) -> None:
    await started(split, 10)
    before = await split.counts(TABLES)
    asked = AskedRelease(None, TEXT.replace("{en: ", "{en: Their ", 1), "third")
    for answer in (
        await publish_process(split.database, request(split), asked, datetime.now(UTC)),
        await retire_process(split.database, request(split), PROCESS),
        await start_rollout(split.database, request(split), AskedRollout(PROCESS, 1, 10)),
    ):
        assert answer == RolloutRuns(PROCESS, 2)
    assert await split.counts(TABLES) == before


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        (AskedRollout(PROCESS, 1, 10), ["SAME_VERSION"]),
        (AskedRollout(PROCESS, 3, 10), ["UNKNOWN_VERSION"]),
        (AskedRollout(PROCESS, 2, 0), ["TOO_SMALL"]),
        (AskedRollout(PROCESS, 2, 100), ["TOO_LARGE"]),
        (AskedRollout(PROCESS, 2, 5, GuardRail("nothing", Decimal(2))), ["UNKNOWN_CLOCK", "TOO_LARGE"]),
        (AskedRollout(PROCESS, 2, 5, GuardRail("response", Decimal(0))), ["TOO_SMALL"]),
    ],
)
async def test_a_rollout_that_makes_no_sense_is_refused_and_nothing_is_written(
    split: World, asked: AskedRollout, codes: list[str]
) -> None:
    before = await split.counts(TABLES)
    answer = await start_rollout(split.database, request(split), asked)
    assert isinstance(answer, NotUnderstood)
    assert [problem.code.value for problem in answer.problems] == codes
    assert await split.counts(TABLES) == before


@pytest.fixture
async def worker(split: World) -> AsyncIterator[Database]:
    database = await Database.connect(split.access.worker)
    yield database
    await database.close()


async def checked(world: World, worker: Database, rollout: RolloutRecord) -> RolloutRecord:
    """The rollout after the worker looked at it."""
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE process_rollout SET check_at = now() WHERE status = 'running'")
    assert await check_due(worker, ReferenceCache(worker)) == 1
    async with world.database.reader(world.tenant_id) as connection:
        return (await load_rollouts(connection, world.tenant_id, [rollout.id]))[rollout.id]


async def begun_before(world: World, rollout: RolloutRecord, ago: timedelta) -> datetime:
    """Let a rollout have been started some time ago."""
    at = datetime.now(UTC) - ago
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE process_rollout SET started_at = $1 WHERE id = $2", at, rollout.id)
    return at


async def answered(world: World, at: datetime, cases: int, late: dict[int, float]) -> None:
    """Leads that arrived after an instant: answered at once, but for a share (by version) not answered at all."""
    due = dict.fromkeys(late, 0.0)
    for number in range(cases):
        arrived = at + timedelta(minutes=number + 1)
        case = (await world.done(None, world.capture(PROCESS, occurred_at=arrived))).instance
        due[case.version] += late[case.version]
        if due[case.version] >= 1:
            due[case.version] -= 1
            continue
        act = Record(Activity("call", "outbound"), occurred_at=arrived + timedelta(seconds=30))
        await world.done(case.id, act, by="admin")


async def test_the_guard_rail_stops_what_is_worse_beyond_doubt_and_writes_the_figures_down(
    split: World, worker: Database
) -> None:
    rollout = await started(split, 50, GuardRail("response", Decimal("0.1")))
    at = await begun_before(split, rollout, timedelta(days=40))
    await answered(split, at, 20, {1: 0.0, 2: 1.0})
    early = await checked(split, worker, rollout)
    assert early.is_running, "ten cases each are too few, however bad they look"
    await answered(split, at + timedelta(hours=1), 60, {1: 0.0, 2: 1.0})
    ended = await checked(split, worker, rollout)
    assert (ended.status, ended.check_at) == ("tripped", None)
    assert ended.figures is not None
    assert (ended.figures["a"], ended.figures["b"]) == ({"due": 40, "met": 40}, {"due": 40, "met": 0})
    assert ended.figures["upper"] < -0.1
    await split.refresh()
    assert {await taken(split, PROCESS) for _ in range(4)} == {1}
    async with split.database.reader(split.tenant_id) as connection:
        row = await connection.fetchrow(
            'SELECT "values", actor_id FROM process_change WHERE kind = $1', "rollout_tripped"
        )
    assert row["values"]["figures"] == dict(ended.figures)
    assert row["actor_id"] == NOBODY


async def test_the_guard_rail_does_not_stop_for_a_difference_inside_what_is_allowed(
    split: World, worker: Database
) -> None:
    rollout = await started(split, 50, GuardRail("response", Decimal("0.1")))
    at = await begun_before(split, rollout, timedelta(days=40))
    await answered(split, at, 80, {1: 0.1, 2: 0.2})
    looked = await checked(split, worker, rollout)
    assert looked.is_running
    assert looked.check_at is not None
    assert looked.check_at > datetime.now(UTC)
    assert looked.figures is not None
    assert looked.figures["difference"] == pytest.approx(-0.1, abs=0.03)


async def test_the_read_out_compares_within_channels_and_says_no_evidence_where_there_is_none(split: World) -> None:
    rollout = await started(split, 50)
    at = await begun_before(split, rollout, timedelta(days=40))
    await answered(split, at, 60, {1: 0.2, 2: 0.2})
    async with split.database.reader(split.tenant_id) as connection:
        report = await compare_arms(connection, arms_of(split.tenant_id, PROCESS, rollout_at(rollout, at)))
    conversion, *clocks = report.figures
    channel = str(split.reference.channel(PROCESS).id)  # type: ignore[union-attr]  # it is there
    assert (conversion.clock, conversion.a, conversion.b) == (None, {(channel, 1): (30, 0)}, {(channel, 1): (30, 0)})
    assert conversion.verdict is ArmVerdict.NO_EVIDENCE
    response = next(item for item in clocks if item.clock == "response")
    assert (response.a, response.b) == ({(channel, 1): (30, 24)}, {(channel, 1): (30, 24)})
    assert response.difference == 0
    assert response.interval is not None
    assert response.interval[0] < 0 < response.interval[1]
    assert response.verdict is ArmVerdict.NO_EVIDENCE


async def read_out(world: World, rollout: RolloutRecord) -> tuple[ArmCounts, ArmCounts]:
    """Conversion as the read-out of a rollout counts it, of A and of B."""
    async with world.database.reader(world.tenant_id) as connection:
        report = await compare_arms(connection, arms_of(world.tenant_id, PROCESS, rollout))
    return report.figures[0].a, report.figures[0].b


async def test_the_read_out_counts_the_cases_that_took_a_turn_wherever_people_put_cases(split: World) -> None:
    channel = str(split.founded.channels[PROCESS])
    await split.refresh()
    by_hand_before = await taken(split, PROCESS, version=2)
    rollout = await started(split, 50)
    turns = [(await split.done(None, split.capture(PROCESS))).instance for _ in range(6)]
    given = {case.id: case.version for case in turns}
    counted = {(channel, 1): (3, 0)}, {(channel, 1): (3, 0)}
    assert await read_out(split, rollout) == counted
    chosen = [await taken(split, PROCESS, version=version) for version in (1, 2, 2)]
    assert [by_hand_before, *chosen] == [2, 1, 2, 2]
    earlier = split.capture(PROCESS, occurred_at=datetime.now(UTC) - timedelta(days=30))
    await split.done(None, earlier)
    assert await read_out(split, rollout) == counted, "neither chosen versions nor cases from before"
    definition_id = turns[0].definition_id
    async with split.database.reader(split.tenant_id) as connection:
        second = await split.writer.processes.get(connection, split.tenant_id, definition_id, 2)
    moved = next(case.id for case in turns if case.version == 1)
    migrated = await split.done(moved, Migrate(1, 2, second, MigrationMapping()), by="admin")
    assert migrated.instance.version == 2
    assert await read_out(split, rollout) == counted, "a case counts where its turn put it"
    async with split.database.reader(split.tenant_id) as connection:
        rows = await connection.fetch("SELECT * FROM rollout_case WHERE tenant_id = $1", split.tenant_id)
    assert {row["instance_id"]: row["version"] for row in rows} == given
    assert {(row["rollout_id"], row["revision"]) for row in rows} == {(rollout.id, 1)}


async def test_cases_split_by_different_shares_are_compared_apart(split: World) -> None:
    """Half of few cases, then nine in ten of many under which nobody is answered: B is no worse for having come later."""
    rollout = await started(split, 50)
    at = await begun_before(split, rollout, timedelta(days=40))
    await answered(split, at, 20, {1: 0.0, 2: 0.0})
    assert isinstance(await change_rollout(split.database, request(split), PROCESS, 90), RolloutSaved)
    await answered(split, at + timedelta(days=1), 20, {1: 1.0, 2: 1.0})
    channel = str(split.founded.channels[PROCESS])
    async with split.database.reader(split.tenant_id) as connection:
        report = await compare_arms(connection, arms_of(split.tenant_id, PROCESS, rollout_at(rollout, at)))
    response = next(item for item in report.figures if item.clock == "response")
    assert response.a == {(channel, 1): (10, 10), (channel, 2): (2, 0)}
    assert response.b == {(channel, 1): (10, 10), (channel, 2): (18, 0)}
    assert response.difference == 0
    assert total_of(response.b) == (28, 10), "what would look much worse than ten of twelve"


def rollout_at(rollout: RolloutRecord, at: datetime) -> RolloutRecord:
    values = {name: getattr(rollout, name) for name in RolloutRecord.__slots__}
    return RolloutRecord(**{**values, "started_at": at})
