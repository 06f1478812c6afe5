"""Running cases are migrated as a job under live traffic, resumed after a kill, and taken back; what differs is asked of the database."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.step import Activity
from bpm_crm.operations import migrating, migration_jobs
from bpm_crm.operations.audit import verify
from bpm_crm.operations.clocks import sweep_due
from bpm_crm.operations.commands import Assign, Capture, Fire, Record, Recorded, Work
from bpm_crm.operations.job_runs import run_job
from bpm_crm.operations.jobs import JobKind
from bpm_crm.operations.migration_plans import Planned, PlanOutdated, PlanRequest, plan_migration
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.rebuild import Rebuilder
from bpm_crm.operations.replay_tally import UNREADABLE
from bpm_crm.records.jobs import JobRecord
from bpm_crm.works import WORKS
from tests.engine.build import changed, with_clock
from tests.excel.desk import Desk
from tests.operations import traffic as traffic_module
from tests.operations.replaying import judged_here
from tests.operations.test_rebuild import faults
from tests.operations.traffic import Traffic as RandomTraffic
from tests.world import World, tamper

CLOCK = "start: {started: true}\nstop: {activity: response}\nwarnings: [50%]\ntarget: PT4H\npause: [customer]"
FIRST = with_clock(CLOCK).replace("[small]", "[small, callback-request]")
SECOND = changed(
    changed(
        changed(FIRST, "mon-fri: 09:00-18:00", "mon-fri: 10:00-17:00"),
        "  task:\n",
        "  discovery:\n    title: {en: Discovery, ru: Выявление}\n    start: {entering: work}\n"
        "    stop: {leaving: work}\n    target: PT3H\n  task:\n",
    ),
    "    target: PT4H\n",
    "    target: PT6H\n",
)
"""Another calendar, a looser clock, and a clock more."""
VOLATILE = {"sequence", "head", "recorded_at"}
"""The columns of a case that go on though a migration is undone: history is append-only."""


class Versions:
    """A process with two versions and cases that run under the first one."""

    def __init__(self, desk: Desk, definition_id: UUID) -> None:
        self.desk = desk
        self.world = desk.world
        self.definition_id = definition_id
        self.rng = random.Random(7)

    async def begin(self, number: int) -> list[UUID]:
        """Cases in every stage, with clocks in every state; some have ended."""
        works = [Work(self.world.tenant_id, self._life(), self.world.actor("admin")) for _ in range(number)]
        outcomes = await self.world.writer.submit_all(works)
        assert all(isinstance(outcome, Recorded) for outcome in outcomes), outcomes[:3]
        while await sweep_due(self.desk.worker, self.desk.bench.writer):
            pass
        return [outcome.instance.id for outcome in outcomes if isinstance(outcome, Recorded)]

    def _life(self) -> tuple[Any, ...]:
        at = datetime.now(UTC) - timedelta(hours=self.rng.randrange(1, 60))
        minute = timedelta(minutes=1)
        lives = (
            (),
            (Fire("begin", occurred_at=at + minute),),
            (Fire("begin", occurred_at=at + minute), Fire("wait", occurred_at=at + 2 * minute)),
            (Record(Activity("call", "outbound"), occurred_at=at + minute),),
            (Fire("lose", reason="price", occurred_at=at + minute),),
        )
        return (self.capture(at), *self.rng.choice(lives))

    def capture(self, at: datetime | None = None, version: int = 1) -> Capture:
        channel = self.world.founded.channels["callback-request"]
        return Capture(self.definition_id, version, channel, "callback-request", opens_deal=False, occurred_at=at)

    async def plan(self, source: int = 1, target: int = 2, **given: Any) -> Any:
        definition = self.world.reference.definitions[self.definition_id]
        asked = PlanRequest(
            definition,
            source,
            target,
            MigrationMapping(**given),
            self.desk.user("admin"),
            datetime.now(UTC),
        )
        world = self.world
        return await plan_migration(world.database, world.writer.processes, world.tenant_id, asked)

    async def ask(self, *, dry_run: bool = False, **given: Any) -> JobRecord:
        planned = await self.plan(**given)
        assert isinstance(planned, Planned), planned
        values = {"plan": str(planned.record.id), "dry_run": dry_run}
        return await self.desk.asked(JobKind.MIGRATION, values)

    async def undo(self, job: JobRecord) -> JobRecord:
        return await self.desk.done(
            await self.desk.asked(JobKind.MIGRATION_UNDO, {"plan": job.input["plan"]}, target=job.id)
        )

    async def verdicts(self, job: JobRecord) -> dict[UUID, tuple[str, tuple[str, ...]]]:
        rows = await self.rows("SELECT instance_id, verdict, obstacles FROM migration_case WHERE job_id = $2", job.id)
        return {
            row["instance_id"]: (row["verdict"], tuple(item["code"] for item in row["obstacles"] or ())) for row in rows
        }

    async def rows(self, query: str, *values: Any) -> list[Any]:
        query = query.replace("WHERE", "WHERE tenant_id = $1 AND", 1)
        async with self.world.owner.reader(self.world.tenant_id) as connection:
            return list(await connection.fetch(query, self.world.tenant_id, *values))

    async def cases(self) -> dict[UUID, Mapping[str, Any]]:
        found = await self.rows("SELECT * FROM process_instance WHERE definition_id = $2", self.definition_id)
        return {row["id"]: dict(row) for row in found}

    async def is_whole(self) -> None:
        """The chain is valid, every row replays, and rebuilding gives identical rows."""
        world = self.world
        processes = world.writer.processes
        faults = verify(world.database, processes, world.tenant_id, progress=lambda _cases: None)
        assert [fault async for fault in faults] == []
        rebuilder = Rebuilder(world.database, processes, world.tenant_id, dry_run=True)
        assert [found async for found in rebuilder.run(definition_id=None, progress=lambda _cases: None)] == []


async def published(world: World, *texts: str) -> UUID:
    found: UUID | None = None
    for text in texts:
        async with world.owner.transaction(world.tenant_id) as connection:
            now = await connection.fetchval("SELECT now()")
            done = await publish(connection, world.tenant_id, text, changelog="next", at=now, by=None)
        found = done.definition_id
    await world.refresh()
    assert found is not None
    return found


@pytest.fixture
async def versions(desk: Desk) -> Versions:
    return Versions(desk, await published(desk.world, FIRST, SECOND))


def running(cases: Mapping[UUID, Mapping[str, Any]]) -> set[UUID]:
    return {key for key, row in cases.items() if row["ended_at"] is None}


async def test_running_cases_go_on_under_the_new_version_and_ended_ones_stay(versions: Versions) -> None:
    await versions.begin(60)
    before = await versions.cases()
    job = await versions.desk.done(await versions.ask())
    after = await versions.cases()
    assert job.failure is None
    assert (job.counts, job.total, job.position) == ({"migrated": len(running(before))}, *[len(running(before))] * 2)
    assert {key for key, row in after.items() if row["version"] == 2} == running(before)
    for key in running(before):
        assert after[key]["sequence"] >= before[key]["sequence"] + 1
        assert (after[key]["stage"], after[key]["data"]) == (before[key]["stage"], before[key]["data"])
    assert all(after[key] == before[key] for key in before.keys() - running(before))
    await versions.is_whole()


async def test_a_dry_run_says_what_the_run_then_does_and_writes_nothing(versions: Versions) -> None:
    await versions.begin(40)
    before = await versions.cases()
    given = {"stages": {"waiting": None}, "clocks": {"task": None}}
    dry = await versions.desk.done(await versions.ask(dry_run=True, **given))
    assert await versions.cases() == before
    job = await versions.desk.done(await versions.ask(**given))
    said, done = await versions.verdicts(dry), await versions.verdicts(job)
    assert said == done
    assert dry.counts == job.counts
    assert {*Counter(verdict for verdict, _ in done.values())} == {"migrated", "refused"}
    codes = {code for _, known in done.values() for code in known}
    assert codes == {"STAGE_UNMAPPED", "CLOCK_UNMAPPED"}
    after = await versions.cases()
    refused = {key for key, (verdict, _) in done.items() if verdict == "refused"}
    assert refused
    assert all(after[key] == before[key] for key in refused)
    await versions.is_whole()


async def test_undoing_restores_every_column_that_is_not_of_history(versions: Versions) -> None:
    await versions.begin(60)
    while await sweep_due(versions.desk.worker, versions.desk.bench.writer):
        pass
    before = await versions.cases()
    job = await versions.desk.done(await versions.ask(started_clocks=frozenset({"discovery"})))
    undone = await versions.undo(job)
    after = await versions.cases()
    assert undone.counts == {"undone": len(running(before))}
    for key in before:
        assert {name: value for name, value in after[key].items() if name not in VOLATILE} == {
            name: value for name, value in before[key].items() if name not in VOLATILE
        }
    await versions.is_whole()
    again = await versions.undo(job)
    assert {codes for _, codes in (await versions.verdicts(again)).values()} == {("MOVED_ON",)}


async def test_cases_that_moved_since_stay_and_say_why(versions: Versions) -> None:
    cases = await versions.begin(30)
    open_cases = sorted(running(await versions.cases()))
    assert len(cases) == 30
    job = await versions.desk.done(await versions.ask())
    noted = open_cases[:5]
    for case in noted:
        await versions.world.done(case, Record(Activity("note")))
    await versions.undo(job)
    after = await versions.cases()
    assert {key for key in open_cases if after[key]["version"] == 2} == set(noted)
    await versions.is_whole()


async def test_a_clock_that_told_people_something_since_is_not_taken_back(versions: Versions) -> None:
    tighter = changed(SECOND, "    target: PT6H\n", "    target: PT1M\n")
    await published(versions.world, tighter)
    at = datetime.now(UTC) - timedelta(days=3)
    case = (await versions.world.done(None, versions.capture(at))).instance.id
    while await sweep_due(versions.desk.worker, versions.desk.bench.writer):
        pass
    fresh = (await versions.world.done(None, versions.capture(datetime.now(UTC) - timedelta(hours=20)))).instance.id
    planned = await versions.plan(1, 3)
    job = await versions.desk.done(await versions.desk.asked(JobKind.MIGRATION, {"plan": str(planned.record.id)}))
    while await sweep_due(versions.desk.worker, versions.desk.bench.writer):
        pass
    undone = await versions.undo(job)
    verdicts = await versions.verdicts(undone)
    rows = await versions.rows("SELECT instance_id, kind FROM history WHERE kind <> $2 ORDER BY sequence", "x")
    last = {row["instance_id"]: row["kind"] for row in rows}
    expected = {key: "refused" if last[key] == "clock" else "undone" for key in (case, fresh)}
    assert {key: verdict for key, (verdict, _) in verdicts.items()} == expected
    for key, kind in expected.items():
        assert kind == "undone" or verdicts[key][1] == ("CLOCKS_WENT_ON",)
    await versions.is_whole()


async def test_a_killed_job_goes_on_where_it_was_and_migrates_each_case_once(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between writing cases and noting so, again and again, under live traffic; nothing is refused, lost or done twice."""
    monkeypatch.setattr(migration_jobs, "AT_ONCE", 40)
    begun = await versions.begin(300)
    before = await versions.cases()
    traffic = Traffic(versions, sorted(running(before)))
    kills = 0

    async def killed(*arguments: Any) -> Any:
        nonlocal kills
        if kills < 3:
            kills += 1
            raise asyncio.CancelledError
        return await migrating_judge(*arguments)

    migrating_judge = migration_jobs.judge_cases
    monkeypatch.setattr(migration_jobs, "judge_cases", killed)
    job = await versions.ask()
    users = [asyncio.create_task(traffic.run(number)) for number in range(4)]
    desk = versions.desk
    for _ in range(8):
        task = asyncio.create_task(run_job(desk.bench, WORKS, desk.world.tenant_id, job.id))
        await asyncio.gather(task, return_exceptions=True)
    traffic.stopping = True
    await asyncio.gather(*users)
    job = await desk.job(job.id)
    assert kills == 3
    assert (job.done_at is not None, job.failure) == (True, None)
    verdicts = await versions.verdicts(job)
    assert verdicts.keys() == running(before)
    assert {*Counter(verdict for verdict, _ in verdicts.values())} <= {"migrated", "refused"}
    assert {codes for verdict, codes in verdicts.values() if verdict == "refused"} <= {("CASE_CLOSED",)}
    steps = await versions.rows("SELECT instance_id, count(*) AS n FROM history WHERE kind = 'migration' GROUP BY 1")
    assert {row["instance_id"]: row["n"] for row in steps} == {
        key: 1 for key, (verdict, _) in verdicts.items() if verdict == "migrated"
    }
    assert len(begun) == 300
    assert traffic.refused == 0
    assert traffic.done > 50
    history = await versions.rows(
        "SELECT count(*) AS n FROM history WHERE kind = 'activity' AND activity->>'kind' = 'note'"
    )
    assert history[0]["n"] == traffic.notes
    await versions.is_whole()


