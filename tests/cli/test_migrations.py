"""`bpm-crm process migrate`, as a process owner runs it."""

import re

from bpm_crm.engine.step import Activity
from bpm_crm.operations.commands import Record
from bpm_crm.operations.publishing import publish
from bpm_crm.processes.library import shipped_text
from tests.cli.shell import Shell
from tests.engine.build import changed
from tests.world import PUBLISHED_AT, World

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
OF_COMPANY = ("--tenant", "acme")


def id_in(output: str) -> str:
    found = ID.search(output)
    assert found is not None, output
    return found.group()


async def second_version(world: World) -> None:
    text = changed(shipped_text("callback-request"), "target: PT15M", "target: PT20M")
    async with world.owner.transaction(world.tenant_id) as connection:
        await publish(connection, world.tenant_id, text, changelog="second", at=PUBLISHED_AT, by=None)


async def versions(world: World) -> list[int]:
    async with world.owner.reader(world.tenant_id) as connection:
        rows = await connection.fetch("SELECT version FROM process_instance WHERE tenant_id = $1", world.tenant_id)
    return sorted(row["version"] for row in rows)


async def test_cases_are_planned_tried_migrated_and_taken_back(shell: Shell, world: World) -> None:
    await second_version(world)
    cases = [(await world.done(None, world.capture())).instance.id for _ in range(3)]
    planned = await shell.run("process", "migrate", "plan", "callback-request", "1", "2", *OF_COMPANY)
    assert planned.exit_code == 0, planned.output
    assert "revision 1: 3 running cases" in planned.output
    plan = id_in(planned.output)
    tried = await shell.run("process", "migrate", "dry-run", plan, *OF_COMPANY)
    assert "3 would be migrated. Nothing written." in tried.output
    assert await versions(world) == [1, 1, 1]
    done = await shell.run("process", "migrate", "run", plan, *OF_COMPANY)
    assert (done.exit_code, "3 migrated." in done.output) == (0, True), done.output
    assert await versions(world) == [2, 2, 2]
    await world.done(cases[0], Record(Activity("note")))
    undone = await shell.run("process", "migrate", "undo", id_in(done.output), *OF_COMPANY)
    assert undone.exit_code == 1
    assert "2 as before, 1 stay." in undone.output
    assert f"{cases[0]}: People or integrations have worked on the case since" in undone.output
    assert await versions(world) == [1, 1, 2]


async def test_what_is_wrong_with_a_command_is_said_in_a_line(shell: Shell, world: World) -> None:
    await second_version(world)
    nothing = "0198c2f0-0000-7000-8000-000000000000"
    for arguments, said in (
        (("plan", "nothing", "1", "2"), "There is no process “nothing”."),
        (("plan", "callback-request", "1", "7"), "There is no version 7 of this process. Known: 1, 2."),
        (("plan", "callback-request", "1", "2", "--stage", "new"), "“new” is no pair"),
        (("plan", "callback-request", "1", "2", "--stage", "new=won"), "“won” is a final stage"),
        (("run", nothing), f"There is no plan {nothing}"),
        (("undo", nothing), f"There is no migration {nothing}"),
    ):
        found = await shell.run("process", "migrate", *arguments, *OF_COMPANY)
        assert found.exit_code == 1, found.output
        assert said in found.output, found.output
