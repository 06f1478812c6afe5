"""Replays of what is stored: nothing differs through its own version, whoever wrote it; and a replay changes nothing."""

import re
from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.embedded.server import Server
from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.step import Activity
from bpm_crm.excel.targets import ImportKind
from bpm_crm.operations import replays
from bpm_crm.operations.commands import Assign, Capture, Command, Fire, Migrate, Record, UndoMigration
from bpm_crm.operations.demo.loading import ensure_company, load_year
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.replay_candidates import Asked, Candidate, ClockChange, candidate_of
from bpm_crm.operations.replay_tally import MOVE, Key, Tally, unpacked
from bpm_crm.operations.replays import Replayer
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_keys
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference
from bpm_crm.records.replays import FIRST, Span
from bpm_crm.records.states import unpack_before
from tests.analytics.checking import Walked, walk
from tests.analytics.leads import call, fire, hour, lead, lose
from tests.databases import cloned
from tests.engine.build import with_clock
from tests.excel.desk import a_desk, xlsx
from tests.excel.test_migrations import published
from tests.operations.replaying import EVER, documents, judged_here
from tests.world import World, a_world

LEADS = 100


@pytest.fixture(scope="module")
async def demo(postgres: Server, template: str) -> AsyncIterator[tuple[Database, Reference]]:
    """The demo company with some of its year."""
    async with cloned(postgres, template) as access:
        owner, worker = await Database.connect(access.owner, size=2), await Database.connect(access.worker, size=4)
        tenant_id = await ensure_company(owner, datetime.now(UTC))
        writer = Writer(worker, ProcessCache())
        writer.start()
        await load_year(worker, writer, tenant_id, datetime.now(UTC), leads=LEADS, progress=lambda _done, _all: None)
        await writer.stop()
        async with worker.reader(tenant_id) as connection:
            reference = await load_reference(connection, tenant_id)
        assert reference is not None
        yield worker, reference
        await worker.close()
        await owner.close()


@pytest.fixture(scope="module")
async def walked(postgres: Server, template: str) -> AsyncIterator[Walked]:
    """A world in which cases have walked at random, forced and recorded late among them, and a second version came."""
    async with cloned(postgres, template) as access, a_world(access) as world:
        yield await walk(world, 3)


def same(tally: Tally) -> bool:
    """Whether nothing differs."""
    return (
        not tally.figures
        and tally.differing == 0
        and all(before == after for _, before, after in tally.verdicts)
        and all(tally.reached[key, "before"] == tally.reached[key, "after"] for key, _ in tally.reached)
    )


@pytest.mark.parametrize("key", shipped_keys())
async def test_the_demo_year_runs_through_its_own_versions_without_a_difference(
    demo: tuple[Database, Reference], key: str
) -> None:
    tally, found = await judged_here(*demo, key)
    assert (tally.cases > 0, found, same(tally)) == (True, [], True), tally


async def test_walks_run_through_the_versions_they_were_written_under_without_a_difference(walked: Walked) -> None:
    world = walked.world
    tally, found = await judged_here(world.database, world.reference, "inbound-call")
    assert (tally.cases > 20, found, same(tally)) == (True, [], True), tally


async def test_another_version_differs_only_in_what_it_says_otherwise(walked: Walked) -> None:
    """The second version has one checkpoint more and orders the funnel otherwise: no move and no clock differs."""
    tally, _ = await judged_here(walked.world.database, walked.world.reference, "callback-request")
    assert tally.figures
    assert {key[0] for key in tally.figures} == {"checkpoint"}
    assert {key[1] for key in tally.figures} == {"met"}
    assert all(before == after for _, before, after in tally.verdicts)


async def test_history_that_was_imported_runs_through_its_version_without_a_difference(world: World) -> None:
    rows = [
        ["Case", "Transition", "Time", "Who", "Reason", "need", "amount"],
        ["1", "created", "2026-09-07 09:00", None, None, None, None],
        ["1", "contact", "2026-09-07 10:00", "ann@example.org", None, None, None],
        ["1", "qualify", "2026-09-07 11:00", "bob@example.org", None, "A roof", None],
        ["1", "make_offer", "2026-09-08 11:00", "north@example.org", None, None, "100"],
        ["2", "created", "2026-09-07 09:00", None, None, None, None],
        ["2", "lose", "2026-09-07 19:00", "ann@example.org", "competitor", None, None],
    ]
    async with a_desk(world) as desk:
        job = await desk.imported(xlsx(rows), kind=ImportKind.HISTORY)
    assert dict(job.counts) == {"accepted": 2}
    tally, found = await judged_here(world.database, world.reference, "callback-request")
    assert (tally.cases, tally.moves, found, same(tally)) == (2, 4, [], True)


async def span_of(world: World, process: str = "callback-request") -> Span:
    definition = world.reference.definition(process)
    assert definition is not None
    return Span(definition.id, *EVER)


