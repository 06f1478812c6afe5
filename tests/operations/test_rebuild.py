"""Rebuild: whatever is not history can be derived from it again, row for row, while the product goes on working."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from bpm_crm.engine.step import Activity
from bpm_crm.operations import rebuild
from bpm_crm.operations.audit import verify
from bpm_crm.operations.commands import Capture, Fire, Record, Recorded, Work
from bpm_crm.operations.folding import Fault
from bpm_crm.operations.publishing import publish
from bpm_crm.operations.rebuild import Different, Finding, LeftAlone, Rebuilder
from bpm_crm.records import derived
from bpm_crm.records.tables import Deal, ProcessInstance
from tests.engine.build import SMALL
from tests.operations.traffic import Traffic
from tests.world import World, customer, tamper

KEPT = {"tenant_id", "id", "deal_id", "customer_id", "external_id", "fingerprint", "personal"}
KEPT_OF_DEALS = {"tenant_id", "id", "key", "title", "customer_id", "instance_id", "currency"}
DAMAGE = {
    "definition_id": "(SELECT max(id::text)::uuid FROM process_definition)",
    "version": "version + 1",
    "channel_id": "(SELECT id FROM channel WHERE key = 'referral')",
    "campaign_id": "CASE WHEN campaign_id IS NULL THEN (SELECT id FROM campaign) END",
    "region": "'Nowhere'",
    "owner_id": "(SELECT id FROM app_user WHERE email LIKE 'analyst@%')",
    "team_id": "CASE WHEN team_id IS NULL THEN (SELECT min(id::text)::uuid FROM team) END",
    "stage": "'nowhere'",
    "outcome": "'nothing'",
    "reason": "'none'",
    "exclusion": "'damaged'",
    "sequence": "sequence - 1",
    "started_at": "started_at - interval '1 microsecond'",
    "entered_at": "entered_at + interval '1 microsecond'",
    "ended_at": "coalesce(ended_at, entered_at) + interval '1 day'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "next_due_at": "coalesce(next_due_at, entered_at) + interval '1 second'",
    "overdue_since": "coalesce(overdue_since, entered_at) + interval '1 second'",
    "data": "data || '{\"planted\": 1}'",
    "progress": "'{}'",
    "clocks": "'{\"planted\": []}'",
    "head": "sha256(head)",
    "amount": "coalesce(amount, 0) + 0.000001",
}
MONDAY = datetime(2026, 9, 7, 7, tzinfo=UTC)


async def snapshot(world: World) -> dict[str, list[str]]:
    """Every row that a rebuild may touch, and history, as texts."""
    async with world.owner.reader(world.tenant_id) as connection:
        return {
            table: [
                row["row"]
                for row in await connection.fetch(
                    f"SELECT t::text AS row FROM {table} AS t WHERE tenant_id = $1 ORDER BY 1", world.tenant_id
                )
            ]
            for table in ("process_instance", "deal", "history", "history_text")
        }


async def damage(world: World, statement: str) -> None:
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute(statement)


async def rebuilt(world: World, *, definition_id: UUID | None = None, **options: Any) -> list[Finding]:
    rebuilder = Rebuilder(world.database, world.writer.processes, world.tenant_id, **options)
    return [found async for found in rebuilder.run(definition_id=definition_id, progress=lambda _cases: None)]


async def faults(world: World) -> list[Fault]:
    found = verify(world.database, world.writer.processes, world.tenant_id, progress=lambda _cases: None)
    return [fault async for fault in found]


async def some_cases(world: World, number: int = 3) -> list[UUID]:
    """Cases with a deal, free text, personal data, two moves and clocks that run."""
    commands = (Fire("contact"), Fire("qualify", {"need": "x", "amount": "100.50", "delivery_address": "Arbat 1"}))
    captures = [world.capture(customer=customer(n), comment="hello", occurred_at=MONDAY) for n in range(number)]
    return [(await world.done(None, capture, *commands)).instance.id for capture in captures]


def columns(findings: Sequence[Finding]) -> set[str]:
    """The columns that differed; every finding must be a difference."""
    assert all(isinstance(found, Different) for found in findings), findings
    return {name for found in findings if isinstance(found, Different) for name in found.columns}


def test_every_column_is_derived_or_said_to_be_kept() -> None:
    assert {*derived.CASE} | KEPT == {*ProcessInstance.model_fields}
    assert {*derived.DEAL} | KEPT_OF_DEALS == {*Deal.model_fields}
    assert not {*derived.CASE} & KEPT
    assert not {*derived.DEAL} & KEPT_OF_DEALS


@pytest.mark.parametrize("seed", range(3))
async def test_random_traffic_is_rebuilt_identically_and_verified(world: World, seed: int) -> None:
    traffic = Traffic(world, seed)
    await traffic.run(rounds=9, arrivals=20)
    before = await snapshot(world)
    assert len(before["history"]) > traffic.acknowledged > 500
    assert await rebuilt(world, dry_run=True) == []
    assert await faults(world) == []
    settings = [f"{name} = {DAMAGE[name]}" for name in derived.CASE]
    await damage(world, f"UPDATE process_instance SET {', '.join(settings)}")
    await damage(world, f"UPDATE deal SET {', '.join(f'{name} = {DAMAGE[name]}' for name in derived.DEAL)}")
    assert len(await rebuilt(world)) == len(before["process_instance"])
    assert await snapshot(world) == before


@pytest.mark.parametrize("column", derived.CASE)
async def test_any_damaged_column_of_a_case_is_named_and_repaired(world: World, column: str) -> None:
    await some_cases(world)
    before = await snapshot(world)
    await damage(world, f"UPDATE process_instance SET {column} = {DAMAGE[column]}")
    damaged = await snapshot(world)
    assert damaged != before
    options = {"trust_history": column == "head"}
    assert columns(await rebuilt(world, dry_run=True, **options)) == {column}
    assert await snapshot(world) == damaged
    assert len(await rebuilt(world, **options)) == 3
    assert await snapshot(world) == before
    assert await rebuilt(world) == []


@pytest.mark.parametrize("column", derived.DEAL)
async def test_any_damaged_column_of_a_deal_is_named_and_repaired(world: World, column: str) -> None:
    await some_cases(world)
    before = await snapshot(world)
    await damage(world, f"UPDATE deal SET {column} = {DAMAGE[column]}")
    assert columns(await rebuilt(world)) == {f"deal.{column}"}
    assert await snapshot(world) == before


async def test_only_damaged_cases_are_written(world: World) -> None:
    cases = await some_cases(world)
    await damage(world, f"UPDATE process_instance SET stage = 'x' WHERE id = '{cases[1]}'")
    version = "SELECT id, xmin::text FROM process_instance WHERE tenant_id = $1"
    async with world.owner.reader(world.tenant_id) as connection:
        before = dict(await connection.fetch(version, world.tenant_id))
    assert await rebuilt(world) == [Different(cases[1], ("stage",))]
    async with world.owner.reader(world.tenant_id) as connection:
        after = dict(await connection.fetch(version, world.tenant_id))
    assert {case for case in cases if before[case] != after[case]} == {cases[1]}


async def test_one_process_can_be_rebuilt_alone(world: World) -> None:
    await some_cases(world)
    other = (await world.done(None, world.capture("web-form"))).instance
    await damage(world, "UPDATE process_instance SET outcome = 'x'")
    assert await rebuilt(world, definition_id=other.definition_id) == [Different(other.id, ("outcome",))]
    assert len(await rebuilt(world)) == 3


async def test_more_cases_than_fit_into_a_page_are_all_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "AT_ONCE", 3)
    monkeypatch.setattr(rebuild, "ROWS_UNDER_LOCK", 4)
    await some_cases(world, 8)
    before = await snapshot(world)
    await damage(world, "UPDATE process_instance SET stage = 'x'")
    assert len(await rebuilt(world)) == 8
    assert await snapshot(world) == before


async def test_personal_data_is_neither_touched_nor_brought_back(world: World) -> None:
    await some_cases(world)
    await damage(world, "UPDATE process_instance SET personal = '{}', stage = 'x'")
    await damage(world, "DELETE FROM history_text")
    assert columns(await rebuilt(world)) == {"stage"}
    async with world.owner.reader(world.tenant_id) as connection:
        found = await connection.fetch("SELECT personal FROM process_instance WHERE tenant_id = $1", world.tenant_id)
    assert [row["personal"] for row in found] == [{}, {}, {}]
    assert await faults(world) == []


@pytest.mark.parametrize("together", [True, False])
async def test_pauses_recorded_late_are_rebuilt_whether_or_not_their_steps_came_together(
    world: World, together: bool
) -> None:
    pause = "  docs: {title: {en: Papers, ru: Бумаги}, from: {activity: email}, until: {activity: meeting}}\n"
    text = SMALL.replace("reasons:\n", pause + "reasons:\n").replace("[small]", "[small, callback-request]")
    async with world.owner.transaction(world.tenant_id) as connection:
        published = await publish(connection, world.tenant_id, text, changelog="first", at=MONDAY, by=None)
    channel = world.founded.channels["callback-request"]
    capture = Capture(published.definition_id, published.version, channel, "callback-request", occurred_at=MONDAY)
    saturday = [datetime(2026, 9, 12, 10, minute, tzinfo=UTC) for minute in (0, 40, 20)]
    acts = [
        Record(Activity(kind), occurred_at=at) for kind, at in zip(("email", "meeting", "email"), saturday, strict=True)
    ]
    if together:
        await world.done(None, capture, *acts)
    else:
        case = (await world.done(None, capture)).instance.id
        for act in acts:
            await world.done(case, act)
    assert await rebuilt(world, dry_run=True) == []
    assert await faults(world) == []


async def test_a_step_written_between_looking_and_locking_is_not_overwritten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = await some_cases(world, 1)
    await damage(world, "UPDATE process_instance SET outcome = 'x'")

    async def after_a_step(*arguments: Any) -> Any:
        await world.done(case, Record(Activity("note")))
        return await derived.lock_cases(*arguments)

    monkeypatch.setattr(rebuild, "lock_cases", after_a_step)
    await rebuilt(world)
    assert await rebuilt(world, dry_run=True) == []
    assert (await world.done(case, Record(Activity("note")), expected_sequence=4)).instance.state.sequence == 5


async def test_a_step_that_comes_while_a_case_is_rebuilt_waits_and_sees_what_was_rebuilt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = await some_cases(world, 1)
    await damage(world, "UPDATE process_instance SET stage = 'lost', progress = '{}', clocks = '{}'")
    waiting: list[asyncio.Task[Recorded]] = []

    async def before_a_step(*arguments: Any) -> Any:
        rows = await derived.lock_cases(*arguments)
        waiting.append(asyncio.create_task(world.done(case, Fire("make_offer", {"amount": "7"}))))
        done, _ = await asyncio.wait(waiting, timeout=0.3)
        assert not done
        return rows

    monkeypatch.setattr(rebuild, "lock_cases", before_a_step)
    await rebuilt(world)
    assert (await waiting[0]).instance.state.stage == "offer"
    monkeypatch.undo()
    assert await rebuilt(world, dry_run=True) == []
    assert await faults(world) == []


async def test_writers_lose_nothing_while_cases_are_damaged_and_rebuilt_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(*arguments: Any) -> None:
        await asyncio.sleep(0.05)
        await derived.replace_cases(*arguments)

    monkeypatch.setattr(rebuild, "replace_cases", slowly)
    cases = await some_cases(world, 12)
    stopping = False

    async def write(number: int) -> int:
        written = 0
        while not stopping:
            case = cases[(number * 5 + written) % len(cases)]
            work = Work(world.tenant_id, (Record(Activity("note")),), world.actor("ann"), instance_id=case)
            assert isinstance(await world.writer.submit(work), Recorded)
            written += 1
        return written

    writers = [asyncio.create_task(write(number)) for number in range(6)]
    for _ in range(15):
        await damage(world, "UPDATE process_instance SET outcome = 'x', next_due_at = NULL, overdue_since = now()")
        await rebuilt(world)
    stopping = True
    written = sum(await asyncio.gather(*writers))
    assert written > 100
    await rebuilt(world)
    assert (await world.counts())["history"] == 12 * 3 + written
    assert await rebuilt(world, dry_run=True) == []
    assert await faults(world) == []


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        ("UPDATE history SET reason = 'x' WHERE instance_id = '{case}' AND sequence = 2", 2),
        ("DELETE FROM history WHERE instance_id = '{case}' AND sequence = 1", 1),
        ("DELETE FROM history WHERE instance_id = '{case}' AND sequence = 3", 3),
        ("DELETE FROM history WHERE instance_id = '{case}'", 1),
    ],
)
async def test_nothing_is_derived_from_a_history_that_is_not_whole(world: World, statement: str, sequence: int) -> None:
    cases = await some_cases(world)
    await tamper(world, statement.format(case=cases[1]))
    await damage(world, "UPDATE process_instance SET outcome = 'x'")
    found = await rebuilt(world)
    assert [(item.fault.instance_id, item.fault.sequence) for item in found if isinstance(item, LeftAlone)] == [
        (cases[1], sequence)
    ]
    assert [item.instance_id for item in found if isinstance(item, Different)] == [cases[0], cases[2]]
    async with world.owner.reader(world.tenant_id) as connection:
        left = await connection.fetchval("SELECT outcome FROM process_instance WHERE id = $1", cases[1])
    assert left == "x"


async def test_a_history_that_lost_its_end_is_taken_as_it_is_only_when_asked(world: World) -> None:
    cases = await some_cases(world, 1)
    await tamper(world, "DELETE FROM history WHERE sequence = 3")
    before = await snapshot(world)
    assert [type(found) for found in await rebuilt(world)] == [LeftAlone]
    assert await snapshot(world) == before
    assert "sequence" in columns(await rebuilt(world, trust_history=True))
    assert await faults(world) == []
    assert (
        await world.done(cases[0], Fire("qualify", {"need": "y"}), expected_sequence=2)
    ).instance.state.sequence == 3


async def test_nothing_is_derived_by_a_version_that_is_not_what_was_published(world: World) -> None:
    await some_cases(world)
    await tamper(
        world,
        "UPDATE process_version SET document = jsonb_set(document::jsonb, '{stages,offer,kind}', '\"waiting\"')::json",
    )
    found = await rebuilt(world)
    assert [type(item) for item in found] == [LeftAlone] * 3
    assert {fault.sequence for fault in await faults(world)} == {1}
