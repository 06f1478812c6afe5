"""Call-back requests that go to a version in which a stage is named otherwise, and back."""

from typing import Final
from uuid import UUID

from bpm_crm.engine.mapping import MigrationMapping
from bpm_crm.engine.process import Process
from bpm_crm.operations.commands import Migrate, UndoMigration
from bpm_crm.processes.library import FOLDER, shipped_text
from bpm_crm.records.history import load_entries
from bpm_crm.records.states import unpack_before
from tests.world import World

PROCESS: Final = "callback-request"


def renamed() -> str:
    """Call-back requests in which `no_answer` is called `unreached`."""
    stages, _, moves = (FOLDER / "shared" / "contact.yaml").read_text(encoding="utf-8").partition("\ntransitions:\n")
    stage = stages.partition("stages:\n")[2]
    text = shipped_text(PROCESS).replace(" contact,", "").replace("\nstages:\n", f"\nstages:\n{stage}")
    return f"{text}\ntransitions:\n{moves}".replace("no_answer", "unreached")


async def migrate(world: World, case: UUID) -> int:
    """From the first version to the second, in which `no_answer` is `unreached`; the sequence of that."""
    mapping = MigrationMapping(stages={"no_answer": "unreached"})
    migrated = await world.done(case, Migrate(1, 2, await _version(world, 2), mapping), by="admin")
    sequence: int = migrated.instance.state.sequence
    return sequence


async def take_back(world: World, case: UUID, sequence: int) -> None:
    """Undo the migration of that sequence."""
    async with world.database.reader(world.tenant_id) as connection:
        [migration] = await load_entries(connection, world.tenant_id, [(case, sequence)])
    before = unpack_before(migration.migration)
    await world.done(case, UndoMigration(1, await _version(world, 1), before), by="admin")


async def _version(world: World, number: int) -> Process:
    definition = next(item.id for item in world.reference.definitions.values() if item.key == PROCESS)
    async with world.database.reader(world.tenant_id) as connection:
        return await world.writer.processes.get(connection, world.tenant_id, definition, number)