async def edited_document(world: World, process: str = "callback-request") -> Any:
    """A document that requires a budget of offers, wants calls at once, and knows no postponing."""
    definition = world.reference.definition(process)
    assert definition is not None
    versions = await documents(world.database, world.tenant_id, definition.id)
    document = deepcopy(versions[max(versions)])
    document["transitions"]["make_offer"]["require"] = ["amount", "budget"]
    document["clocks"]["response"]["target"] = "PT1M"
    del document["transitions"]["postpone"]
    return document


async def test_processes_apart_say_what_this_one_says_chunk_by_chunk(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "AT_ONCE", 7)
    world, now = walked.world, datetime.now(UTC)
    document = await edited_document(world)
    here, found_here = await judged_here(world.database, world.reference, "callback-request", document, now)
    replayer = Replayer(world.database, world.reference, await span_of(world), document, now)
    tally, found, cursors = Tally(), {}, []
    async for progress in replayer.run(tally):
        cursors.append(progress.cursor)
        found.update(progress.found)
    assert len(cursors) > 5
    assert cursors == sorted(cursors)
    keys = list(tally.figures)
    assert {str(case): sorted(keys[number] for number in numbers) for case, numbers in found.items()} == {
        case: sorted(known) for case, known in found_here
    }
    assert (tally.cases, tally.moves, tally.differing) == (here.cases, here.moves, here.differing)
    assert {key: (item.units, item.cases, item.first) for key, item in tally.figures.items()} == {
        key: (item.units, item.cases, item.first) for key, item in here.figures.items()
    }
    assert (tally.verdicts, tally.reached) == (here.verdicts, here.reached)
    assert unpacked(tally.packed()) == tally


async def test_a_replay_taken_up_again_counts_every_case_once(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "AT_ONCE", 10)
    world, now = walked.world, datetime.now(UTC)
    document, span = await edited_document(world), await span_of(world)
    whole = Tally()
    async for _ in Replayer(world.database, world.reference, span, document, now).run(whole):
        pass
    first: Any = None
    async for progress in Replayer(world.database, world.reference, span, document, now).run(Tally()):
        first = (progress.cursor, progress.tally.packed())
        break
    again = unpacked(first[1])
    async for _ in Replayer(world.database, world.reference, span, document, now).run(again, first[0]):
        pass
    assert again == whole


async def told(world: World) -> None:
    """Five leads of one Monday: called after 4, 10 and 20 minutes of business time, one never called, one lost at once."""
    await lead(world, 6, call(6 + 4 / 60), fire("contact", 6.2), by="ann")
    await lead(
        world,
        6,
        Assign(world.founded.users["bob@example.org"], None, occurred_at=hour(6.05)),
        call(6 + 10 / 60),
        by="bob",
    )
    await lead(world, 6, call(6 + 20 / 60), by="ann")
    await lead(world, 6)
    await lead(world, 6, lose(6 + 2 / 60))


def clock_of(tally: Tally) -> dict[tuple[str, str], int]:
    return {(key[1], key[2]): count for key, count in tally.verdicts.items() if key[0] == "response"}


async def candidate(world: World, asked: Asked) -> Candidate:
    found = await candidate_of(world.database, world.reference, asked, datetime.now(UTC))
    assert isinstance(found, Candidate), found
    return found


async def test_a_tighter_target_gains_breaches_of_whoever_held_the_case(world: World) -> None:
    await told(world)
    asked = Asked("callback-request", *EVER, changes=(ClockChange("response", target="PT5M"),))
    found = await candidate(world, asked)
    tally, _ = await judged_here(world.database, world.reference, "callback-request", found.document)
    assert clock_of(tally) == {
        ("met", "met"): 1,
        ("met", "breached"): 1,
        ("breached", "breached"): 2,
        ("cancelled", "cancelled"): 1,
    }
    gained = {key[2:]: item.units for key, item in tally.figures.items() if key[:2] == ("clock", "response")}
    bob = world.founded.users["bob@example.org"]
    assert gained[("gained",)] == 1
    assert gained["gained", "owner", str(bob)] == 1
    assert gained["gained", "channel", "callback-request"] == 1
    assert ("lost",) not in gained


async def test_a_looser_target_or_longer_hours_lose_and_gain_them(world: World) -> None:
    await told(world)
    looser = await candidate(
        world, Asked("callback-request", *EVER, changes=(ClockChange("response", target="PT30M"),))
    )
    tally, _ = await judged_here(world.database, world.reference, "callback-request", looser.document)
    assert clock_of(tally)["breached", "met"] == 1
    night = {"zone": "Europe/Moscow", "week": {"mon-fri": "11:00-18:00"}}
    later = await candidate(world, Asked("callback-request", *EVER, changes=(), calendar=night))
    tally, _ = await judged_here(world.database, world.reference, "callback-request", later.document)
    assert clock_of(tally)["breached", "met"] == 1  # before the later opening no time is used up


async def test_a_replay_changes_nothing(walked: Walked) -> None:
    world = walked.world
    tables = ("process_instance", "history", "history_text", "deal", "outbox", "case_change")
    before = await digests(world, tables)
    async for _ in Replayer(
        world.database, world.reference, await span_of(world), await edited_document(world), datetime.now(UTC)
    ).run(Tally(), FIRST):
        pass
    assert await digests(world, tables) == before


