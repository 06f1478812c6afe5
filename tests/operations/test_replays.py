"""Replays of what is stored: nothing differs through its own version, whoever wrote it; and a replay changes nothing."""

from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from bpm_crm.embedded.server import Server
from bpm_crm.excel.targets import ImportKind
from bpm_crm.operations import replays
from bpm_crm.operations.commands import Assign
from bpm_crm.operations.demo.loading import ensure_company, load_year
from bpm_crm.operations.processes import ProcessCache
from bpm_crm.operations.replay_candidates import Asked, Candidate, ClockChange, candidate_of
from bpm_crm.operations.replay_tally import Tally, unpacked
from bpm_crm.operations.replays import Replayer
from bpm_crm.operations.writer import Writer
from bpm_crm.processes.library import shipped_keys
from bpm_crm.records.database import Database
from bpm_crm.records.reference import Reference, load_reference
from bpm_crm.records.replays import FIRST, Span
from tests.analytics.checking import Walked, walk
from tests.analytics.leads import call, fire, hour, lead, lose
from tests.databases import cloned
from tests.excel.desk import a_desk, xlsx
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
