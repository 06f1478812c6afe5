"""An altered history is found, whatever was altered."""

import random

import asyncpg
import pytest

from bpm_crm.operations.audit import altered_rows
from bpm_crm.operations.commands import Fire
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


def alteration(column: str) -> str:
    if column in ALTERATIONS:
        return ALTERATIONS[column]
    if column.endswith("_id") and column != "request_id":
        return "gen_random_uuid()"
    if column == "entered_at":
        return "now()"
    return "9999" if column in {"sequence", "active"} else "'altered'"


async def alter(world: World, statement: str) -> None:
    connection = await asyncpg.connect(world.access.owner.replace("bpm_crm_owner@", "postgres@"))
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(statement)
    await connection.close()


async def some_cases(world: World) -> None:
    for number in range(3):
        await world.done(
            None,
            world.capture(customer=customer(number), comment="hello", data={"delivery_address": "Arbat 1"}),
            Fire("contact"),
            Fire("qualify", {"need": "x"}),
        )


async def test_an_untouched_history_is_whole(world: World) -> None:
    await some_cases(world)
    assert [fault async for fault in altered_rows(world.database, world.tenant_id)] == []


@pytest.mark.parametrize("column", [*(name for name in CHAINED if name != "tenant_id"), "hash"])
async def test_any_altered_column_is_found_and_named(world: World, column: str) -> None:
    await some_cases(world)
    sequence = random.Random(column).choice((1, 2, 3))
    victim = f"(SELECT instance_id FROM history ORDER BY instance_id LIMIT 1) AND sequence = {sequence}"
    await alter(world, f"UPDATE history SET {column} = {alteration(column)} WHERE instance_id = {victim}")
    found = [fault async for fault in altered_rows(world.database, world.tenant_id)]
    assert found
    if column not in {"instance_id", "sequence"}:
        assert found[0].sequence == sequence


@pytest.mark.parametrize("sequence", [1, 2, 3])
async def test_a_missing_row_is_found(world: World, sequence: int) -> None:
    await some_cases(world)
    await alter(
        world,
        f"DELETE FROM history WHERE sequence = {sequence} AND instance_id = (SELECT min(instance_id::text)::uuid FROM history)",
    )
    found = [fault async for fault in altered_rows(world.database, world.tenant_id)]
    assert len(found) == 1


async def test_an_altered_free_text_is_found_and_an_erased_one_is_none(world: World) -> None:
    await some_cases(world)
    await alter(
        world, "DELETE FROM history_text WHERE instance_id = (SELECT min(instance_id::text)::uuid FROM history)"
    )
    assert [fault async for fault in altered_rows(world.database, world.tenant_id)] == []
    await alter(
        world,
        "UPDATE history_text SET comment = 'forged' WHERE instance_id = (SELECT max(instance_id::text)::uuid FROM history)",
    )
    assert [fault.fault async for fault in altered_rows(world.database, world.tenant_id)] == [
        "the free text was altered"
    ]
