"""An altered history is found and named, whatever was altered; so is a case that is not what its history says."""

import random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from bpm_crm.operations.audit import verify
from bpm_crm.operations.commands import Fire
from bpm_crm.operations.folding import Fault
from bpm_crm.records.database import set_codecs
from bpm_crm.records.entries import FIRST_HASH, chain_hash
from bpm_crm.records.history import CHAINED
from tests.world import World, customer

ALTERATIONS = {
    "kind": "'x'",
    "occurred_at": "occurred_at + interval '1 microsecond'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "version": "version + 1",
    "business": "coalesce(business, 0) + 1",
    "visit": "coalesce(visit, 0) + 1",
    "checkpoints": "array_append(checkpoints, 'x')",
    "clocks": "coalesce(clocks, '[]') || '[1]'",
    "data": "coalesce(data, '{}') || '{\"x\": 1}'",
    "activity": "coalesce(activity, '{}') || '{\"x\": 1}'",
    "hash": "sha256(hash)",
    "text_digest": "sha256('x')",
}
FIRST_CASE = "(SELECT min(instance_id::text)::uuid FROM history)"


def alteration(column: str) -> str:
    if column in ALTERATIONS:
        return ALTERATIONS[column]
    if column.endswith("_id") and column != "request_id":
        return "gen_random_uuid()"
    if column == "entered_at":
        return "now()"
    return "9999" if column in {"sequence", "active"} else "'altered'"


async def alter(world: World, *statements: str) -> None:
    """What only who owns the whole server can do."""
    connection = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await connection.execute("SET session_replication_role = replica")
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def forge(world: World, case: UUID, sequence: int, **values: Any) -> None:
    """Alter a row of history and every hash after it, the case's too, as one who knows how would."""
    connection = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await set_codecs(connection)
    await connection.execute("SET session_replication_role = replica")
    for name, value in values.items():
        statement = f"UPDATE history SET {name} = $3 WHERE instance_id = $1 AND sequence = $2"
        await connection.execute(statement, case, sequence, value)
    head = FIRST_HASH
    for row in await connection.fetch("SELECT * FROM history WHERE instance_id = $1 ORDER BY sequence", case):
        head = chain_hash(head, row)
        statement = "UPDATE history SET hash = $3 WHERE instance_id = $1 AND sequence = $2"
        await connection.execute(statement, case, row["sequence"], head)
    await connection.execute("UPDATE process_instance SET head = $2 WHERE id = $1", case, head)
    await connection.close()


async def some_cases(world: World) -> list[UUID]:
    cases = []
    for number in range(3):
        done = await world.done(
            None,
            world.capture(customer=customer(number), comment="hello", data={"delivery_address": "Arbat 1"}),
            Fire("contact"),
            Fire("qualify", {"need": "x"}),
        )
        cases.append(done.instance.id)
    return sorted(cases, key=str)


async def faults(world: World) -> list[Fault]:
    found = verify(world.database, world.writer.processes, world.tenant_id, progress=lambda _cases: None)
    return [fault async for fault in found]


async def test_what_was_written_is_without_fault(world: World) -> None:
    await some_cases(world)
    assert await faults(world) == []


@pytest.mark.parametrize("column", [*(name for name in CHAINED if name != "tenant_id"), "hash"])
async def test_any_altered_column_is_found_and_named(world: World, column: str) -> None:
    cases = await some_cases(world)
    sequence = random.Random(column).choice((1, 2, 3))
    victim = f"{FIRST_CASE} AND sequence = {sequence}"
    await alter(world, f"UPDATE history SET {column} = {alteration(column)} WHERE instance_id = {victim}")
    found = await faults(world)
    assert (found[0].instance_id, found[0].sequence) == (cases[0], sequence)
    assert len(found) == (2 if column == "instance_id" else 1)


@pytest.mark.parametrize("sequence", [1, 2, 3])
async def test_a_missing_row_is_found(world: World, sequence: int) -> None:
    cases = await some_cases(world)
    await alter(world, f"DELETE FROM history WHERE sequence = {sequence} AND instance_id = {FIRST_CASE}")
    assert [(fault.instance_id, fault.sequence) for fault in await faults(world)] == [(cases[0], sequence)]


async def test_a_history_that_is_gone_is_found(world: World) -> None:
    cases = await some_cases(world)
    await alter(world, f"DELETE FROM history WHERE instance_id = {FIRST_CASE}")
    assert await faults(world) == [Fault(cases[0], 1, "the row is missing")]


@pytest.mark.parametrize("number", [0, 2])
async def test_a_history_whose_case_is_gone_is_found(world: World, number: int) -> None:
    cases = await some_cases(world)
    await alter(world, f"DELETE FROM process_instance WHERE id = '{cases[number]}'")
    assert await faults(world) == [Fault(cases[number], 1, "there is history, but no case")]


async def test_an_altered_free_text_is_found_and_an_erased_one_is_none(world: World) -> None:
    cases = await some_cases(world)
    await alter(world, f"DELETE FROM history_text WHERE instance_id = {FIRST_CASE}")
    assert await faults(world) == []
    await alter(world, f"UPDATE history_text SET comment = 'forged' WHERE instance_id = '{cases[2]}'")
    assert await faults(world) == [Fault(cases[2], 1, "the free text was altered")]


@pytest.mark.parametrize(
    ("sequence", "values"),
    [
        (3, {"business": 1}),
        (3, {"active": 1}),
        (3, {"visit": 7}),
        (2, {"checkpoints": ["lead", "won"]}),
        (1, {"clocks": []}),
        (3, {"to_stage": "won"}),
        (3, {"outcome": "won"}),
        (1, {"data": {"amount": "1"}}),
        (2, {"kind": "nothing"}),
        (2, {"transition": "fly"}),
    ],
)
async def test_a_forged_verdict_is_found_though_every_hash_was_made_to_fit(
    world: World, sequence: int, values: dict[str, Any]
) -> None:
    cases = await some_cases(world)
    await forge(world, cases[1], sequence, **values)
    found = await faults(world)
    assert [fault.instance_id for fault in found] == [cases[1]], found
    assert found[0].sequence >= sequence


async def test_a_case_that_is_not_what_its_history_says_is_found_with_what_differs(world: World) -> None:
    cases = await some_cases(world)
    await alter(world, f"UPDATE process_instance SET stage = 'won', clocks = '{{}}' WHERE id = '{cases[1]}'")
    await alter(world, "UPDATE deal SET amount = 7")
    found = await faults(world)
    assert [fault.sequence for fault in found] == [3, 3, 3]
    assert "history has it: stage, clocks, deal.amount;" in found[1].text
    assert "history has it: deal.amount;" in found[0].text