class Traffic:
    """People who work on the cases and capture new ones meanwhile."""

    def __init__(self, versions: Versions, cases: list[UUID]) -> None:
        self.versions = versions
        self.cases = cases
        self.stopping = False
        self.done = self.refused = self.notes = 0

    async def run(self, number: int) -> None:
        world, rng = self.versions.world, random.Random(number)
        while not self.stopping:
            case = rng.choice(self.cases)
            kind = rng.choice(("note", "note", "assign", "capture"))
            if kind == "capture":
                work = Work(world.tenant_id, (self.versions.capture(version=2),), world.actor("admin"))
            else:
                command = Record(Activity("note")) if kind == "note" else Assign(None, world.founded.teams["south"])
                work = Work(world.tenant_id, (command,), world.actor("admin"), instance_id=case)
            outcome = await world.writer.submit(work)
            self.done += 1
            self.notes += kind == "note"
            self.refused += not isinstance(outcome, Recorded)
            await asyncio.sleep(0.002)


async def test_a_case_that_ends_meanwhile_is_refused_and_says_so(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = (await versions.world.done(None, versions.capture())).instance.id
    job = await versions.ask()
    real = migrating._command

    async def after_the_end(*arguments: Any) -> Any:
        await versions.world.done(case, Fire("lose", reason="price"))
        return await real(*arguments)

    monkeypatch.setattr(migrating, "_command", after_the_end)
    await versions.desk.done(job)
    assert await versions.verdicts(job) == {case: ("refused", ("CASE_CLOSED",))}


async def test_an_edited_plan_is_the_next_revision_and_a_stale_edit_is_refused(versions: Versions) -> None:
    first = await versions.plan()
    assert (await versions.plan()).record.id == first.record.id
    second = await versions.plan(waived_clocks=frozenset({"task"}))
    assert (first.record.revision, second.record.revision) == (1, 2)
    definition = versions.world.reference.definition("small")
    assert definition is not None
    stale = PlanRequest(
        definition, 1, 2, MigrationMapping(), versions.desk.user("admin"), datetime.now(UTC), expected_revision=1
    )
    world = versions.world
    answer = await plan_migration(world.database, world.writer.processes, world.tenant_id, stale)
    assert answer == PlanOutdated(2, 1)


@pytest.mark.parametrize("seed", range(2))
async def test_random_traffic_goes_on_through_migrations_and_their_undoing(
    desk: Desk, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Backdated and late steps, forced moves, sweeps and effects of the shipped processes, before, during and after."""
    monkeypatch.setattr(traffic_module, "shipped_keys", lambda: ("web-form", "web-form", "callback-request"))
    traffic = RandomTraffic(desk.world, seed)
    await traffic.run(rounds=4, arrivals=14)
    definition = desk.world.reference.definition("web-form")
    assert definition is not None
    versions = Versions(desk, definition.id)
    started = {key for key, row in (await versions.cases()).items() if row["version"] == 1 and row["ended_at"] is None}
    job = await versions.ask(waived_fields=frozenset({"need"}))
    _, done = await asyncio.gather(traffic.run(rounds=2, arrivals=4), desk.done(job))
    assert done.failure is None
    assert done.counts.get("migrated", 0) > 0
    ended = {key for key, row in (await versions.cases()).items() if row["ended_at"] is not None}
    assert {*(await versions.verdicts(done))} >= started - ended
    await versions.is_whole()
    undone = await versions.undo(done)
    await traffic.run(rounds=2, arrivals=2)
    assert sum(undone.counts.values()) == done.counts["migrated"]
    await versions.is_whole()
    tally, _ = await judged_here(desk.world.database, desk.world.reference, "web-form")
    assert tally.cases == sum(row["exclusion"] is None for row in (await versions.cases()).values())
    assert [key for key in tally.figures if key[0] == UNREADABLE] == [], (
        "what happened can be judged by the new version"
    )


async def test_an_altered_migration_row_is_found(versions: Versions) -> None:
    await versions.begin(5)
    await versions.desk.done(await versions.ask())
    await tamper(
        versions.world,
        """UPDATE history SET migration = jsonb_set(migration, '{from}', '7') WHERE kind = 'migration'""",
    )
    found = await faults(versions.world)
    assert {fault.text for fault in found} == {"the row or the one before it was altered"}
