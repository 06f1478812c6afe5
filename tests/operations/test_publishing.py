"""Publishing: what comes back from the database is what was proved, its order included."""

import pytest

from bpm_crm.engine.process import Process
from bpm_crm.engine.soundness.play import replay
from bpm_crm.operations.publishing import Published, certificate_of_version, prove, publish
from bpm_crm.processes.definitions import restore
from bpm_crm.processes.library import shipped_keys, shipped_text
from bpm_crm.records.definitions import load_version
from tests.world import PUBLISHED_AT, World

ORDERED = ("fields", "activities", "stages", "transitions", "checkpoints", "pauses", "policies", "reasons")
"""The parts of a definition whose order means something: the first of two transitions by one trigger wins."""


async def published(world: World, text: str) -> Published:
    async with world.owner.transaction(world.tenant_id) as connection:
        return await publish(connection, world.tenant_id, text, changelog="again", at=PUBLISHED_AT, by=None)


@pytest.mark.parametrize("key", shipped_keys())
async def test_a_published_process_keeps_the_order_of_its_parts(world: World, key: str) -> None:
    definition_id = next(item.id for item in world.reference.definitions.values() if item.key == key)
    async with world.database.reader(world.tenant_id) as connection:
        row = await load_version(connection, world.tenant_id, definition_id, 1)
    assert row is not None
    restored, proved = restore(row["document"]), prove(shipped_text(key), PUBLISHED_AT).definition
    for part in ORDERED:
        assert list(getattr(restored, part)) == list(getattr(proved, part)), part
    assert restored == proved


async def test_the_same_document_again_publishes_nothing(world: World) -> None:
    again = await published(world, shipped_text("email"))
    assert (again.version, again.is_new) == (1, False)


async def test_the_same_transitions_in_another_order_are_another_version(world: World) -> None:
    text = shipped_text("email")
    reply, understand = text.index("  reply:\n"), text.index("  understand:\n")
    end = text.index("\nclocks:\n")
    swapped = text[:reply] + text[understand:end] + text[reply:understand] + text[end:]
    again = await published(world, swapped)
    assert (again.version, again.is_new) == (2, True)
    assert list(again.process.definition.transitions)[:2] == ["understand", "reply"]


@pytest.mark.parametrize("key", shipped_keys())
async def test_a_published_process_keeps_its_certificate(world: World, key: str) -> None:
    definition_id = next(item.id for item in world.reference.definitions.values() if item.key == key)
    async with world.database.reader(world.tenant_id) as connection:
        row = await load_version(connection, world.tenant_id, definition_id, 1)
    assert row is not None
    stored, proved = certificate_of_version(row), prove(shipped_text(key), PUBLISHED_AT)
    assert stored.taking(0) == proved.certificate.taking(0)
    assert (stored.is_sound, stored.undecided) == (True, ())
    definition = proved.definition
    ended = replay(Process(definition), stored.shortest)[-1].stage
    assert definition.stages[ended].kind.value == "won"
    assert not stored.worst_case.unbounded


async def test_a_version_older_than_certificates_is_proved_when_asked(world: World) -> None:
    definition_id = next(item.id for item in world.reference.definitions.values() if item.key == "email")
    async with world.owner.transaction(world.tenant_id) as connection:
        await connection.execute("UPDATE process_version SET certificate = NULL WHERE version = 1")
        row = await load_version(connection, world.tenant_id, definition_id, 1)
    assert row is not None
    assert row["certificate"] is None
    assert certificate_of_version(row) == prove(shipped_text("email"), PUBLISHED_AT).certificate.taking(0)