async def digests(world: World, tables: tuple[str, ...]) -> dict[str, Any]:
    async with world.owner.reader(world.tenant_id) as connection:
        return {
            table: await connection.fetchval(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t WHERE t.tenant_id = $1",
                world.tenant_id,
            )
            for table in tables
        }


OLD = with_clock("start: {started: true}\nstop: {activity: response}\ntarget: PT2H").replace(
    "[small]", "[small, callback-request]"
)
NEW = re.sub(r"\bwork\b", "doing", OLD).replace("PT2H", "PT6H").replace("  task:", "  reply:")
"""Another name for a stage, another name and a looser target for the clock."""


async def migrated(world: World, case: UUID, definition_id: UUID) -> None:
    """Take a case of the small process from its first version to the second."""
    async with world.database.reader(world.tenant_id) as connection:
        target = await world.writer.processes.get(connection, world.tenant_id, definition_id, 2)
    mapping = MigrationMapping(stages={"work": "doing"}, clocks={"task": "reply"})
    await world.done(case, Migrate(1, 2, target, mapping), by="admin")


async def taken_back(world: World, case: UUID, definition_id: UUID) -> None:
    """Undo the migration that was the last step of a case."""
    async with world.owner.reader(world.tenant_id) as connection:
        row = await connection.fetchrow(
            "SELECT migration FROM history WHERE tenant_id = $1 AND instance_id = $2 ORDER BY sequence DESC LIMIT 1",
            world.tenant_id,
            case,
        )
        first = await world.writer.processes.get(connection, world.tenant_id, definition_id, 1)
    await world.done(case, UndoMigration(1, first, unpack_before(row["migration"])), by="admin")


async def lived(world: World, definition_id: UUID) -> dict[str, str]:
    """Cases by what became of them: migrated and won, taken back and lost, stayed, begun under the new version, migrated before its clock ended."""
    channel = world.founded.channels["callback-request"]

    async def begun(version: int, at: datetime | None, *commands: Command) -> UUID:
        first = Capture(definition_id, version, channel, "callback-request", opens_deal=False, occurred_at=at)
        return (await world.done(None, first, *commands, by="admin")).instance.id

    long_ago, begin = hour(6), Fire("begin", occurred_at=hour(6.5))
    cases = {
        "migrated": await begun(1, long_ago, begin, call(9)),
        "taken back": await begun(1, long_ago, begin),
        "stayed": await begun(1, long_ago, begin, call(9)),
        "new": await begun(2, long_ago, begin, call(9)),
        "fresh": await begun(1, None),
    }
    for name in ("migrated", "taken back", "fresh"):
        await migrated(world, cases[name], definition_id)
    await taken_back(world, cases["taken back"], definition_id)
    await world.done(cases["fresh"], Record(Activity("call", "outbound")), by="admin")
    await world.done(cases["migrated"], Fire("wait"), Fire("resume"), Fire("win"), by="admin")
    await world.done(cases["taken back"], Fire("wait"), Fire("lose", reason="price"), by="admin")
    return {str(case): name for name, case in cases.items()}


async def test_cases_that_were_migrated_or_taken_back_run_through_either_version(world: World) -> None:
    """What the versions say otherwise differs, and nothing else: a migration and its undoing are followed, whichever version leads."""
    definition_id = await published(world, OLD, NEW)
    names = await lived(world, definition_id)
    versions = await documents(world.database, world.tenant_id, definition_id)

    async def told(version: int) -> tuple[Tally, dict[str, set[Key]]]:
        tally, found = await judged_here(world.database, world.reference, "small", versions[version])
        return tally, {names[case]: {_short(key) for key in keys if len(key) > 2} for case, keys in found}

    tally, found = await told(1)
    assert (tally.cases, tally.moves) == (5, 9)
    assert found == {
        "migrated": {("diverted", "resume", "work")},
        "new": {("diverted", "begin", "work"), ("clock", "task", "gained")},
    }
    assert tally.verdicts == {
        ("task", "breached", "breached"): 3,
        ("task", "cancelled", "met"): 1,
        ("task", "absent", "breached"): 1,
        ("reply", "met", "absent"): 2,
        ("reply", "cancelled", "absent"): 1,
    }
    tally, found = await told(2)
    renamed: set[Key] = {("diverted", "begin", "doing"), ("clock", "task", "lost")}
    assert (tally.cases, tally.moves) == (5, 9)
    assert found == {
        "migrated": renamed,
        "taken back": renamed | {("clock", "reply", "gained")},
        "stayed": renamed,
    }
    assert tally.verdicts == {
        ("task", "breached", "absent"): 3,
        ("task", "cancelled", "absent"): 1,
        ("reply", "absent", "met"): 2,
        ("reply", "met", "met"): 2,
        ("reply", "cancelled", "breached"): 1,
    }


def _short(key: Key) -> Key:
    """A figure in few words: what of a move or of a clock."""
    return (key[1], key[4], key[-1]) if key[0] == MOVE else key[:3]
